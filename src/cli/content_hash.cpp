#include "cli/content_hash.hpp"

#include "support/hash.hpp"

#include <bit>
#include <cstring>

namespace fanfold::cli {
namespace {

constexpr std::size_t list_block_bytes = 1024 * 1024;
constexpr std::size_t slot_count_min = 1024;

class SipState {
 public:
  SipState(std::uint64_t key_low, std::uint64_t key_high) noexcept
      : a_(0x736f6d6570736575U ^ key_low),
        b_(0x646f72616e646f6dU ^ key_high ^ 0xee),
        c_(0x6c7967656e657261U ^ key_low),
        d_(0x7465646279746573U ^ key_high) {}

  void absorb(std::uint64_t word) noexcept {
    d_ ^= word;
    rounds(2);
    a_ ^= word;
  }
  [[nodiscard]] ContentHash finish() noexcept {
    c_ ^= 0xee;
    rounds(4);
    const std::uint64_t low = a_ ^ b_ ^ c_ ^ d_;
    b_ ^= 0xdd;
    rounds(4);
    return {low, a_ ^ b_ ^ c_ ^ d_};
  }

 private:
  void rounds(int count) noexcept {
    for (int i = 0; i < count; ++i) {
      a_ += b_;
      b_ = std::rotl(b_, 13) ^ a_;
      a_ = std::rotl(a_, 32);
      c_ += d_;
      d_ = std::rotl(d_, 16) ^ c_;
      a_ += d_;
      d_ = std::rotl(d_, 21) ^ a_;
      c_ += b_;
      b_ = std::rotl(b_, 17) ^ c_;
      c_ = std::rotl(c_, 32);
    }
  }
  std::uint64_t a_, b_, c_, d_;
};

}  // namespace

ContentHash hash_content(std::string_view bytes, std::uint64_t key_low, std::uint64_t key_high) noexcept {
  static_assert(std::endian::native == std::endian::little, "the words below are read as little-endian");
  SipState state(key_low, key_high);
  const std::uint64_t length = bytes.size();
  while (bytes.size() >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof(word));
    state.absorb(word);
    bytes.remove_prefix(sizeof(word));
  }
  std::uint64_t last = length << 56;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    last |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  state.absorb(last);
  return state.finish();
}

void ListHash::add(std::string_view task) {
  ++count_;
  // The length in front keeps "a", "b" apart from "ab".
  const std::uint64_t length = task.size();
  pending_.append(reinterpret_cast<const char*>(&length), sizeof(length)).append(task);
  if (pending_.size() >= list_block_bytes) pending_ = digest_text(pending_);
}

std::string ListHash::text() const { return digest_text(pending_ + std::to_string(count_)); }

std::size_t ContentMap::slot_of(const ContentHash& key) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = static_cast<std::size_t>(key.low) & mask;
  while (slots_[at].used && slots_[at].key != key) at = (at + 1) & mask;
  return at;
}

void ContentMap::grow() {
  std::vector<Slot> old = std::move(slots_);
  slots_.assign(old.empty() ? slot_count_min : old.size() * 2, {});
  for (const Slot& slot : old) {
    if (slot.used) slots_[slot_of(slot.key)] = slot;
  }
}

std::uint64_t& ContentMap::operator[](const ContentHash& key) {
  if ((count_ + 1) * 4 > slots_.size() * 3) grow();
  Slot& slot = slots_[slot_of(key)];
  if (!slot.used) {
    slot = {key, 0, true};
    ++count_;
  }
  return slot.value;
}

const std::uint64_t* ContentMap::find(const ContentHash& key) const noexcept {
  if (slots_.empty()) return nullptr;
  const Slot& slot = slots_[slot_of(key)];
  return slot.used ? &slot.value : nullptr;
}

}  // namespace fanfold::cli
