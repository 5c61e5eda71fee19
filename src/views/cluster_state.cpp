#include "views/cluster_state.hpp"

#include <algorithm>

namespace fanfold::views {

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
  auto record = client.get_message_record<>(MessageKey::of_message(header.id), Consistency::strong);
  if (!record && record.error().code == ErrorCode::not_found) return std::optional<FinishState>();
  if (!record) return std::move(record).error();
  return std::optional<FinishState>({record->status, record->consumption_count, std::move(record->error)});
}

std::vector<Moment> moments_of(const ClusterHeader& header) {
  std::vector<Moment> moments{{header.created_at, "created"}};
  for (const ErrorEntry& error : header.error) moments.push_back({error.at, error.message});
  if (header.completed_at) moments.push_back({*header.completed_at, header.stopped() ? "stopped" : "finished"});
  if (header.finish_sent_at) moments.push_back({*header.finish_sent_at, "finish sent"});
  std::ranges::stable_sort(moments, {}, &Moment::at);
  return moments;
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

std::string trace_json(const TraceContext& trace) {
  JsonObject object;
  object.text("traceId", trace.trace_id());
  if (!trace.parent.empty()) object.text("traceparent", trace.parent);
  if (!trace.state.empty()) object.text("tracestate", trace.state);
  if (!trace.aws_header.empty()) object.text("AWSTraceHeader", trace.aws_header);
  return object.line();
}

JsonObject state_json(const ClusterHeader& header, const Progress& progress) {
  JsonObject object;
  object.text("cluster", MessageKey::of_message(header.id).p_key)
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
  if (!header.trace.empty()) object.text("trace_id", header.trace.trace_id());
  return object;
}

}  // namespace fanfold::views
