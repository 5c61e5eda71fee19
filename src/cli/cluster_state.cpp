#include "cli/cluster_state.hpp"

#include "cli/cluster_argument.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

namespace fanfold::cli {

Time now() { return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

std::string state_text(const ClusterHeader& header, const Progress& progress) {
  if (header.tombstone) return "deleted";
  if (header.stopped()) return "stopped";
  if (progress.finished) {
    const std::string outcome = progress.status == Status::complete ? "complete" : "failed";
    return progress.finish_handled ? outcome : outcome + ", finish pending";
  }
  if (!header.moved_to.empty()) return header.moving() ? "moving" : "moved";
  if (progress.paused) return "paused";
  return progress.sealed ? "running" : "open";
}

Result<std::optional<FinishState>> read_finish(const Client& client, const ClusterHeader& header) {
  if (!header.finish_sent_at || header.tombstone) return std::optional<FinishState>();
  auto record = client.get_message_record<>(key_of(header), Consistency::strong);
  if (!record && record.error().code == ErrorCode::not_found) return std::optional<FinishState>();
  if (!record) return std::move(record).error();
  return std::optional<FinishState>({record->status, record->consumption_count, std::move(record->error)});
}

Json errors_json(const std::vector<ErrorEntry>& errors) {
  std::string all;
  for (const ErrorEntry& error : errors) {
    JsonObject entry;
    entry.count("attempt", error.attempt).text("code", error.code).text("message", error.message);
    entry.text("fingerprint", error.fingerprint).time("at", error.at).flag("final", error.final);
    all += (all.empty() ? "" : ",") + entry.line();
  }
  return Json::from_valid_text("[" + all + "]");
}

std::string finish_json(const FinishState& finish) {
  JsonObject object;
  object.text("status", to_string(finish.status)).count("attempts", finish.attempt_count);
  return object.json("error", errors_json(finish.error)).line();
}

std::string state_description(const ClusterHeader& header, const Progress& progress,
                              const std::optional<FinishState>& finish) {
  const bool finish_failed = finish && finish->failed();
  std::string text = fmt::format("{}  {}{}\n", label_of(header), state_text(header, progress),
                                 finish_failed ? ", finish handler failed" : "");
  const auto line = [&text](std::string_view name, const std::string& value) {
    text += fmt::format("  {:<12} {}\n", name, value);
  };
  line("cluster", key_of(header).p_key);
  line("queue", header.queue_url);
  if (header.finish_queue_url != header.queue_url && !header.finish_queue_url.empty())
    line("finish queue", header.finish_queue_url);
  line("tasks", fmt::format("{} of {} complete, {} failed, {} running{}{}", with_thousands(progress.done_count),
                            with_thousands(progress.total_count), with_thousands(progress.failed_count),
                            with_thousands(progress.in_progress_count),
                            progress.abandoned_count > 0 ? fmt::format(", {} abandoned by a worker that died",
                                                                       with_thousands(progress.abandoned_count))
                                                         : "",
                            progress.sealed ? "" : ", more may be added"));
  if (!header.moved_to.empty())
    line(header.moving() ? "moving" : "moved to",
         header.moving() ? "cut off, or under way: push it again" : header.moved_to);
  if (progress.round > 0) line("round", std::to_string(progress.round));
  line("started", fmt::format("{} ({})", to_iso8601(header.created_at), age_text(header.created_at, now())));
  if (header.completed_at)
    line("finished", fmt::format("{} (took {})", to_iso8601(*header.completed_at),
                                 spoken(*header.completed_at - header.created_at)));
  if (finish && !finish->error.empty()) {
    const ErrorEntry& error = finish->error.back();
    line("finish",
         fmt::format("{} attempt {}: {}: {} (fanfold logs {})", finish_failed ? "failed for good, after" : "failed in",
                     error.attempt, error.code, printable(error.message, Newlines::escape), word_of(header)));
  }
  if (header.deadline)
    line("deadline", fmt::format("{} ({})", to_iso8601(*header.deadline), age_text(*header.deadline, now())));
  line("kept until", to_iso8601(header.expires_at));
  if (header.meta) line("meta", printable(clipped(header.meta->text(), 200), Newlines::escape));
  for (const ErrorEntry& error : header.error)
    line("error", fmt::format("{}: {}", error.code, printable(error.message, Newlines::escape)));
  return text;
}

JsonObject state_json(const ClusterHeader& header, const Progress& progress) {
  JsonObject object;
  object.text("cluster", key_of(header).p_key)
      .text("name", header.name)
      .text("queue", header.queue_url)
      .text("status", to_string(progress.status))
      .text("state", state_text(header, progress))
      .count("total", progress.total_count)
      .count("complete", progress.done_count)
      .count("failed", progress.failed_count)
      .count("in_progress", progress.in_progress_count)
      .count("abandoned", progress.abandoned_count)
      .count("round", progress.round)
      .flag("finished", progress.finished)
      .time("started_at", header.created_at)
      .time("completed_at", header.completed_at);
  if (!header.moved_to.empty()) object.text("moved_to", header.moved_to);
  return object;
}

std::string ending_line(const std::string& label, const ClusterHeader& header, const Progress& progress) {
  std::string line = fmt::format("{}: {} of {} complete", label, with_thousands(progress.done_count),
                                 with_thousands(progress.total_count));
  if (progress.failed_count > 0) line += fmt::format(", {} failed", with_thousands(progress.failed_count));
  if (header.stopped()) line += ", stopped";
  return line;
}

ExitCode ending_code(const Progress& progress) {
  if (!progress.finished) return ExitCode::interrupted;
  const bool all_well = progress.status == Status::complete && progress.failed_count == 0 && !progress.finish_failed;
  return all_well ? ExitCode::ok : ExitCode::failed;
}

}  // namespace fanfold::cli
