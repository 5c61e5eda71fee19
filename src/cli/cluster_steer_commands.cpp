#include "cli/cluster_argument.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

namespace fanfold::cli {
namespace {

struct SteerOptions {
  std::string cluster;
  std::string reason = "stopped by hand";
  bool force = false;
};

struct Target {
  Client client;
  ClusterHeader header;
  MessageKey key;
};

Result<Target> open_target(const Invocation& invocation, const std::string& cluster) {
  auto client = open_store(invocation.common, StoreUse::write);
  if (!client) return std::move(client).error();
  auto header = find_cluster(*client, cluster);
  if (!header) return std::move(header).error();
  MessageKey key = key_of(*header);
  return Target{std::move(*client), std::move(*header), std::move(key)};
}

Result<ExitCode> answer(const Invocation& invocation, const Target& target, const std::string& words,
                        JsonObject& object) {
  print_line(invocation.common.json ? object.line() : fmt::format("{}: {}", label_of(target.header), words));
  return ExitCode::ok;
}

Result<ExitCode> stop(const Invocation& invocation, const SteerOptions& options) {
  auto target = open_target(invocation, options.cluster);
  if (!target) return std::move(target).error();
  if (auto done = target->client.stop_cluster(target->key, options.reason); !done) return done.error();
  JsonObject object;
  object.text("cluster", target->key.p_key).text("state", "stopped");
  return answer(invocation, *target, "stopped; what runs may finish, nothing new starts", object);
}

Result<ExitCode> pause(const Invocation& invocation, const SteerOptions& options) {
  auto target = open_target(invocation, options.cluster);
  if (!target) return std::move(target).error();
  if (auto done = target->client.pause_cluster(target->key); !done) return done.error();
  JsonObject object;
  object.text("cluster", target->key.p_key).text("state", "paused");
  return answer(invocation, *target, "paused; fanfold cluster resume goes on", object);
}

Result<ExitCode> resume(const Invocation& invocation, const SteerOptions& options) {
  auto target = open_target(invocation, options.cluster);
  if (!target) return std::move(target).error();
  auto sent = target->client.resume_cluster(target->key);
  if (!sent) return std::move(sent).error();
  JsonObject object;
  object.text("cluster", target->key.p_key).text("state", "running").count("sent", *sent);
  return answer(invocation, *target, fmt::format("resumed; {} sent again", counted(*sent, "open task", "open tasks")),
                object);
}

Result<ExitCode> remove(const Invocation& invocation, const SteerOptions& options) {
  auto target = open_target(invocation, options.cluster);
  if (!target) return std::move(target).error();
  const ClusterHeader& header = target->header;
  const bool is_pending = header.finished() && !header.finish_done;
  if (auto done = target->client.delete_cluster(target->key, {.without_finish_handler = options.force}); !done) {
    Error error = done.error();
    if (error.code == ErrorCode::not_finished && is_pending && !options.force)
      error.message += fmt::format(" (fanfold cluster rm --force {})", word_of(header));
    if (error.code == ErrorCode::not_finished && !header.finished())
      error.message += fmt::format(" (fanfold cluster stop {}, then cluster rm --force)", word_of(header));
    return error;
  }
  JsonObject object;
  object.text("cluster", target->key.p_key).text("state", "deleted").flag("finish_handled", !is_pending);
  return answer(invocation, *target,
                fmt::format("deleted{}; its outcome is kept until it expires",
                            is_pending ? " without its finish message: its finish handler will not run" : ""),
                object);
}

}  // namespace

void add_cluster_steer_commands(Command cluster, Invocation& invocation) {
  auto stop_command =
      add_command<SteerOptions>(cluster, invocation, "stop", "Stop a cluster for good: nothing new starts",
                                "fanfold cluster stop photos --reason 'wrong folder'", stop);
  add_cluster_argument(stop_command.app, stop_command.options.cluster);
  stop_command.app.option("--reason", stop_command.options.reason, "Kept in its record",
                          {.value = "TEXT", .show_default = true});

  auto pause_command =
      add_command<SteerOptions>(cluster, invocation, "pause", "Start no more of a cluster's tasks until it is resumed",
                                "fanfold cluster pause photos", pause);
  add_cluster_argument(pause_command.app, pause_command.options.cluster);

  auto resume_command =
      add_command<SteerOptions>(cluster, invocation, "resume", "End a pause, and send every open task again",
                                "fanfold cluster resume photos", resume);
  add_cluster_argument(resume_command.app, resume_command.options.cluster);

  auto remove_command =
      add_command<SteerOptions>(cluster, invocation, "rm", "Delete a finished cluster with its tasks and results",
                                "fanfold cluster rm photos", remove);
  remove_command.app.flag("--force", remove_command.options.force,
                          "Also one whose finish message no worker has handled: its finish handler never runs");
  add_cluster_argument(remove_command.app, remove_command.options.cluster);
}

}  // namespace fanfold::cli
