#pragma once

#include "engine/store.hpp"

namespace fanfold::engine {

/// Who deletes the messages that are dealt with.
enum class Deletion : std::uint8_t {
  ours,  ///< We do.
  /// The caller (Lambda) deletes every message that is not among those kept. Messages that own a payload we delete
  /// with it: the payload has to go last, and a second deletion of the message does no harm.
  callers
};

/// Deletes messages that are dealt with, not at once but together with others. Thread-safe; calls block.
class Deletions {
 public:
  virtual ~Deletions() = default;
  /// The error is of some messages handed in before, perhaps by others; those come back by themselves.
  virtual Result<void> add(std::string_view url, std::vector<std::string> receipt_handles) = 0;
};

/// Gathers what becomes of the messages of one batch from one queue, and does it in few calls. Not thread-safe.
class Settlement {
 public:
  /// `url` is borrowed. `receive_count_max` is the queue's redrive policy, empty without one.
  Settlement(Store& store, std::string_view url, std::optional<std::uint32_t> receive_count_max, Deletion deletion)
      : store_(store), url_(url), receive_count_max_(receive_count_max), deletion_(deletion) {}

  /// The message is dealt with. Takes the receipt.
  void remove(Delivery& delivery);
  /// The message is to be seen again after `hidden`. Where the redrive policy allows no further receive it is sent
  /// again as a new message and then deleted, in this order. Takes the receipt, and the content where it is sent again.
  void put_back(Delivery& delivery, std::chrono::milliseconds hidden);
  /// The message stays as it is, with its visibility: it is not ours any more, or nothing can be told.
  void leave(Delivery& delivery) { keep(delivery.message_id); }

  /// Whether the queue delivers it once more if it is left.
  [[nodiscard]] bool is_received_again(const Delivery& delivery) const noexcept;

  /// Whether deleting it is ours, and the message all that is to be deleted.
  [[nodiscard]] bool deletes_alone(const Delivery& delivery) const noexcept {
    return deletion_ == Deletion::ours && !delivery.owns_payload;
  }

  /// Does what was gathered, answers the first error. What could not be done comes back by itself when its visibility
  /// ends.
  Result<void> flush();

  /// Message ids that stay in the queue; complete after `flush`.
  [[nodiscard]] std::vector<std::string>& kept() noexcept { return kept_; }
  void collect_kept() noexcept { collects_kept_ = true; }
  /// Deletes by `deletions`, which is borrowed, where the queue is no FIFO queue: there the rest of the group waits for
  /// the deletion.
  void delete_by(Deletions* deletions) noexcept { deletions_ = deletions; }

 private:
  struct Resend {
    OutgoingMessage message{};
    std::string receipt_handle{};  ///< Empty where the caller deletes it.
    std::string message_id{};
  };

  void keep(std::string& message_id) {
    if (collects_kept_) kept_.push_back(std::move(message_id));
  }
  [[nodiscard]] bool deletes(const Delivery& delivery) const noexcept;
  Result<void> send_again();
  Result<void> change_visibility();
  Result<void> delete_messages();

  Store& store_;
  std::string_view url_;
  std::optional<std::uint32_t> receive_count_max_;
  Deletion deletion_;
  Deletions* deletions_ = nullptr;
  bool collects_kept_ = false;
  std::vector<std::string> removed_;
  std::vector<VisibilityChange> changes_;
  std::vector<Resend> resends_;
  std::vector<std::string> kept_;
};

}  // namespace fanfold::engine
