#include "backends/sqlite/slot_page.hpp"

#include "backends/sqlite/bytes.hpp"
#include "support/assert.hpp"

#include <algorithm>

namespace fanfold::sqlite {

namespace {

// A slot is four words: the cell's two, then visible_at 42 bits, receive count 12, flags 4; then sent_at 42 bits,
// holder 12. The generation's 16 bits fill up what is left: 6 in the third word, 10 in the fourth.
constexpr std::size_t visible_word_at = cell_bytes;
constexpr std::size_t sent_word_at = cell_bytes + 8;
constexpr unsigned time_bits = 42;
constexpr std::uint64_t time_mask = (std::uint64_t{1} << time_bits) - 1;
constexpr unsigned count_shift = 42;
constexpr unsigned flags_shift = 54;
constexpr unsigned generation_high_shift = 58;
constexpr unsigned generation_low_shift = 54;
constexpr unsigned generation_low_bits = 10;
constexpr std::uint64_t present_flag = std::uint64_t{1} << flags_shift;
constexpr std::uint64_t alone_flag = std::uint64_t{2} << flags_shift;
/// Room is made in steps, so that a small cluster does not pay for a whole page.
constexpr std::size_t growth_slot_count = 16;

std::uint64_t time_word(Time time) noexcept {
  return static_cast<std::uint64_t>(std::clamp<std::int64_t>(to_number(time), 0, static_cast<std::int64_t>(time_mask)));
}

Time time_of(std::uint64_t word) noexcept { return to_time(static_cast<std::int64_t>(word & time_mask)); }

}  // namespace

char* SlotPage::slot_at(std::size_t slot) {
  FANFOLD_ASSERT(slot < page_slot_count, "a page has no such slot");
  if (slot >= size()) bytes_.resize((slot / growth_slot_count + 1) * growth_slot_count * slot_bytes);
  return bytes_.data() + slot * slot_bytes;
}

Cell SlotPage::cell(std::size_t slot) const noexcept {
  if (slot >= size()) return {};
  const char* at = bytes_.data() + slot * slot_bytes;
  Cell cell = load_cell(at);
  cell.alone = (load_word(at + visible_word_at) & alone_flag) != 0;
  return cell;
}

void SlotPage::set_cell(std::size_t slot, const Cell& cell) {
  char* at = slot_at(slot);
  store_cell(at, cell);
  const std::uint64_t word = load_word(at + visible_word_at) & ~alone_flag;
  store_word(at + visible_word_at, cell.alone ? word | alone_flag : word);
}

Mail SlotPage::mail(std::size_t slot) const noexcept {
  if (slot >= size()) return {};
  const char* at = bytes_.data() + slot * slot_bytes;
  const std::uint64_t first = load_word(at + visible_word_at);
  const std::uint64_t second = load_word(at + sent_word_at);
  Mail mail;
  mail.is_present = (first & present_flag) != 0;
  mail.visible_at = time_of(first);
  mail.sent_at = time_of(second);
  mail.receive_count = static_cast<std::uint32_t>(first >> count_shift) & receive_count_most;
  mail.holder = static_cast<std::uint32_t>(second >> time_bits) & holder_most;
  mail.generation = static_cast<std::uint32_t>(first >> generation_high_shift << generation_low_bits |
                                               second >> generation_low_shift);
  return mail;
}

void SlotPage::set_mail(std::size_t slot, const Mail& mail) {
  char* at = slot_at(slot);
  const std::uint64_t alone = load_word(at + visible_word_at) & alone_flag;
  const std::uint64_t generation = mail.generation & generation_most;
  const std::uint64_t count = std::min(mail.receive_count, receive_count_most);
  store_word(at + visible_word_at, time_word(mail.visible_at) | count << count_shift | alone |
                                       (mail.is_present ? present_flag : 0) |
                                       generation >> generation_low_bits << generation_high_shift);
  store_word(at + sent_word_at, time_word(mail.sent_at) |
                                    static_cast<std::uint64_t>(mail.holder & holder_most) << time_bits |
                                    generation << generation_low_shift);
}

PageSummary SlotPage::summary() const noexcept {
  PageSummary summary;
  std::uint64_t next = time_mask;
  std::uint64_t last = 0;
  std::uint64_t oldest = time_mask;
  const std::size_t count = size();
  for (std::size_t slot = 0; slot < count; ++slot) {
    const char* at = bytes_.data() + slot * slot_bytes;
    const bool is_leased = static_cast<Cell::State>(load_word(at) & 0x7U) == Cell::State::leased;
    const std::uint64_t first = load_word(at + visible_word_at);
    const std::uint64_t second = load_word(at + sent_word_at);
    const bool is_present = (first & present_flag) != 0;
    const bool is_received = is_present && ((first >> count_shift) & receive_count_most) != 0;
    const bool is_received_by_someone = is_received && ((second >> time_bits) & holder_most) != 0;
    summary.leased_count += is_leased ? 1 : 0;
    summary.held_count += is_leased || is_received_by_someone ? 1 : 0;
    if (!is_present) continue;
    ++summary.present_count;
    summary.received_count += is_received ? 1 : 0;
    next = std::min(next, first & time_mask);
    last = std::max(last, first & time_mask);
    oldest = std::min(oldest, second & time_mask);
  }
  if (summary.present_count == 0) return summary;
  summary.next_visible_at = time_of(next);
  summary.last_visible_at = time_of(last);
  summary.oldest_sent_at = time_of(oldest);
  return summary;
}

}  // namespace fanfold::sqlite
