#include "aws/call.hpp"

#include "aws/call_counts.hpp"
#include "support/identifier.hpp"

#include <utility>

namespace fanfold::aws {
namespace {

using net::AttemptEnd;
using std::chrono::milliseconds;

/// Services take signatures whose time is up to five minutes off.
constexpr std::chrono::minutes clock_tolerance{4};
constexpr std::size_t detail_bytes_max = 1024;

AttemptEnd end_of(const Error& error) {
  return error.code == ErrorCode::unavailable ? AttemptEnd::transient : AttemptEnd::final;
}

/// `error`: of an attempt that failed. `was_answered`: by the service.
CallEnd counted_as(AttemptEnd end, const std::optional<Error>& error, bool was_answered) {
  switch (end) {
    case AttemptEnd::success: return CallEnd::ok;
    case AttemptEnd::throttled: return CallEnd::throttled;
    case AttemptEnd::transient: return CallEnd::failed;
    case AttemptEnd::final: break;
  }
  if (was_answered) return CallEnd::refused;
  const bool was_ours = error && (error->code == ErrorCode::cancelled || error->code == ErrorCode::deadline_exceeded);
  return was_ours ? CallEnd::cancelled : CallEnd::failed;
}

}  // namespace

Service::Service(Options options, net::HttpClient& http, ServiceTime& time, CredentialSource* credentials)
    : options_(std::move(options)),
      origin_(options_.endpoint.url.origin()),
      authority_(options_.endpoint.url.authority()),
      http_(http),
      time_(time),
      credentials_(credentials),
      signer_(options_.endpoint.region, options_.name),
      outage_(options_.warn) {}

Call::Call(Service& service, ServiceRequest request)
    : service_(service), request_(std::move(request)), retry_(service.options_.retry, service.budget_) {
  if (request_.url) own_authority_ = request_.url->authority();
  path_ = (request_.url ? request_.url->path : service.options_.endpoint.url.path) + request_.path;
  attempt_.method = request_.method;
  attempt_.url = (request_.url ? request_.url->origin() : service.origin_) + path_;
  if (!request_.query.empty()) attempt_.url.append("?").append(request_.query);
  attempt_.headers = std::move(request_.headers);
  header_count_ = attempt_.headers.size();
  attempt_.body = request_.body;
  attempt_.timeout = request_.timeout;
  if (service.options_.warn) attempt_.slow_after = request_.wait + OutageNotice::slow_after;
  attempt_.response_bytes_max = request_.response_bytes_max;
}

const net::HttpRequest* Call::begin(const net::RunOptions& options) {
  attempt_.headers.truncate(header_count_);
  if (service_.credentials_ != nullptr) {
    Result<std::shared_ptr<const Credentials>> credentials = service_.credentials_->get(options);
    if (!credentials.has_value()) {
      answer_.error = std::move(credentials).error();
      count_call(service_.options_.name, request_.operation, counted_as(AttemptEnd::final, answer_.error, false));
      return nullptr;
    }
    credentials_ = std::move(*credentials);
    signed_at_ = std::chrono::floor<std::chrono::seconds>(service_.time_.now());
    const std::string_view authority(request_.url ? own_authority_ : service_.authority_);
    service_.signer_.sign({request_.method, authority, path_, request_.query, request_.body},
                          {credentials_->access_key_id, credentials_->secret_access_key, credentials_->session_token},
                          signed_at_, attempt_.headers);
  }
  sent_at_ = std::chrono::steady_clock::now();
  is_under_way_ = true;
  return &attempt_;
}

std::optional<milliseconds> Call::ended(net::HttpOutcome outcome, const net::RunOptions& options) {
  answer_.may_have_been_applied = answer_.may_have_been_applied || outcome.was_sent_again;
  answer_.error.reset();
  answer_.service_code.clear();
  mend_ = Mend::none;
  const bool was_answered = !outcome.error;
  const AttemptEnd end = judge(outcome);
  protect_detail();
  note_outage(end, was_answered);
  net::Retry::Circumstances circumstances;
  if (end != AttemptEnd::success) {
    circumstances.random_unit = random_unit();
    circumstances.asked_delay = asked_delay_of(answer_.response);
    if (options.deadline)
      circumstances.time_left = std::chrono::floor<milliseconds>(*options.deadline - std::chrono::steady_clock::now());
  }
  const std::optional<milliseconds> delay = retry_.after(end, circumstances);
  answer_.attempt_count = retry_.attempt_count();
  count(counted_as(end, answer_.error, was_answered), mend_ == Mend::none && !delay);
  if (mend_ != Mend::none) return milliseconds(0);
  return delay;
}

/// A caller may give up between two attempts.
void Call::count(CallEnd end, bool is_last) {
  if (std::exchange(is_under_way_, false)) count_attempt(service_.options_.name, request_.operation, end);
  if (is_last) count_call(service_.options_.name, request_.operation, end);
}

AttemptEnd Call::judge(net::HttpOutcome& outcome) {
  if (outcome.error) {
    answer_.response = {};
    answer_.may_have_been_applied = answer_.may_have_been_applied || outcome.may_have_been_seen;
    const AttemptEnd end = end_of(*outcome.error);
    answer_.error = std::move(*outcome.error);
    answer_.error->message = operation() + ": " + answer_.error->message;
    return end;
  }
  const net::HttpResponse& response = outcome.response;
  if (!request_id_of(response).empty()) {
    if (const std::optional<std::string_view> date = response.headers.find("date")) {
      service_.time_.observe(*date, sent_at_, std::chrono::steady_clock::now());
    }
  }
  return response.status >= 200 && response.status < 300 ? judge_success(outcome) : judge_refusal(outcome);
}

AttemptEnd Call::judge_success(net::HttpOutcome& outcome) {
  Result<void> decoded = decode(outcome.response);
  answer_.response = std::move(outcome.response);
  if (decoded.has_value()) return AttemptEnd::success;
  answer_.may_have_been_applied = true;
  answer_.error = Error{ErrorCode::unavailable,
                        operation() + ": the answer is not what the service documents: " + decoded.error().message,
                        {}};
  return AttemptEnd::transient;
}

AttemptEnd Call::judge_refusal(net::HttpOutcome& outcome) {
  ServiceFailure failure = understand_failure(service_.options_.protocol, operation(), outcome.response);
  if (failure.end == AttemptEnd::transient && outcome.response.status >= 500) answer_.may_have_been_applied = true;
  answer_.error = std::move(failure.error);
  answer_.service_code = std::move(failure.service_code);
  answer_.response = std::move(outcome.response);
  if (failure.is_authentication && !is_clock_mended_ && is_clock_wrong()) {
    is_clock_mended_ = true;
    mend_ = Mend::clock;
  } else if (failure.are_credentials_expired && !are_credentials_mended_ && service_.credentials_ != nullptr) {
    are_credentials_mended_ = true;
    mend_ = Mend::credentials;
    service_.credentials_->reject(credentials_);
  }
  return failure.end;
}

/// The answer that refused the signature has just told the right time.
bool Call::is_clock_wrong() const {
  if (service_.credentials_ == nullptr) return false;
  const auto difference = service_.time_.now() - Time(signed_at_);
  return std::chrono::abs(difference) > clock_tolerance;
}

/// Refusals of signatures repeat what was sent, the session's token and the signature included.
void Call::protect_detail() {
  if (!answer_.error || answer_.error->remote_detail.empty()) return;
  std::string& detail = answer_.error->remote_detail;
  if (const std::string_view authorization = attempt_.headers.find("Authorization"); !authorization.empty()) {
    detail = redacted(std::move(detail), net::Secret(std::string(authorization)));
    detail = redacted(std::move(detail), net::Secret(std::string(authorization.substr(authorization.rfind('=') + 1))));
  }
  if (credentials_) {
    detail = redacted(std::move(detail), credentials_->session_token);
    detail = redacted(std::move(detail), credentials_->secret_access_key);
  }
  for (const net::Secret& secret : hidden_) detail = redacted(std::move(detail), secret);
  if (detail.size() > detail_bytes_max) detail.resize(detail_bytes_max);
}

void Call::is_slow() {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(attempt_.slow_after).count();
  service_.outage_.slow(operation() + ": no answer for " + std::to_string(seconds) + " s",
                        std::chrono::steady_clock::now());
}

/// Also of the last attempt: whoever called tries again by itself. A refusal is an answer of a service that works.
void Call::note_outage(AttemptEnd end, bool was_answered) {
  if (end != AttemptEnd::throttled && end != AttemptEnd::transient) {
    if (was_answered) service_.outage_.answered();
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  // A long poll may have waited for nothing but messages until its connection broke.
  const bool was_hanging = now - sent_at_ >= request_.timeout;
  if (!failing_since_) failing_since_ = was_hanging ? sent_at_ : now;
  service_.outage_.failed(*answer_.error, *failing_since_, now);
}

Result<void> Call::decode(const net::HttpResponse&) { return {}; }

namespace {

ServiceRequest json_request(std::string_view target_prefix, std::string_view operation, std::string body,
                            milliseconds timeout, milliseconds wait) {
  ServiceRequest request;
  request.operation = operation;
  request.headers.add("Content-Type", "application/x-amz-json-1.0");
  std::string target;
  target.reserve(target_prefix.size() + 1 + operation.size());
  target.append(target_prefix).append(".").append(operation);
  request.headers.add("X-Amz-Target", target);
  request.body = std::move(body);
  request.timeout = timeout;
  request.wait = wait;
  return request;
}

}  // namespace

JsonCall::JsonCall(Service& service, std::string_view target_prefix, std::string_view operation, std::string body,
                   milliseconds timeout, milliseconds wait)
    : Call(service, json_request(target_prefix, operation, std::move(body), timeout, wait)) {}

Result<void> JsonCall::decode(const net::HttpResponse& response) {
  if (is_of_query_protocol(response.body)) return Error{ErrorCode::bad_input, std::string(query_protocol_hint), {}};
  detail::JsonDocument document;
  const std::string_view body = may_answer_nothing_ && response.body.empty() ? "{}" : std::string_view(response.body);
  if (Result<void> read = document.read(body, limits_); !read.has_value()) return read;
  if (document.root().kind() != detail::JsonKind::object) return detail::json_error_expected(document.root(), "object");
  return decode_json(document.root());
}

}  // namespace fanfold::aws
