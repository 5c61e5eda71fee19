#include "actors.hpp"

namespace fanfold::simulation {

namespace {

using testing::Simulation;
using Step = Simulation::Step;

constexpr std::uint64_t intervention_count_max = 12;
constexpr double intervention_chance = 0.15;  // At each turn of the script.

/// Steers clusters whatever state they are in, children too, beside their producers: what fits is done, all else has to
/// be refused. In the end nothing that it paused is left so.
class OperatorScript {
 public:
  OperatorScript(Simulation& world, Recorder& recorder)
      : world_(world), recorder_(recorder), act_count_(1 + world.random().below(intervention_count_max)) {}

  Step operator()(const Client& client) {
    if (act_count_ == 0) return resume_all(client);
    if (!world_.random().chance(intervention_chance)) return Step::again;
    const auto cluster = choose_cluster();
    if (!cluster) {
      // Maybe none will ever be.
      --act_count_;
      return Step::again;
    }
    --act_count_;
    act(client, *cluster);
    return Step::again;
  }

 private:
  [[nodiscard]] std::optional<ClusterHeader> choose_cluster() {
    const auto page = world_.backend().ledger->list_clusters({.count_max = 1'000}).value();
    if (page.clusters.empty()) return std::nullopt;
    return page.clusters[world_.random().below(page.clusters.size())];
  }

  void act(const Client& client, const ClusterHeader& cluster) {
    const MessageKey key = MessageKey::of_message(cluster.id);
    switch (world_.random().below(16)) {
      case 0:
      case 1:
        paused_.insert(cluster.id);  // It may be applied although the answer says otherwise.
        static_cast<void>(client.pause_cluster(key).has_value());
        return;
      case 2: static_cast<void>(client.resume_cluster(key).has_value()); return;
      case 3:
      case 4:
      case 5: return fail_one(client, cluster);
      case 6:
      case 7:
      case 8:
      case 9: return retry(client, key);
      case 10: static_cast<void>(client.retry_finish(key).has_value()); return;
      case 11:
        if (client.stop_cluster(key, "by the operator").has_value()) recorder_.stopped_by_hand(cluster.id);
        return;
      case 12: static_cast<void>(client.delete_cluster(key).has_value()); return;
      case 13:
        recorder_.deleted_by_force(cluster.id);
        static_cast<void>(client.delete_cluster(key, {.without_finish_handler = true}).has_value());
        return;
      case 14: static_cast<void>(client.sweep().has_value()); return;
      default: return look(client, cluster);
    }
  }

  void look(const Client& client, const ClusterHeader& cluster) {
    for (std::uint64_t index = 0; index < cluster.task_count; ++index) {
      const MessageKey task = MessageKey::of_task(cluster.id, index);
      static_cast<void>(client.get_message_record<Json, Json>(task, Consistency::strong).has_value());
    }
  }

  void fail_one(const Client& client, const ClusterHeader& cluster) {
    if (cluster.task_count == 0) return;
    const std::uint64_t index = world_.random().below(cluster.task_count);
    recorder_.failed_by_hand(cluster.id, index);  // It may be applied although the answer says otherwise.
    static_cast<void>(client.fail_task(MessageKey::of_task(cluster.id, index), "failed by hand").has_value());
  }

  void retry(const Client& client, const MessageKey& key) {
    static const std::vector<std::string> filters{"", "", "broken", "by hand"};
    RetryOptions options;
    options.contains = filters[world_.random().below(filters.size())];
    if (world_.random().chance(0.5)) options.idempotency_key = "operator" + std::to_string(act_count_);
    static_cast<void>(client.retry_failed(key, options).has_value());
  }

  Step resume_all(const Client& client) {
    while (!paused_.empty()) {
      const auto resumed = client.resume_cluster(MessageKey::of_message(*paused_.begin()));
      if (!resumed && is_retryable(resumed.error().code)) return Step::again;
      paused_.erase(paused_.begin());
    }
    return Step::over;
  }

  Simulation& world_;
  Recorder& recorder_;
  std::uint64_t act_count_;
  std::set<std::string> paused_;
};

}  // namespace

void add_operator_script(Simulation& world, Recorder& recorder) {
  auto script = std::make_shared<OperatorScript>(world, recorder);  // Kept by the function alone, which is copied.
  world.add_script("operator", [script](const Client& client) { return (*script)(client); });
}

}  // namespace fanfold::simulation
