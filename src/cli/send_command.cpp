#include "cli/commands.hpp"
#include "cli/cost_estimate.hpp"
#include "cli/duration.hpp"
#include "cli/input_json.hpp"
#include "cli/output.hpp"
#include "cli/store.hpp"
#include "cli/task_input.hpp"
#include "cli/text.hpp"
#include "engine/store.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace fanfold::cli {
namespace {

constexpr std::size_t send_count_max = 1000;  ///< Messages handed to the engine at a time.

struct SendCommandOptions {
  std::string queue;
  std::vector<std::string> bodies;
  TaskInputOptions list;
  std::string meta;
  std::string group;
  std::string deduplication;
  std::chrono::milliseconds delay{0};
  CostLimit cost_max;
};

struct Sent {
  std::uint64_t count = 0;
  std::uint64_t refused_count = 0;
  std::optional<Error> last_refusal{};
};

/// The library's names for what a FIFO queue needs, as options.
std::string in_options(const std::string& message) {
  for (const auto& [name, option] : {std::pair("group_id", "--group"), {"deduplication_id", "--deduplication-id"}}) {
    if (message.starts_with(std::string(name) + ":")) return option + message.substr(std::string_view(name).size());
  }
  return message;
}

/// What ends the command: the queue took none of so many, since it is not reached. One line tells where to go on.
template <class Answers>
std::optional<Error> is_outage(const Answers& answers, const Sent& sent) {
  const auto not_reached = [](const auto& answer) { return !answer && engine::is_passing_fault(answer.error().code); };
  if (answers.size() < 2 || !std::ranges::all_of(answers, not_reached)) return std::nullopt;
  Error error = answers.front().error();
  const std::uint64_t first = sent.count + sent.refused_count + 1;
  error.message = fmt::format("messages from {} on were not sent: {}", first, error.message);
  return error;
}

Result<void> send_all(const Invocation& invocation, const Client& client, const std::string& queue,
                      std::vector<detail::OutgoingBody>& bodies, Sent& sent) {
  auto answers = client.core()->send(queue, bodies);
  bodies.clear();
  if (!answers) return std::move(answers).error();
  if (auto outage = is_outage(*answers, sent)) return *std::move(outage);
  for (const auto& answer : *answers) {
    if (!answer) {
      Error refusal = answer.error();
      refusal.message =
          fmt::format("message {}: {}", sent.count + sent.refused_count + 1, in_options(answer.error().message));
      // The last one is what the command ends with.
      if (sent.last_refusal) complain(sent.last_refusal->message);
      ++sent.refused_count;
      sent.last_refusal = std::move(refusal);
      continue;
    }
    ++sent.count;
    print_line(invocation.common.json ? JsonObject().text("message", answer->p_key).line() : answer->p_key);
  }
  return {};
}

Result<SendOptions> send_options(const SendCommandOptions& options) {
  SendOptions send;
  send.delay = options.delay;
  send.group_id = options.group;
  send.deduplication_id = options.deduplication;
  send.trace = TraceContext::from_environment();
  if (!options.meta.empty()) {
    auto meta = json_argument("--meta", options.meta);
    if (!meta) return std::move(meta).error();
    send.meta = *meta;
  }
  return send;
}

Result<Budget> budget_for_sending(const Invocation& invocation, const SendCommandOptions& options,
                                  std::optional<TaskInput>& input) {
  aws::Workload workload;
  workload.is_single = true;
  workload.task_count = options.bodies.size();
  std::uint64_t bytes = 0;
  for (const std::string& body : options.bodies) bytes += body.size();
  if (!options.bodies.empty()) workload.payload_bytes = bytes / options.bodies.size();
  return check_budget(invocation.common, options.cost_max, input ? &*input : nullptr, workload);
}

Result<ExitCode> send(const Invocation& invocation, const SendCommandOptions& options) {
  auto each = send_options(options);
  if (!each) return std::move(each).error();
  std::vector<detail::OutgoingBody> bodies;
  for (const std::string& text : options.bodies) {
    auto body = task_body(text, options.list.text ? TaskFormat::text : TaskFormat::automatic);
    if (!body) return std::move(body).error();
    bodies.push_back({Json::from_valid_text(std::move(*body)), *each});
  }
  std::optional<TaskInput> input;
  if (!options.list.file.empty()) {
    auto opened = TaskInput::open(options.list);
    if (!opened) return std::move(opened).error();
    input.emplace(std::move(*opened));
  }
  if (bodies.empty() && !input)
    return Error{ErrorCode::invalid_argument, "there is nothing to send: give bodies, or --tasks FILE", {}};
  auto budget = budget_for_sending(invocation, options, input);
  if (!budget) return std::move(budget).error();
  if (*budget == Budget::exceeded) return ExitCode::refused;
  auto client = open_store(invocation.common, StoreUse::create);
  if (!client) return std::move(client).error();
  Sent sent;
  for (bool more = input.has_value(); more;) {
    auto body = input->next();
    if (!body) return std::move(body).error();
    more = body->has_value();
    if (more) bodies.push_back({Json::from_valid_text(std::move(**body)), *each});
    if (more && bodies.size() < send_count_max) continue;
    if (auto done = send_all(invocation, *client, options.queue, bodies, sent); !done) return done.error();
  }
  if (!bodies.empty()) {
    if (auto done = send_all(invocation, *client, options.queue, bodies, sent); !done) return done.error();
  }
  if (sent.count + sent.refused_count == 0) note(fmt::format("no messages in {}: nothing was sent", input->name()));
  if (sent.last_refusal) return *std::move(sent.last_refusal);
  return ExitCode::ok;
}

}  // namespace

void add_send_command(Command app, Invocation& invocation) {
  auto command = add_command<SendCommandOptions>(app, invocation, "send",
                                                 "Send messages that belong to no cluster; prints their keys",
                                                 "fanfold send --queue mail '{\"to\":\"jane@example.org\"}'", send);
  command.options.list.file.clear();
  command.app.option("--queue", command.options.queue, "Where they go", {.value = "QUEUE", .required = true});
  command.app.option("body", command.options.bodies, "Each one message: text, or JSON where it begins with { or [",
                     {.value = "BODY"});
  add_task_input(command.app, command.options.list);
  command.app.option("--meta", command.options.meta, "Small data on each record: JSON, or @FILE", {.value = "JSON"});
  command.app.duration("--delay", command.options.delay, "Invisible so long; 0 to 15m");
  command.app.option("--group", command.options.group, "Message group, for FIFO queues", {.value = "ID"});
  command.app.option("--deduplication-id", command.options.deduplication,
                     "For FIFO queues: a second message with it within five minutes is swallowed", {.value = "ID"});
  add_cost_limit(command.app, command.options.cost_max);
}

}  // namespace fanfold::cli
