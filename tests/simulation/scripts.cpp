#include "actors.hpp"
#include "task_body.hpp"

namespace fanfold::simulation {

namespace {

using testing::Simulation;
using Step = Simulation::Step;

constexpr double act_chance = 0.1;          // Of a steering action, at each turn of its script.
constexpr double think_again_chance = 0.3;  // Of a deletion that was cut off.
constexpr std::uint64_t add_size = 3;
constexpr std::uint64_t finish_retry_count_max = 2;
/// Of its turns a producer that only waits takes one to look, since a look costs as much as what happens in a turn.
constexpr std::uint64_t turns_per_look = 4;
constexpr std::uint64_t hand_step_count = 12;
constexpr double fail_chance = 0.15;  // Of a task by hand.

std::vector<TaskBody> choose_bodies(Simulation& world, const ClusterPlan& plan) {
  static const std::vector<std::string> troubles{"retry once", "retry always", "throw once", "fail"};
  std::vector<TaskBody> bodies;
  for (std::uint64_t i = 0; i < plan.task_count; ++i) {
    TaskBody body{"done"};
    if (world.random().chance(0.2)) body.plan = "slow";
    if (world.random().chance(0.2)) body.plan = "globals";
    if (plan.has_troubles && world.random().chance(0.3)) body.plan = troubles[world.random().below(troubles.size())];
    if (plan.has_troubles && world.random().chance(0.06)) body.plan = world.random().chance(0.5) ? "late" : "late fail";
    if (plan.has_children && world.random().chance(0.3)) {
      body.plan = "child";
      body.child_count = static_cast<std::uint32_t>(world.random().below(4));
    }
    bodies.push_back(std::move(body));
  }
  return bodies;
}

/// A producer that wants one cluster done, whatever happens to it: each step is asked for again until it is answered.
class ClusterScript {
 public:
  ClusterScript(Simulation& world, Recorder& recorder, ClusterPlan plan)
      : world_(world), recorder_(recorder), plan_(std::move(plan)), bodies_(choose_bodies(world, plan_)) {}

  Step operator()(const Client& client) {
    if (!key_) return create(client);
    if (plan_.open && !sealed_) return add_or_seal(client);
    if (steer(client)) return Step::again;
    if (++turn_count_ % turns_per_look != 0) return Step::again;
    const auto progress = world_.client.progress(*key_);
    if (!progress) {
      recorder_.violation("cluster " + key_->p_key + " is lost: " + to_string(progress.error()));
      return Step::over;
    }
    if (progress->finished && paused_) resumed_ = true;
    if (!progress->finished || !progress->finish_handled || is_parent_open()) return Step::again;
    if (progress->finish_failed && finish_retried_count_ < finish_retry_count_max) return retry_finish(client);
    if (progress->failed_count > 0 && retried_count_ < plan_.retry_count_max) return retry_failed(client);
    if (plan_.deletes) return delete_cluster(client);
    return Step::over;
  }

 private:
  [[nodiscard]] bool is_parent_open() const { return !world_.client.cluster_header(*key_).value().parent_ended; }

  Step create(const Client& client) {
    const auto made = plan_.open ? client.open_message_cluster(plan_.queue, plan_.options)
                                 : client.create_message_cluster(plan_.queue, bodies_, plan_.options);
    if (!made && made.error().code == ErrorCode::deleted) return Step::over;  // By the operator, before we knew of it.
    if (!made) return again_after("create", made.error());
    key_ = made->key;
    if (!plan_.open) {
      expects_all();
      recorder_.sealed(key_->p_key.substr(key_prefix.size()));
    }
    return Step::again;
  }

  void expects_all() { recorder_.expects_tasks(key_->p_key.substr(key_prefix.size()), bodies_.size()); }

  Step add_or_seal(const Client& client) {
    const Cluster cluster = client.cluster(*key_);
    if (added_count_ < bodies_.size()) {
      const std::uint64_t end = std::min<std::uint64_t>(bodies_.size(), added_count_ + add_size);
      const std::vector<TaskBody> some(bodies_.begin() + static_cast<std::ptrdiff_t>(added_count_),
                                       bodies_.begin() + static_cast<std::ptrdiff_t>(end));
      const auto added = cluster.add("add" + std::to_string(added_count_), some);
      if (added) {
        added_count_ = end;
        if (end == bodies_.size()) expects_all();
      } else if (is_taken_away(added.error())) {
        sealed_ = true;
      } else {
        return again_after("add", added.error());
      }
      return Step::again;
    }
    const auto sealed = cluster.seal();
    if (!sealed && !is_taken_away(sealed.error())) return again_after("seal", sealed.error());
    sealed_ = true;
    recorder_.sealed(key_->p_key.substr(key_prefix.size()));
    return Step::again;
  }

