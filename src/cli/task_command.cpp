#include "cli/task_command.hpp"

#include "cli/result_files.hpp"
#include "cli/task_text.hpp"
#include "cli/telemetry.hpp"
#include "cli/text.hpp"
#include "cli/trace_variables.hpp"
#include "wire/base64.hpp"

#include <fanfold/json.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace fanfold::cli {
namespace {

constexpr std::string_view placeholder = "{task}";
constexpr std::size_t reason_columns_max = 300;

std::string with_task(std::string_view text, std::string_view task) {
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t found = text.find(placeholder, at);
    out += text.substr(at, found - at);
    if (found == std::string_view::npos) return out;
    out += task;
    at = found + placeholder.size();
  }
}

/// The last line that is not blank: what most programs say when they give up.
std::string_view last_line(std::string_view text) {
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end + 1);
  const std::size_t begin = text.find_last_of("\r\n");
  return begin == std::string_view::npos ? text : text.substr(begin + 1);
}

/// Pointers to strings, as exec wants them. Borrows.
std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> all;
  all.reserve(strings.size() + 1);
  for (std::string& string : strings) all.push_back(string.data());
  all.push_back(nullptr);
  return all;
}

/// Of a name that find_executable found nowhere.
std::string why_no_program(const std::string& program) {
  const std::string shown = printable(program, Newlines::escape);
  std::error_code unused;
  if (program.find('/') == std::string::npos) {
    const bool is_here = std::filesystem::exists(program, unused);
    return fmt::format("there is no program '{}' on the PATH{}", shown,
                       is_here ? fmt::format("; ./{} names the file in this folder", shown) : "");
  }
  if (std::filesystem::is_directory(program, unused)) return fmt::format("'{}' is a folder, and no program", shown);
  if (std::filesystem::exists(program, unused))
    return fmt::format("'{}' is not executable; chmod +x makes it so", shown);
  return fmt::format("there is no program '{}'", shown);
}

std::string start_error(int number) {
  if (number == E2BIG)
    return "the task is too long for an argument, which has at most 131,071 bytes; let the program read it from its "
           "standard input";
  if (number == ENOEXEC) return "not a program: a script begins with a line such as #!/bin/sh";
  // It was found; what is missing is what its first line names.
  if (number == ENOENT) return "the interpreter in its first line (#!) is not there";
  return fmt::format("{}{}", not_started_prefix, std::strerror(number));
}

Outcome exited(const ChildEnd& end) {
  if (end.code == 0) {
    auto result = result_of(end.standard_output, end.standard_output_bytes);
    return result ? done(*result) : done();
  }
  std::string reason = clipped(last_line(end.error_tail), reason_columns_max);
  if (reason.empty()) reason = fmt::format("exit code {}, and nothing on standard error", end.code);
  auto outcome = end.code == exit_code_fail ? fanfold::fail(std::move(reason)) : retry(std::move(reason));
  return std::move(outcome).with_code(fmt::format("exit {}", end.code));
}

Outcome verdict(const ChildEnd& end, std::chrono::milliseconds timeout) {
  switch (end.kind) {
    case ChildEnd::Kind::exited: return exited(end);
    case ChildEnd::Kind::signalled:
      return retry(fmt::format("ended by signal {} ({})", end.code, strsignal(end.code)))
          .with_code(fmt::format("signal {}", end.code));
    case ChildEnd::Kind::timed_out:
      return retry(fmt::format("not done within {} s", static_cast<double>(timeout.count()) / 1000.0))
          .with_code("timeout");
    case ChildEnd::Kind::stopped:
      return retry("cut off because its worker had to stop", std::chrono::milliseconds(0)).with_code("cut off");
    case ChildEnd::Kind::not_started: break;
  }
  return (end.code == E2BIG ? fanfold::fail(start_error(end.code)) : retry(start_error(end.code)))
      .with_code("not started");
}

/// {"exit":0,"stdout":"…"}, with the printed bytes under `key`, and all that were printed where those are more.
std::string result_text(std::string_view key, std::string_view printed, std::uint64_t kept_bytes,
                        std::uint64_t all_bytes) {
  std::string text;
  detail::JsonWriter writer(text);
  writer.begin_object();
  writer.plain_key("exit");
  writer.integer(0);
  writer.plain_key(key);
  writer.string(printed);
  if (kept_bytes < all_bytes) {
    writer.plain_key("stdout_bytes");
    writer.unsigned_integer(all_bytes);
  }
  writer.end_object();
  return text;
}

