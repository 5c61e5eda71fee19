#include "actors.hpp"
#include "task_body.hpp"

#include <stdexcept>

namespace fanfold::simulation {

namespace {

constexpr std::uint64_t slow_turn_count = 6;
constexpr std::uint64_t late_turn_count_max = 80;
constexpr std::chrono::seconds late_step{5};

void check_trace(Recorder& recorder, const std::string& what, const Context& context) {
  if (context.trace() != trace_of_the_world) recorder.violation(what + " has lost its trace");
}

class TaskHandler {
 public:
  TaskHandler(testing::Simulation& world, Recorder& recorder) : world_(world), recorder_(recorder) {}

  Outcome operator()(const Message<TaskBody>& message, const Context& context) const {
    const std::string id = message.key.p_key.substr(key_prefix.size());
    check_trace(recorder_, (message.task ? "a task of cluster " : "message ") + id, context);
    if (!message.task) {
      const auto run = recorder_.message_starts(id, context.attempt, context.deadline);
      return act(message, context, id, 0);
    }
    const auto run = recorder_.task_starts({.type = RecordType::task, .id = id, .round = context.round}, *message.task,
                                           context.attempt, context.deadline);
    return act(message, context, id, *message.task);
  }

 private:
  Outcome act(const Message<TaskBody>& message, const Context& context, const std::string& id,
              std::uint64_t index) const {
    const std::string& plan = message.body.plan;
    if (message.task && plan != "child") recorder_.gives_result(id, index);
    if (world_.random().chance(0.3)) world_.yield();
    if (plan == "retry once" && context.attempt == 1) return retry("not yet");
    if (plan == "retry always") return retry("never", std::chrono::milliseconds(world_.random().below(90'000)));
    if (plan == "throw once" && context.attempt == 1) throw std::runtime_error("thrown by the handler");
    if (plan == "fail") {
      recorder_.said_fail(id, index);
      return fail("broken for good");
    }
    if (plan == "slow") {
      for (std::uint64_t i = 0; i < slow_turn_count; ++i) world_.yield();
    }
    if (plan.starts_with("late")) return come_late(context, id, index, plan == "late fail");
    if (plan == "globals") return update_globals(message, context, id, index);
    if (plan == "child")
      return context.create_child_cluster(message.url, child_bodies(message.body), {.name = "child"});
    return done(index);
  }

  /// Stands still for long, while others have the task, its cluster is stopped, finished, retried, deleted.
  Outcome come_late(const Context& context, const std::string& id, std::uint64_t index, bool fails) const {
    if (context.attempt == 1 && !recorder_.is_calm()) {
      for (std::uint64_t i = world_.random().below(late_turn_count_max); i > 0; --i) {
        if (i % 8 == 0) world_.clock().advance(late_step);
        world_.yield();
      }
    }
    // Who has the task next can do it: then the failure comes late to a task that is done.
    if (!fails || context.attempt > 1) return done(index);
    recorder_.said_fail(id, index);
    return fail("broken late");
  }

  Outcome update_globals(const Message<TaskBody>& message, const Context& context, const std::string& id,
                         std::uint64_t index) const {
    const std::string update_id =
        std::to_string(index) + "/" + std::to_string(context.attempt) + "/" + std::to_string(world_.random().bits());
    recorder_.globals_asked(id, update_id);
    const auto updated = world_.running_client().update_cluster_globals(message.key, [&](std::vector<std::string> ids) {
      ids.push_back(update_id);
      return ids;
    });
    if (!updated) return retry(to_string(updated.error()));
    recorder_.globals_acknowledged(id, update_id);
    return done(index);
  }

  testing::Simulation& world_;
  Recorder& recorder_;
};

}  // namespace

Handlers make_handlers(testing::Simulation& world, Recorder& recorder) {
  const auto finish = [&world, &recorder](const MessageCluster<>& cluster, const Context& context) -> Outcome {
    const auto run =
        recorder.finish_starts(cluster.key.p_key.substr(key_prefix.size()), context.attempt, context.deadline);
    check_trace(recorder, "the finish of " + cluster.key.p_key, context);
    if (world.random().chance(0.5)) world.yield();
    if (world.random().chance(0.1)) return retry("the fold is not ready");
    if (world.random().chance(0.1)) return fail("the fold is broken");
    return done();
  };
  Handlers handlers;
  handlers.on_message = TaskHandler(world, recorder);
  handlers.on_cluster_complete = finish;
  handlers.on_first_failure = [&recorder](const MessageCluster<>& cluster, const Context& context) -> Outcome {
    check_trace(recorder, "the first failure of " + cluster.key.p_key, context);
    return done();
  };
  return handlers;
}

}  // namespace fanfold::simulation
