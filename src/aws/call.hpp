#pragma once

#include "aws/call_counts.hpp"
#include "aws/credentials.hpp"
#include "aws/endpoint.hpp"
#include "aws/outage_notice.hpp"
#include "aws/service_error.hpp"
#include "aws/service_time.hpp"
#include "net/http_client.hpp"
#include "net/retry.hpp"
#include "net/sigv4.hpp"

#include <fanfold/detail/json_reader.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

/// Calls to AWS services.
///
/// How to add an operation: derive from JsonCall (SQS, DynamoDB) or Call (S3), check the service's limits and write the
/// request in the constructor, read the answer in `decode_json` or `decode`, and keep what was read in the object:
///
///   class DeleteMessage final : public JsonCall {
///    public:
///     DeleteMessage(Service& sqs, std::string_view queue_url, std::string_view receipt)
///         : JsonCall(sqs, "AmazonSQS", "DeleteMessage", write(queue_url, receipt)) {}
///    private:
///     Result<void> decode_json(detail::JsonValue root) override { … json_error_missing(root, "Successful") … }
///   };
///   DeleteMessage call(sqs, url, receipt);
///   sqs.run(call, {.stop = stop, .deadline = deadline});
///   if (call.answer().error) …
///
/// `decode` sees answers with a 2xx status alone. An error from it means that the answer is not what the service
/// documents: the call is tried again as if the connection had broken, and ends as unavailable. Rows that the service
/// says failed (HTTP 200 with failed or unprocessed entries) are no such error; they belong to the operation.
namespace fanfold::aws {

/// A service at one endpoint: signs, retries, classifies. Thread-safe. What the constructor borrows outlives it.
class Service {
 public:
  struct Options {
    std::string name{};  ///< "sqs": names the service in signatures and messages.
    Protocol protocol = Protocol::json;
    Endpoint endpoint{};
    net::RetryPolicy retry{};
    OutageNotice::Warn warn{};  ///< Told by calls that go on trying; from their threads.
  };

  /// Without credentials requests are sent unsigned.
  Service(Options options, net::HttpClient& http, ServiceTime& time, CredentialSource* credentials);

  /// Drives one call to its end. Blocks.
  void run(net::Exchange& call, const net::RunOptions& options) { http_.run(call, options); }
  /// Drives many calls, `options.in_flight_max` at a time.
  void run(net::ExchangeSource& calls, const net::RunOptions& options) { http_.run(calls, options); }
  /// The same for calls that are there already. Those that stop or deadline left unbegun have no attempt and an error.
  template <class C>
  void run_all(std::span<C> calls, const net::RunOptions& options);

  [[nodiscard]] const Options& options() const noexcept { return options_; }

 private:
  friend class Call;

  const Options options_;
  const std::string origin_;
  const std::string authority_;
  net::HttpClient& http_;
  ServiceTime& time_;
  CredentialSource* credentials_;
  net::RequestSigner signer_;
  net::RetryBudget budget_;
  OutageNotice outage_;
};

/// What is asked of a service.
struct ServiceRequest {
  std::string operation{};  ///< "PutObject": for messages.
  std::string method = "POST";
  std::optional<net::Url> url{};  ///< Where it is not the service's own endpoint: a bucket's address.
  std::string path = "/";         ///< Percent-encoded once.
  std::string query{};            ///< As net::query_text makes it.
  net::RequestHeaders headers{};  ///< All are signed.
  std::string body{};
  std::chrono::milliseconds timeout{30'000};  ///< Of one attempt; a long poll needs more than its wait.
  std::chrono::milliseconds wait{};           ///< Of a long poll: an answer is expected some seconds after it.
  std::size_t response_bytes_max = net::response_bytes_max_default;
};

/// What became of a call, all attempts taken together.
struct Answer {
  std::optional<Error> error{};  ///< As ServiceFailure::error or net::HttpOutcome::error.
  std::string service_code{};    ///< Where the service refused: its word for it, "ConditionalCheckFailedException".
  net::HttpResponse response{};  ///< The last answer that the service itself gave, refusals included. May hold what
                                 ///< must not be shown.
  std::uint32_t attempt_count = 0;
  /// An attempt whose answer never came may have been applied, besides what the answer says. So a conditional
  /// write that is refused may have been refused by its own earlier copy.
  bool may_have_been_applied = false;

