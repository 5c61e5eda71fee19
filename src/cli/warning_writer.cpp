#include "cli/warning_writer.hpp"

#include "cli/text.hpp"

#include <system_error>

namespace fanfold::cli {

WarningWriter::~WarningWriter() {
  {
    const std::scoped_lock lock(mutex_);
    is_ending_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void WarningWriter::warn(const std::string& line) {
  if (!enqueue(line)) write_(line);
}

bool WarningWriter::enqueue(const std::string& line) {
  const std::scoped_lock lock(mutex_);
  if (!thread_.joinable()) {
    try {
      thread_ = std::thread([this] { write_all(); });
    } catch (const std::system_error&) {
      return false;
    }
  }
  if (waiting_.size() < waiting_max) {
    waiting_.push_back(line);
  } else {
    ++left_out_count_;
  }
  changed_.notify_one();
  return true;
}

void WarningWriter::write_all() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return is_ending_ || !waiting_.empty() || left_out_count_ > 0; });
    std::string line;
    if (!waiting_.empty()) {
      line = std::move(waiting_.front());
      waiting_.pop_front();
    } else if (left_out_count_ > 0) {
      line = counted(left_out_count_, "more warning was", "more warnings were") + " left out meanwhile";
      left_out_count_ = 0;
    } else {
      return;
    }
    lock.unlock();
    write_(line);
    lock.lock();
  }
}

}  // namespace fanfold::cli
