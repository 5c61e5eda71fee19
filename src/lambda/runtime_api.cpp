#include "lambda/runtime_api.hpp"

#include <functional>

namespace fanfold::lambda {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t next_try_count_max = 5;
constexpr std::size_t post_try_count_max = 4;
constexpr milliseconds first_pause{20};  // Doubled with each try: the other side is a process of the same machine.
constexpr milliseconds post_timeout{10'000};
constexpr int http_content_too_large = 413;
/// Events have at most 6 MB; text in them may be escaped once more.
constexpr std::size_t event_bytes_max = std::size_t{32} << 20U;

/// One call, made again while `judge` says that this attempt was none.
class Call final : public net::Exchange {
 public:
  enum class Verdict : std::uint8_t { final, again };
  using Judge = std::function<Verdict(const net::HttpOutcome&)>;

  Call(const net::HttpRequest& request, std::size_t try_count_max, Judge judge)
      : request_(request), try_count_max_(try_count_max), judge_(std::move(judge)) {}

  const net::HttpRequest* begin(const net::RunOptions&) override { return &request_; }
  std::optional<milliseconds> ended(net::HttpOutcome outcome, const net::RunOptions&) override {
    outcome_ = std::move(outcome);
    const bool ended = outcome_.error && outcome_.error->code == ErrorCode::cancelled;
    if (ended || ++try_count_ == try_count_max_ || judge_(outcome_) == Verdict::final) return std::nullopt;
    return first_pause * (1U << (try_count_ - 1));
  }

  [[nodiscard]] net::HttpOutcome& outcome() noexcept { return outcome_; }

 private:
  const net::HttpRequest& request_;
  std::size_t try_count_max_;
  Judge judge_;
  net::HttpOutcome outcome_{};
  std::size_t try_count_ = 0;
};

std::string_view request_id_of(const net::HttpResponse& response) {
  const auto id = response.headers.find("Lambda-Runtime-Aws-Request-Id");
  return id && is_request_id(*id) ? *id : std::string_view();
}

Error failure(std::string_view what, const net::HttpOutcome& outcome) {
  Error error{ErrorCode::unavailable, "the Runtime API " + std::string(what), {}};
  if (outcome.error) {
    error.message += ": " + outcome.error->message;
    error.remote_detail = outcome.error->remote_detail;
  } else {
    error.message += ": status " + std::to_string(outcome.response.status);
    error.remote_detail = outcome.response.body.substr(0, 1'024);
  }
  return error;
}

bool succeeded(const net::HttpOutcome& outcome) {
  return !outcome.error && outcome.response.status >= 200 && outcome.response.status < 300;
}

}  // namespace

RuntimeApi::RuntimeApi(const std::string& address)
    : base_("http://" + address + "/2018-06-01/runtime/"), http_(net::HttpClientOptions{}) {}

Result<Invocation> RuntimeApi::next(std::stop_token stop) {
  net::HttpRequest request;
  request.url = base_ + "invocation/next";
  request.timeout = milliseconds::zero();  // The process may be frozen for hours while it waits.
  request.response_bytes_max = event_bytes_max;
  request.without_proxy = true;
  Call call(request, next_try_count_max, [](const net::HttpOutcome& outcome) {
    const bool has_id = !request_id_of(outcome.response).empty();  // Also where the event behind it was cut off.
    const bool answered = !outcome.error && !succeeded(outcome);
    return has_id || answered ? Call::Verdict::final : Call::Verdict::again;
  });
  http_.run(call, {.stop = std::move(stop)});

  net::HttpOutcome& outcome = call.outcome();
  const std::string_view id = request_id_of(outcome.response);
  if (outcome.error && outcome.error->code == ErrorCode::cancelled) return *std::move(outcome.error);
  if (!outcome.error && !succeeded(outcome)) return failure("gives no event", outcome);
  if (id.empty()) {
    if (outcome.error) return failure("gives no event", outcome);
    return Error{ErrorCode::unavailable, "the Runtime API gives events without a request id", {}};
  }
  Invocation invocation;
  invocation.request_id = id;
  const net::ResponseHeaders& headers = outcome.response.headers;
  if (const auto trace = headers.find("Lambda-Runtime-Trace-Id")) invocation.trace_id = *trace;
  if (const auto deadline = headers.find("Lambda-Runtime-Deadline-Ms")) invocation.deadline = parse_deadline(*deadline);
  invocation.event = std::move(outcome.response.body);
  if (outcome.error) {
    invocation.damage = Error{ErrorCode::unavailable, "the event did not arrive whole: " + outcome.error->message, {}};
  }
  return invocation;
}

Result<RuntimeApi::Reception> RuntimeApi::respond(const std::string& request_id, const std::string& answer) {
  return post("invocation/" + request_id + "/response", answer, nullptr);
}

Result<RuntimeApi::Reception> RuntimeApi::report_error(const std::string& request_id, const Error& error) {
  return post("invocation/" + request_id + "/error", error_json(error), &error);
}

Result<void> RuntimeApi::report_init_error(const Error& error) {
  auto reception = post("init/error", error_json(error), &error);
  if (!reception) return std::move(reception).error();
  return {};
}

Result<RuntimeApi::Reception> RuntimeApi::post(const std::string& path, std::string_view body, const Error* error) {
  net::HttpRequest request;
  request.method = "POST";
  request.url = base_ + path;
  request.body = body;
  request.timeout = post_timeout;
  request.without_proxy = true;
  request.headers.add("Content-Type", "application/json");
  if (error != nullptr) request.headers.add("Lambda-Runtime-Function-Error-Type", error_type(*error));
  // It is never cancelled: what is done is done, and says so.
  Call call(request, post_try_count_max, [](const net::HttpOutcome& outcome) {
    return outcome.error ? Call::Verdict::again : Call::Verdict::final;
  });
  http_.run(call, {});

  const net::HttpOutcome& outcome = call.outcome();
  if (succeeded(outcome)) return Reception::taken;
  if (outcome.error || outcome.response.status >= 500) return failure("takes no answer", outcome);
  if (outcome.response.status == http_content_too_large) return Reception::too_large;
  return Reception::stale;
}

}  // namespace fanfold::lambda
