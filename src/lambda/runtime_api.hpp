#pragma once

#include "lambda/invocation.hpp"
#include "net/http_client.hpp"

#include <stop_token>

namespace fanfold::lambda {

/// Lambda's Runtime API, version 2018-06-01: plain HTTP to an address of this machine. Not thread-safe; calls block.
/// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
class RuntimeApi {
 public:
  /// `address` is what AWS_LAMBDA_RUNTIME_API holds: host and port.
  explicit RuntimeApi(const std::string& address);

  /// Waits for the next event, however long; asks again where the connection breaks or an answer names no request.
  /// Errors: cancelled; unavailable where it keeps failing, or says itself that the process should end.
  [[nodiscard]] Result<Invocation> next(std::stop_token stop);

  enum class Reception : std::uint8_t {
    taken,
    stale,     ///< Nobody waits for this answer any more, or an earlier copy of it was taken.
    too_large  ///< It can still be answered with an error.
  };
  /// Errors: unavailable.
  [[nodiscard]] Result<Reception> respond(const std::string& request_id, const std::string& answer);
  [[nodiscard]] Result<Reception> report_error(const std::string& request_id, const Error& error);
  /// Errors: unavailable.
  [[nodiscard]] Result<void> report_init_error(const Error& error);

 private:
  [[nodiscard]] Result<Reception> post(const std::string& path, std::string_view body, const Error* error);

  std::string base_;
  net::HttpClient http_;
};

}  // namespace fanfold::lambda
