#pragma once

#include "engine/settlement.hpp"

#include <condition_variable>
#include <map>
#include <mutex>

namespace fanfold::worker {

/// Deletes messages by full batches, since a request costs the same whatever is in it. What does not fill a batch waits
/// for others: three seconds at most, and a tenth of the lease that messages were received for. A process that dies
/// meanwhile leaves messages whose tasks have ended: they are delivered again, seen for what they are, and deleted.
/// Thread-safe.
class GatheredDeletions final : public engine::Deletions {
 public:
  [[nodiscard]] static std::chrono::milliseconds wait_for(std::chrono::milliseconds lease) noexcept {
    return std::min(std::chrono::milliseconds{3'000}, lease / 10);
  }

  /// `store` is borrowed. `batch_count`: what the service takes in one request.
  GatheredDeletions(engine::Store& store, std::size_t batch_count, std::chrono::milliseconds wait_max)
      : store_(store), batch_count_(batch_count), wait_max_(wait_max) {}

  /// Deletes what fills batches on the caller's thread.
  Result<void> add(std::string_view url, std::vector<std::string> receipt_handles) override;
  /// Deletes what has waited so long, until `stop` is requested; for a thread of its own.
  void run(std::stop_token stop);
  /// Deletes all that waits. Answers the first error since the last call of `add`.
  Result<void> flush();

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiting {
    std::vector<std::string> receipt_handles{};
    Clock::time_point since{};
  };
  using Batches = std::vector<std::pair<std::string, std::vector<std::string>>>;

  /// Queues whose oldest receipt waits since then or before.
  [[nodiscard]] Batches take_older_than(Clock::time_point since);
  Result<void> remove(const Batches& batches);
  [[nodiscard]] Result<void> take_error();

  engine::Store& store_;
  const std::size_t batch_count_;
  const std::chrono::milliseconds wait_max_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, Waiting, std::less<>> waiting_;  // By queue; none is empty. Guarded by mutex_, as all below.
  std::optional<Error> error_;                           // Of a removal that nobody waited for.
};

}  // namespace fanfold::worker
