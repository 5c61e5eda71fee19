#pragma once

#include <algorithm>
#include <functional>
#include <vector>

namespace fanfold::testing_aws {

/// Writes of one world that were given up by whoever sent them and are still on their way. Not thread-safe.
class LateWrites {
 public:
  /// `write` is made at the `call_count`-th call of `pass` from now on.
  void add(std::uint64_t call_count, std::function<void()> write) { writes_.push_back({call_count, std::move(write)}); }

  /// One call of some service went by.
  void pass() {
    std::vector<Late> due;
    for (Late& late : writes_) {
      if (--late.call_count == 0) due.push_back(std::move(late));
    }
    std::erase_if(writes_, [](const Late& late) { return late.call_count == 0; });
    for (const Late& late : due) late.write();
  }

 private:
  struct Late {
    std::uint64_t call_count = 0;
    std::function<void()> write{};
  };
  std::vector<Late> writes_;
};

}  // namespace fanfold::testing_aws