/// The first `bytes_max` bytes, less a character that would be cut: it would make bytes of a text.
std::string_view beginning(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  constexpr std::size_t character_bytes_max = 4;
  for (std::size_t kept = bytes_max; bytes_max - kept < character_bytes_max; --kept) {
    const bool is_inside = (static_cast<unsigned char>(text[kept]) & 0xC0) == 0x80;
    if (!is_inside) return text.substr(0, kept);
  }
  return text.substr(0, bytes_max);
}

/// The longest beginning that fits into a result as a JSON string; empty where its beginning is no text.
std::string_view longest_text(std::string_view printed, std::uint64_t all_bytes) {
  const std::string_view most = beginning(printed, result_bytes_max);
  if (!is_utf8(most)) return {};
  std::string escaped;
  detail::JsonWriter(escaped).string(most);
  constexpr std::size_t quotes = 2;
  const std::size_t whole = result_text("stdout", {}, most.size(), all_bytes).size() - quotes + escaped.size();
  if (whole <= result_bytes_max) return most;
  const std::size_t room = result_bytes_max - result_text("stdout", {}, 0, all_bytes).size();
  std::size_t kept = 0;
  for (std::size_t at = 1; true; ++kept) {  // Behind the quote that begins it.
    const bool is_escape = escaped[at] == '\\';
    at += !is_escape ? 1 : escaped[at + 1] == 'u' ? 6 : 2;  // Each stands for one byte of what was printed.
    if (at - 1 > room) return beginning(most, kept);
  }
}

/// Counts an attempt while it runs.
class CountedAttempt {
 public:
  explicit CountedAttempt(std::atomic<std::size_t>& count) : count_(count) { ++count_; }
  ~CountedAttempt() { --count_; }
  CountedAttempt(const CountedAttempt&) = delete;
  CountedAttempt& operator=(const CountedAttempt&) = delete;

 private:
  std::atomic<std::size_t>& count_;
};

}  // namespace

std::optional<Json> result_of(std::string_view standard_output, std::uint64_t all_bytes) {
  if (standard_output.empty()) return std::nullopt;
  // Escaped, newlines take two bytes and control characters six: whichever form keeps more.
  const std::string_view as_bytes = standard_output.substr(0, printed_bytes_min);
  const std::string_view as_text = longest_text(standard_output, all_bytes);
  const bool is_text = as_text.size() >= as_bytes.size();
  const std::string_view kept = is_text ? as_text : as_bytes;
  std::string json = is_text ? result_text("stdout", kept, kept.size(), all_bytes)
                             : result_text("stdout_base64", wire::encode_base64(kept), kept.size(), all_bytes);
  return Json::from_valid_text(std::move(json));
}

std::optional<PrintedText> printed_text(const Json& result) {
  detail::JsonDocument document;
  if (!document.read(result.text()).has_value()) return std::nullopt;
  if (document.root().kind() != detail::JsonKind::object) return std::nullopt;
  std::optional<std::string> text;
  bool is_cut = false;
  for (const auto& member : document.root().members()) {
    if (member.key == "stdout_bytes") is_cut = true;
    if (member.value.kind() != detail::JsonKind::string) continue;
    if (member.key == "stdout") text = std::string(member.value.string());
    if (member.key == "stdout_base64") text = wire::decode_base64(member.value.string());
  }
  if (!text) return std::nullopt;
  return PrintedText{std::move(*text), is_cut};
}

Outcome outcome_of(ChildEnd&& end, std::chrono::milliseconds timeout) {
  Outcome outcome = verdict(end, timeout);
  if (end.output.empty()) return outcome;
  if (end.dropped_bytes > 0) {
    const std::string note = fmt::format("\n[{} more bytes were not kept]\n", with_thousands(end.dropped_bytes));
    end.output.resize(std::min(end.output.size(), output_bytes_max - note.size()));
    end.output += note;
  }
  return std::move(outcome).with_output(std::move(end.output));
}

TaskCommand::TaskCommand(TaskCommandOptions options) : options_(std::move(options)), guard_(options_.starts) {}

