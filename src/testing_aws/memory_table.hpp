#pragma once

#include "backends/aws/table.hpp"

#include <functional>
#include <map>
#include <mutex>

namespace fanfold::testing_aws {

/// What a table was charged for, by DynamoDB's published rules.
struct TableUsage {
  double write_units = 0;
  double read_units = 0;
  double index_write_units = 0;  ///< Of the index over headers.
  std::uint64_t write_count = 0;
  std::uint64_t refused_count = 0;
  std::uint64_t read_count = 0;
  std::size_t item_bytes_max = 0;  ///< Largest item ever written.
};

/// When a hook is asked: an error at `before` means that nothing is done, at `after` that the answer gets lost.
enum class CallPhase : std::uint8_t { before, after };

struct MemoryTableOptions {
  /// Asked around each request of each call, not under a lock; may throw (a simulated crash) or answer a fault.
  std::function<std::optional<Error>(std::string_view operation, CallPhase phase)> hook{};
  /// Asked for each item of a batch: true leaves it unprocessed.
  std::function<bool()> leaves_unprocessed{};
  bool tells_what_is_there = true;  ///< False: a refused write answers without the item, as some servers do.
  std::size_t answer_bytes_max = std::size_t{1} << 20U;  ///< A query's page ends here.
  /// With it eventual reads can lag behind (`set_lag`); what it tells never goes back.
  std::function<Time()> now{};
};

/// A table in memory with DynamoDB's semantics: conditions, upserts, the answers ALL_NEW and ALL_OLD, the sparse index,
/// sizes and units, unprocessed items, limits. Thread-safe.
class MemoryTable final : public aws::Table {
 public:
  explicit MemoryTable(MemoryTableOptions options = {});

  std::vector<Result<aws::WriteAnswer>> update(std::span<const aws::UpdateRequest> requests) override;
  std::vector<Result<aws::WriteAnswer>> put(std::span<const aws::PutRequest> requests) override;
  std::vector<Result<aws::QueryAnswer>> query(std::span<const aws::QueryRequest> requests) override;
  Result<std::optional<aws::Item>> get(const aws::ItemKey& key, Consistency consistency) override;
  Result<aws::BatchGetAnswer> batch_get(std::span<const aws::ItemKey> keys, Consistency consistency) override;
  Result<aws::BatchWriteRequest> batch_write(const aws::BatchWriteRequest& request) override;
  Result<aws::TransactAnswer> transact(std::span<const aws::PutRequest> puts) override;

  [[nodiscard]] TableUsage usage() const;
  void reset_usage();
  /// Units written to each item since the last reset, the busiest first.
  [[nodiscard]] std::vector<std::pair<double, aws::ItemKey>> busiest_items(std::size_t count_max) const;
  /// Every item there is.
  [[nodiscard]] std::vector<aws::Item> items() const;
  MemoryTableOptions& options() noexcept { return options_; }

  /// How far behind the replica is that answers eventual reads from now on: those of single items and of the index.
  /// At most `lag_max`; needs `MemoryTableOptions::now`.
  void set_lag(std::chrono::milliseconds lag);
  static constexpr std::chrono::milliseconds lag_max{1'000};

 private:
  using Items = std::map<aws::ItemKey, aws::Item>;
  struct Version {
    Time at{};
    std::optional<aws::Item> item{};  ///< Empty: it was removed.
  };

  Result<void> ask(std::string_view operation, CallPhase phase) const;
  Result<aws::WriteAnswer> update_one(const aws::UpdateRequest& request);
  Result<aws::WriteAnswer> put_one(const aws::PutRequest& request);
  aws::QueryAnswer query_one(const aws::QueryRequest& request);
  aws::QueryAnswer query_index(const aws::QueryRequest& request);
  [[nodiscard]] bool holds(const aws::Condition& condition, const aws::Item* item) const;
  aws::WriteAnswer refuse(const aws::Item* there);
  void store(aws::Item item, const aws::Item* before, double factor);
  void erase(const aws::ItemKey& key);
  void note_version(const aws::ItemKey& key, std::optional<aws::Item> item);
  /// What a read of this consistency sees; null where there is nothing.
  [[nodiscard]] const aws::Item* visible(const aws::ItemKey& key, Consistency consistency) const;
  [[nodiscard]] const aws::Item* as_of(const std::vector<Version>& versions) const;
  [[nodiscard]] std::map<std::pair<std::string, std::string>, const aws::Item*> visible_index() const;
  void charge_index(const aws::Item* before, const aws::Item* after);
  void charge_write(const aws::ItemKey& key, std::size_t bytes, double factor);
  void charge_read(std::size_t bytes, Consistency consistency);

  MemoryTableOptions options_;
  mutable std::mutex mutex_;
  Items items_;                                                        // Guarded by mutex_.
  std::map<std::pair<std::string, std::string>, aws::ItemKey> index_;  // Guarded by mutex_.
  std::map<aws::ItemKey, std::vector<Version>> versions_;              // Of the last `lag_max`. Guarded by mutex_.
  std::chrono::milliseconds lag_{0};                                   // Guarded by mutex_.
  std::map<aws::ItemKey, double> units_;                               // Guarded by mutex_.
  TableUsage usage_;                                                   // Guarded by mutex_.
};

}  // namespace fanfold::testing_aws
