#include "dashboard/store_metrics.hpp"

#include "metrics/prometheus_text.hpp"
#include "views/cluster_state.hpp"
#include "views/queue_name.hpp"

#include <fanfold/version.hpp>

#include <algorithm>
#include <array>
#include <map>

namespace fanfold::dashboard {

namespace {

using metrics::Label;
using metrics::MetricType;
using metrics::PrometheusText;

/// Of the clusters that are not over.
struct ClusterSums {
  std::map<std::string, std::uint64_t> clusters_by_state;
  std::uint64_t complete_count = 0;
  std::uint64_t failed_count = 0;
  std::uint64_t running_count = 0;
  std::uint64_t open_count = 0;
  std::optional<Time> oldest_start;
  bool has_more = false;

  void add(const ClusterHeader& header, const Progress& progress) {
    ++clusters_by_state[views::state_text(header, progress)];
    complete_count += progress.done_count;
    failed_count += progress.failed_count;
    running_count += progress.in_progress_count;
    const std::uint64_t begun = progress.done_count + progress.failed_count + progress.in_progress_count;
    open_count += progress.total_count - std::min(progress.total_count, begun);
    oldest_start = std::min(oldest_start.value_or(header.created_at), header.created_at);
  }
};

Result<ClusterSums> sum_clusters(const Client& client) {
  auto page = client.list_clusters(
      {.unfinished_only = true, .name = {}, .cursor = {}, .count_max = measured_cluster_count_max});
  if (!page) return std::move(page).error();
  ClusterSums sums;
  sums.has_more = !page->next_cursor.empty();
  for (const ClusterHeader& header : page->clusters) {
    auto progress = client.progress(MessageKey::of_message(header.id));
    if (!progress && progress.error().code == ErrorCode::not_found) continue;  // Removed between the two looks.
    if (!progress) return std::move(progress).error();
    sums.add(header, *progress);
  }
  return sums;
}

void write_clusters(PrometheusText& text, const ClusterSums& sums) {
  text.family("fanfold_unfinished_clusters", MetricType::gauge, "Clusters that are not over, by their state.");
  for (const auto& [state, count] : sums.clusters_by_state) text.sample(std::array{Label{"state", state}}, count);
  text.family("fanfold_unfinished_clusters_truncated", MetricType::gauge,
              "1 where there are more of them than the newest 200, which all of this is about.");
  text.sample(std::uint64_t{sums.has_more ? 1U : 0U});
  text.family("fanfold_unfinished_clusters_tasks", MetricType::gauge, "Tasks of these clusters, by their state.");
  const std::pair<std::string_view, std::uint64_t> tasks[] = {{"open", sums.open_count},
                                                              {"running", sums.running_count},
                                                              {"complete", sums.complete_count},
                                                              {"failed", sums.failed_count}};
  for (const auto& [state, count] : tasks) text.sample(std::array{Label{"state", state}}, count);
  if (sums.oldest_start) {
    text.family("fanfold_oldest_unfinished_cluster_start_time_seconds", MetricType::gauge,
                "When the oldest of these clusters was created, in seconds since unix epoch.");
    text.sample({}, std::chrono::duration<double>(sums.oldest_start->time_since_epoch()).count());
  }
}

Result<void> write_queues(PrometheusText& text, const Client& client) {
  auto urls = client.queue_port().list();
  if (!urls) return std::move(urls).error();
  text.family("fanfold_queues_truncated", MetricType::gauge,
              "1 where there are more than the 50 queues that are counted.");
  text.sample(std::uint64_t{urls->size() > measured_queue_count_max ? 1U : 0U});
  urls->resize(std::min(urls->size(), measured_queue_count_max));
  text.family("fanfold_queue_messages", MetricType::gauge, "Messages in a queue, by what keeps them there.");
  for (const std::string& url : *urls) {
    auto counts = client.queue_port().counts(url);
    if (!counts && views::is_of_one_queue(counts.error().code)) continue;
    if (!counts) return std::move(counts).error();
    const std::string queue = views::queue_name_of(url);
    const std::pair<std::string_view, std::uint64_t> messages[] = {
        {"visible", counts->visible_count}, {"in_flight", counts->in_flight_count}, {"delayed", counts->delayed_count}};
    for (const auto& [state, count] : messages)
      text.sample(std::array{Label{"queue", queue}, Label{"state", state}}, count);
  }
  return {};
}

}  // namespace

serve::Answer store_metrics(const Client& client, const Options& options) {
  auto sums = sum_clusters(client);
  if (!sums) return error_answer(sums.error());
  PrometheusText text;
  text.family("fanfold_info", MetricType::gauge, "The version of fanfold.");
  text.sample(std::array{Label{"version", version()}}, std::uint64_t{1});
  write_clusters(text, *sums);
  if (auto queues = write_queues(text, client); !queues) return error_answer(queues.error());
  if (options.write_process) options.write_process(text);
  return {.content_type = std::string(PrometheusText::content_type), .body = text.text()};
}

}  // namespace fanfold::dashboard