Result<std::shared_ptr<const TaskCommand>> TaskCommand::make(TaskCommandOptions options) {
  if (options.command.empty()) {
    return Error{
        ErrorCode::invalid_argument, "the program to run is missing; put it behind --, as in: -- convert {task}", {}};
  }
  std::shared_ptr<TaskCommand> command(new TaskCommand(std::move(options)));
  const std::string& program = command->options_.command.front();
  if (program.find(placeholder) == std::string::npos) {
    command->executable_ = find_executable(program);
    if (command->executable_.empty()) return Error{ErrorCode::invalid_argument, why_no_program(program), {}};
  }
  if (auto made = make_result_folder(command->options_.results); !made) return made.error();
  return std::shared_ptr<const TaskCommand>(std::move(command));
}

Outcome TaskCommand::run(const Message<Json>& message, const Context& context) const {
  const CountedAttempt counted(running_count_);
  return run_program(message, context);
}

Outcome TaskCommand::run_program(const Message<Json>& message, const Context& context) const {
  if (options_.settled && message.task) {
    if (auto outcome = options_.settled(*message.task)) return std::move(*outcome);
  }
  const Telemetry::Running running(options_.telemetry,
                                   {.work = message.task ? metrics::Work::task : metrics::Work::message,
                                    .record_id = message.key.p_key.substr(key_prefix.size()),
                                    .task = message.task,
                                    .number = context.attempt});
  auto task = task_text(message.body);
  if (!task) return fanfold::fail(task.error().message);

  std::vector<std::string> arguments;
  arguments.reserve(options_.command.size());
  for (const std::string& argument : options_.command) arguments.push_back(with_task(argument, *task));
  std::vector<std::string> own;
  if (task->size() <= task_in_environment_bytes_max) own.push_back("FANFOLD_TASK=" + *task);
  if (message.task) {
    own.push_back("FANFOLD_CLUSTER=" + message.key.p_key);
    own.push_back("FANFOLD_INDEX=" + std::to_string(*message.task));
  } else {
    own.push_back("FANFOLD_MESSAGE=" + message.key.p_key);
  }
  own.push_back("FANFOLD_ATTEMPT=" + std::to_string(context.attempt));
  own.push_back("FANFOLD_FENCE=" + std::to_string(context.fencing_number()));
  const std::vector<char*> environment = environment_with_trace(own, options_.environment, context.trace());

  const std::string executable = executable_.empty() ? find_executable(arguments.front()) : executable_;
  if (executable.empty())
    return fanfold::fail(fmt::format("there is no program '{}'", as_utf8(arguments.front()))).with_code("not started");
  std::optional<ResultFile> file;
  if (!options_.results.empty()) {
    const ResultAttempt attempt{.index = message.task.value_or(0), .round = context.round, .attempt = context.attempt};
    auto opened = ResultFile::open(options_.results, attempt);
    if (!opened) return retry(opened.error().message);
    file.emplace(std::move(*opened));
  }
  const std::vector<char*> argument_pointers = pointers(arguments);
  ChildProgram program{.path = executable.c_str(),
                       .arguments = argument_pointers.data(),
                       .environment = environment.data(),
                       .input = *task,
                       .output_file = file ? file->descriptor() : -1,
                       .timeout = options_.timeout,
                       .guard = &guard_};
  ChildEnd end = run_child(program, context.stop);
  if (file && end.kind == ChildEnd::Kind::exited && end.code == 0) {
    file->show(end);
    // What the store has room for is written anew from there, should a power cut take the file.
    const bool is_stored = end.standard_output_bytes <= printed_bytes_min;
    auto kept = file->keep(is_stored ? ResultFile::Safety::later : ResultFile::Safety::now);
    if (!kept) return retry(kept.error().message);
  }
  const bool may_be_cut = !file && end.standard_output_bytes > printed_bytes_min;
  Outcome outcome = outcome_of(std::move(end), options_.timeout);
  if (may_be_cut && outcome.result() && printed_text(*outcome.result()).value_or(PrintedText{}).is_cut) ++cut_count_;
  return outcome;
}

MessageHandler handler_of(std::shared_ptr<const TaskCommand> command) {
  return [command = std::move(command)](const Message<Json>& message, const Context& context) {
    return command->run(message, context);
  };
}

}  // namespace fanfold::cli
