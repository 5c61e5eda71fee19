#include "cli/cluster_argument.hpp"
#include "cli/cluster_state.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <unistd.h>

namespace fanfold::cli {
namespace {

constexpr std::size_t message_columns_max = 70;
constexpr std::size_t fingerprint_shown = 8;

struct ErrorsOptions {
  std::string cluster;
};

/// A reason as one line, cut only for the eyes of people.
std::string reason(const std::string& message) {
  const std::string line = printable(message, Newlines::escape);
  return isatty(STDOUT_FILENO) == 1 ? clipped(line, message_columns_max) : line;
}

/// The finish handler's failure is no task's, and nothing tries it again.
void show_finish(const Invocation& invocation, const ClusterHeader& header, const ErrorEntry& error) {
  if (invocation.common.json) {
    JsonObject object;
    object.text("fingerprint", error.fingerprint).text("code", error.code).text("message", error.message);
    print_line(object.count("count", 1).flag("finish", true).line());
    return;
  }
  print_line(fmt::format("{:>3} ×  {}  \"{}\"  (finish handler)", 1, error.code, reason(error.message)));
  print_line(fmt::format("       output: fanfold logs {0}    what to do: fanfold why {0}", word_of(header)));
}

Result<ExitCode> errors(const Invocation& invocation, const ErrorsOptions& options) {
  auto client = open_store(invocation.common, StoreUse::read);
  if (!client) return std::move(client).error();
  auto header = find_cluster(*client, options.cluster);
  if (!header) return std::move(header).error();
  auto groups = client->errors(key_of(*header));
  if (!groups) return std::move(groups).error();
  for (const ErrorGroup& group : *groups) {
    if (invocation.common.json) {
      JsonObject object;
      object.text("fingerprint", group.fingerprint).text("code", group.code).text("message", group.message);
      print_line(object.count("count", group.count).count("first_index", group.first_index).line());
      continue;
    }
    print_line(fmt::format("{:>3} ×  {}  \"{}\"", with_thousands(group.count), group.code, reason(group.message)));
    print_line(fmt::format("       first: fanfold logs {0}#{1}    again: fanfold retry {0} --where fingerprint={2}",
                           word_of(*header), group.first_index, group.fingerprint.substr(0, fingerprint_shown)));
  }
  auto finish = read_finish(*client, *header);
  if (!finish) return std::move(finish).error();
  const bool finish_failed = *finish && (*finish)->failed() && !(*finish)->error.empty();
  if (finish_failed) show_finish(invocation, *header, (*finish)->error.back());
  if (groups->empty() && !finish_failed && !invocation.common.json)
    note(fmt::format("{}: no task has failed", label_of(*header)));
  return ExitCode::ok;
}

}  // namespace

void add_errors_command(Command app, Invocation& invocation) {
  auto command = add_command<ErrorsOptions>(app, invocation, "errors", "Show why tasks failed, equal reasons together",
                                            "fanfold errors photos", errors);
  add_cluster_argument(command.app, command.options.cluster);
}

}  // namespace fanfold::cli
