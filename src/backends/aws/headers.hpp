#pragma once

#include "backends/aws/bulk.hpp"
#include "backends/aws/table.hpp"

#include <fanfold/cluster_header.hpp>
#include <fanfold/ports/ledger.hpp>

#include <functional>
#include <map>
#include <mutex>

namespace fanfold::aws {

/// How often a header is read and swapped for one change before that is `conflict`.
inline constexpr std::size_t header_swap_count_max = 64;

[[nodiscard]] Error no_cluster(std::string_view id);
[[nodiscard]] Error only_tombstone(std::string_view id);
/// Finished, and what follows from it is not all done.
[[nodiscard]] bool has_open_end(const ClusterHeader& header) noexcept;
[[nodiscard]] std::uint64_t ttl_of(Time expires_at) noexcept;

/// Cluster headers in the table. Thread-safe; calls block.
class Headers {
 public:
  /// Both outlive this object.
  Headers(Table& table, Clock& clock) : table_(table), clock_(clock) {}

  /// Errors: not_found, after a strong read only.
  Result<ClusterHeader> read(std::string_view id, Consistency consistency);
  /// Errors: already_exists, deleted.
  Result<ClusterHeader> create(const ClusterHeader& header);
  /// Compare-and-swap on the version. Errors: conflict, not_found.
  Result<ClusterHeader> swap(const ClusterHeader& header);

  enum class Change : std::uint8_t { write, leave };
  /// Reads strongly, applies, swaps, again after a conflict. The function sees its own earlier effect after a lost
  /// answer.
  Result<ClusterHeader> change(std::string_view id, const std::function<Result<Change>(ClusterHeader&)>& function);

  /// Finishes this round of the cluster, unless something finished it before. The answer is empty where the round is
  /// over and another one began, or only a tombstone is left, or nothing of its end is open. `marks`: in the same
  /// write.
  Result<std::optional<ClusterHeader>> finish(std::string_view id, std::uint32_t round, std::uint64_t failed_count,
                                              Time now, bool marks);

  /// What is known of a cluster without looking each time.
  struct Known {
    Time expires_at{};
    std::uint64_t task_count = 0;
    std::uint32_t round = 0;
    bool tombstone = false;
  };
  /// From the last look, else by a strong read. Errors: not_found.
  Result<Known> known(std::string_view id);
  /// After a fresh strong read.
  Result<Known> known_now(std::string_view id);

  /// The item as it is to be stored, without a condition.
  [[nodiscard]] static Condition unchanged(const ClusterHeader& header);
  [[nodiscard]] static Item item_of(const ClusterHeader& header, std::string_view write_id);
  void note(const ClusterHeader& header);

 private:
  static constexpr std::size_t known_count_max = 4'096;

  Table& table_;
  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Known, std::less<>> known_;  // Guarded by mutex_.
};

}  // namespace fanfold::aws
