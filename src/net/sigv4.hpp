#pragma once

#include "net/http.hpp"
#include "net/secret.hpp"
#include "net/sha256.hpp"

#include <array>
#include <chrono>
#include <mutex>
#include <string>
#include <string_view>

namespace fanfold::net {

/// Borrowed for one signature.
struct SigningCredentials {
  std::string_view access_key_id{};
  const Secret& secret_access_key;
  const Secret& session_token;  ///< Empty for credentials that do not end.
};

/// The parts of a request that are not in its headers, exactly as they are sent.
struct SignedRequest {
  std::string_view method{};
  std::string_view authority{};  ///< What the Host header will say.
  std::string_view path{};       ///< Percent-encoded once, starts with a slash.
  std::string_view query{};      ///< As query_text makes it.
  std::string_view body{};
};

/// Signature Version 4 for one service and region:
/// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
///
/// Why not libcurl's CURLOPT_AWS_SIGV4: see docs/adr/0010-own-signer.md. Thread-safe; the key of the day is kept.
class RequestSigner {
 public:
  /// The service's name in the signature ("sqs", "dynamodb", "s3", "sts"). For "s3" the path is not encoded a second
  /// time and the body's digest is sent in x-amz-content-sha256, as that service wants it.
  RequestSigner(std::string region, std::string service);

  /// Adds X-Amz-Date, X-Amz-Security-Token where there is a token, and Authorization. All headers that are there
  /// before are signed too, so nothing may change or join them on the way. `now` is the service's time.
  void sign(const SignedRequest& request, const SigningCredentials& credentials, std::chrono::sys_seconds now,
            RequestHeaders& headers);

  [[nodiscard]] const std::string& region() const noexcept { return region_; }
  [[nodiscard]] const std::string& service() const noexcept { return service_; }

 private:
  static constexpr std::size_t day_size = 8;

  [[nodiscard]] Sha256Digest signing_key(const Secret& secret, std::string_view day);

  std::string region_;
  std::string service_;
  bool is_s3_;

  std::mutex mutex_;
  Secret key_secret_;                     // guarded by mutex_
  std::array<char, day_size> key_day_{};  // guarded by mutex_
  Sha256Digest key_{};                    // guarded by mutex_
};

}  // namespace fanfold::net
