#include "backends/sqlite/claim_notes.hpp"

#include "backends/sqlite/slot_page.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fanfold::sqlite {

namespace {

constexpr std::uint64_t notes_mark = 0x46464e4f54455331;  // Counts up with the layout.
/// What is mapped begins at a multiple of it: no page of memory is larger.
constexpr std::size_t alignment = 65'536;
/// Before it are the slots' bytes, which are locked.
constexpr std::size_t notes_begin = alignment;
constexpr std::size_t notes_stride = 3 * alignment;
constexpr std::size_t boot_bytes = 36;

// A note: what the place does not tell of the number, then its state.
constexpr unsigned place_bits = 15;
constexpr std::uint32_t not_begun = 1;
constexpr std::uint32_t never_begins = 2;
constexpr std::uint32_t is_done = 3;
static_assert(ClaimNotes::place_count == std::size_t{1} << place_bits);

std::uint32_t note_of(std::uint32_t number, std::uint32_t state) noexcept { return number >> place_bits << 2U | state; }

off_t offset_of(std::uint32_t slot) noexcept {
  return static_cast<off_t>(notes_begin + (std::size_t{slot} - 1) * notes_stride);
}

/// Of this boot of the machine; empty where nothing tells it.
const std::string& boot_id() {
  static const std::string id = [] {
    std::ifstream stream("/proc/sys/kernel/random/boot_id");
    std::string text;
    stream >> text;
    return text.size() == boot_bytes ? text : std::string();
  }();
  return id;
}

/// What tells this file from all others.
struct Surroundings {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  off_t size = 0;
};

Surroundings surroundings_of(int descriptor) {
  Surroundings surroundings;
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return surroundings;
  surroundings.device = status.st_dev;
  surroundings.inode = status.st_ino;
  surroundings.size = status.st_size;
  return surroundings;
}

/// Zeros, not a length: a hole in a mapping on a full disk is a bus error.
bool write_zeros(int descriptor, off_t offset, std::size_t size) {
  const std::vector<char> zeros(size);
  return ::pwrite(descriptor, zeros.data(), size, offset) == static_cast<ssize_t>(size);
}

}  // namespace

std::unique_ptr<ClaimNotes> ClaimNotes::map(int descriptor, std::uint32_t slot) {
  static_assert(sizeof(Memory) <= notes_stride && holder_most < notes_begin);
  static_assert(std::atomic<std::uint32_t>::is_always_lock_free && std::atomic<std::uint64_t>::is_always_lock_free);
  void* mapped = ::mmap(nullptr, sizeof(Memory), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, offset_of(slot));
  if (mapped == MAP_FAILED) return nullptr;
  return std::unique_ptr<ClaimNotes>(new ClaimNotes(static_cast<Memory*>(mapped)));
}

std::unique_ptr<ClaimNotes> ClaimNotes::make(int descriptor, std::uint32_t slot, std::uint64_t generation) {
  const Surroundings here = surroundings_of(descriptor);
  if (boot_id().empty() || !write_zeros(descriptor, offset_of(slot), sizeof(Memory))) return nullptr;
  auto notes = map(descriptor, slot);
  if (!notes) return nullptr;
  Head& head = notes->memory_->head;
  head.generation = generation;
  head.device = here.device;
  head.inode = here.inode;
  std::ranges::copy(boot_id(), head.boot.begin());
  head.mark.store(notes_mark);
  return notes;
}

std::unique_ptr<ClaimNotes> ClaimNotes::find(int descriptor, std::uint32_t slot, std::uint64_t generation) {
  const Surroundings here = surroundings_of(descriptor);
  if (boot_id().empty() || here.size < offset_of(slot) + static_cast<off_t>(sizeof(Memory))) return nullptr;
  auto notes = map(descriptor, slot);
  if (!notes) return nullptr;
  const Head& head = notes->memory_->head;
  const bool is_theirs = head.mark.load() == notes_mark && head.generation == generation &&
                         head.device == here.device && head.inode == here.inode &&
                         std::equal(boot_id().begin(), boot_id().end(), head.boot.begin());
  return is_theirs ? std::move(notes) : nullptr;
}

ClaimNotes::~ClaimNotes() { ::munmap(memory_, sizeof(Memory)); }

std::atomic<std::uint32_t>& ClaimNotes::place_of(std::uint32_t number) noexcept {
  return memory_->places[number % place_count];
}

bool ClaimNotes::note(std::uint32_t number) noexcept {
  std::uint32_t none = 0;
  return place_of(number).compare_exchange_strong(none, note_of(number, not_begun));
}

bool ClaimNotes::begin(std::uint32_t number) noexcept {
  std::uint32_t noted = note_of(number, not_begun);
  return place_of(number).compare_exchange_strong(noted, 0);
}

void ClaimNotes::finish(std::uint32_t number) noexcept {
  std::uint32_t none = 0;  // Where another claim has the place by now, it is known to have begun, and no more.
  place_of(number).compare_exchange_strong(none, note_of(number, is_done));
}

void ClaimNotes::forget(std::uint32_t number) noexcept {
  std::uint32_t noted = place_of(number).load();
  const bool is_its_own = noted != 0 && noted >> 2U == number >> place_bits;
  if (is_its_own) place_of(number).compare_exchange_strong(noted, 0);
}

core::ClaimFate ClaimNotes::settle(std::uint32_t number) noexcept {
  std::uint32_t noted = note_of(number, not_begun);
  if (place_of(number).compare_exchange_strong(noted, note_of(number, never_begins))) return core::ClaimFate::not_begun;
  if (noted == note_of(number, never_begins)) return core::ClaimFate::not_begun;
  return noted == note_of(number, is_done) ? core::ClaimFate::done : core::ClaimFate::begun;
}

}  // namespace fanfold::sqlite
