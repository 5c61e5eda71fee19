#include "backends/sqlite/holders.hpp"

#include "backends/sqlite/slot_page.hpp"
#include "support/identifier.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace fanfold::sqlite {

namespace {

struct flock byte_range(short type, std::uint32_t slot) noexcept {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(slot);
  range.l_len = 1;
  return range;
}

}  // namespace

Result<std::unique_ptr<Holder>> Holder::open(const std::filesystem::path& file) {
  auto opened = LockFile::open(file.string() + "-holders");
  if (!opened) return std::move(opened).error();
  return std::unique_ptr<Holder>(new Holder(std::move(*opened)));
}

Result<void> Holder::take_slot(const std::vector<std::uint32_t>& used_slots, std::uint64_t generation) {
  for (std::uint32_t slot = 1; slot <= holder_most; ++slot) {
    if (std::ranges::find(used_slots, slot) != used_slots.end()) continue;
    // The lock belongs to the open file, not to the process: another store in this process is another holder.
    struct flock range = byte_range(F_WRLCK, slot);
    if (::fcntl(file_.descriptor(), F_OFD_SETLK, &range) != 0) {
      if (errno == EAGAIN || errno == EACCES) continue;
      return error_of_errno(errno, "locking a slot of the holders' file");
    }
    const char no_signal = 0;
    if (::pwrite(file_.descriptor(), &no_signal, 1, slot) != 1)
      return error_of_errno(errno, "writing the holders' file");
    // Where whoever notes a crash writes it.
    ::lseek(file_.descriptor(), static_cast<off_t>(slot), SEEK_SET);
    slot_ = slot;
    generation_ = generation;
    token_count_ = static_cast<std::uint32_t>(random_bits());
    return {};
  }
  return Error{ErrorCode::unavailable, "more than " + std::to_string(holder_most) + " processes use the file", {}};
}

std::uint64_t Holder::new_token() noexcept {
  return static_cast<std::uint64_t>(slot_) << 52U | (generation_ & generation_mask) << 32U | token_count_.fetch_add(1);
}

ClaimNotes* Holder::notes() {
  std::call_once(notes_once_, [this] { notes_ = ClaimNotes::make(file_.descriptor(), slot_, generation_); });
  return notes_.get();
}

std::optional<std::uint64_t> Holder::new_noted_token() {
  // Of claims that wait long for their handler some may be in the way.
  constexpr int try_count = 1'024;
  ClaimNotes* own = notes();
  for (int count = 0; own != nullptr && count < try_count; ++count) {
    const std::uint64_t token = new_token();
    if (own->note(number_of_token(token))) return token;
  }
  return std::nullopt;
}

std::unique_ptr<ClaimNotes> Holder::notes_with(std::uint64_t token) const {
  return ClaimNotes::find(file_.descriptor(), slot_of_token(token), generation_of_token(token));
}

bool Holder::is_alive(std::uint32_t slot) const noexcept {
  return slot == slot_ || is_locked(file_.descriptor(), slot);
}

bool Holder::is_locked(int descriptor, std::uint32_t slot) noexcept {
  struct flock range = byte_range(F_WRLCK, slot);
  if (::fcntl(descriptor, F_OFD_GETLK, &range) != 0) return true;  // Who cannot tell must not free.
  return range.l_type != F_UNLCK;
}

int Holder::signal_of(std::uint32_t slot) const noexcept {
  char signal = 0;
  return ::pread(file_.descriptor(), &signal, 1, slot) == 1 ? static_cast<unsigned char>(signal) : 0;
}

}  // namespace fanfold::sqlite
