#pragma once

#include "backends/sqlite/cell.hpp"
#include "backends/sqlite/database.hpp"

#include <string>

namespace fanfold::sqlite {

/// Tasks per page. A call that handles neighbours reads and writes each of their pages once.
inline constexpr std::uint64_t page_slot_count = 256;
inline constexpr std::size_t slot_bytes = 32;

/// The queue's half of a slot: the message of a task is its slot.
struct Mail {
  bool is_present = false;  ///< A message of this task is in the queue.
  Time visible_at{};
  Time sent_at{};
  std::uint32_t receive_count = 0;  ///< At most `receive_count_most`.
  std::uint32_t holder = 0;         ///< Slot of the process that received it last, 0 for none.
  std::uint32_t generation = 0;     ///< Counts the sends, at most `generation_most`, then starts again.

  [[nodiscard]] bool is_in_flight(Time now) const noexcept {
    return is_present && receive_count > 0 && visible_at > now;
  }
};

inline constexpr std::uint32_t receive_count_most = 0xfff;
inline constexpr std::uint32_t holder_most = 0xfff;
inline constexpr std::uint32_t generation_most = 0xffff;

/// What a page's row says in columns, so that queues are served and counted without unpacking.
struct PageSummary {
  std::uint32_t present_count = 0;
  std::uint32_t received_count = 0;  ///< Of those present: delivered at least once.
  std::uint32_t leased_count = 0;
  std::uint32_t held_count = 0;  ///< Leased, or present and received by a process that may have died.
  Time next_visible_at{};        ///< Of those present.
  Time last_visible_at{};
  Time oldest_sent_at{};
};

/// The states and messages of `page_slot_count` neighbouring tasks, packed into 32 bytes each. Slots past the end are
/// empty; writing one makes room.
class SlotPage {
 public:
  SlotPage() = default;
  explicit SlotPage(std::string bytes) : bytes_(std::move(bytes)) {}

  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size() / slot_bytes; }
  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

  [[nodiscard]] Cell cell(std::size_t slot) const noexcept;
  void set_cell(std::size_t slot, const Cell& cell);
  [[nodiscard]] Mail mail(std::size_t slot) const noexcept;
  void set_mail(std::size_t slot, const Mail& mail);
  [[nodiscard]] PageSummary summary() const noexcept;

 private:
  char* slot_at(std::size_t slot);
  std::string bytes_;
};

}  // namespace fanfold::sqlite
