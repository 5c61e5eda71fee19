#pragma once

#include "backends/sqlite/file_lock.hpp"
#include "backends/sqlite/line_waiter.hpp"
#include "backends/sqlite/transaction.hpp"
#include "backends/sqlite/wake.hpp"
#include "backends/sqlite/wal_sync.hpp"

#include <fanfold/backends/sqlite.hpp>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace fanfold::sqlite {

/// Whether the answer may be given before the disk has it, under Durability::full. What only lives as long as some
/// process does (who received or claimed what, which a power cut makes void) need not wait.
enum class Sync : std::uint8_t { needed, not_needed };

/// Operations that one transaction carries at most, so that the write lock goes around.
inline constexpr std::size_t group_count_max = 1'024;
/// With fewer callers than this at once nobody is answered before the commit.
inline constexpr std::size_t early_count_min = 6;
/// How long a transaction stays open for those who were.
inline constexpr std::chrono::microseconds early_time_max{400};
/// The WAL is copied into the database when it is longer.
inline constexpr std::int64_t checkpoint_bytes = 8 * 1024 * 1024;

/// All writes of one open store. Callers hand in operations and wait; whoever finds nobody at work runs all that wait
/// in one transaction under the lock between processes. Thread-safe; calls block.
class CommitQueue {
 public:
  CommitQueue(Connection& connection, std::shared_ptr<Turnstile> turnstile, Wake& wake, const Options& options,
              std::chrono::microseconds early_time = early_time_max);
  CommitQueue(const CommitQueue&) = delete;
  CommitQueue& operator=(const CommitQueue&) = delete;

  /// Runs `operation(Transaction&) -> Result<T>` in a transaction. It decides before it writes, since its neighbours
  /// are committed even where it answers an error; and it may run twice, when the first transaction failed as a whole.
  /// Errors of its own: unavailable where other processes kept the lock for `Options::lock_wait_max`.
  template <class Operation>
  auto run(Sync sync, Operation&& operation) -> std::invoke_result_t<Operation, Transaction&> {
    using Answer = std::invoke_result_t<Operation, Transaction&>;
    Request request;
    request.sync = sync;
    return run_request(request, operation, [](const Answer&) { return false; });
  }

  /// The same for an operation of whose effects nothing has to be left where they are not committed, and that waits for
  /// no disk. Where many callers are answered so, they are answered once their operations have run and before the
  /// commit, if `is_early(answer)`; what they hand in next is in the same transaction. Should its commit fail, the
  /// operation is void, and nobody is told.
  template <class Operation, class IsEarly>
  auto run_early(Operation&& operation, IsEarly&& is_early) -> std::invoke_result_t<Operation, Transaction&> {
    Request request;
    request.sync = Sync::not_needed;
    request.may_be_early = true;
    return run_request(request, operation, is_early);
  }

  /// The turnstile is held already, by the caller, who is the only thread there is: the next transaction begins with
  /// it and gives it back.
  void take_over_lock() noexcept { has_lock_ = true; }

  /// Opens what later calls need to wait for the disk, where they do. The caller is the only thread there is, and
  /// something was written. Errors: those of WalSync::open.
  [[nodiscard]] Result<void> open_log() {
    return options_.durability == Durability::full ? wal_sync_.open() : Result<void>();
  }

  /// Calls that wait for their answer at this moment.
  [[nodiscard]] std::size_t waiting_count();

  /// Blocks until what was committed here before is on the disk, under Durability::full: so that nobody is told of what
  /// a power cut could still take. Errors: those of WalSync::run.
  [[nodiscard]] Result<void> settled();
  /// The same of what any process committed: for what this one acts on where a power cut would not take that, too.
  [[nodiscard]] Result<void> settled_by_all();

  /// Copies the WAL into the database and empties it, where nobody is in the way. The caller is the only thread there
  /// is. Errors: unavailable where the disk failed.
  [[nodiscard]] Result<void> checkpoint_for_good();

 private:
  struct Request {
    Sync sync = Sync::needed;
    void* context = nullptr;
    void (*step)(void* context, Transaction& transaction) = nullptr;
    std::optional<Error> error{};
    bool may_be_early = false;
    bool is_early = false;  // Its answer needs no commit: set by the step.
    enum State : std::uint32_t { waiting, leading, syncing, finished };
    std::atomic<std::uint32_t> state{waiting};
  };

  /// What one transaction carries. Whoever was answered before the commit is no longer among the requests.
  struct Group {
    std::vector<Request*> requests{};
    const Request* leader = nullptr;  // Whose caller commits, so that nothing is won by answering it; null for nobody.
    bool is_promised = false;         // Somebody was promised to find it on the disk.
    bool was_answered = false;        // Somebody before the commit.
  };

