#pragma once

#include "backends/sqlite/commit_queue.hpp"
#include "backends/sqlite/file_clock.hpp"
#include "backends/sqlite/file_system.hpp"
#include "backends/sqlite/holders.hpp"

#include <fanfold/ports/queue.hpp>

#include <condition_variable>
#include <shared_mutex>

namespace fanfold::sqlite {

/// Connections for reading that one store opens at most; further readers wait for one.
inline constexpr std::size_t reader_count_max = 8;

/// Read connections, opened as they are needed. Thread-safe.
class ReaderPool {
 public:
  ReaderPool(std::filesystem::path file, Access access) : file_(std::move(file)), access_(access) {}

  /// Runs `look(Connection&)` on one snapshot.
  template <class Look>
  auto run(Look&& look) -> std::invoke_result_t<Look, Connection&> {
    try {
      const Lease lease(*this);
      const Snapshot snapshot(*lease.connection);
      return look(*lease.connection);
    } catch (const StorageFailure& failure) {
      return failure.error;
    }
  }

  void close();
  /// What is opened from now on.
  void set_access(Access access) { access_ = access; }

 private:
  class Snapshot {
   public:
    explicit Snapshot(Connection& connection) : connection_(connection) { execute(connection_, "BEGIN"); }
    ~Snapshot() { static_cast<void>(connection_.try_run("ROLLBACK")); }
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;

   private:
    Connection& connection_;
  };

  struct Lease {
    explicit Lease(ReaderPool& from) : pool(from), connection(from.take()) {}
    ~Lease() { pool.give_back(std::move(connection)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    ReaderPool& pool;
    std::unique_ptr<Connection> connection;
  };

  [[nodiscard]] std::unique_ptr<Connection> take();
  void give_back(std::unique_ptr<Connection> connection);

  std::filesystem::path file_;
  Access access_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> free_;  // Guarded by mutex_, as is the next.
  std::size_t open_count_ = 0;
};

/// A queue as it was created; it never changes.
struct QueueInfo {
  Number number = 0;
  std::string name{};
  QueueAttributes attributes{};
  std::size_t bucket = 0;  ///< Of Wake.
};

/// One open file: what its ports share. Thread-safe.
class Store {
 public:
  /// `machine` is the clock that the file's follows. Errors: those of sqlite::open.
  [[nodiscard]] static Result<std::shared_ptr<Store>> open(const Options& options, std::shared_ptr<Clock> machine);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();

  template <class Operation>
  auto write(Sync sync, Operation&& operation) -> std::invoke_result_t<Operation, Transaction&> {
    if (is_a_parents()) return forked_while_open();
    if (!commits_) return Error{ErrorCode::read_only, "the store was opened for reading only", {}};
    return commits_->run(sync, std::forward<Operation>(operation));
  }
  /// As CommitQueue::run_early.
  template <class Operation, class IsEarly>
  auto write_early(Operation&& operation, IsEarly&& is_early) -> std::invoke_result_t<Operation, Transaction&> {
    if (is_a_parents()) return forked_while_open();
    if (!commits_) return Error{ErrorCode::read_only, "the store was opened for reading only", {}};
    return commits_->run_early(std::forward<Operation>(operation), std::forward<IsEarly>(is_early));
  }
  template <class Look>
  auto read(Look&& look) -> std::invoke_result_t<Look, Connection&> {
    if (is_a_parents()) return forked_while_open();
    return readers_.run(std::forward<Look>(look));
  }

  /// The same of what is on the disk, where that was promised: for what people are told.
  template <class Look>
  auto read_settled(Look&& look) -> std::invoke_result_t<Look, Connection&> {
    return read_settled(std::forward<Look>(look), [](const auto&) { return false; });
  }

  /// The same where `is_acted_on(*answer)` says that it is for what this process does outside of the file: then what
  /// other processes committed is waited for, too.
  template <class Look, class IsActedOn>
  auto read_settled(Look&& look, IsActedOn&& is_acted_on) -> std::invoke_result_t<Look, Connection&> {
    if (is_a_parents()) return forked_while_open();
    auto answer = readers_.run(std::forward<Look>(look));
    if (!commits_) return answer;
    // One wait: that for all is for this process's own, too.
    auto settled = answer && is_acted_on(*answer) ? commits_->settled_by_all() : commits_->settled();
    if (!settled) return std::move(settled).error();
    return answer;
  }

