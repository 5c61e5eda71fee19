#pragma once

#include "backends/aws/blobs.hpp"

#include <fanfold/ports/ledger.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <set>

namespace fanfold::aws {

/// Payloads of tasks, in pages of up to `page_count_max` tasks. A page never crosses a multiple of that, and says how
/// many tasks it holds, so that the next one's name is known: no directory is written. Thread-safe; calls block.
class Pages {
 public:
  static constexpr std::uint64_t page_count_max = 512;
  static constexpr std::size_t page_bytes_max = std::size_t{4} * 1024 * 1024;  ///< But one task at least.

  /// Outlives this object.
  explicit Pages(Blobs& blobs) : blobs_(blobs) {}

  /// If absent, each. Errors: different_tasks; invalid_argument where those before are missing.
  Result<void> put(std::string_view cluster_id, std::uint64_t first_index, std::span<const TaskData> tasks,
                   std::uint64_t ttl);
  /// From `first_index` on without a gap; fewer where there are no more.
  Result<std::vector<TaskData>> read(std::string_view cluster_id, std::uint64_t first_index, std::size_t count);
  Result<void> remove(std::string_view cluster_id, std::uint64_t task_count);

  /// The tasks of one add, in one page. Errors: different_tasks.
  Result<void> put_add(std::string_view cluster_id, std::string_view digest, std::span<const TaskData> tasks,
                       std::uint64_t ttl);
  Result<std::vector<TaskData>> read_add(std::string_view cluster_id, std::string_view digest);
  Result<void> remove_add(std::string_view cluster_id, std::string_view digest);

 private:
  using Page = std::shared_ptr<const std::vector<TaskData>>;  // Shared by the cache and those who read it.

  /// Null where there is none.
  Result<Page> read_page(const std::string& name);
  Page keep(const std::string& name, std::vector<TaskData> tasks);
  /// The beginning of the page that holds this index, or of the one that would.
  Result<std::uint64_t> find_page(std::string_view cluster_id, std::uint64_t index);
  /// Answers how many of the tasks are stored now.
  Result<std::size_t> put_page(std::string_view cluster_id, std::uint64_t first_index, std::span<const TaskData> tasks,
                               std::uint64_t ttl);

  static constexpr std::size_t cached_count_max = 4;
  static constexpr std::size_t known_count_max = 65'536;

  Blobs& blobs_;
  std::mutex mutex_;
  std::vector<std::pair<std::string, Page>> cache_;          // Newest last. Guarded by mutex_.
  std::map<std::string, std::uint64_t, std::less<>> known_;  // Tasks of a page by its name. Guarded by mutex_.
};

}  // namespace fanfold::aws
