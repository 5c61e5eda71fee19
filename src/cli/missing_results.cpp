#include "cli/missing_results.hpp"

#include "cli/cluster_argument.hpp"
#include "cli/task_command.hpp"

#include <algorithm>
#include <limits>
#include <span>

namespace fanfold::cli {

Result<std::vector<ResultFolder::Move>> moves_from(const Client& client, const std::vector<ClusterHeader>& others,
                                                   const std::string& former_list, TaskInput& input,
                                                   std::uint64_t task_count) {
  std::vector<ResultFolder::Move> moves;
  std::vector<ClusterHeader> former;
  for (const ClusterHeader& other : others) {
    if (key_of(other).p_key == former_list) former.push_back(other);
  }
  if (former.empty()) return moves;
  CompletedElsewhere there;
  if (auto read = there.read(client, former, input); !read) return read.error();
  for (std::uint64_t index = 0; index < task_count; ++index) {
    if (const auto where = there.find(index)) moves.push_back({where->index, index});
  }
  return moves;
}

Result<std::uint64_t> restore_missing_results(const Client& client, const MessageKey& cluster, ResultFolder& folder,
                                              std::uint64_t complete_count) {
  std::uint64_t next = 0;
  std::uint64_t lost_count = 0;
  const auto fill_up_to = [&](std::uint64_t index) -> Result<void> {
    for (; next < std::min(index, complete_count); ++next) {
      if (has_result(folder.path(), next)) continue;
      if (auto written = folder.restore(next, ""); !written) return written;
    }
    return {};
  };
  auto results = client.results(cluster);
  for (const auto& result : results) {
    if (!result) return result.error();
    if (auto filled = fill_up_to(result->index); !filled) return filled.error();
    next = result->index + 1;
    if (has_result(folder.path(), result->index)) continue;
    const auto printed = printed_text(result->result);
    if (!printed || printed->is_cut) {
      ++lost_count;
      continue;
    }
    if (auto written = folder.restore(result->index, printed->text); !written) return written.error();
  }
  if (auto filled = fill_up_to(complete_count); !filled) return filled.error();
  return lost_count;
}

namespace {

constexpr std::size_t results_page_max = 1000;

/// A cluster: there is nothing to compare with.
bool is_deleted(const Error& error) { return error.code == ErrorCode::deleted || error.code == ErrorCode::not_found; }

/// Of complete tasks, by ascending index. Their results are read after they were, so that one without a result has
/// none: a task that ends meanwhile, in a start that prints into another folder, may have one, and is none of these.
Result<void> repair_page(const Client& client, const MessageKey& cluster, const std::filesystem::path& folder,
                         std::span<const TaskState> tasks) {
  auto task = tasks.begin();
  const auto make_empty_before = [&](std::uint64_t index) -> Result<void> {
    for (; task != tasks.end() && task->index < index; ++task) {
      if (has_result(folder, task->index)) continue;
      if (auto written = restore_result(folder, task->index, ""); !written) return written;
    }
    return {};
  };
  const std::uint64_t index_count = tasks.back().index - tasks.front().index + 1;
  const std::size_t count_max = std::min<std::uint64_t>(index_count, results_page_max);
  std::optional<std::uint64_t> next = tasks.front().index;
  while (next && task != tasks.end()) {
    auto page = client.core()->results(cluster, *next, count_max);
    if (!page && is_deleted(page.error())) return {};
    if (!page) return std::move(page).error();
    for (const TaskResult<Json>& result : page->results) {
      if (auto made = make_empty_before(result.index); !made) return made;
      if (task == tasks.end()) break;
      if (task->index != result.index) continue;
      ++task;
      const auto printed = printed_text(result.result);
      if (!printed || printed->is_cut || has_result_of(folder, result.index, printed->text.size())) continue;
      if (auto written = restore_result(folder, result.index, printed->text); !written) return written;
    }
    next = page->next_index;
  }
  return make_empty_before(std::numeric_limits<std::uint64_t>::max());
}

}  // namespace

Result<void> repair_results(const Client& client, const MessageKey& cluster, const std::filesystem::path& folder) {
  TaskFilter filter;
  filter.status = Status::complete;
  for (std::optional<std::uint64_t> next = 0; next;) {
    auto page = client.list_task_states(cluster, filter, *next, results_page_max);
    if (!page && is_deleted(page.error())) return {};
    if (!page) return std::move(page).error();
    if (!page->tasks.empty()) {
      if (auto repaired = repair_page(client, cluster, folder, page->tasks); !repaired) return repaired;
    }
    next = page->next_index;
  }
  return {};
}

}  // namespace fanfold::cli
