#pragma once

#include "dashboard/cluster_reads.hpp"

#include <map>
#include <memory>
#include <mutex>

namespace fanfold::dashboard {

/// What open pages are told as it happens: however many there are, the store is looked at once an interval for each
/// thing that is looked at. Thread-safe.
class EventFeed {
 public:
  using Steady = std::chrono::steady_clock::time_point;
  EventFeed(
      std::shared_ptr<const ClusterReads> reads, std::chrono::milliseconds interval,
      std::function<Result<void>()> check_store,
      std::function<Steady()> now = [] { return std::chrono::steady_clock::now(); })
      : reads_(std::move(reads)), interval_(interval), check_store_(std::move(check_store)), now_(std::move(now)) {}

  /// Server-sent events of the newest clusters, or of one.
  [[nodiscard]] serve::Answer clusters();
  [[nodiscard]] serve::Answer cluster(const std::string& id);

 private:
  /// One thing that pages look at, and what was seen last.
  struct Subject {
    std::mutex mutex;  // Held while the store is looked at: who comes meanwhile has use for the same look.
    Steady looked_at{};
    std::optional<Result<std::string>> seen;
  };
  using Look = std::function<Result<std::string>()>;

  [[nodiscard]] std::shared_ptr<Subject> subject(const std::string& id);
  [[nodiscard]] Result<std::string> look(Subject& subject, const Look& look) const;
  [[nodiscard]] serve::Answer stream(const std::string& id, std::string event, Look look);

  const std::shared_ptr<const ClusterReads> reads_;
  const std::chrono::milliseconds interval_;
  const std::function<Result<void>()> check_store_;
  const std::function<Steady()> now_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<Subject>> subjects_;  // By cluster id, empty for the list; guarded by mutex_.
};

}  // namespace fanfold::dashboard
