#include "backends/sqlite/header_codec.hpp"
#include "backends/sqlite/ledger.hpp"
#include "backends/sqlite/queue.hpp"

#include <algorithm>

namespace fanfold::sqlite {

namespace {

/// The page of this queue whose oldest message is visible longest; empty where none is visible.
std::optional<Number> first_due_page(Connection& connection, Number queue, Time now) {
  return query_number(
      connection,
      "SELECT number FROM page WHERE queue = ? AND next_visible_at IS NOT NULL AND next_visible_at <= ? "
      "ORDER BY next_visible_at, number LIMIT 1",
      queue, now);
}

void take_from_page(Transaction& transaction, StatePage& page, const QueueInfo& queue, const ReceiveOptions& options,
                    std::uint32_t holder, Time now, Taken& taken) {
  const Number tree = page.number >> page_bits;
  const std::uint64_t first_position =
      (static_cast<std::uint64_t>(page.number) & ((std::uint64_t{1} << page_bits) - 1)) * page_slot_count;
  const Time oldest_kept = now - queue.attributes.retention;
  page.is_changed = true;
  for (std::size_t slot = 0; slot < page.slots.size() && taken.slots.size() + taken.messages.size() < options.count_max;
       ++slot) {
    Mail mail = page.slots.mail(slot);
    if (!mail.is_present || mail.visible_at > now) continue;
    if (mail.sent_at <= oldest_kept) {
      mail.is_present = false;
    } else if (is_dead_letter(queue, mail.receive_count)) {
      bury_slot(transaction, queue, tree, first_position + slot, mail);
      mail.is_present = false;
    } else {
      mail.receive_count = std::min(mail.receive_count + 1, receive_count_most);
      // Not at once even where it is to stay visible: this very call would take it again.
      mail.visible_at = now + std::max(options.visibility, std::chrono::milliseconds(1));
      mail.holder = holder;
      taken.slots.push_back({tree, first_position + slot, mail});
    }
    page.slots.set_mail(slot, mail);
  }
}

/// Fills the deliveries of one page's slots, which all have the same tree.
class PageDelivery {
 public:
  PageDelivery(Connection& connection, Number cluster, const Envelope& common, std::span<const TakenSlot> slots)
      : connection_(connection), cluster_(cluster), common_(common), slots_(slots) {}

  void append_to(std::vector<Delivery>& deliveries) {
    find_indexes();
    const std::size_t begin = deliveries.size();
    for (std::size_t i = 0; i < slots_.size(); ++i) append(deliveries, slots_[i], indexes_[i]);
    std::size_t next = 0;
    visit_payloads(connection_, cluster_, indexes_.front(), indexes_.back() + 1,
                   [&](std::uint64_t index, std::string_view body, std::string_view) {
                     while (next < slots_.size() && indexes_[next] < index) ++next;
                     if (next == slots_.size()) return false;
                     if (indexes_[next] == index)
                       deliveries[begin + next].content->body = Json::from_valid_text(std::string(body));
                     return true;
                   });
  }

 private:
  void find_indexes() {
    indexes_.reserve(slots_.size());
    if (common_.round == 0) {
      for (const TakenSlot& slot : slots_) indexes_.push_back(slot.position);
      return;
    }
    const std::uint64_t first = slots_.front().position;
    const auto listed = read_round_indexes(connection_, slots_.front().tree, first, slots_.back().position - first + 1);
    for (const TakenSlot& slot : slots_)
      indexes_.push_back(slot.position - first < listed.size() ? listed[slot.position - first] : slot.position);
  }

  void append(std::vector<Delivery>& deliveries, const TakenSlot& slot, std::uint64_t index) {
    const Receipt receipt{true, slot.tree, slot.position, slot.mail.generation, slot.mail.receive_count};
    Delivery& delivery = deliveries.emplace_back();
    delivery.message_id = message_id_of(receipt);
    delivery.receipt_handle = receipt_text(receipt);
    delivery.receive_count = slot.mail.receive_count;
    delivery.sent_at = slot.mail.sent_at;
    delivery.visible_at = slot.mail.visible_at;
    Envelope& content = delivery.content.emplace(common_);
    content.position = slot.position;
    content.index = index;
  }