  [[nodiscard]] Result<void> check() const {
    if (error) return *error;
    return {};
  }
};

/// One call with its attempts. Used once, by one thread.
class Call : public net::Exchange {
 public:
  /// `service` outlives the call.
  Call(Service& service, ServiceRequest request);
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  [[nodiscard]] const Answer& answer() const noexcept { return answer_; }
  [[nodiscard]] Answer& answer() noexcept { return answer_; }

  const net::HttpRequest* begin(const net::RunOptions& options) final;
  void is_slow() final;
  std::optional<std::chrono::milliseconds> ended(net::HttpOutcome outcome, const net::RunOptions& options) final;

 protected:
  /// Reads an answer with a 2xx status; errors: bad_input. Called again with the next attempt's answer where it fails.
  virtual Result<void> decode(const net::HttpResponse& response);
  /// Keeps a secret that the request carries out of what the service says about it.
  void hide(net::Secret secret) { hidden_.push_back(std::move(secret)); }
  /// "sqs SendMessageBatch"
  [[nodiscard]] std::string operation() const { return service_.options_.name + " " + request_.operation; }

 private:
  enum class Mend : std::uint8_t { none, clock, credentials };

  [[nodiscard]] net::AttemptEnd judge(net::HttpOutcome& outcome);
  [[nodiscard]] net::AttemptEnd judge_refusal(net::HttpOutcome& outcome);
  [[nodiscard]] net::AttemptEnd judge_success(net::HttpOutcome& outcome);
  [[nodiscard]] bool is_clock_wrong() const;
  void protect_detail();
  void note_outage(net::AttemptEnd end, bool was_answered);
  void count(CallEnd end, bool is_last);

  Service& service_;
  ServiceRequest request_;
  std::string own_authority_;  // Where the request has an address of its own.
  std::string path_;
  net::HttpRequest attempt_;
  std::size_t header_count_;  // Of the request, before it is signed.
  net::Retry retry_;
  std::vector<net::Secret> hidden_;
  std::shared_ptr<const Credentials> credentials_;  // shared with the source and other calls
  std::chrono::sys_seconds signed_at_{};
  ServiceTime::Steady sent_at_{};
  std::optional<std::chrono::steady_clock::time_point> failing_since_;
  bool is_under_way_ = false;
  Mend mend_ = Mend::none;
  bool is_clock_mended_ = false;
  bool are_credentials_mended_ = false;
  Answer answer_;
};

/// A call of AWS JSON 1.0: `X-Amz-Target: AmazonSQS.SendMessageBatch`.
class JsonCall : public Call {
 public:
  JsonCall(Service& service, std::string_view target_prefix, std::string_view operation, std::string body,
           std::chrono::milliseconds timeout = std::chrono::milliseconds(30'000), std::chrono::milliseconds wait = {});

 protected:
  /// Reads the answer, an object. Views into it end with the call of this function.
  virtual Result<void> decode_json(detail::JsonValue root) = 0;
  /// Of the answer's text; to be raised in the constructor where an operation answers more.
  detail::JsonLimits limits_{};
  /// To be set where no body at all means the same as `{}`: SQS sends none where the operation answers nothing.
  /// Elsewhere an empty body is an answer that was cut off.
  bool may_answer_nothing_ = false;

 private:
  Result<void> decode(const net::HttpResponse& response) final;
};

namespace internal {

template <class C>
class SpanSource final : public net::ExchangeSource {
 public:
  explicit SpanSource(std::span<C> calls) : calls_(calls) {}
  net::Exchange* next() override { return taken_ == calls_.size() ? nullptr : &call(taken_++); }
  [[nodiscard]] std::size_t taken() const noexcept { return taken_; }
  [[nodiscard]] auto& call(std::size_t index) const {
    if constexpr (std::is_base_of_v<Call, C>) {
      return calls_[index];
    } else {
      return *calls_[index];
    }
  }

 private:
  std::span<C> calls_;
  std::size_t taken_ = 0;
};

}  // namespace internal

/// `C` is a call or a pointer to one.
template <class C>
void Service::run_all(std::span<C> calls, const net::RunOptions& options) {
  internal::SpanSource<C> source(calls);
  http_.run(source, options);
  for (std::size_t i = source.taken(); i < calls.size(); ++i) {
    source.call(i).answer().error =
        options.stop.stop_requested()
            ? Error{ErrorCode::cancelled, "stopped by the caller", {}}
            : Error{ErrorCode::deadline_exceeded, "the deadline ended before the call began", {}};
  }
}

}  // namespace fanfold::aws
