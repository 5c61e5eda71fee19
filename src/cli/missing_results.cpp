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

}  // namespace fanfold::cli
