#include "backends/aws/ledger.hpp"

#include <algorithm>
#include <cmath>

namespace fanfold::aws {
namespace {

/// Sums over a tree, of which only some nodes of each level are looked at where there are many.
struct Counts {
  double done = 0;
  double failed = 0;
  double in_progress = 0;
  bool estimated = false;
};

/// At most `count_max` of them, spread evenly.
std::vector<std::uint64_t> sample(const std::vector<std::uint64_t>& numbers, std::size_t count_max) {
  if (numbers.size() <= count_max) return numbers;
  std::vector<std::uint64_t> some;
  some.reserve(count_max);
  for (std::size_t i = 0; i < count_max; ++i) some.push_back(numbers[i * numbers.size() / count_max]);
  return some;
}

void add_leaf(const Leaf& leaf, Time now, double weight, Counts& counts) {
  for (const Cell& cell : leaf.cells) {
    if (cell.state == Cell::State::done) counts.done += weight;
    if (cell.state == Cell::State::failed) counts.failed += weight;
    const bool is_leased = cell.state == Cell::State::leased && cell.is_busy(now);
    if (is_leased || cell.state == Cell::State::waiting) counts.in_progress += weight;
  }
}

std::uint64_t rounded(double count, std::uint64_t most) {
  return std::min(most, static_cast<std::uint64_t>(std::llround(count)));
}

class TreeCount {
 public:
  TreeCount(Table& table, Clock& clock, const ClusterHeader& header, std::uint64_t position_count)
      : table_(table), clock_(clock), header_(header), shape_(position_count) {}

  Result<Counts> run() {
    std::vector<std::uint64_t> numbers{0};
    for (unsigned level = shape_.top(); level > 0; --level) {
      auto below = count_level(level, numbers);
      if (!below) return std::move(below).error();
      numbers = std::move(*below);
    }
    auto items = read(0, numbers);
    if (!items) return std::move(items).error();
    const Time now = clock_.now();
    for (const std::optional<Item>& item : *items) {
      auto leaf = read_leaf(item ? &*item : nullptr);
      if (!leaf) return std::move(leaf).error();
      add_leaf(*leaf, now, weight_, counts_);
    }
    return counts_;
  }

 private:
  /// Items of the nodes, or of a sample of them; what is counted weighs accordingly from here on.
  Result<std::vector<std::optional<Item>>> read(unsigned level, std::vector<std::uint64_t>& numbers) {
    const std::vector<std::uint64_t> some = sample(numbers, AwsLedger::counted_count_max);
    if (!some.empty()) weight_ *= static_cast<double>(numbers.size()) / static_cast<double>(some.size());
    counts_.estimated = counts_.estimated || some.size() < numbers.size();
    std::vector<ItemKey> keys;
    for (const std::uint64_t number : some) keys.push_back(node_key({header_.id, header_.round, level, number}));
    numbers = some;
    // A retry counts on what it is told of a cluster that was cut short (fail_fast, deadline).
    const Consistency consistency = header_.finished() ? Consistency::strong : Consistency::eventual;
    return read_items(table_, clock_, keys, consistency);
  }

  /// Answers the children that have to be looked at themselves.
  Result<std::vector<std::uint64_t>> count_level(unsigned level, std::vector<std::uint64_t> numbers) {
    auto items = read(level, numbers);
    if (!items) return std::move(items).error();
    std::vector<std::uint64_t> below;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      auto node = read_inner_node((*items)[i] ? &*(*items)[i] : nullptr);
      if (!node) return std::move(node).error();
      for (unsigned slot = 0; slot < tree_radix; ++slot) {
        const std::uint64_t child = numbers[i] * tree_radix + slot;
        const std::uint64_t position_count = shape_.positions_below(level - 1, child);
        if (position_count == 0) break;
        if (!node->counts[slot]) {
          below.push_back(child);
          continue;
        }
        const std::uint64_t failed_count = std::min(*node->counts[slot], position_count);
        counts_.failed += weight_ * static_cast<double>(failed_count);
        counts_.done += weight_ * static_cast<double>(position_count - failed_count);
      }
    }
    return below;
  }

  Table& table_;
  Clock& clock_;
  const ClusterHeader& header_;
  TreeShape shape_;
  Counts counts_;
  double weight_ = 1;
};

Progress progress_of(const ClusterHeader& header) {
  Progress progress;
  progress.total_count = header.task_count;
  progress.sealed = header.sealed();
  progress.paused = header.paused;
  progress.finished = header.finished();
  progress.finish_handled = header.finish_done;
  progress.round = header.round;
  progress.status = header.status;
  progress.status_code = header.status_code;
  return progress;
}

}  // namespace

Result<Progress> AwsLedger::progress(std::string_view id) {
  auto header = headers_.read(id, Consistency::strong);
  if (!header) return std::move(header).error();
  Progress progress = progress_of(*header);
  if (header->tombstone || (header->finished() && !header->stopped())) {
    progress.failed_count = std::min(header->failed_total_count(), header->task_count);
    progress.done_count = header->stopped() ? 0 : header->task_count - progress.failed_count;
    return progress;
  }
  std::uint64_t position_count = header->task_count;
  if (header->round > 0) {
    auto list = rounds_.list(*header, header->round);
    if (!list) return std::move(list).error();
    position_count = list->size;
    // Everything outside of the round has ended before it.
    progress.failed_count = header->failed_carried_count;
    progress.done_count =
        header->task_count - std::min(header->task_count, position_count + header->failed_carried_count);
  }
  if (position_count == 0) return progress;
  auto counts = TreeCount(table_, clock_, *header, position_count).run();
  if (!counts) return std::move(counts).error();
  const std::uint64_t failed_count = rounded(counts->failed, position_count);
  const std::uint64_t done_count = rounded(counts->done, position_count - failed_count);
  progress.estimated = counts->estimated;
  progress.failed_count += failed_count;
  progress.done_count += done_count;
  progress.in_progress_count = rounded(counts->in_progress, position_count - failed_count - done_count);
  return progress;
}

Result<Recount> AwsLedger::recount(std::string_view id, Time now) {
  auto header = live_header(id);
  if (!header) return std::move(header).error();
  Recount recount;
  const std::uint64_t window = listed_leaf_count_max * tree_radix;
  for (std::uint64_t first = 0; first < header->task_count; first += window) {
    auto tasks = latest_tasks(*header, first, std::min(window, header->task_count - first));
    if (!tasks) return std::move(tasks).error();
    for (const LatestTask& task : *tasks) {
      const Cell& cell = task.cell;
      if (task.refs.back().round == header->round) recount.attempt_count += cell.attempt;
      switch (cell.state) {
        case Cell::State::done: ++recount.done_count; break;
        case Cell::State::failed: ++recount.failed_count; break;
        case Cell::State::waiting: ++recount.waiting_count; break;
        case Cell::State::leased: ++(cell.is_busy(now) ? recount.leased_count : recount.free_count); break;
        default: ++recount.free_count;
      }
    }
  }
  return recount;
}

}  // namespace fanfold::aws
