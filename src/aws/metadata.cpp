#include "aws/metadata.hpp"

#include "aws/outage_notice.hpp"
#include "net/retry.hpp"
#include "support/identifier.hpp"

#include <utility>

namespace fanfold::aws {
namespace {

using std::chrono::milliseconds;

class MetadataExchange final : public net::Exchange {
 public:
  MetadataExchange(net::HttpRequest request, std::uint32_t attempt_count_max, std::function<void()> on_slow)
      : request_(std::move(request)), on_slow_(std::move(on_slow)), retry_(policy_, budget_) {
    policy_.attempt_count_max = attempt_count_max;
    if (on_slow_) request_.slow_after = OutageNotice::patience;
  }

  const net::HttpRequest* begin(const net::RunOptions&) override { return &request_; }

  std::optional<milliseconds> ended(net::HttpOutcome outcome, const net::RunOptions& options) override {
    outcome_ = std::move(outcome);
    net::AttemptEnd end = net::AttemptEnd::success;
    if (outcome_.error) {
      end = outcome_.error->code == ErrorCode::unavailable ? net::AttemptEnd::transient : net::AttemptEnd::final;
    } else if (outcome_.response.status >= 500 || outcome_.response.status == 429) {
      end = net::AttemptEnd::transient;
    }
    net::Retry::Circumstances circumstances{.random_unit = random_unit(), .asked_delay = {}, .time_left = {}};
    if (options.deadline)
      circumstances.time_left = std::chrono::floor<milliseconds>(*options.deadline - std::chrono::steady_clock::now());
    return retry_.after(end, circumstances);
  }

  void is_slow() override {
    if (on_slow_) std::exchange(on_slow_, {})();
  }

  [[nodiscard]] net::HttpOutcome& outcome() { return outcome_; }

 private:
  net::HttpRequest request_;
  std::function<void()> on_slow_;  // Empty once it was called.
  net::RetryPolicy policy_{.delay_base = milliseconds(200)};
  net::RetryBudget budget_;
  net::Retry retry_;
  net::HttpOutcome outcome_;
};

}  // namespace

Result<net::HttpResponse> fetch_metadata(net::HttpClient& http, net::HttpRequest request,
                                         std::uint32_t attempt_count_max, const net::RunOptions& options,
                                         std::function<void()> on_slow) {
  request.response_bytes_max = metadata_bytes_max;
  request.without_proxy = request.url.starts_with("http://");
  MetadataExchange exchange(std::move(request), attempt_count_max, std::move(on_slow));
  http.run(exchange, options);
  net::HttpOutcome& outcome = exchange.outcome();
  if (outcome.error) return std::move(*outcome.error);
  return std::move(outcome.response);
}

}  // namespace fanfold::aws
