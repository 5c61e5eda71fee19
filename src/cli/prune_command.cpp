#include "cli/cluster_state.hpp"
#include "cli/commands.hpp"
#include "cli/duration.hpp"
#include "cli/output.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

namespace fanfold::cli {
namespace {

struct PruneOptions {
  std::chrono::milliseconds older_than = std::chrono::days(30);
};

Result<ExitCode> prune(const Invocation& invocation, const PruneOptions& options) {
  auto store = embedded_store(invocation.common, StoreUse::write,
                              "on AWS, records and objects go by themselves when they expire, and fanfold cluster rm "
                              "removes a cluster at once");
  if (!store) return std::move(store).error();
  auto report = sqlite::prune(*store, now() - options.older_than);
  if (!report) return std::move(report).error();
  if (invocation.common.json) {
    JsonObject object;
    object.count("clusters", report->cluster_count).count("messages", report->message_count);
    object.count("creations", report->creation_count);
    print_line(object.count("freed_bytes", report->freed_bytes).line());
  } else {
    const std::string cut_off = report->creation_count == 0
                                    ? ""
                                    : ", payloads of " + counted(report->creation_count, "creation that was cut off",
                                                                 "creations that were cut off");
    print_line(fmt::format("removed {} and {}; {:.1f} MB given back",
                           counted(report->cluster_count, "cluster", "clusters"),
                           counted(report->message_count, "message", "messages") + cut_off,
                           static_cast<double>(report->freed_bytes) / 1e6));
  }
  return ExitCode::ok;
}

}  // namespace

void add_prune_command(Command app, Invocation& invocation) {
  auto command = add_command<PruneOptions>(app, invocation, "prune",
                                           "Remove finished clusters and ended messages, and give their room back",
                                           "fanfold prune --older-than 7d", prune);
  command.app.duration("--older-than", command.options.older_than,
                       "Those that ended so long ago, or are expired (30d)");
}

}  // namespace fanfold::cli
