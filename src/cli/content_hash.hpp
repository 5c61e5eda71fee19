#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fanfold::cli {

/// 128 bits that stand for a task's content: SipHash-2-4 (Aumasson and Bernstein, 2012) with its 128-bit output.
struct ContentHash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const ContentHash&, const ContentHash&) = default;
};
[[nodiscard]] ContentHash hash_content(std::string_view bytes, std::uint64_t key_low = 0,
                                       std::uint64_t key_high = 0) noexcept;

/// The hash of a whole list: of every task in its order.
class ListHash {
 public:
  void add(std::string_view task);
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// 26 characters [0-9a-v]; the list may go on afterwards.
  [[nodiscard]] std::string text() const;

 private:
  std::string pending_;
  std::uint64_t count_ = 0;
};

/// Task contents → a value each, in one flat table: a million take 32 MB. Not thread-safe.
class ContentMap {
 public:
  /// The value of `key`, 0 where it is new.
  [[nodiscard]] std::uint64_t& operator[](const ContentHash& key);
  /// Null where it is not there.
  [[nodiscard]] const std::uint64_t* find(const ContentHash& key) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return count_; }

 private:
  struct Slot {
    ContentHash key;
    std::uint64_t value = 0;
    bool used = false;
  };
  [[nodiscard]] std::size_t slot_of(const ContentHash& key) const noexcept;
  void grow();

  std::vector<Slot> slots_;
  std::size_t count_ = 0;
};

}  // namespace fanfold::cli
