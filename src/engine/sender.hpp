#pragma once

#include "engine/store.hpp"

namespace fanfold::engine {

/// A sender or sweeper that is not heard of for so long has lost its cluster to the next one.
inline constexpr std::chrono::milliseconds holder_lease{60'000};
/// Longest delay of a message (SQS's limit).
inline constexpr std::chrono::milliseconds send_delay_max{std::chrono::minutes{15}};
/// How often a task that the queue refuses for the moment is sent in all.
inline constexpr std::size_t send_try_count_max = 6;

/// Names this process and this use of it, for `sender` and `sweeper`.
[[nodiscard]] std::string new_holder(Store& store);
/// Whether another may take what `holder` held until `until`: nobody holds it, its time is over, or its process is
/// gone.
[[nodiscard]] bool is_free(Store& store, const std::string& holder, Time until, Time now);

[[nodiscard]] bool is_marked(const ClusterHeader& header, DueMark::Kind kind);
/// Waits for the process that sends what `kind` marks: until it has sent all, or may be taken for gone. Answers the
/// header as it is then. Blocks for as long as that process sends; where nobody can see that it died (AWS), up to
/// `holder_lease` after its last sign.
[[nodiscard]] Result<ClusterHeader> await_sender(Store& store, ClusterHeader header, DueMark::Kind kind);

/// Sends tasks of one cluster in batches, in the order given. A task that the queue refuses for good is failed for
/// good, by name. Not thread-safe; calls block.
class TaskSender {
 public:
  /// With a `holder`, the sender lease (which it must have) is renewed on the way; without one nobody is kept away.
  TaskSender(Store& store, const ClusterHeader& header, std::string holder);

  Result<void> send(std::uint64_t position, std::uint64_t index, std::chrono::milliseconds delay);
  /// Sends what is gathered. To be called at the end.
  Result<void> flush();
  /// All that is to be sent before this position has been sent, nothing is gathered: whoever renews the sender lease
  /// writes it down, so that a re-send that dies goes on from there.
  void set_place(std::uint64_t position) { place_ = position; }

  /// Another sender took over, or the round is over: nothing more is sent.
  [[nodiscard]] bool lost() const noexcept { return lost_; }
  [[nodiscard]] std::uint64_t sent_count() const noexcept { return sent_count_; }

 private:
  struct Entry {
    std::uint64_t position = 0;
    std::uint64_t index = 0;
    std::chrono::milliseconds delay{0};
  };

  Result<void> keep_lease();
  Result<std::vector<TaskData>> read_payloads() const;
  Result<void> send_batch(std::span<const TaskMessage> messages);
  Result<void> fail_refused(const Queue::TaskRefused& refused, std::uint64_t index);

  Store& store_;
  std::string url_;
  std::string holder_;
  TaskRangeMessage range_;
  Time renew_at_;
  std::vector<Entry> entries_;
  std::uint64_t sent_count_ = 0;
  std::optional<std::uint64_t> place_{};
  bool lost_ = false;
};

/// How far a re-send of this round came that was cut off, as a mark of its own; 0 where there is none.
[[nodiscard]] std::uint64_t place_of_resend(const ClusterHeader& header);
/// In place of the one that was there; 0 leaves none.
void put_place_of_resend(ClusterHeader& header, std::uint64_t position, Time now);

/// Removes these marks and `holder`'s sender lease, on condition that the cluster is still in `round`.
Result<void> clear_marks(Store& store, std::string_view id, std::uint32_t round, std::span<const DueMark> marks,
                         const std::string& holder);

/// Gives `holder`'s sender lease back where sending failed, so that the next one need not wait for its end; what is due
/// stays so. Where that fails too, the lease ends by itself.
void give_back_lease(Store& store, std::string_view id, const std::string& holder);

/// How long a message of this queue stays hidden once it is received: the pace of repairs. At least 30 s.
[[nodiscard]] std::chrono::milliseconds repair_pause(const QueueAttributes& queue);

}  // namespace fanfold::engine