  /// Made with the attributes given where it is missing. Blocks only for a queue that was not asked for before.
  Result<std::shared_ptr<const QueueInfo>> ensure_queue(std::string_view name,
                                                        const QueueAttributes* attributes = nullptr);

  /// Gives free pages back to the file system, a little at a time.
  Result<void> compact();

  /// The file's: the machine's, but never set back.
  [[nodiscard]] Clock& clock() const noexcept { return *clock_; }
  [[nodiscard]] const std::shared_ptr<FileClock>& shared_clock() const noexcept { return clock_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }
  /// Null where the store was opened for reading only.
  [[nodiscard]] Wake* wake() const noexcept { return wake_.get(); }
  [[nodiscard]] Holder* holder() const noexcept { return holder_.get(); }

 private:
  Store(const Options& options, std::shared_ptr<Clock> machine);
  /// SQLite's connections, locks and our threads do not outlive a fork().
  [[nodiscard]] bool is_a_parents() const noexcept { return support::fork_count() != fork_count_; }
  [[nodiscard]] Result<void> open_for_writing();
  [[nodiscard]] Result<void> open_for_reading();
  [[nodiscard]] Result<void> check_for_reading();
  [[nodiscard]] bool has_log_left() const;
  void open_writer();
  /// Makes a store of the file, or brings it up to date. Where it succeeds, the write lock stays taken.
  [[nodiscard]] Result<void> prepare_file();
  [[nodiscard]] Result<void> lock_for_opening();
  [[nodiscard]] Result<void> take_holder_slot();
  [[nodiscard]] bool is_last_one();
  /// What the clock has shown stands in the file too: of a copy, or where `-wake` was removed.
  void remember_time(Connection& connection);
  void keep_time(Connection& connection);

  const std::uint64_t fork_count_ = support::fork_count();  // When it was opened.
  Options options_;
  std::shared_ptr<Clock> machine_;        // Shared with the file's clock.
  std::shared_ptr<ClockWords> words_;     // Shared with the clock of a store that is open for reading only.
  std::shared_ptr<FileClock> clock_;      // Shared with the clock port.
  std::shared_ptr<Turnstile> turnstile_;  // Shared with the commit queue.
  std::shared_ptr<Wake> wake_;            // Shared with the clock, whose words are in it.
  std::unique_ptr<Holder> holder_;
  std::unique_ptr<Connection> writer_;
  std::unique_ptr<CommitQueue> commits_;
  ReaderPool readers_;

  std::shared_mutex queues_mutex_;
  std::map<std::string, std::shared_ptr<const QueueInfo>, std::less<>>
      queues_;  // Guarded by queues_mutex_; infos are shared with calls under way.
};

/// UTC as the system has it.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Time now() override;
  void sleep_until(Time time, std::stop_token stop) override;
};

[[nodiscard]] std::unique_ptr<Queue> make_queue(std::shared_ptr<Store> store);
[[nodiscard]] std::unique_ptr<Ledger> make_ledger(std::shared_ptr<Store> store);
[[nodiscard]] std::unique_ptr<GlobalStore> make_global_store(std::shared_ptr<Store> store);

/// Frees what the processes of these slots hold, in pages, records and messages; forgets the slots. The answer counts
/// records.
[[nodiscard]] std::uint64_t release_slots(Transaction& transaction, Holder& holder,
                                          std::span<const std::uint32_t> slots, Time now);
/// Slots of processes that are gone.
[[nodiscard]] std::vector<std::uint32_t> dead_slots(Connection& connection, const Holder& holder);

/// Opens with a clock of the caller's, for tests.
[[nodiscard]] Result<Backend> open_backend_with_clock(const Options& options, std::shared_ptr<Clock> machine);

}  // namespace fanfold::sqlite
