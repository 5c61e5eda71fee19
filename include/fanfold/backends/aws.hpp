#pragma once

#include <fanfold/client.hpp>

#include <atomic>
#include <functional>

namespace fanfold::aws {

/// What a store used since it was opened: calls, each counted once however often it was tried.
struct Usage {
  std::atomic<std::uint64_t> sqs_send_count{0};
  std::atomic<std::uint64_t> sqs_receive_count{0};
  std::atomic<std::uint64_t> sqs_delete_count{0};
  std::atomic<std::uint64_t> sqs_visibility_count{0};
  std::atomic<std::uint64_t> sqs_other_count{0};
  std::atomic<std::uint64_t> dynamodb_call_count{0};
  /// Of a write unit, as the service says. Of what a refused write takes it says nothing.
  std::atomic<std::uint64_t> dynamodb_write_thousandths{0};
  std::atomic<std::uint64_t> dynamodb_read_thousandths{0};  ///< Of a read unit.
  std::atomic<std::uint64_t> s3_put_count{0};
  std::atomic<std::uint64_t> s3_get_count{0};
  std::atomic<std::uint64_t> s3_delete_count{0};
};

/// Where the store is. What is left empty comes from the environment and the configuration files that all AWS tools
/// read (AWS_REGION, AWS_PROFILE, AWS_ENDPOINT_URL, …); credentials always do.
struct Options {
  std::string table{};   ///< Of DynamoDB. Else FANFOLD_TABLE, else "fanfold".
  std::string bucket{};  ///< Of S3: globals, payloads, long messages. Else FANFOLD_BUCKET; without one they stay in the
                         ///< table, and there are no globals.
  std::string region{};  ///< "eu-central-1"
  std::string profile{};           ///< Of ~/.aws/config.
  std::string endpoint{};          ///< "http://127.0.0.1:4566": for all services in place of AWS.
  std::shared_ptr<Usage> usage{};  ///< Where set, it is counted there, shared with the caller; DynamoDB is then asked
                                   ///< what each call costs.
  /// Told that a service throttles or does not answer while a call goes on trying, which may take a minute: once that
  /// has lasted 3 s (5 s where a request is taken and not answered), again after 30 s, and ever more seldom. Runs in
  /// whichever thread calls, and holds up what that thread drives, extensions of leases too: it is not to block. Must
  /// not throw.
  std::function<void(const std::string&)> warn{};
};

/// Messages in SQS, records and completion trees in one DynamoDB table, globals and payloads in one S3 bucket. Talks to
/// nobody yet, so that a missing table or a refused key shows at the first call. Errors: invalid_argument (no region,
/// an unknown profile, a name that no table or bucket can have), bad_input (a configuration file).
[[nodiscard]] Result<Client> open(const Options& options = {});
[[nodiscard]] Result<Backend> open_backend(const Options& options = {});

struct SetupOptions {
  Options store{};
  std::string queue{};  ///< Made where there is none, with its dead-letter queue. Empty: only table and bucket.
  std::uint32_t receive_count_max = 10;  ///< Of the queue, before a message goes to its dead-letter queue; 1 to 1,000.
                                         ///< Fewer than 10 are a warning.
  std::chrono::seconds visibility{30};   ///< 0 to 12 h.
  std::chrono::seconds retention{std::chrono::days{4}};  ///< 1 min to 14 days.
  std::uint64_t warm_write_units =
      0;  ///< Not 0: a table that takes so many write units a second from the start; costs once.
  bool accepts_lost_updates = false;  ///< Of a bucket whose server ignores conditions; else that is an error.
};

/// One of the things that setup sees to.
struct SetupResource {
  enum class State : std::uint8_t {
    made,
    there,   ///< And as it should be, as far as can be seen.
    warning  ///< It is there, and not as it should be.
  };
  std::string name{};  ///< "table fanfold"
  State state = State::there;
  std::string detail{};  ///< Of a warning: what is wrong with it.
};
struct SetupReport {
  std::vector<SetupResource> resources{};
  std::size_t made_count = 0;
  std::size_t warning_count = 0;
};

/// Creates the table (on demand, time to live, the index over clusters), the bucket and the queue with its dead-letter
/// queue. Idempotent: what is there is checked and left alone. Where an endpoint is configured, so that it may not be
/// AWS's own, conditional writes are tried on an item and an object that are removed again. Blocks until all can be
/// used, at most some minutes. What a service would refuse (names, numbers outside its limits) is refused
/// before anything is made. Errors: already_exists (a table or bucket of another kind or owner), invalid_argument
/// (also a server that writes in spite of conditions), permission_denied, those of open.
Result<SetupReport> setup(const SetupOptions& options);

}  // namespace fanfold::aws