  /// True where it did something.
  bool steer(const Client& client) {
    if (plan_.pauses && !paused_ && world_.random().chance(act_chance)) {
      if (is_answered(client.pause_cluster(*key_))) paused_ = true;
      return true;
    }
    if (paused_ && !resumed_ && world_.random().chance(act_chance)) {
      if (is_answered(client.resume_cluster(*key_))) resumed_ = true;
      return true;
    }
    if (plan_.fails_one_by_hand && !bodies_.empty() && world_.random().chance(act_chance)) return fail_one(client);
    if (plan_.stops && world_.random().chance(act_chance / 3)) {
      const auto stopped = client.stop_cluster(*key_);
      if (stopped) recorder_.stopped_by_hand(key_->p_key.substr(key_prefix.size()));
      if (is_answered(stopped)) plan_.stops = false;
      return true;
    }
    return false;
  }

  bool fail_one(const Client& client) {
    const std::string id = key_->p_key.substr(key_prefix.size());
    const std::uint64_t index = bodies_.size() / 2;
    recorder_.failed_by_hand(id, index);  // It may be applied although the answer says otherwise.
    if (is_answered(client.fail_task(MessageKey::of_task(id, index), "failed by hand")))
      plan_.fails_one_by_hand = false;
    return true;
  }

  Step retry_failed(const Client& client) {
    RetryOptions options;
    options.idempotency_key = "retry" + std::to_string(retried_count_);
    const auto retried = client.retry_failed(*key_, options);
    if (is_answered(retried)) ++retried_count_;
    return Step::again;
  }

  Step retry_finish(const Client& client) {
    if (is_answered(client.retry_finish(*key_))) ++finish_retried_count_;
    return Step::again;
  }

  Step delete_cluster(const Client& client) {
    if (is_deleting_ && world_.random().chance(think_again_chance)) return think_again(client);
    recorder_.check_cluster(key_->p_key.substr(key_prefix.size()));
    is_deleting_ = true;
    const auto deleted = client.delete_cluster(*key_);
    if (deleted) return Step::over;
    // The operator was at it too: another round has begun.
    if (deleted.error().code == ErrorCode::not_finished) return Step::again;
    return again_after("delete", deleted.error());
  }

  /// After a deletion that was cut off, nobody knows where: it is deleted, or it can be retried.
  Step think_again(const Client& client) {
    RetryOptions options;
    options.idempotency_key = "retry after the deletion";
    is_deleting_ = !is_answered(client.retry_failed(*key_, options));
    return Step::again;
  }

  /// Stopped, or deleted after that by the operator.
  [[nodiscard]] static bool is_taken_away(const Error& error) {
    return error.code == ErrorCode::stopped || error.code == ErrorCode::deleted;
  }

  /// Applied, or refused by the state that the cluster is in; both are for good.
  template <class T>
  [[nodiscard]] static bool is_answered(const Result<T>& result) {
    return result.has_value() || !is_retryable(result.error().code);
  }

  /// Ends the script where it can never go on.
  Step again_after(const std::string& what, const Error& error) {
    if (is_retryable(error.code)) return Step::again;
    recorder_.violation("producer" + std::to_string(plan_.number) + ": " + what + " is refused: " + to_string(error));
    return Step::over;
  }

  Simulation& world_;
  Recorder& recorder_;
  ClusterPlan plan_;
  std::vector<TaskBody> bodies_;
  std::optional<MessageKey> key_;
  std::uint64_t added_count_ = 0;
  std::uint64_t turn_count_ = 0;
  std::uint64_t retried_count_ = 0;
  std::uint64_t finish_retried_count_ = 0;
  bool sealed_ = false;
  bool is_deleting_ = false;
  bool paused_ = false;
  bool resumed_ = false;
};

/// Takes one record at a time and ends it by hand, whatever it was to do.
class HandScript {
 public:
  HandScript(Simulation& world, Recorder& recorder, std::string queue)
      : world_(world), recorder_(recorder), queue_(std::move(queue)) {}

