#include "aws/service_error.hpp"

#include "aws/xml.hpp"

#include <fanfold/detail/json_reader.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace fanfold::aws {
namespace {

using net::AttemptEnd;

struct KnownCode {
  std::string_view code;
  ErrorCode error;
  AttemptEnd end;
};

// From the services' API references, "Common error types", and the retry behaviour that AWS documents for its SDKs.
constexpr std::array known_codes = {
    KnownCode{"Throttling", ErrorCode::throttled, AttemptEnd::throttled},
    KnownCode{"ThrottlingException", ErrorCode::throttled, AttemptEnd::throttled},
    KnownCode{"ThrottledException", ErrorCode::throttled, AttemptEnd::throttled},
    KnownCode{"RequestThrottled", ErrorCode::throttled, AttemptEnd::throttled},
    KnownCode{"RequestThrottledException", ErrorCode::throttled, AttemptEnd::throttled},
    KnownCode{"TooManyRequestsException", ErrorCode::throttled, AttemptEnd::throttled},
    KnownCode{"ProvisionedThroughputExceededException", ErrorCode::throttled, AttemptEnd::throttled},
    KnownCode{"TransactionInProgressException", ErrorCode::throttled, AttemptEnd::throttled},
    KnownCode{"RequestLimitExceeded", ErrorCode::throttled, AttemptEnd::throttled},
    KnownCode{"BandwidthLimitExceeded", ErrorCode::throttled, AttemptEnd::throttled},
    KnownCode{"LimitExceededException", ErrorCode::throttled, AttemptEnd::throttled},
    KnownCode{"SlowDown", ErrorCode::throttled, AttemptEnd::throttled},
    KnownCode{"PriorRequestNotComplete", ErrorCode::throttled, AttemptEnd::throttled},
    KnownCode{"EC2ThrottledException", ErrorCode::throttled, AttemptEnd::throttled},
    KnownCode{"KmsThrottled", ErrorCode::throttled, AttemptEnd::throttled},
    KnownCode{"OverLimit", ErrorCode::throttled, AttemptEnd::throttled},
    KnownCode{"RequestTimeout", ErrorCode::unavailable, AttemptEnd::transient},
    KnownCode{"RequestTimeoutException", ErrorCode::unavailable, AttemptEnd::transient},
    KnownCode{"InternalError", ErrorCode::unavailable, AttemptEnd::transient},
    KnownCode{"InternalFailure", ErrorCode::unavailable, AttemptEnd::transient},
    KnownCode{"InternalServerError", ErrorCode::unavailable, AttemptEnd::transient},
    KnownCode{"ServiceUnavailable", ErrorCode::unavailable, AttemptEnd::transient},
    KnownCode{"IDPCommunicationError", ErrorCode::unavailable, AttemptEnd::transient},
    KnownCode{"ReplicatedWriteConflictException", ErrorCode::conflict, AttemptEnd::transient},
    KnownCode{"TransactionConflictException", ErrorCode::conflict, AttemptEnd::transient},
    KnownCode{"ConditionalRequestConflict", ErrorCode::conflict, AttemptEnd::transient},
    KnownCode{"OperationAborted", ErrorCode::conflict, AttemptEnd::transient},
    KnownCode{"ConditionalCheckFailedException", ErrorCode::conflict, AttemptEnd::final},
    KnownCode{"TransactionCanceledException", ErrorCode::conflict, AttemptEnd::final},
    KnownCode{"PreconditionFailed", ErrorCode::conflict, AttemptEnd::final},
    KnownCode{"ReceiptHandleIsInvalid", ErrorCode::lease_lost, AttemptEnd::final},
    KnownCode{"MessageNotInflight", ErrorCode::lease_lost, AttemptEnd::final},
    KnownCode{"ResourceNotFoundException", ErrorCode::not_found, AttemptEnd::final},
    KnownCode{"TableNotFoundException", ErrorCode::not_found, AttemptEnd::final},
    KnownCode{"QueueDoesNotExist", ErrorCode::not_found, AttemptEnd::final},
    KnownCode{"NonExistentQueue", ErrorCode::not_found, AttemptEnd::final},
    KnownCode{"NoSuchBucket", ErrorCode::not_found, AttemptEnd::final},
    KnownCode{"NoSuchKey", ErrorCode::not_found, AttemptEnd::final},
    // Of the key that the queue's messages are encrypted with: whoever sends may not use it, or nobody can.
    KnownCode{"KmsAccessDenied", ErrorCode::permission_denied, AttemptEnd::final},
    KnownCode{"KmsDisabled", ErrorCode::permission_denied, AttemptEnd::final},
    KnownCode{"KmsInvalidKeyUsage", ErrorCode::permission_denied, AttemptEnd::final},
    KnownCode{"KmsInvalidState", ErrorCode::permission_denied, AttemptEnd::final},
    KnownCode{"KmsNotFound", ErrorCode::permission_denied, AttemptEnd::final},
    KnownCode{"KmsOptInRequired", ErrorCode::permission_denied, AttemptEnd::final},
    KnownCode{"ResourceInUseException", ErrorCode::already_exists, AttemptEnd::final},
    KnownCode{"QueueNameExists", ErrorCode::already_exists, AttemptEnd::final},
    KnownCode{"QueueAlreadyExists", ErrorCode::already_exists, AttemptEnd::final},
    KnownCode{"BucketAlreadyExists", ErrorCode::already_exists, AttemptEnd::final},
    KnownCode{"BucketAlreadyOwnedByYou", ErrorCode::already_exists, AttemptEnd::final},
    KnownCode{"RequestTooLarge", ErrorCode::too_large, AttemptEnd::final},
    KnownCode{"BatchRequestTooLong", ErrorCode::too_large, AttemptEnd::final},
    KnownCode{"EntityTooLarge", ErrorCode::too_large, AttemptEnd::final},
    KnownCode{"ItemCollectionSizeLimitExceededException", ErrorCode::too_large, AttemptEnd::final},
};

struct AuthenticationCode {
  std::string_view code;
  bool are_credentials_expired;
};

constexpr std::array authentication_codes = {
    AuthenticationCode{"AccessDenied", false},
    AuthenticationCode{"AccessDeniedException", false},
    AuthenticationCode{"AuthFailure", false},
    AuthenticationCode{"ExpiredToken", true},
    AuthenticationCode{"ExpiredTokenException", true},
    AuthenticationCode{"IncompleteSignature", false},
    AuthenticationCode{"IncompleteSignatureException", false},
    AuthenticationCode{"InvalidAccessKeyId", false},
    AuthenticationCode{"InvalidClientTokenId", false},
    AuthenticationCode{"InvalidSignatureException", false},
    AuthenticationCode{"InvalidToken", false},
    AuthenticationCode{"MissingAuthenticationToken", false},
    AuthenticationCode{"MissingAuthenticationTokenException", false},
    AuthenticationCode{"OptInRequired", false},
    AuthenticationCode{"RequestExpired", false},
    AuthenticationCode{"RequestInTheFuture", false},
    AuthenticationCode{"RequestTimeTooSkewed", false},
    AuthenticationCode{"SignatureDoesNotMatch", false},
    AuthenticationCode{"TokenRefreshRequired", true},
    AuthenticationCode{"UnrecognizedClientException", false},
    AuthenticationCode{"UnauthorizedException", true},
};

/// What services, and servers that know less of one, say to a call that they have not.
constexpr std::string_view unknown_operation_codes[] = {"UnknownOperationException", "UnknownOperation",
                                                        "UnsupportedOperation", "InvalidAction", "NotImplemented"};

/// What the service wrote: a code without namespace, and its sentence.
struct Written {
  std::string code;
  std::string message;
};

constexpr std::size_t code_size_max = 128;

/// "com.amazonaws.sqs#QueueDoesNotExist:http://…" -> "QueueDoesNotExist"; empty where it has no such form. Some servers
/// write SQS's older codes into the newer form: "AWS.SimpleQueueService.NonExistentQueue" is "NonExistentQueue" here.
std::string bare_code(std::string_view text) {
  constexpr std::string_view older_prefix = "AWS.SimpleQueueService.";
  if (const std::size_t hash = text.rfind('#'); hash != std::string_view::npos) text.remove_prefix(hash + 1);
  text = text.substr(0, text.find(':'));
  if (text.starts_with(older_prefix)) text.remove_prefix(older_prefix.size());
  const bool is_code =
      text.size() <= code_size_max && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
      });
  return is_code ? std::string(text) : std::string();
}

