#include "cli/cluster_state.hpp"

#include "cli/cluster_argument.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

namespace fanfold::cli {

Time now() { return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

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
  if (!header.trace.empty()) line("trace", header.trace.trace_id());
  if (header.deadline)
    line("deadline", fmt::format("{} ({})", to_iso8601(*header.deadline), age_text(*header.deadline, now())));
  line("kept until", to_iso8601(header.expires_at));
  if (header.meta) line("meta", printable(clipped(header.meta->text(), 200), Newlines::escape));
  for (const ErrorEntry& error : header.error)
    line("error", fmt::format("{}: {}", error.code, printable(error.message, Newlines::escape)));
  return text;
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
