#include "cli/cluster_argument.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/remedy.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

namespace fanfold::cli {
namespace {

struct WhyOptions {
  std::string cluster;
};

Result<ExitCode> why(const Invocation& invocation, const WhyOptions& options) {
  auto client = open_store(invocation.common, StoreUse::read);
  if (!client) return std::move(client).error();
  auto header = find_cluster(*client, options.cluster);
  if (!header) return std::move(header).error();
  auto reasons = client->why(key_of(*header));
  if (!reasons) return std::move(reasons).error();
  for (const OpenReason& reason : *reasons) {
    if (invocation.common.json) {
      JsonObject object;
      if (reason.index) object.count("index", *reason.index);
      object.count("count", reason.count).text("cause", reason.cause);
      print_line(object.text("remedy", as_commands(reason.remedy, *header)).line());
      continue;
    }
    std::string subject = "the cluster";
    if (reason.index && reason.count == 1) subject = fmt::format("{}#{}", label_of(*header), *reason.index);
    if (reason.index && reason.count > 1)
      subject =
          fmt::format("{}, first {}#{}", counted(reason.count, "task", "tasks"), label_of(*header), *reason.index);
    if (!reason.index && reason.count > 1) subject = counted(reason.count, "task", "tasks");
    print_line(fmt::format("{}: {}", subject, printable(reason.cause, Newlines::escape)));
    if (!reason.remedy.empty()) print_line("    " + printable(as_commands(reason.remedy, *header), Newlines::escape));
  }
  if (reasons->empty() && !invocation.common.json) print_line(fmt::format("{}: nothing is open", label_of(*header)));
  return ExitCode::ok;
}

}  // namespace

void add_why_command(Command app, Invocation& invocation) {
  auto command =
      add_command<WhyOptions>(app, invocation, "why", "Say for every task that is still open why it is, and what to do",
                              "fanfold why photos", why);
  add_cluster_argument(command.app, command.options.cluster);
}

}  // namespace fanfold::cli