std::string text_member(const detail::JsonValue& object, std::string_view key) {
  const std::optional<detail::JsonValue> member = object.find(key);
  return member && member->kind() == detail::JsonKind::string ? std::string(member->string()) : std::string();
}

Written written_json(const net::HttpResponse& response) {
  Written written;
  detail::JsonDocument document;
  const Result<void> read = document.read(response.body);
  if (read.has_value() && document.root().kind() == detail::JsonKind::object) {
    written.code = bare_code(text_member(document.root(), "__type"));
    if (written.code.empty()) written.code = bare_code(text_member(document.root(), "code"));
    written.message = text_member(document.root(), "message");
    if (written.message.empty()) written.message = text_member(document.root(), "Message");
  }
  if (written.code.empty()) {
    if (const std::optional<std::string_view> type = response.headers.find("x-amzn-errortype"))
      written.code = bare_code(*type);
  }
  return written;
}

Written written_xml(const net::HttpResponse& response) {
  Written written;
  const Result<XmlDocument> document = XmlDocument::parse(response.body);
  if (!document.has_value() || (document->root_name() != "Error" && document->root_name() != "ErrorResponse"))
    return written;
  written.code = bare_code(document->find("Code").value_or(""));
  written.message = document->find("Message").value_or("");
  return written;
}

