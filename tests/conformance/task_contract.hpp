#pragma once

#include "contract.hpp"

namespace fanfold::conformance {

/// What the contracts of tasks and of rounds say in short words.
class TaskContract : public Contract {
 protected:
  [[nodiscard]] std::vector<std::uint64_t> listed(const TaskQuery& from) const {
    std::vector<std::uint64_t> indexes;
    TaskQuery query = from;
    for (int page_count = 0; page_count < 100; ++page_count) {
      const TaskPage page = ledger().list_tasks(query).value();
      EXPECT_LE(page.tasks.size(), query.count_max);
      for (const TaskState& state : page.tasks) indexes.push_back(state.index);
      if (!page.next_index) break;
      query.first_index = *page.next_index;
    }
    return indexes;
  }
  [[nodiscard]] TaskQuery query(const ClusterHeader& cluster, TaskFilter filter = {}) const {
    TaskQuery query;
    query.cluster_id = cluster.id;
    query.filter = std::move(filter);
    query.count_max = 2;
    return query;
  }
  EndAnswers finish_with(const RecordRef& ref, std::uint64_t index, const std::string& result) const {
    EndRequest request = end_request(ref, claimed(ref), Verdict::done);
    request.index = index;
    request.result = Json::from_valid_text(result);
    return end(request, now_);
  }
  [[nodiscard]] std::vector<std::string> results(const ClusterHeader& cluster, std::size_t page_size) const {
    std::vector<std::string> found;
    std::optional<std::uint64_t> next = 0;
    for (int page_count = 0; next && page_count < 100; ++page_count) {
      const ResultPage page = ledger().read_results(cluster.id, *next, page_size).value();
      EXPECT_LE(page.results.size(), page_size);
      for (const auto& result : page.results)
        found.push_back(std::to_string(result.index) + "=" + result.result.text());
      next = page.next_index;
    }
    return found;
  }
};

}  // namespace fanfold::conformance
