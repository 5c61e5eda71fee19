#include "cli/cluster_argument.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"

#include <fanfold/worker.hpp>

#include <fmt/format.h>

#include "engine/engine.hpp"
#include "engine/push.hpp"

namespace fanfold::cli {
namespace {

struct PushCommandOptions {
  std::string cluster;
  std::string to;
  std::chrono::milliseconds wait{std::chrono::minutes(10)};
};

#ifdef FANFOLD_AWS

void tell(engine::PushStep step, std::uint64_t count) {
  using engine::PushStep;
  switch (step) {
    case PushStep::pause: return note("pausing: nothing new starts");
    case PushStep::wait:
      return note(fmt::format("waiting for {} to end", counted(count, "running task", "running tasks")));
    case PushStep::freeze:
      return note("moving: from here on it goes forward only; the same command ends what is cut off");
    case PushStep::copy: return note(fmt::format("copying {}", counted(count, "task", "tasks")));
    case PushStep::resume: return note(fmt::format("sending {}", counted(count, "open task", "open tasks")));
    case PushStep::done: return;
  }
}

Result<ExitCode> push(const Invocation& invocation, const PushCommandOptions& options) {
  auto from = embedded_store(invocation.common, StoreUse::write, "on AWS the cluster is where push would take it");
  if (!from) return std::move(from).error();
  auto where = aws_store(invocation.common);
  if (!where) return std::move(where).error();
  auto source = sqlite::open(*from);
  if (!source) return std::move(source).error();
  auto header = find_cluster(*source, options.cluster);
  if (!header) return std::move(header).error();
  auto target = aws::open(*where);
  if (!target) return std::move(target).error();

  const engine::PushOptions push_options{.target = "aws:" + (where->table.empty() ? "fanfold" : where->table),
                                         .wait_max = options.wait,
                                         .on_step = tell,
                                         .stop = stop_on_signals()};
  auto pushed = engine::push_cluster(engine::Engine::of(*source)->store(), engine::Engine::of(*target)->store(),
                                     header->id, push_options);
  if (!pushed) return std::move(pushed).error();
  if (invocation.common.json) {
    print_line(JsonObject()
                   .text("cluster", key_of(*header).p_key)
                   .text("moved_to", push_options.target)
                   .flag("moved_before", pushed->moved_before)
                   .flag("went_on", pushed->went_on)
                   .count("total", pushed->total_count)
                   .count("complete", pushed->done_count)
                   .count("failed", pushed->failed_count)
                   .count("open", pushed->open_count)
                   .line());
    return ExitCode::ok;
  }
  print_line(fmt::format("{}: {} {}; {} open, {} complete and {} failed before", label_of(*header),
                         pushed->moved_before ? "had been moved to" : "moved to", push_options.target,
                         with_thousands(pushed->open_count), with_thousands(pushed->done_count),
                         with_thousands(pushed->failed_count)));
  if (!pushed->moved_before) note(fmt::format("fanfold --store aws work --queue {} works on it", header->queue_url));
  return ExitCode::ok;
}

#else

Result<ExitCode> push(const Invocation& invocation, const PushCommandOptions&) {
  return aws_store(invocation.common).error();
}

#endif

}  // namespace

void add_push_command(Command app, Invocation& invocation) {
  auto command =
      add_command<PushCommandOptions>(app, invocation, "push",
                                      "Move what is open of a cluster from the embedded file to AWS, under the same "
                                      "key; results and failures so far go "
                                      "along. Its queue has to be there. The same command ends a push that was cut off",
                                      "fanfold push photos --to aws --table jobs --bucket jobs-of-example-org", push);
  add_cluster_argument(command.app, command.options.cluster);
  command.app.option("--to", command.options.to, "Where to: aws",
                     {.value = "STORE", .required = true, .choices = {"aws"}});
  command.app.duration("--wait", command.options.wait,
                       "Running tasks may take so long to end (10m); after that it is not moved, and stays paused");
}

}  // namespace fanfold::cli
