#include "backends/sqlite/ledger.hpp"
#include "backends/sqlite/queue.hpp"

#include <algorithm>
#include <set>

namespace fanfold::sqlite {

namespace {

constexpr Number page_mask = (Number{1} << page_bits) - 1;

/// One process's leases and in-flight messages, given back.
class Release {
 public:
  Release(Transaction& transaction, const Holder& holder, std::uint32_t slot, Time now)
      : transaction_(transaction),
        connection_(transaction.connection()),
        holder_(holder),
        slot_(slot),
        signal_(holder.signal_of(slot)),
        now_(now) {}

  std::uint64_t run() {
    find();
    for (const Held<PageSlot>& task : tasks_) free_task(task);
    for (const Held<Number>& record : records_) free_record(record);
    for (const auto& [number, slot] : mails_) free_mail(number, slot);
    free_messages();
    for (ClusterRow* cluster : with_done_tasks_) finish_where_full(transaction_, *cluster, now_);
    return tasks_.size() + records_.size();
  }

 private:
  using PageSlot = std::pair<Number, std::size_t>;

  template <class Place>
  struct Held {
    Place place{};
    core::ClaimFate fate = core::ClaimFate::begun;
  };

  [[nodiscard]] bool is_held(const Cell& cell) const {
    return cell.state == Cell::State::leased && slot_of_token(cell.token) == slot_;
  }

  /// Only what was begun, and not done, may be to blame for a crash.
  [[nodiscard]] core::ClaimFate fate_of(const Cell& cell) {
    if (notes_generation_ != generation_of_token(cell.token)) {
      notes_generation_ = generation_of_token(cell.token);
      notes_ = holder_.notes_with(cell.token);
    }
    const core::ClaimFate fate = notes_ ? notes_->settle(number_of_token(cell.token)) : core::ClaimFate::begun;
    begun_count_ += fate == core::ClaimFate::begun ? 1 : 0;
    return fate;
  }

  void find() {
    std::vector<Number> held;
    {
      Rows rows(connection_, "SELECT number FROM page WHERE held > 0");
      while (rows.next()) held.push_back(rows.integer(0));
    }
    for (const Number number : held) {
      const SlotPage& slots = transaction_.page(number).slots;
      for (std::size_t slot = 0; slot < slots.size(); ++slot) {
        const Cell cell = slots.cell(slot);
        if (is_held(cell)) tasks_.push_back({{number, slot}, fate_of(cell)});
        const Mail mail = slots.mail(slot);
        if (mail.holder == slot_ && mail.is_in_flight(now_)) mails_.emplace_back(number, slot);
      }
    }
    Rows rows(connection_, "SELECT number, cell FROM record WHERE leased = 1");
    while (rows.next()) {
      if (rows.bytes(1).size() != cell_bytes) continue;
      const Cell cell = load_cell(rows.bytes(1).data());
      if (is_held(cell)) records_.push_back({rows.integer(0), fate_of(cell)});
    }
  }

  /// What was in hand alone is the culprit of a crash; of several each is tried with nothing beside it.
  void free_cell(Cell& cell, core::ClaimFate fate) const {
    if (fate != core::ClaimFate::begun) {
      cell = core::settle_claim(cell, fate, now_);
      return;
    }
    const bool is_culprit = signal_ != 0 && begun_count_ == 1;
    cell.state = is_culprit ? Cell::State::crashed : Cell::State::free;
    cell.token = is_culprit ? static_cast<std::uint64_t>(signal_) : 0;
    cell.time = Time();
    cell.alone = signal_ != 0;
  }

  void free_task(const Held<PageSlot>& task) {
    const auto [number, slot] = task.place;
    TaskPlace place{.tree = number >> page_bits, .page = &transaction_.page(number), .slot = slot};
    const Cell before = place.page->slots.cell(slot);
    Cell after = before;
    free_cell(after, task.fate);
    {
      Rows rows(connection_, "SELECT cluster, round FROM tree WHERE number = ?", place.tree);
      if (rows.next()) {
        place.cluster = transaction_.find_cluster(rows.integer(0));
        place.round = static_cast<std::uint32_t>(rows.integer(1));
      }
    }
    if (place.cluster == nullptr) {
      place.page->slots.set_cell(slot, after);
      place.page->is_changed = true;
      return;
    }
    place.position = static_cast<std::uint64_t>(number & page_mask) * page_slot_count + slot;
    put_task_cell(transaction_, place, before, after);
    if (task.fate == core::ClaimFate::done) with_done_tasks_.insert(place.cluster);
  }

