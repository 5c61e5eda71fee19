#include "cli/missing_results.hpp"

#include "cli/cluster_argument.hpp"
#include "cli/task_command.hpp"

#include <algorithm>

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

Result<std::uint64_t> restore_missing_results(const Client& client, const MessageKey& cluster,
                                              const std::filesystem::path& folder, std::uint64_t complete_count) {
  std::uint64_t next = 0;
  std::uint64_t lost_count = 0;
  const auto fill_up_to = [&](std::uint64_t index) -> Result<void> {
    for (; next < std::min(index, complete_count); ++next) {
      if (has_result(folder, next)) continue;
      if (auto written = restore_result(folder, next, ""); !written) return written;
    }
    return {};
  };
  auto results = client.results(cluster);
  for (const auto& result : results) {
    if (!result) return result.error();
    if (auto filled = fill_up_to(result->index); !filled) return filled.error();
    next = result->index + 1;
    if (has_result(folder, result->index)) continue;
    const auto printed = printed_text(result->result);
    if (!printed || printed->is_cut) {
      ++lost_count;
      continue;
    }
    if (auto written = restore_result(folder, result->index, printed->text); !written) return written.error();
  }
  if (auto filled = fill_up_to(complete_count); !filled) return filled.error();
  return lost_count;
}

namespace {

/// Complete tasks that returned nothing, or whose result was cut, as `indexes_with_result` tells.
Result<void> make_empty_results(const Client& client, const MessageKey& cluster, const std::filesystem::path& folder,
                                const std::vector<std::uint64_t>& indexes_with_result) {
  constexpr std::size_t page_count_max = 1000;
  TaskFilter filter;
  filter.status = Status::complete;
  for (std::optional<std::uint64_t> next = 0; next;) {
    auto page = client.list_tasks(cluster, filter, *next, page_count_max);
    if (!page) return std::move(page).error();
    for (const TaskState& task : page->tasks) {
      if (std::ranges::binary_search(indexes_with_result, task.index) || has_result(folder, task.index)) continue;
      if (auto written = restore_result(folder, task.index, ""); !written) return written;
    }
    next = page->next_index;
  }
  return {};
}

}  // namespace

Result<void> repair_results(const Client& client, const MessageKey& cluster, const std::filesystem::path& folder) {
  std::vector<std::uint64_t> indexes;
  auto results = client.results(cluster);
  for (const auto& result : results) {
    // Its cluster was deleted: there is nothing to compare with.
    if (!result && (result.error().code == ErrorCode::deleted || result.error().code == ErrorCode::not_found))
      return {};
    if (!result) return result.error();
    indexes.push_back(result->index);
    const auto printed = printed_text(result->result);
    if (!printed || printed->is_cut || has_result_of(folder, result->index, printed->text.size())) continue;
    if (auto written = restore_result(folder, result->index, printed->text); !written) return written;
  }
  return make_empty_results(client, cluster, folder, indexes);
}

}  // namespace fanfold::cli