  enum class Successor : std::uint8_t { caller, line_waiter };

  template <class Operation, class IsEarly>
  auto run_request(Request& request, Operation& operation, IsEarly&& is_early)
      -> std::invoke_result_t<Operation&, Transaction&> {
    using Answer = std::invoke_result_t<Operation&, Transaction&>;
    std::optional<Answer> answer;
    auto step = [&](Transaction& transaction) {
      answer.emplace(operation(transaction));
      request.is_early = is_early(*answer);
    };
    request.context = &step;
    request.step = [](void* context, Transaction& transaction) {
      (*static_cast<decltype(step)*>(context))(transaction);
    };
    submit(request);
    if (request.error) return std::move(*request.error);
    return std::move(*answer);
  }

  enum class Whose : std::uint8_t { own, everybodys };
  [[nodiscard]] Result<void> wait_for_disk(Whose whose);
  void submit(Request& request);
  void wait(Request& request);
  [[nodiscard]] bool withdraw(Request& request);
  void lead(const Request& leader);
  /// With the lock held, which is given back.
  void lead_locked(const Result<void>& locked, Successor successor, const Request* leader);
  /// Under mutex_: moves what waits into the group.
  void take_into(Group& group);
  void pass_leadership(Successor successor);
  /// Waits a moment for those who wrote just now and are likely to again, so that they share a transaction.
  void gather();
  /// Those that need not wait for the disk are finished, the others lined up for the next sync.
  void settle(const Group& group, const std::optional<Error>& error);
  [[nodiscard]] bool is_promised(const Request& request) const;
  /// Under mutex_: lines the requests up for the disk.
  void await_sync(std::span<Request* const> requests);
  void sync();
  void finish(std::span<Request* const> group);
  void commit(Group& group);
  struct Failure {
    Error error;
    bool has_begun = true;  ///< Else no transaction could be begun, whatever was to be done in it.
  };
  [[nodiscard]] std::optional<Failure> try_commit(Group& group);
  /// Runs the steps of the group's requests from `first` on, those that may be early first, and answers these where
  /// there are many callers and `may_answer`. The answer counts them.
  [[nodiscard]] std::size_t run_steps(Group& group, std::size_t first, bool may_answer, Transaction& transaction);
  [[nodiscard]] std::size_t answer_early(Group& group, std::size_t first, std::size_t last);
  /// Takes into the group what comes next of so many who were answered, and whatever else has come.
  void take_next(Group& group, std::size_t answered_count);
  void begin();
  /// What is to be said about it, empty for nothing.
  [[nodiscard]] std::string checkpoint_when_due();
  /// Whether it is time for one, which counts as said.
  [[nodiscard]] bool take_warning(std::chrono::steady_clock::time_point now);
  [[nodiscard]] std::string note_pinned(int page_count);
  [[nodiscard]] std::string note_not_copied(const Error& error);

  Connection& connection_;
  std::shared_ptr<Turnstile> turnstile_;  // Shared with the line waiter's thread.
  Wake& wake_;
  const Options options_;
  const std::chrono::microseconds early_time_;

  std::mutex mutex_;
  std::condition_variable gathered_;
  std::deque<Request*> requests_;   // Guarded by mutex_, as are the next twelve.
  std::vector<Request*> unsynced_;  // Committed, not on the disk.
  std::optional<Error> broken_;     // What every call gets, once a sync has failed.
  bool is_led_ = false;
  bool is_syncing_ = false;
  std::uint64_t begun_count_ = 0;  // Groups that somebody was promised to find on the disk: begun, committed, synced.
  std::uint64_t committed_count_ = 0;
  std::uint64_t synced_count_ = 0;
  std::size_t inside_count_ = 0;                         // Calls that wait, for a commit or for the disk.
  std::size_t inside_peak_ = 0;                          // The most of late.
  std::chrono::steady_clock::duration sync_time_{};      // Of the last sync.
  std::size_t wanted_count_ = 0;                         // How many the leader gathers, 0 while it does not.
  std::chrono::steady_clock::time_point answered_at_{};  // When somebody last got an answer, who may come again.

  WalSync wal_sync_;  // Whose state is `syncing`.

  // The leader's alone.
  bool has_lock_ = false;  // From before.
  int wal_page_count_ = 0;
  int checkpoint_tried_at_ = 0;
  std::optional<std::chrono::steady_clock::time_point> pinned_since_{};
  std::optional<std::chrono::steady_clock::time_point> warned_at_{};
  std::size_t early_pause_ = 0;  // Groups from which nobody is answered before the commit, since few came back.

  LineWaiter line_waiter_;  // Last, so that it stops before all that it uses goes.
};

}  // namespace fanfold::sqlite
