// Credentials of an EC2 instance's role, by version 2 of the instance metadata service alone: version 1 answers whoever
// can make this machine send a GET.
#include "aws/credential_chain.hpp"
#include "aws/credential_document.hpp"
#include "aws/metadata.hpp"
#include "net/url.hpp"

#include <charconv>

namespace fanfold::aws {
namespace {

constexpr std::string_view ipv4_endpoint = "http://169.254.169.254";
constexpr std::string_view ipv6_endpoint = "http://[fd00:ec2::254]";
constexpr std::string_view credentials_path = "/latest/meta-data/iam/security-credentials/";
constexpr std::chrono::seconds token_life{21'600};
constexpr std::chrono::seconds token_margin{60};
constexpr std::uint32_t number_limit = 100;

class InstanceMetadataProvider final : public CredentialProvider {
 public:
  explicit InstanceMetadataProvider(const ProviderContext& context) : context_(context) {}

  std::string name() const override {
    return reason_.empty() ? "instance metadata" : "instance metadata (" + reason_ + ")";
  }

  Result<std::optional<Credentials>> fetch(const net::RunOptions& options) override {
    reason_.clear();
    Result<std::optional<std::string>> disabled =
        context_.config.switch_setting("AWS_EC2_METADATA_DISABLED", "ec2_metadata_disabled");
    if (!disabled.has_value()) return std::move(disabled).error();
    if (*disabled == "true") {
      reason_ = "disabled by AWS_EC2_METADATA_DISABLED";
      return std::optional<Credentials>();
    }
    if (Result<void> read = read_settings(); !read.has_value()) return std::move(read).error();
    Result<std::optional<Credentials>> fetched = fetch_credentials(options);
    if (fetched.has_value() && *fetched) has_answered_ = true;
    return fetched;
  }

 private:
  Result<void> read_settings() {
    const Config& config = context_.config;
    endpoint_ = ipv4_endpoint;
    if (const auto mode =
            config.setting("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode")) {
      if (mode->text == "IPv6" || mode->text == "ipv6") {
        endpoint_ = ipv6_endpoint;
      } else if (mode->text != "IPv4" && mode->text != "ipv4") {
        return Error{ErrorCode::invalid_argument, mode->place + ": expected IPv4 or IPv6", {}};
      }
    }
    if (const auto endpoint = config.setting("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint")) {
      Result<net::Url> url = net::parse_url(endpoint->text);
      if (!url.has_value()) return Error{ErrorCode::invalid_argument, endpoint->place + ": " + url.error().message, {}};
      endpoint_ = url->origin() + url->path;
    }
    std::uint32_t seconds = 1;
    if (Result<void> read = read_number("AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout", seconds);
        !read.has_value())
      return read;
    timeout_ = std::chrono::seconds(seconds);
    return read_number("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "metadata_service_num_attempts", attempt_count_max_);
  }

  Result<void> read_number(std::string_view variable, std::string_view key, std::uint32_t& number) {
    const auto setting = context_.config.setting(variable, key);
    if (!setting) return {};
    const char* end = setting->text.data() + setting->text.size();
    const auto [stop, error] = std::from_chars(setting->text.data(), end, number);
    if (error == std::errc() && stop == end && number >= 1 && number <= number_limit) return {};
    return Error{ErrorCode::invalid_argument,
                 setting->place + ": expected a number from 1 to " + std::to_string(number_limit),
                 {}};
  }

  Result<std::optional<Credentials>> fetch_credentials(const net::RunOptions& options) {
    if (token_.empty() || std::chrono::steady_clock::now() >= token_ends_at_) {
      Result<void> renewed = renew_token(options);
      if (!renewed.has_value()) {
        // Nobody answers where this is no instance; that is no error as long as nobody ever did.
        if (renewed.error().code != ErrorCode::unavailable || has_answered_) return std::move(renewed).error();
        reason_ = renewed.error().message;
        return std::optional<Credentials>();
      }
    }
    Result<net::HttpResponse> roles = get(std::string(credentials_path), options);
    if (!roles.has_value()) return std::move(roles).error();
    if (roles->status == 404) {
      reason_ = "the instance has no role";
      return std::optional<Credentials>();
    }
    if (roles->status != 200) return bad_status(roles->status);
    const std::string role = roles->body.substr(0, roles->body.find_first_of("\r\n"));
    if (role.empty()) return Error{ErrorCode::bad_input, "the instance's role has no name", {}};
    Result<net::HttpResponse> response = get(std::string(credentials_path) + net::percent_encoded(role), options);
    if (!response.has_value()) return std::move(response).error();
    if (response->status != 200) return bad_status(response->status);
    return read(response->body);
  }

  static Result<std::optional<Credentials>> read(const std::string& body) {
    detail::JsonDocument document;
    if (Result<void> parsed = document.read(body); !parsed.has_value()) return std::move(parsed).error();
    if (document.root().kind() == detail::JsonKind::object) {
      const auto code = document.root().find("Code");
      if (code && (code->kind() != detail::JsonKind::string || code->string() != "Success")) {
        return Error{ErrorCode::unavailable, "the service has no credentials for the instance's role", {}};
      }
    }
    Result<Credentials> credentials = read_credentials(document.root(), {.has_to_end = true});
    if (!credentials.has_value()) return std::move(credentials).error();
    credentials->may_outlive_end = true;
    return std::optional<Credentials>(std::move(*credentials));
  }

  Result<void> renew_token(const net::RunOptions& options) {
    net::HttpRequest request = request_for("/latest/api/token");
    request.method = "PUT";
    request.headers.add("X-aws-ec2-metadata-token-ttl-seconds", std::to_string(token_life.count()));
    const auto asked_at = std::chrono::steady_clock::now();
    Result<net::HttpResponse> response = fetch_metadata(context_.http, std::move(request), attempt_count_max_, options);
    if (!response.has_value()) {
      Error error = std::move(response).error();
      if (error.code == ErrorCode::unavailable)
        error.message += "; a container needs the instance's hop limit to be 2 or more";
      return error;
    }
    if (response->status == 403 || response->status == 404 || response->status == 405) {
      return Error{ErrorCode::unavailable, "version 2 of the service is off, and version 1 is never used", {}};
    }
    if (response->status != 200 || response->body.empty()) return bad_status(response->status);
    token_ = net::Secret(std::move(response->body));
    token_ends_at_ = asked_at + token_life - token_margin;
    return {};
  }

  /// A token that the service forgot is renewed once.
  Result<net::HttpResponse> get(const std::string& path, const net::RunOptions& options) {
    Result<net::HttpResponse> response = get_once(path, options);
    if (!response.has_value() || response->status != 401) return response;
    if (Result<void> renewed = renew_token(options); !renewed.has_value()) return std::move(renewed).error();
    return get_once(path, options);
  }

  Result<net::HttpResponse> get_once(const std::string& path, const net::RunOptions& options) {
    net::HttpRequest request = request_for(path);
    request.headers.add("X-aws-ec2-metadata-token", token_.reveal());
    if (request.headers.invalid_name())
      return Error{ErrorCode::bad_input, "the service's token has line breaks or control characters", {}};
    return fetch_metadata(context_.http, std::move(request), attempt_count_max_, options);
  }

  [[nodiscard]] net::HttpRequest request_for(const std::string& path) const {
    net::HttpRequest request;
    request.url = endpoint_ + path;
    request.timeout = request.connect_timeout = timeout_;
    return request;
  }

  static Error bad_status(int status) {
    return {ErrorCode::unavailable, "the service answered with status " + std::to_string(status), {}};
  }

  ProviderContext context_;
  std::string endpoint_;
  std::chrono::milliseconds timeout_{1'000};
  std::uint32_t attempt_count_max_ = 1;
  net::Secret token_;
  std::chrono::steady_clock::time_point token_ends_at_{};
  bool has_answered_ = false;
  std::string reason_;
};

}  // namespace

std::unique_ptr<CredentialProvider> make_instance_metadata_provider(const ProviderContext& context) {
  return std::make_unique<InstanceMetadataProvider>(context);
}

}  // namespace fanfold::aws
