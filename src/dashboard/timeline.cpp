#include "dashboard/timeline.hpp"

#include "views/cluster_state.hpp"

#include <algorithm>
#include <array>

namespace fanfold::dashboard {

namespace {

using std::chrono::milliseconds;
using views::JsonObject;

constexpr std::size_t bucket_count = 60;
constexpr std::uint64_t sample_max = 10'000;
constexpr std::uint64_t sample_page = 100;  ///< Tasks end in about the order of their indexes: many small pages.

struct Histogram {
  Time from{};
  milliseconds bucket{1};
  std::array<std::uint64_t, bucket_count> completed{};
  std::array<std::uint64_t, bucket_count> failed{};
  std::uint64_t sampled = 0;

  void add(const TaskState& task) {
    ++sampled;
    if (!task.completed_at) return;
    // A clock that was set back puts an end before the beginning.
    const auto at = std::max<std::int64_t>((*task.completed_at - from) / bucket, 0);
    auto& counts = task.status == Status::error ? failed : completed;
    ++counts[std::min(static_cast<std::size_t>(at), bucket_count - 1)];
  }
};

/// All tasks where they are few, else pages at equal distances.
Result<void> sample(const Client& client, const ClusterHeader& header, Histogram& into) {
  const std::uint64_t page_count = sample_max / sample_page;
  const std::uint64_t stride = std::max(sample_page, header.task_count / page_count);
  for (std::uint64_t first = 0; first < header.task_count; first += stride) {
    const std::uint64_t count = std::min(sample_page, header.task_count - first);
    auto page = client.list_task_states(MessageKey::of_message(header.id), {}, first, count);
    if (!page) return std::move(page).error();
    for (const TaskState& task : page->tasks) into.add(task);
  }
  return {};
}

Json events_of(const ClusterHeader& header) {
  return array_of(views::moments_of(header), [](const views::Moment& moment) {
    return JsonObject().time("at", moment.at).text("what", moment.what).line();
  });
}

}  // namespace

Reply timeline_of(const Client& client, const ClusterHeader& header, Time now) {
  Histogram histogram{.from = header.created_at};
  const Time end = std::max(header.completed_at.value_or(now), header.created_at);
  const milliseconds whole = std::chrono::ceil<milliseconds>(end - header.created_at) + milliseconds(1);
  histogram.bucket = std::max(milliseconds(1), milliseconds((whole.count() + bucket_count - 1) / bucket_count));
  if (!header.tombstone) {
    if (auto sampled = sample(client, header, histogram); !sampled) return sampled.error();
  }
  const auto number = [](std::uint64_t count) { return std::to_string(count); };
  JsonObject answer;
  answer.time("from", header.created_at)
      .time("to", end)
      .count("bucket_ms", static_cast<std::uint64_t>(histogram.bucket.count()))
      .json("completed", array_of(histogram.completed, number))
      .json("failed", array_of(histogram.failed, number))
      .count("sampled", histogram.sampled)
      .count("of", header.task_count)
      .json("events", events_of(header));
  return Json::from_valid_text(answer.line());
}

}  // namespace fanfold::dashboard
