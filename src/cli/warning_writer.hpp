#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace fanfold::cli {

/// Writes what a store warns of from a thread of its own, begun with the first line: stores warn from the threads that
/// drive their calls, and a standard error that is not read, as of a terminal after Ctrl-S, would hold up those calls,
/// the extensions of leases too. Thread-safe.
class WarningWriter {
 public:
  using Write = std::function<void(const std::string& line)>;
  static constexpr std::size_t waiting_max = 16;  ///< More lines are left out, and how many were is written.

  /// `write` may block and must not throw.
  explicit WarningWriter(Write write) : write_(std::move(write)) {}
  /// Blocks until all that waits is written.
  ~WarningWriter();
  WarningWriter(const WarningWriter&) = delete;
  WarningWriter& operator=(const WarningWriter&) = delete;

  /// Does not block, but where there can be no further thread: there it writes itself.
  void warn(const std::string& line);

 private:
  [[nodiscard]] bool enqueue(const std::string& line);
  void write_all();

  const Write write_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> waiting_;   // guarded by mutex_
  std::uint64_t left_out_count_ = 0;  // guarded by mutex_
  bool is_ending_ = false;            // guarded by mutex_
  std::thread thread_;                // guarded by mutex_, but in the destructor
};

}  // namespace fanfold::cli
