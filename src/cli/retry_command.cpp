#include "cli/cluster_argument.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/run_job.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

namespace fanfold::cli {
namespace {

struct CommandOptions {
  std::string cluster;
  std::vector<std::string> where;
  std::string key;
  bool finish = false;
};

/// "fingerprint=7c1e" and "contains=no space".
Result<RetryOptions> retry_options(const CommandOptions& options) {
  RetryOptions retry;
  retry.idempotency_key = options.key;
  for (const std::string& condition : options.where) {
    const std::size_t equals = condition.find('=');
    const std::string field = condition.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : condition.substr(equals + 1);
    if (value.empty() || (field != "fingerprint" && field != "contains")) {
      return Error{ErrorCode::invalid_argument,
                   fmt::format("--where: '{}' is neither fingerprint=… nor contains=…", as_utf8(condition)),
                   {}};
    }
    (field == "fingerprint" ? retry.fingerprint : retry.contains) = value;
  }
  return retry;
}

Result<ExitCode> retry_finish(const Invocation& invocation, const Client& client, const ClusterHeader& header) {
  auto sent = client.retry_finish(key_of(header));
  if (!sent) return std::move(sent).error();
  if (invocation.common.json) {
    print_line(JsonObject().text("cluster", key_of(header).p_key).flag("finish", true).line());
  } else {
    print_line(fmt::format("{}: its finish handler is run anew, by a worker on queue {}{}", label_of(header),
                           header.finish_queue_url, is_of_run(header) ? ", or the same fanfold run command" : ""));
  }
  return ExitCode::ok;
}

Result<ExitCode> retry_cluster(const Invocation& invocation, const CommandOptions& options) {
  auto retry = retry_options(options);
  if (!retry) return std::move(retry).error();
  if (options.finish && (!options.where.empty() || !options.key.empty()))
    return Error{ErrorCode::invalid_argument, "--finish goes with neither --where nor --key", {}};
  auto client = open_store(invocation.common, StoreUse::write);
  if (!client) return std::move(client).error();
  auto header = find_cluster(*client, options.cluster);
  if (!header) return std::move(header).error();
  if (options.finish) return retry_finish(invocation, *client, *header);
  auto sent = client->retry_failed(key_of(*header), *retry);
  if (!sent && sent.error().code == ErrorCode::not_found && options.where.empty())
    return Error{ErrorCode::not_found,
                 fmt::format("{}: no task has failed{}", label_of(*header),
                             client->progress(key_of(*header)).value_or(Progress{}).finish_failed
                                 ? "; its finish handler has, and --finish runs that anew"
                                 : ""),
                 {}};
  if (!sent) return std::move(sent).error();
  if (invocation.common.json) {
    print_line(JsonObject().text("cluster", key_of(*header).p_key).count("sent", *sent).line());
  } else {
    print_line(fmt::format("{}: {} sent again; a worker, or the same fanfold run, takes them from queue {}",
                           label_of(*header), counted(*sent, "failed task", "failed tasks"), header->queue_url));
  }
  return ExitCode::ok;
}

}  // namespace

void add_retry_command(Command parent, Invocation& invocation) {
  const bool at_top = parent.is_root();
  auto command = add_command<CommandOptions>(
      parent, invocation, "retry",
      at_top ? "Short for cluster retry" : "Send the failed tasks of a finished cluster again, all or some",
      at_top ? "fanfold retry photos --where fingerprint=7c1e"
             : "fanfold cluster retry photos --where fingerprint=7c1e",
      retry_cluster);
  add_cluster_argument(command.app, command.options.cluster);
  command.app.option("--where", command.options.where,
                     "Only those whose error matches: fingerprint=BEGINNING, contains=TEXT", {.value = "FIELD=VALUE"});
  command.app.flag("--finish", command.options.finish, "No task, but the finish handler, where it has failed for good");
  command.app.option("--key", command.options.key, "The same key is the same retry, however often it is called",
                     {.value = "KEY"});
}

}  // namespace fanfold::cli
