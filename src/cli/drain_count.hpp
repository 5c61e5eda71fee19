#pragma once

#include <fanfold/worker.hpp>

#include <atomic>
#include <functional>

namespace fanfold::cli {

/// Counts what a worker still finished after it was told to stop. Must outlive the worker. Thread-safe.
class DrainCount {
 public:
  /// For WorkerOptions::on_event.
  [[nodiscard]] std::function<void(const WorkerEvent&)> listener() {
    return [this](const WorkerEvent& event) {
      switch (event.kind) {
        case WorkerEvent::Kind::draining: draining_ = true; break;
        case WorkerEvent::Kind::done:
        case WorkerEvent::Kind::retried:
        case WorkerEvent::Kind::failed:
          if (draining_) ++finished_count_;
          break;
        default: break;
      }
    };
  }
  [[nodiscard]] std::uint64_t finished_count() const noexcept { return finished_count_; }

 private:
  std::atomic<bool> draining_ = false;
  std::atomic<std::uint64_t> finished_count_ = 0;
};

}  // namespace fanfold::cli
