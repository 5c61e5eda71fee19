#pragma once

#include <fanfold/types.hpp>

namespace fanfold {

inline constexpr std::size_t global_write_id_count_max = 64;

/// The globals of one cluster, as stored.
struct StoredGlobals {
  Json value{};
  std::string version{};                 ///< Opaque; changes with every write (S3: the ETag).
  std::vector<std::string> write_ids{};  ///< Of the last writes, newest last, at most `global_write_id_count_max`.
};

/// Versioned objects with compare-and-swap. Thread-safe; calls block.
/// A failed write may have been applied: whoever repeats it looks for its own id in `write_ids`.
class GlobalStore {
 public:
  virtual ~GlobalStore() = default;

  /// Where the globals of this cluster are, whether or not they exist. No I/O.
  [[nodiscard]] virtual BucketParams location(std::string_view cluster_id) const = 0;

  /// Errors: not_found.
  virtual Result<StoredGlobals> read(const BucketParams& where) = 0;

  /// Writes when the stored version is `expected_version`; an empty one means "only where nothing is there".
  /// The answer is the new version. Errors: conflict (another version is there; nothing was applied); too_large;
  /// unavailable, throttled, outcome_unknown (may have been applied).
  virtual Result<std::string> write(const BucketParams& where, const StoredGlobals& globals,
                                    std::string_view expected_version) = 0;

  /// Idempotent.
  virtual Result<void> remove(const BucketParams& where) = 0;
};

}  // namespace fanfold
