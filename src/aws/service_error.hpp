#pragma once

#include "net/http.hpp"
#include "net/retry.hpp"

#include <fanfold/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace fanfold::aws {

/// How a service writes its errors.
enum class Protocol : std::uint8_t {
  json,  ///< AWS JSON 1.0: "__type" and "message" (SQS, DynamoDB).
  xml    ///< <Error><Code>…</Code><Message>…</Message></Error> (S3, STS).
};

/// An answer that refuses, understood.
struct ServiceFailure {
  Error error{};  ///< `message` says what was called and why it failed in words of ours; what the service wrote is in
                  ///< `remote_detail`.
  std::string service_code{};  ///< "ConditionalCheckFailedException": the service's own word, without its namespace.
                               ///< Empty where the answer is not the service's.
  net::AttemptEnd end = net::AttemptEnd::final;
  bool are_credentials_expired = false;
  bool is_authentication = false;  ///< Signature, time or credentials were refused.
};

/// What an answer whose status is not 2xx means. `operation` begins the message: "sqs SendMessageBatch".
/// An answer that no service wrote (HTML of a proxy, garbage) is unavailable whatever its status, so that a proxy's 404
/// is never taken for a missing record.
[[nodiscard]] ServiceFailure understand_failure(Protocol protocol, std::string_view operation,
                                                const net::HttpResponse& response);

/// Whether it is XML as the query protocol has it, which SQS spoke alone until JSON came in November 2023.
[[nodiscard]] bool is_of_query_protocol(std::string_view body);
inline constexpr std::string_view query_protocol_hint =
    "it is XML of the older query protocol, where fanfold speaks AWS JSON 1.0; a newer version of the server may do so";

/// The id that the service gave the request, for its support; empty where there is none.
[[nodiscard]] std::string request_id_of(const net::HttpResponse& response);

/// What the service asks to wait before the next attempt (Retry-After in seconds, x-amz-retry-after in milliseconds).
[[nodiscard]] std::optional<std::chrono::milliseconds> asked_delay_of(const net::HttpResponse& response);

}  // namespace fanfold::aws
