#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"

#include <fanfold/json.hpp>

#include <fmt/format.h>

namespace fanfold::cli {
namespace {

Result<ExitCode> sweep(const Invocation& invocation, const NoOptions&) {
  auto client = open_store(invocation.common, StoreUse::write);
  if (!client) return std::move(client).error();
  auto report = client->sweep();
  if (!report) return std::move(report).error();
  if (invocation.common.json) {
    std::string lines;
    for (const std::string& line : report->reports)
      lines += (lines.empty() ? "" : ",") + Codec<std::string>::encode(as_utf8(line)).text();
    JsonObject object;
    object.count("clusters", report->cluster_count)
        .count("resent", report->resent_count)
        .count("dead_letters", report->dead_letter_count);
    object.count("failed", report->failed_count)
        .count("finish_messages", report->finish_message_count)
        .count("stopped", report->stopped_count);
    print_line(object.json("reports", Json::from_valid_text("[" + lines + "]")).line());
    return ExitCode::ok;
  }
  print_line(fmt::format("{} looked at: {} sent again, {} dead letters, {} failed, {} finish messages, {} stopped",
                         counted(report->cluster_count, "cluster", "clusters"),
                         counted(report->resent_count, "task", "tasks"), report->dead_letter_count,
                         report->failed_count, report->finish_message_count, report->stopped_count));
  for (const std::string& line : report->reports) print_line("  " + printable(line, Newlines::escape));
  return ExitCode::ok;
}

}  // namespace

void add_sweep_command(Command app, Invocation& invocation) {
  add_command<NoOptions>(app, invocation, "sweep",
                         "Repair what interrupted work left behind; workers do so by themselves now and then",
                         "fanfold sweep", sweep);
}

}  // namespace fanfold::cli
