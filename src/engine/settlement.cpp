#include "engine/settlement.hpp"

#include "core/delivery.hpp"
#include "engine/sender.hpp"
#include "support/identifier.hpp"
#include "support/mutant.hpp"
#include "support/queue_name.hpp"

#include <algorithm>
#include <utility>

namespace fanfold::engine {

namespace {

void note_error(Result<void>& first, const Error& error) {
  if (first) first = error;
}

}  // namespace

void Settlement::remove(Delivery& delivery) {
  if (deletes(delivery)) removed_.push_back(std::move(delivery.receipt_handle));
}

bool Settlement::deletes(const Delivery& delivery) const noexcept {
  return deletion_ == Deletion::ours || delivery.owns_payload;
}

bool Settlement::is_received_again(const Delivery& delivery) const noexcept {
  return core::is_received_again(delivery.receive_count, receive_count_max_);
}

void Settlement::put_back(Delivery& delivery, std::chrono::milliseconds hidden) {
  if (is_received_again(delivery)) {
    changes_.push_back({std::move(delivery.receipt_handle), hidden});
    keep(delivery.message_id);
    return;
  }
  Resend& resend = resends_.emplace_back();
  if (delivery.content) {
    resend.message.content = std::move(*delivery.content);
  } else {
    resend.message.text = std::move(delivery.text);
    resend.message.content.trace = std::move(delivery.trace);
  }
  if (support::is_fifo(url_)) {
    resend.message.group_id = std::move(delivery.group_id);
    resend.message.deduplication_id = make_identifier(store_.now());
  } else {
    resend.message.delay = std::min(hidden, send_delay_max);
  }
  if (deletes(delivery)) resend.receipt_handle = std::move(delivery.receipt_handle);
  resend.message_id = std::move(delivery.message_id);
}

Result<void> Settlement::flush() {
  Result<void> first;
  if (auto sent = send_again(); !sent) note_error(first, sent.error());
  if (auto changed = change_visibility(); !changed) note_error(first, changed.error());
  if (auto deleted = delete_messages(); !deleted) note_error(first, deleted.error());
  return first;
}

Result<void> Settlement::send_again() {
  if (resends_.empty()) return {};
  std::vector<OutgoingMessage> messages;
  messages.reserve(resends_.size());
  for (Resend& resend : resends_) messages.push_back(std::move(resend.message));
  if (support::mutant("delete_before_resend")) {
    for (const Resend& resend : resends_) {
      if (!resend.receipt_handle.empty()) removed_.push_back(resend.receipt_handle);
    }
    if (auto deleted = delete_messages(); !deleted) return deleted;
  }
  // Not repeated where the answer is lost: a second copy would be harmless, but the old message does as well.
  auto sent = store_.queue().send(url_, messages);
  Result<void> first;
  if (!sent) first = sent.error();
  for (std::size_t i = 0; i < resends_.size(); ++i) {
    if (sent && (*sent)[i]) {
      if (!resends_[i].receipt_handle.empty()) removed_.push_back(std::move(resends_[i].receipt_handle));
      continue;
    }
    if (sent) note_error(first, (*sent)[i].error());
    keep(resends_[i].message_id);
  }
  resends_.clear();
  return first;
}

Result<void> Settlement::change_visibility() {
  if (changes_.empty()) return {};
  auto changed = with_patience(store_, [&] { return store_.queue().change_visibility(url_, changes_); });
  changes_.clear();
  // Without the permission the messages come back when their visibility ends, only later than they could.
  if (!changed && changed.error().code != ErrorCode::permission_denied) return std::move(changed).error();
  return {};
}

Result<void> Settlement::delete_messages() {
  if (removed_.empty()) return {};
  if (deletions_ != nullptr && !support::is_fifo(url_)) return deletions_->add(url_, std::exchange(removed_, {}));
  auto removed = with_patience(store_, [&] { return store_.queue().remove(url_, removed_); });
  removed_.clear();
  if (!removed) return std::move(removed).error();
  Result<void> first;
  for (const Result<void>& one : *removed) {
    if (!one) note_error(first, one.error());
  }
  return first;
}

}  // namespace fanfold::engine