  Step operator()(const Client& client) {
    if (++step_count_ > hand_step_count) return Step::over;
    ReceiveOptions options;
    options.count_max = 1;
    options.wait = std::chrono::milliseconds(0);
    const auto records = client.receive(queue_, options);
    if (records && !records->empty()) work_on(client, records->front());
    return Step::again;
  }

 private:
  void work_on(const Client& client, const SqsRecord& record) {
    const auto message = client.read_sqs_record<>(record);
    if (!message) return;
    const auto claim = client.is_complete(record);
    if (!claim || claim->state == ClaimState::in_progress) return;
    if (claim->state == ClaimState::complete) {
      const auto removed = client.queue_port().remove(queue_, std::span(&record.receipt_handle, 1));
      static_cast<void>(removed.has_value());  // It comes back where this failed.
      return;
    }
    handle(*message, *claim);
    const auto marked = end(client, *message, *claim);
    static_cast<void>(marked.has_value());  // Where it failed the record's lease ends, and another one has it.
  }

  Result<void> end(const Client& client, const Message<>& message, const Claim& claim) {
    if (!message.task) return client.mark_complete(claim);
    if (!world_.random().chance(fail_chance)) return client.mark_complete(claim, *message.task);
    recorder_.said_fail(message.key.p_key.substr(key_prefix.size()), *message.task);
    return client.mark_failed(claim, "broken by hand");
  }

  /// Takes the time of one turn.
  void handle(const Message<>& message, const Claim& claim) {
    const std::string id = message.key.p_key.substr(key_prefix.size());
    const Time lease_end = message.task ? recorder_.lease_end_of(id, *message.task) : Time();
    const auto run = message.type == RecordType::task
                         ? recorder_.task_starts(claim.ticket.ref, *message.task, claim.attempt, lease_end)
                     : message.type == RecordType::cluster ? recorder_.finish_starts(id, claim.attempt, lease_end)
                                                           : recorder_.message_starts(id, claim.attempt, lease_end);
    world_.yield();
  }

  Simulation& world_;
  Recorder& recorder_;
  std::string queue_;
  std::uint64_t step_count_ = 0;
};

}  // namespace

void add_cluster_script(Simulation& world, Recorder& recorder, const ClusterPlan& plan) {
  auto script =
      std::make_shared<ClusterScript>(world, recorder, plan);  // Kept by the function alone, which has to be copyable.
  world.add_script("producer" + std::to_string(plan.number),
                   [script](const Client& client) { return (*script)(client); });
}

void add_sender_script(Simulation& world, Recorder& recorder, const std::string& queue, std::uint64_t count) {
  auto sent_count = std::make_shared<std::uint64_t>(0);  // Kept by the function alone, which has to be copyable.
  world.add_script("sender", [&world, &recorder, queue, count, sent_count](const Client& client) {
    static const std::vector<std::string> plans{"done", "retry once", "throw once", "slow"};
    SendOptions options;
    options.trace = trace_of_the_world;
    if (queue.ends_with(".fifo")) options.group_id = "group" + std::to_string(world.random().below(2));
    const TaskBody body{plans[world.random().below(plans.size())]};
    const auto key = client.send_message(queue, body, options);
    if (key) {
      recorder.message_acknowledged(key->p_key.substr(key_prefix.size()));
      ++*sent_count;
    }
    return *sent_count == count ? Step::over : Step::again;
  });
}

void add_purge_script(Simulation& world, const std::string& queue) {
  auto turn_count = std::make_shared<std::uint64_t>(0);  // Kept by the function alone, which has to be copyable.
  const std::uint64_t wait = 5 + world.random().below(60);
  world.add_script("purger", [queue, turn_count, wait](const Client& client) {
    if (++*turn_count < wait) return Step::again;
    return client.queue_port().purge(queue).has_value() ? Step::over : Step::again;
  });
}

void add_hand_script(Simulation& world, Recorder& recorder, const std::string& queue) {
  auto script =
      std::make_shared<HandScript>(world, recorder, queue);  // Kept by the function alone, which has to be copyable.
  world.add_script("hand", [script](const Client& client) { return (*script)(client); });
}

}  // namespace fanfold::simulation
