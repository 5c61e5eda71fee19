#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

namespace fanfold::cli {
namespace {

struct AwsOptions {
  std::string queue;
  std::uint32_t receives_max = 10;
  std::chrono::seconds visibility{30};
  std::chrono::seconds retention = std::chrono::days(4);
  std::uint64_t warm = 0;
  bool accepts_lost_updates = false;
};

#ifdef FANFOLD_AWS

std::string_view state_word(aws::SetupResource::State state) {
  switch (state) {
    case aws::SetupResource::State::made: return "made";
    case aws::SetupResource::State::there: return "there";
    case aws::SetupResource::State::warning: break;
  }
  return "warning";
}

void show(const aws::SetupReport& report, bool as_json) {
  for (const aws::SetupResource& resource : report.resources) {
    if (as_json) {
      JsonObject object;
      object.text("resource", resource.name).text("state", state_word(resource.state)).text("detail", resource.detail);
      print_line(object.line());
    } else {
      print_line(fmt::format("{:<8} {}{}{}", state_word(resource.state), resource.name,
                             resource.detail.empty() ? "" : ": ", resource.detail));
    }
  }
}

Result<ExitCode> set_up_aws(const Invocation& invocation, const AwsOptions& options) {
  auto where = aws_store(invocation.common);
  if (!where) return std::move(where).error();
  auto report = aws::setup({.store = *where,
                            .queue = options.queue,
                            .receive_count_max = options.receives_max,
                            .visibility = options.visibility,
                            .retention = options.retention,
                            .warm_write_units = options.warm,
                            .accepts_lost_updates = options.accepts_lost_updates});
  if (!report) return std::move(report).error();
  show(*report, invocation.common.json);
  if (invocation.common.bucket.empty())
    note("no bucket: there are no globals then, and payloads stay in the table; --bucket or FANFOLD_BUCKET names one");
  return ExitCode::ok;
}

#else

Result<ExitCode> set_up_aws(const Invocation& invocation, const AwsOptions&) {
  return aws_store(invocation.common).error();
}

#endif

}  // namespace

void add_setup_command(Command app, Invocation& invocation) {
  Command setup = app.group("setup", "Create what a store on a service needs");
  auto command = add_command<AwsOptions>(
      setup, invocation, "aws",
      "Create table, bucket, queue and its dead-letter queue where they are missing, and check those that are there; "
      "a warning where one of those is not as it should be",
      "fanfold setup aws --table jobs --bucket jobs-of-example-org --queue resize", set_up_aws);
  command.app.option("--queue", command.options.queue,
                     "Made with its dead-letter queue, QUEUE-dead; without it table and bucket alone",
                     {.value = "QUEUE"});
  command.app.option("--max-receives", command.options.receives_max,
                     "After so many a message goes to the dead-letter queue; receives are no attempts",
                     {.value = "N", .show_default = true, .range = OptionTraits::Range{1, 1000}});
  command.app.duration("--visibility", command.options.visibility,
                       "A delivery is hidden from others so long, where its receiver says nothing; 0 to 12h (30s)");
  command.app.duration("--retention", command.options.retention, "An older message is gone; 1m to 14d (4d)");
  command.app.option("--warm", command.options.warm,
                     "A new table takes so many write units a second from the start, for a one-time price; without it "
                     "some 4,000, and more as it is used",
                     {.value = "UNITS", .range = OptionTraits::Range{0, 1'000'000}});
  command.app.flag("--accept-lost-updates", command.options.accepts_lost_updates,
                   "Take a bucket of a server that writes in spite of conditions, where updates of globals by several "
                   "processes at once get lost; else that is an error");
}

}  // namespace fanfold::cli