  Connection& connection_;
  Number cluster_;
  const Envelope& common_;
  std::span<const TakenSlot> slots_;
  std::vector<std::uint64_t> indexes_;
};

}  // namespace

Taken take_messages(Transaction& transaction, const QueueInfo& queue, const ReceiveOptions& options,
                    std::uint32_t holder, Time now) {
  transaction.flush();  // What is visible is looked up in the file.
  Taken taken;
  if (queue.attributes.fifo) {
    take_from_groups(transaction, queue, options, holder, now, taken);
    return taken;
  }
  // Oldest first, as far as whole pages allow, so that neither tasks nor single messages starve the others.
  const auto page = query_number(
      transaction.connection(), "SELECT min(next_visible_at) FROM page WHERE queue = ? AND next_visible_at IS NOT NULL",
      queue.number);
  if (page && to_time(*page) <= now) {
    take_from_rows(transaction, queue, options, holder, to_time(*page), now, taken);
    take_from_pages(transaction, queue, options, holder, now, taken);
  }
  take_from_rows(transaction, queue, options, holder, now, now, taken);
  return taken;
}

void take_from_pages(Transaction& transaction, const QueueInfo& queue, const ReceiveOptions& options,
                     std::uint32_t holder, Time now, Taken& taken) {
  while (taken.slots.size() + taken.messages.size() < options.count_max) {
    const auto number = first_due_page(transaction.connection(), queue.number, now);
    if (!number) return;
    take_from_page(transaction, transaction.page(*number), queue, options, holder, now, taken);
    transaction.flush();
  }
}

void deliver_slots(Connection& connection, const std::vector<TakenSlot>& slots, std::vector<Delivery>& deliveries) {
  deliveries.reserve(deliveries.size() + slots.size());
  Number tree = 0;
  Number cluster = 0;
  Envelope common;
  for (std::size_t begin = 0; begin < slots.size();) {
    std::size_t end = begin + 1;
    while (end < slots.size() &&
           page_number(slots[end].tree, slots[end].position) == page_number(slots[begin].tree, slots[begin].position))
      ++end;
    if (slots[begin].tree != tree) {
      tree = slots[begin].tree;
      Rows rows(connection, "SELECT cluster, common FROM tree WHERE number = ?", tree);
      auto decoded = rows.next() ? decode_common(rows.bytes(1)) : std::nullopt;
      if (decoded) {
        cluster = rows.integer(0);
        common = std::move(*decoded);
      } else {
        cluster = 0;  // Its cluster was deleted meanwhile: nothing of it is to be run.
      }
    }
    if (cluster != 0)
      PageDelivery(connection, cluster, common, std::span(slots).subspan(begin, end - begin)).append_to(deliveries);
    begin = end;
  }
}

std::optional<Time> next_visible_at(Connection& connection, const QueueInfo& queue) {
  std::optional<std::int64_t> next;
  const auto consider = [&](std::optional<std::int64_t> time) {
    if (time && (!next || *time < *next)) next = time;
  };
  if (queue.attributes.fifo) {
    consider(query_number(connection, "SELECT min(available_at) FROM fifo_group WHERE queue = ?", queue.number));
  } else {
    consider(query_number(connection,
                          "SELECT min(next_visible_at) FROM page WHERE queue = ? AND next_visible_at IS NOT NULL",
                          queue.number));
    consider(query_number(connection, "SELECT min(visible_at) FROM message WHERE queue = ?", queue.number));
  }
  if (!next) return std::nullopt;
  return to_time(*next);
}

}  // namespace fanfold::sqlite