  void free_record(const Held<Number>& record) {
    RecordRow row;
    row.number = record.place;
    {
      Rows rows(connection_, "SELECT cell, child FROM record WHERE number = ?", row.number);
      if (!rows.next() || rows.bytes(0).size() != cell_bytes) return;
      row.cell = load_cell(rows.bytes(0).data());
      row.child = rows.text(1);
    }
    free_cell(row.cell, record.fate);
    write_record_row(connection_, row, now_);
  }

  void free_mail(Number number, std::size_t slot) {
    StatePage& page = transaction_.page(number);
    Mail mail = page.slots.mail(slot);
    mail.visible_at = now_;
    mail.holder = 0;
    page.slots.set_mail(slot, mail);
    page.is_changed = true;
    announce(page.queue);
  }

  void free_messages() {
    struct HeldMessage {
      Number number = 0;
      Number queue = 0;
      std::optional<std::string> group_id{};
    };
    std::vector<HeldMessage> held;
    {
      Rows rows(connection_,
                "SELECT message.number, queue, group_id FROM queue CROSS JOIN message ON queue = queue.number "
                "WHERE visible_at > ? AND holder = ?",
                now_, slot_);
      while (rows.next()) {
        held.push_back({rows.integer(0), rows.integer(1), std::nullopt});
        if (!rows.is_null(2)) held.back().group_id = rows.text(2);
      }
    }
    for (const HeldMessage& message : held) {
      execute(connection_, "UPDATE message SET visible_at = ?, holder = 0 WHERE number = ?", now_, message.number);
    }
    for (const HeldMessage& message : held) {
      if (message.group_id) settle_group(connection_, message.queue, *message.group_id, now_);
      announce(message.queue);
    }
  }

  void announce(Number queue) {
    Rows rows(connection_, "SELECT name FROM queue WHERE number = ?", queue);
    if (rows.next()) transaction_.announce(Wake::bucket_of(rows.bytes(0)));
  }

  Transaction& transaction_;
  Connection& connection_;
  const Holder& holder_;
  std::uint32_t slot_;
  int signal_;
  Time now_;
  std::vector<Held<PageSlot>> tasks_;
  std::vector<PageSlot> mails_;
  std::vector<Held<Number>> records_;
  std::unique_ptr<ClaimNotes> notes_;  // Of the generation below; null where it has none.
  std::optional<std::uint64_t> notes_generation_;
  std::size_t begun_count_ = 0;
  std::set<ClusterRow*> with_done_tasks_;
};

}  // namespace

std::vector<std::uint32_t> dead_slots(Connection& connection, const Holder& holder) {
  std::vector<std::uint32_t> dead;
  Rows rows(connection, "SELECT slot FROM holder");
  while (rows.next()) {
    const auto slot = static_cast<std::uint32_t>(rows.integer(0));
    if (!holder.is_alive(slot)) dead.push_back(slot);
  }
  return dead;
}

std::uint64_t release_slots(Transaction& transaction, Holder& holder, std::span<const std::uint32_t> slots, Time now) {
  transaction.flush();  // What is held is looked up in the file.
  std::uint64_t count = 0;
  for (const std::uint32_t slot : slots) {
    count += Release(transaction, holder, slot, now).run();
    execute(transaction.connection(), "DELETE FROM holder WHERE slot = ?", slot);
  }
  return count;
}

Result<std::uint64_t> SqliteLedger::release_dead_holders(Time now) {
  Holder* holder = store_->holder();
  if (holder == nullptr) return std::uint64_t{0};
  auto dead = store_->read(
      [&](Connection& connection) -> Result<std::vector<std::uint32_t>> { return dead_slots(connection, *holder); });
  if (!dead) return std::move(dead).error();
  if (dead->empty()) return std::uint64_t{0};
  return store_->write(Sync::not_needed, [&](Transaction& transaction) -> Result<std::uint64_t> {
    // Again, under the lock: another process may have been faster, and the slot may be somebody's.
    const auto still_dead = dead_slots(transaction.connection(), *holder);
    return release_slots(transaction, *holder, still_dead, now);
  });
}

bool SqliteLedger::is_dead_holder(std::uint64_t token) {
  const Holder* holder = store_->holder();
  if (holder == nullptr || token == 0) return false;
  const std::uint32_t slot = slot_of_token(token);
  if (slot == holder->slot()) return generation_of_token(token) != holder->generation();
  auto known = store_->read([&](Connection& connection) -> Result<std::int64_t> {
    return query_number(connection, "SELECT generation FROM holder WHERE slot = ?", slot).value_or(-1);
  });
  if (!known) return false;
  return *known != static_cast<std::int64_t>(generation_of_token(token)) || !holder->is_alive(slot);
}

int SqliteLedger::crash_record_descriptor() const noexcept {
  const Holder* holder = store_->holder();
  return holder != nullptr ? holder->descriptor() : -1;
}

}  // namespace fanfold::sqlite
