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
  if (progress.paused) return "paused";
  return progress.sealed ? "running" : "open";
}

std::string state_description(const ClusterHeader& header, const Progress& progress) {
  std::string text = fmt::format("{}  {}\n", label_of(header), state_text(header, progress));
  const auto line = [&text](std::string_view name, const std::string& value) {
    text += fmt::format("  {:<12} {}\n", name, value);
  };
  line("cluster", key_of(header).p_key);
  line("queue", header.queue_url);
  if (header.finish_queue_url != header.queue_url && !header.finish_queue_url.empty())
    line("finish queue", header.finish_queue_url);
  line("tasks", fmt::format("{} of {} complete, {} failed, {} running{}", with_thousands(progress.done_count),
                            with_thousands(progress.total_count), with_thousands(progress.failed_count),
                            with_thousands(progress.in_progress_count), progress.sealed ? "" : ", more may be added"));
  if (progress.round > 0) line("round", std::to_string(progress.round));
  line("started", fmt::format("{} ({})", to_iso8601(header.created_at), age_text(header.created_at, now())));
  if (header.completed_at)
    line("finished", fmt::format("{} (took {})", to_iso8601(*header.completed_at),
                                 spoken(*header.completed_at - header.created_at)));
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
      .count("round", progress.round)
      .flag("finished", progress.finished)
      .time("started_at", header.created_at)
      .time("completed_at", header.completed_at);
  return object;
}

std::string ending_line(const std::string& label, const ClusterHeader& header, const Progress& progress) {
  std::string line = fmt::format("{}: {} of {} complete", label, with_thousands(progress.done_count),
                                 with_thousands(progress.total_count));
  if (progress.failed_count > 0) line += fmt::format(", {} failed", with_thousands(progress.failed_count));
  if (header.stopped()) line += ", stopped";
  return line;
}

}  // namespace fanfold::cli
