#pragma once

#include "aws/call.hpp"
#include "aws/config.hpp"
#include "aws/credentials.hpp"
#include "aws/service_time.hpp"
#include "net/http_client.hpp"

#include <memory>
#include <string_view>

namespace fanfold::aws {

/// Configuration, connections, clock and credentials that all services of one account share. Thread-safe once it is
/// open.
class Session {
 public:
  /// Reads the environment and the configuration files; talks to nobody yet. Errors: those of Config::load;
  /// invalid_argument where no region is configured. `warn` is
  /// told of places that credentials are waited for from.
  [[nodiscard]] static Result<std::unique_ptr<Session>> open(const Variables& variables,
                                                             const ConfigOverrides& overrides,
                                                             OutageNotice::Warn warn = {});
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// "sqs", "dynamodb" (JSON), "s3" or "sts" (XML). The session outlives it. Errors: invalid_argument.
  [[nodiscard]] Result<std::unique_ptr<Service>> service(std::string_view name, OutageNotice::Warn warn = {});

  [[nodiscard]] const Config& config() const noexcept { return config_; }
  [[nodiscard]] const std::string& region() const noexcept { return region_; }
  [[nodiscard]] net::HttpClient& http() noexcept { return http_; }
  [[nodiscard]] ServiceTime& time() noexcept { return time_; }
  [[nodiscard]] CredentialSource& credentials() noexcept { return credentials_; }

 private:
  Session(Config config, std::string region, OutageNotice::Warn warn);

  const Config config_;
  const std::string region_;
  ServiceTime time_;
  net::HttpClient http_;
  CredentialSource credentials_;
};

}  // namespace fanfold::aws
