#pragma once

#include <fanfold/options.hpp>
#include <fanfold/ports/ledger.hpp>
#include <fanfold/ports/queue.hpp>
#include <fanfold/sqs_event.hpp>

#include <functional>
#include <memory>

namespace fanfold {

struct Handlers;

/// Why one task is still open, and what to do: one line each.
struct OpenReason {
  std::optional<std::uint64_t> index{};  ///< Empty for reasons that concern the whole cluster.
  std::uint64_t count = 1;               ///< How many tasks share it.
  std::string cause{};
  std::string remedy{};
};

/// What `verify` recounted and compared.
struct Verification {
  struct Check {
    std::string promise;  ///< What was checked, in words.
    bool holds = false;
    std::string found;  ///< The counts that say so.
  };
  std::vector<Check> checks{};
  Recount recount{};
  Progress progress{};
  [[nodiscard]] bool holds() const noexcept {
    for (const Check& check : checks) {
      if (!check.holds) return false;
    }
    return true;
  }
};

struct ErrorGroup {
  std::string fingerprint{};
  std::string code{};
  std::string message{};  ///< Of the first task met.
  std::uint64_t count = 0;
  std::uint64_t first_index = 0;
};

struct SweepReport {
  std::uint64_t cluster_count = 0;         ///< Looked at.
  std::uint64_t resent_count = 0;          ///< Tasks sent again.
  std::uint64_t dead_letter_count = 0;     ///< Messages found in dead-letter queues and dealt with.
  std::uint64_t failed_count = 0;          ///< Records failed because their attempts were used up.
  std::uint64_t finish_message_count = 0;  ///< Finish messages sent (again).
  std::uint64_t stopped_count = 0;         ///< By deadline.
  std::vector<std::string> reports{};      ///< For people: overdue, open without adds, orphaned.
  std::vector<std::string> denied{};       ///< Of these, a line for each queue that this caller may not look after.
};

struct GlobalsUpdate {
  MessageKey key{};
  std::string version{};  ///< Of the globals that this update left.
};

namespace detail {

/// Gives one task after the other; empty at the end.
using TaskSource = std::function<Result<std::optional<TaskData>>()>;
/// Old value (empty where there is none) → new value. May run more than once.
using JsonFunction = std::function<Result<Json>(const std::optional<Json>&)>;

struct NewCluster {
  std::string queue{};
  ClusterOptions options{};
  bool open = false;  ///< No seal at the end; `source` may be empty.
  std::optional<ParentTask> parent{};
};

struct OutgoingBody {
  Json body{};
  SendOptions options{};
};

/// The caller's right to complete a record; public as Claim.
struct ClaimTicket {
  RecordRef ref{};
  std::uint64_t index = 0;
  std::uint64_t token = 0;
  std::uint32_t attempt = 0;
  std::string queue_url{};
  std::string receipt_handle{};
};
struct ClaimReply {
  enum class State : std::uint8_t { complete, in_progress, claimed } state = State::complete;
  std::chrono::milliseconds busy_for{0};
  Status status = Status::complete;  ///< Of an ended record: complete or error.
  ClaimTicket ticket{};
};

/// Every operation in terms of JSON; the typed Client is a thin layer over it, the engine implements it.
/// Thread-safe; calls block. Keys have been given by users and are checked here.
class ClientCore {
 public:
  virtual ~ClientCore() = default;

  /// Decodes a record of an event, whose payload may have to be fetched. Errors: bad_input, unsupported_version; those
  /// of Queue::fetch_payloads.
  virtual Result<Delivery> read_record(const SqsRecord& record) const = 0;
  virtual Result<std::vector<SqsRecord>> receive(const std::string& queue, const ReceiveOptions& options,
                                                 std::stop_token stop) = 0;

  virtual Result<MessageRecord<Json, Json>> message_record(const MessageKey& key, Consistency consistency) = 0;
  virtual Result<MessageClusterRecord<Json, Json>> cluster_record(const MessageKey& key, Consistency consistency,
                                                                  bool with_task_lists) = 0;
  virtual Result<Json> globals(const MessageKey& key) = 0;
  virtual Result<Json> globals_at(const BucketParams& where) = 0;
  virtual Result<GlobalsUpdate> update_globals(const MessageKey& key, const JsonFunction& function) = 0;
  virtual Result<void> update_message_record(
      const MessageKey& key,
      const std::function<Result<MessageRecord<Json, Json>>(const MessageRecord<Json, Json>&)>& function) = 0;
  virtual Result<void> update_cluster_record(
      const MessageKey& key,
      const std::function<Result<MessageClusterRecord<Json, Json>>(const MessageClusterRecord<Json, Json>&)>&
          function) = 0;

  virtual Result<std::vector<Result<MessageKey>>> send(const std::string& queue,
                                                       std::span<const OutgoingBody> messages) = 0;

  virtual Result<MessageKey> create_cluster(const NewCluster& cluster, const TaskSource& source) = 0;
  virtual Result<AddedTasks> add(const MessageKey& cluster, const std::string& add_key, const TaskSource& source) = 0;
  virtual Result<void> seal(const MessageKey& cluster) = 0;

  virtual Result<ClaimReply> is_complete(const SqsRecord& record, const AttemptOptions& options) = 0;
  virtual Result<void> mark_complete(const ClaimTicket& ticket, const std::optional<Json>& result) = 0;
  virtual Result<void> mark_failed(const ClaimTicket& ticket, const std::string& reason) = 0;
  virtual Result<BatchResponse> process_batch(const SqsEvent& event, const Handlers& handlers,
                                              const BatchOptions& options) = 0;

  virtual Result<void> stop_cluster(const MessageKey& key, const std::string& reason) = 0;
  virtual Result<void> pause_cluster(const MessageKey& key) = 0;
  virtual Result<std::uint64_t> resume_cluster(const MessageKey& key) = 0;
  virtual Result<std::uint64_t> retry_failed(const MessageKey& key, const RetryOptions& options) = 0;
  virtual Result<void> retry_finish(const MessageKey& key) = 0;
  virtual Result<void> delete_cluster(const MessageKey& key, const DeleteOptions& options) = 0;
  virtual Result<void> fail_task(const MessageKey& task, const std::string& reason) = 0;

  virtual Result<Progress> progress(const MessageKey& key) = 0;
  virtual Result<TaskPage> list_tasks(const MessageKey& key, const TaskFilter& filter, std::uint64_t first_index,
                                      std::size_t count_max, TaskParts parts) = 0;
  virtual Result<ResultPage> results(const MessageKey& key, std::uint64_t first_index, std::size_t count_max) = 0;
  virtual Result<std::vector<AttemptOutput>> outputs(const MessageKey& task) = 0;
  virtual Result<FailedMessagePage> failed_messages(const std::string& queue, const std::string& cursor,
                                                    std::size_t count_max) = 0;
  virtual Result<ClusterPage> list_clusters(const ClusterQuery& query) = 0;
  virtual Result<ClusterHeader> cluster_header(const MessageKey& key) = 0;
  virtual Result<std::vector<ErrorGroup>> errors(const MessageKey& key) = 0;
  virtual Result<std::vector<OpenReason>> why(const MessageKey& key) = 0;
  virtual Result<Verification> verify(const MessageKey& key) = 0;
  virtual Result<SweepReport> sweep() = 0;

  virtual Queue& queue() = 0;
};

}  // namespace detail
}  // namespace fanfold
