// Credentials that ECS and EKS Pod Identity hand to a container.
#include "aws/credential_chain.hpp"
#include "aws/credential_document.hpp"
#include "aws/files.hpp"
#include "aws/metadata.hpp"
#include "net/url.hpp"

#include <algorithm>
#include <array>

namespace fanfold::aws {
namespace {

constexpr std::string_view relative_host = "http://169.254.170.2";
// ECS, EKS over IPv4 and IPv6. Elsewhere the credentials would cross a network unencrypted.
constexpr std::array<std::string_view, 4> plain_hosts = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]",
                                                         "localhost"};
constexpr std::uint32_t container_attempt_count_max = 3;

bool is_loopback(std::string_view host) {
  return host == "[::1]" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

class ContainerProvider final : public CredentialProvider {
 public:
  explicit ContainerProvider(const ProviderContext& context) : context_(context) {}

  std::string name() const override { return "container endpoint"; }

  Result<std::optional<Credentials>> fetch(const net::RunOptions& options) override {
    Result<std::string> url = find_url();
    if (!url.has_value()) return std::move(url).error();
    if (url->empty()) return std::optional<Credentials>();
    net::HttpRequest request;
    request.url = *url;
    request.timeout = std::chrono::seconds(5);
    request.connect_timeout = std::chrono::seconds(2);
    request.headers.add("Accept", "application/json");
    if (Result<void> added = add_token(request.headers); !added.has_value()) return std::move(added).error();
    Result<net::HttpResponse> response = fetch_metadata(context_.http, std::move(request), container_attempt_count_max,
                                                        options, slow_notice(context_, name()));
    if (!response.has_value()) return std::move(response).error();
    if (response->status != 200) {
      const ErrorCode code =
          response->status == 401 || response->status == 403 ? ErrorCode::permission_denied : ErrorCode::unavailable;
      return Error{code, "the endpoint answered with status " + std::to_string(response->status), {}};
    }
    detail::JsonDocument document;
    if (Result<void> read = document.read(response->body); !read.has_value()) return std::move(read).error();
    Result<Credentials> credentials = read_credentials(document.root(), {.has_to_end = true});
    if (!credentials.has_value()) return std::move(credentials).error();
    return std::optional<Credentials>(std::move(*credentials));
  }

 private:
  [[nodiscard]] Result<std::string> find_url() const {
    if (const auto relative = context_.config.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")) {
      if (!relative->starts_with('/')) {
        return Error{ErrorCode::invalid_argument,
                     "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: expected a path that starts with '/'",
                     {}};
      }
      return std::string(relative_host) + *relative;
    }
    const auto full = context_.config.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (!full) return std::string();
    Result<net::Url> url = net::parse_url(std::string_view(*full).substr(0, full->find('?')));
    if (!url.has_value())
      return Error{ErrorCode::invalid_argument, "AWS_CONTAINER_CREDENTIALS_FULL_URI: " + url.error().message, {}};
    const bool is_allowed = url->scheme == "https" || is_loopback(url->host) ||
                            std::find(plain_hosts.begin(), plain_hosts.end(), url->host) != plain_hosts.end();
    if (!is_allowed) {
      return Error{ErrorCode::invalid_argument,
                   "AWS_CONTAINER_CREDENTIALS_FULL_URI: '" + url->host +
                       "' is neither this machine nor ECS or EKS, so it has to be https",
                   {}};
    }
    return *full;
  }

  /// The file is read each time: EKS renews it.
  Result<void> add_token(net::RequestHeaders& headers) const {
    std::string token;
    if (const auto file = context_.config.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")) {
      Result<std::optional<std::string>> content = read_small_file(*file, token_bytes_max);
      if (!content.has_value()) return std::move(content).error();
      if (!*content) return Error{ErrorCode::invalid_argument, "the token file '" + *file + "' does not exist", {}};
      token = std::move(**content);
      while (token.ends_with('\n') || token.ends_with('\r')) token.pop_back();
    } else if (const auto variable = context_.config.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN")) {
      token = *variable;
    }
    if (!token.empty()) headers.add("Authorization", token);
    if (headers.invalid_name())
      return Error{
          ErrorCode::invalid_argument, "the container's authorization token has line breaks or control characters", {}};
    return {};
  }

  ProviderContext context_;
};

}  // namespace

std::unique_ptr<CredentialProvider> make_container_provider(const ProviderContext& context) {
  return std::make_unique<ContainerProvider>(context);
}

}  // namespace fanfold::aws
