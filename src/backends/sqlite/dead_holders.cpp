#include "backends/sqlite/dead_holders.hpp"

#include <algorithm>

#include <fcntl.h>
#include <unistd.h>

namespace fanfold::sqlite {

namespace {

/// The holders' file, as one looks at it who takes no slot.
class HoldersFile {
 public:
  explicit HoldersFile(const std::filesystem::path& file)
      : descriptor_(::open((file.string() + "-holders").c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~HoldersFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  HoldersFile(const HoldersFile&) = delete;
  HoldersFile& operator=(const HoldersFile&) = delete;
  [[nodiscard]] bool is_alive(std::uint32_t slot) const noexcept {
    return descriptor_ < 0 || Holder::is_locked(descriptor_, slot);
  }

 private:
  int descriptor_;
};

}  // namespace

DeadHolders DeadHolders::look(Store& store) {
  DeadHolders dead;
  auto known = store.read([](Connection& connection) -> Result<std::vector<Slot>> {
    std::vector<Slot> slots;
    Rows rows(connection, "SELECT slot, generation FROM holder");
    while (rows.next()) slots.push_back({static_cast<std::uint32_t>(rows.integer(0)), rows.count(1)});
    return slots;
  });
  if (!known || known->empty()) return dead;
  if (const Holder* holder = store.holder()) {
    std::ranges::copy_if(*known, std::back_inserter(dead.slots_),
                         [&](const Slot& slot) { return !holder->is_alive(slot.number); });
    return dead;
  }
  const HoldersFile file(store.options().file);
  std::ranges::copy_if(*known, std::back_inserter(dead.slots_),
                       [&](const Slot& slot) { return !file.is_alive(slot.number); });
  return dead;
}

bool DeadHolders::holds(const core::Cell& cell) const noexcept {
  if (cell.state != core::Cell::State::leased) return false;
  return std::ranges::any_of(slots_, [&](const Slot& slot) {
    return slot.number == slot_of_token(cell.token) && slot.generation == generation_of_token(cell.token);
  });
}

}  // namespace fanfold::sqlite