std::string_view reason_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::throttled: return "the service asks to slow down";
    case ErrorCode::unavailable: return "the service failed";
    case ErrorCode::conflict: return "the condition of the write does not hold, or another write is under way";
    case ErrorCode::lease_lost: return "the receipt is no longer the message's";
    case ErrorCode::not_found: return "no such queue, table, bucket or object";
    case ErrorCode::already_exists: return "it exists already";
    case ErrorCode::too_large: return "larger than the service takes";
    case ErrorCode::permission_denied: return "the service refuses these credentials";
    default: return "the service refuses the request";
  }
}

std::string_view reason_of(const ServiceFailure& failure, std::string_view code) {
  if (code == "AccessDenied" || code == "AccessDeniedException") return "the service does not permit it";
  const bool is_unknown = failure.error.code == ErrorCode::invalid_argument &&
                          std::ranges::find(unknown_operation_codes, code) != std::end(unknown_operation_codes);
  return is_unknown ? "the server does not have this operation" : reason_of(failure.error.code);
}

constexpr bool is_server_error(int status) noexcept { return status >= 500 && status != 501 && status != 505; }

/// For codes that are in no list, and for answers of S3 to HEAD, which have no body.
ServiceFailure by_status(int status) {
  ServiceFailure failure;
  switch (status) {
    case 401:
    case 403: failure.error.code = ErrorCode::permission_denied; break;
    case 404: failure.error.code = ErrorCode::not_found; break;
    case 412: failure.error.code = ErrorCode::conflict; break;
    case 413: failure.error.code = ErrorCode::too_large; break;
    case 429:
      failure.error.code = ErrorCode::throttled;
      failure.end = AttemptEnd::throttled;
      break;
    default: failure.error.code = ErrorCode::invalid_argument;
  }
  if (is_server_error(status) || status == 408) {
    failure.error.code = ErrorCode::unavailable;
    failure.end = AttemptEnd::transient;
  }
  failure.is_authentication = failure.error.code == ErrorCode::permission_denied;
  return failure;
}

