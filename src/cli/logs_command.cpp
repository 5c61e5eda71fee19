#include "cli/attempt_rounds.hpp"
#include "cli/cluster_argument.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <unistd.h>

namespace fanfold::cli {
namespace {

struct LogsOptions {
  std::string task;
  std::uint32_t attempt = 0;
  std::optional<std::uint32_t> round;
};

void print_output(const AttemptOutput& attempt, bool alone) {
  // Bytes of a foreign program: to a terminal only what cannot command it.
  const bool to_terminal = isatty(STDOUT_FILENO) == 1;
  print(to_terminal ? printable(attempt.output, Newlines::keep) : attempt.output);
  if (!attempt.output.empty() && !attempt.output.ends_with('\n') && (to_terminal || !alone)) print("\n");
}

void print_heading(const AttemptOutput& attempt, std::uint32_t round, bool is_finish) {
  print_line(fmt::format("--- {}{}attempt {}, {}", is_finish ? "finish handler, " : "",
                         round == 0 ? "" : fmt::format("round {}, ", round), attempt.attempt, to_iso8601(attempt.at)));
}

/// Of outputs that were asked for by an attempt alone, those of the newest round that has it.
std::optional<std::uint32_t> wanted_round(const std::vector<AttemptOutput>& outputs,
                                          const std::vector<std::uint32_t>& rounds, const LogsOptions& options) {
  std::optional<std::uint32_t> wanted = options.round;
  if (wanted || options.attempt == 0) return wanted;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].attempt == options.attempt) wanted = rounds[i];
  }
  return wanted;
}

/// A push leaves outputs in the file that it takes a cluster from, and no record at the target tells of it.
constexpr std::string_view left_by_push =
    " here (what was printed before a push is in the file that it was pushed from)";

/// What there is to say where there is nothing to show. Errors: not_found where there was no such attempt.
Result<void> explain_silence(const Invocation& invocation, const LogsOptions& options,
                             const MessageRecord<Json, Json>& record, bool has_outputs, bool is_task) {
  const std::string_view here = is_task && is_on_aws(invocation.common) ? left_by_push : "";
  const std::string label = printable(options.task, Newlines::escape);
  const std::uint32_t count = record.consumption_count;
  const std::string attempts =
      count == 0 ? "has not run yet" : fmt::format("has had {}", counted(count, "attempt", "attempts"));
  if (options.round && has_outputs)
    return Error{ErrorCode::not_found, fmt::format("{}: nothing is kept of round {}", label, *options.round), {}};
  if (options.attempt > count)
    return Error{
        ErrorCode::not_found, fmt::format("there is no attempt {} of {}: it {}", options.attempt, label, attempts), {}};
  if (invocation.common.json) return {};
  if (options.attempt != 0)
    note(fmt::format("{}: attempt {} printed nothing{}", label, options.attempt, here));
  else
    note(count == 0 ? fmt::format("{}: it {}", label, attempts)
                    : fmt::format("{}: it {}, and nothing was printed{}", label, attempts, here));
  return {};
}

Error names_a_cluster(const ClusterHeader& header) {
  const std::string label = label_of(header);
  return {ErrorCode::invalid_argument,
          fmt::format("{} is a cluster: write {}#INDEX for what a task printed (no finish handler of it has printed "
                      "anything)",
                      label, label),
          {}};
}

Result<ExitCode> logs(const Invocation& invocation, const LogsOptions& options) {
  auto client = open_store(invocation.common, StoreUse::read);
  if (!client) return std::move(client).error();
  auto found = find_record(*client, options.task);
  if (!found) return std::move(found).error();
  const bool is_finish = found->cluster && !found->index;
  auto record = client->get_message_record<>(found->key);
  // The newest round may have no finish yet, where earlier ones had.
  if (!record && is_finish && record.error().code == ErrorCode::not_found) record = MessageRecord<Json, Json>{};
  if (!record) return std::move(record).error();
  auto outputs = client->outputs(found->key);
  if (!outputs && is_finish && outputs.error().code == ErrorCode::not_found) return names_a_cluster(*found->cluster);
  if (!outputs) return std::move(outputs).error();
  if (is_finish && outputs->empty()) return names_a_cluster(*found->cluster);
  const std::vector<std::uint32_t> rounds = rounds_of(*outputs, record->error);
  const auto round = wanted_round(*outputs, rounds, options);
  bool shown = false;
  for (std::size_t i = 0; i < outputs->size(); ++i) {
    const AttemptOutput& attempt = (*outputs)[i];
    if ((options.attempt != 0 && attempt.attempt != options.attempt) || (round && rounds[i] != *round)) continue;
    shown = true;
    if (invocation.common.json) {
      JsonObject object;
      object.count("round", rounds[i]).count("attempt", attempt.attempt).time("at", attempt.at);
      print_line(object.text("output", attempt.output).line());
      continue;
    }
    if (options.attempt == 0) print_heading(attempt, rounds[i], is_finish);
    print_output(attempt, options.attempt != 0);
  }
  if (shown) return ExitCode::ok;
  const bool is_task = found->cluster && found->index;
  if (auto said = explain_silence(invocation, options, *record, !outputs->empty(), is_task); !said) return said.error();
  return ExitCode::ok;
}

}  // namespace

void add_logs_command(Command app, Invocation& invocation) {
  auto command = add_command<LogsOptions>(app, invocation, "logs",
                                          "Show what the attempts of one task printed, or those of a finish handler",
                                          "fanfold logs photos#17\n  fanfold logs photos", logs);
  command.app.option("task", command.options.task,
                     "CLUSTER#INDEX; a message's key; or a cluster, for what its finish handler printed",
                     {.value = "TASK", .required = true});
  command.app.option("--attempt", command.options.attempt,
                     "Only this attempt, and nothing but its bytes; of the newest round that has it",
                     {.value = "N", .range = OptionTraits::Range{1, 1'000'000}});
  command.app.option("--round", command.options.round,
                     "Only this round of the cluster: 0 is the first, 1 what ran after its first retry, and so on",
                     {.value = "N"});
}

}  // namespace fanfold::cli
