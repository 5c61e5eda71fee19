#pragma once

#include "engine/settlement.hpp"

#include <fanfold/handlers.hpp>
#include <fanfold/worker.hpp>

namespace fanfold::engine {

struct DispatchOptions {
  AttemptOptions attempts{};
  bool deduplicate = true;  ///< False: tasks and messages are not claimed; finish messages always are.
  Deletion deletion = Deletion::ours;
  Deletions* deletions = nullptr;  ///< Borrowed. Where set, it deletes the messages of standard queues.
  std::optional<Time> deadline{};  ///< Told to handlers where it is before the end of their lease.
  bool collect_kept = false;       ///< Fill `Tally::kept`.
  std::function<void(const WorkerEvent&)> on_event{};
};

/// What came of one call, for the caller to add up.
struct Tally {
  WorkerReport counts{};
  std::vector<std::string> kept{};       ///< Message ids that stay in the queue.
  bool failed = false;                   ///< Something failed, or stays: the rest of a FIFO group must not run.
  std::optional<Error> error{};          ///< The first error of the store; what it concerned comes back by itself.
  std::optional<Status> ended_status{};  ///< begin: of the last delivery whose record had ended.
  std::chrono::milliseconds hidden{0};   ///< begin: of the last delivery that was put back.
  bool waits_for_child = false;          ///< begin: the last delivery's task waits for a child cluster that runs.

  void note(const Error& first) {
    failed = true;
    if (!error) error = first;
  }
};

/// One delivery that is ours to run, beside its Delivery and EndRequest.
struct Assignment {
  const MessageHandler* on_message = nullptr;  ///< Of Dispatcher's handlers.
  const ClusterHandler* on_cluster =
      nullptr;                         ///< Cluster messages; null where nobody handles them: they end as they are.
  std::unique_ptr<Error> bad_input{};  ///< In place of a handler: why it cannot be run, ever.
  std::uint32_t attempts_max = 3;
  bool is_noted = false;          ///< Its attempt counts once it is begun (`Ledger::begin_noted`).
  bool watches_failures = false;  ///< Its cluster wants a notice of the first failure, or fails fast.
  bool alone = false;             ///< To be run with nothing else in hand in this process.
  Time claimed_at{};
  Time lease_end{};
  std::chrono::microseconds took{0};  ///< By the handler; measured only where somebody listens to events.
};

/// Deliveries that were claimed together, to be run one after another by one thread. The three lists are parallel.
struct Chunk {
  std::string url{};
  std::vector<Delivery> deliveries{};
  std::vector<EndRequest> ends{};
  std::vector<Assignment> assignments{};

  [[nodiscard]] std::size_t size() const noexcept { return ends.size(); }
  [[nodiscard]] bool empty() const noexcept { return ends.empty(); }
  /// Takes everything from `first` on into a chunk of its own.
  [[nodiscard]] Chunk split(std::size_t first);
  /// Takes those whose place in `wanted` is set, in order; the others close up.
  [[nodiscard]] Chunk take(const std::vector<bool>& wanted);
};

/// Errors: invalid_argument names the option that is out of its limits.
[[nodiscard]] Result<void> check_attempts(const AttemptOptions& options);

/// Whether the lease of this record may still be extended: not once its cluster was seen stopped, or in a later round,
/// which takes over what the stop kept from running. What is held may still end within its lease. Blocks where the
/// header is not cached.
[[nodiscard]] bool may_extend(Store& store, const RecordRef& ref);

/// True while this thread runs a user's handler.
[[nodiscard]] bool in_handler() noexcept;

/// What is done with deliveries, from their receipt to their deletion, in three steps, so that the caller decides which
/// thread does what and how many share a call: `begin` admits and claims, `run` calls the handler, `finish` ends,
/// follows up and deletes. Thread-safe but for the chunks, which belong to one thread at a time (different elements may
/// be run and finished at once).
class Dispatcher {
 public:
  /// All are borrowed but `core`, which handlers get as their Client.
  Dispatcher(Store& store, std::shared_ptr<detail::ClientCore> core, const Handlers& handlers, DispatchOptions options)
      : store_(store), core_(std::move(core)), handlers_(handlers), options_(std::move(options)) {}

  /// Decides by content and header which may run, and claims these in one call. The chunk holds what is ours; all else
  /// is dealt with on return. Deliveries that were received before are to be given one at a time, so that a crash does
  /// not cost its neighbours an attempt. Blocks. An error of the store is in the tally; what was claimed all the same
  /// is in the chunk.
  Chunk begin(const std::string& url, std::vector<Delivery> deliveries, Tally& tally);

  /// To be called before anything is done for one, by whoever does not call `run`. False where it must not be: its
  /// lease was over and the claim given back; `finish` then gives back what is left of it.
  [[nodiscard]] bool may_begin(Chunk& chunk, std::size_t position) const;

  /// Runs the handler of one, where it may begin; what it throws and is derived from std::exception is its outcome.
  /// Finish messages read their cluster's record.
  void run(Chunk& chunk, std::size_t position, std::stop_token stop) const;

  /// Ends [first, last), all of which were run; then follows up on what that finished; then deletes. Blocks.
  void finish(Chunk& chunk, std::size_t first, std::size_t last, Tally& tally);

  /// Returns deliveries that were not begun, to be seen again at once, in order. Blocks.
  void put_back(const std::string& url, std::vector<Delivery> deliveries, Tally& tally);
  /// Ends claims of [first, last) without a verdict: leased by nobody from now on. Their attempts stay counted.
  void release(Chunk& chunk, std::size_t first, std::size_t last, Tally& tally);

  [[nodiscard]] Store& store() const noexcept { return store_; }
  [[nodiscard]] const DispatchOptions& options() const noexcept { return options_; }

 private:
  struct Batch;   // One call of begin.
  struct Ending;  // One call of finish.

  [[nodiscard]] Settlement settlement(const std::string& url);
  void settle(Settlement& settlement, Tally& tally);
  /// Only where somebody listens.
  void emit(WorkerEvent::Kind kind, const Delivery& delivery, std::uint32_t attempt, std::string_view detail,
            std::chrono::microseconds took = {}) const;
  void emit_error(const Delivery& delivery, const Error& error) const;
  [[nodiscard]] Outcome call_handler(const Chunk& chunk, std::size_t position, std::stop_token stop) const;

  Store& store_;
  std::shared_ptr<detail::ClientCore> core_;
  const Handlers& handlers_;
  DispatchOptions options_;
};

}  // namespace fanfold::engine