ServiceFailure by_code(std::string_view code, int status) {
  for (const KnownCode& known : known_codes) {
    if (known.code == code) return {{known.error, {}, {}}, {}, known.end, false, false};
  }
  for (const AuthenticationCode& known : authentication_codes) {
    if (known.code == code)
      return {{ErrorCode::permission_denied, {}, {}}, {}, AttemptEnd::final, known.are_credentials_expired, true};
  }
  return by_status(status);
}

/// S3 answers HEAD without a body; everything else that is the service's own has an error that it wrote.
bool is_bare_answer_of_s3(Protocol protocol, const net::HttpResponse& response) {
  return protocol == Protocol::xml && response.body.empty() && response.headers.find("x-amz-request-id").has_value();
}

}  // namespace

bool is_of_query_protocol(std::string_view body) {
  if (!body.starts_with('<')) return false;
  const Result<XmlDocument> document = XmlDocument::parse(body);
  return document.has_value() && document->root_name().ends_with("Response");
}

std::string request_id_of(const net::HttpResponse& response) {
  for (const std::string_view name : {"x-amzn-requestid", "x-amz-request-id"}) {
    if (const std::optional<std::string_view> id = response.headers.find(name)) return std::string(*id);
  }
  return {};
}

std::optional<std::chrono::milliseconds> asked_delay_of(const net::HttpResponse& response) {
  const auto number = [&](std::string_view name) -> std::optional<std::uint32_t> {
    const std::optional<std::string_view> text = response.headers.find(name);
    std::uint32_t value = 0;
    if (!text) return std::nullopt;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
    return value;
  };
  if (const auto milliseconds = number("x-amz-retry-after")) return std::chrono::milliseconds(*milliseconds);
  if (const auto seconds = number("retry-after")) return std::chrono::seconds(*seconds);
  return std::nullopt;
}

ServiceFailure understand_failure(Protocol protocol, std::string_view operation, const net::HttpResponse& response) {
  const Written written = protocol == Protocol::json ? written_json(response) : written_xml(response);
  const std::string status = std::to_string(response.status);
  ServiceFailure failure;
  if (!written.code.empty() || is_bare_answer_of_s3(protocol, response)) {
    failure = by_code(written.code, response.status);
    failure.error.message = std::string(operation) + ": " + std::string(reason_of(failure, written.code));
    if (response.status >= 300 && response.status < 400) failure.error.message += ": it is in another region";
  } else {
    failure = by_status(response.status);
    if (failure.end == AttemptEnd::final) failure.error.code = ErrorCode::unavailable;
    failure.is_authentication = false;
    failure.error.message =
        std::string(operation) + ": answered with status " + status + " by something that is not the service";
    if (protocol == Protocol::json && is_of_query_protocol(response.body)) {
      failure.error.message += ": " + std::string(query_protocol_hint);
    } else if (protocol == Protocol::json && response.status == 400) {
      failure.error.message += ", or does not speak AWS JSON 1.0";  // goaws 0.4: "400 Bad Request", as text.
    }
  }
  failure.service_code = written.code;
  // Of what is not the service's only its kind is kept: such a text may well repeat the request with its Authorization.
  failure.error.remote_detail = "status " + status + " ";
  if (written.code.empty()) {
    failure.error.remote_detail += std::string(response.headers.find("content-type").value_or("without a type")) +
                                   ", " + std::to_string(response.body.size()) + " bytes";
  } else {
    failure.error.remote_detail += written.code + ": " + written.message;
  }
  failure.error.remote_detail += " (request " + request_id_of(response) + ")";
  return failure;
}

}  // namespace fanfold::aws
