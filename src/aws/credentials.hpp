#pragma once

#include "net/http_client.hpp"
#include "net/secret.hpp"

#include <fanfold/types.hpp>

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace fanfold::aws {

struct Credentials {
  std::string access_key_id{};
  net::Secret secret_access_key{};
  net::Secret session_token{};  ///< Empty for credentials that do not end.
  std::optional<Time> expires_at{};
  /// They are worth using beyond their end: the instance metadata service hands out ended ones while it has trouble.
  bool may_outlive_end = false;
};

/// One place where credentials can come from. Used by one thread at a time.
class CredentialProvider {
 public:
  virtual ~CredentialProvider() = default;
  /// "environment", "profile 'work'": for errors.
  [[nodiscard]] virtual std::string name() const = 0;
  /// Empty where this place is not configured, so that the next one is asked. Errors end the search: bad_input,
  /// invalid_argument, permission_denied, unavailable, deadline_exceeded, cancelled. No text in them is a secret.
  [[nodiscard]] virtual Result<std::optional<Credentials>> fetch(const net::RunOptions& options) = 0;
};

/// The credentials of the first provider that has some; refreshed before they end, by one thread while the others go on
/// with those there are. Thread-safe.
class CredentialSource {
 public:
  using Now = std::function<Time()>;

  /// `now` is the services' time.
  CredentialSource(std::vector<std::unique_ptr<CredentialProvider>> providers, Now now);

  /// Blocks only where there are none that can still be used. Errors: permission_denied where no provider has any;
  /// those of the providers.
  [[nodiscard]] Result<std::shared_ptr<const Credentials>> get(const net::RunOptions& options);
  /// A service says that these have ended: the next `get` fetches others.
  void reject(const std::shared_ptr<const Credentials>& credentials);

  // Before their end: a refresh is tried from the first on, waited for from the second on. For short lives the
  // shares of the life go before.
  static constexpr std::chrono::minutes refresh_window{15};
  static constexpr std::chrono::minutes wait_window{5};
  static constexpr int refresh_share = 3;
  static constexpr int wait_share = 10;
  /// After a refresh that failed while the old ones can still be used.
  static constexpr std::chrono::seconds refresh_pause{30};

 private:
  [[nodiscard]] Result<std::shared_ptr<const Credentials>> fetch(const net::RunOptions& options);
  [[nodiscard]] bool is_usable(Time now) const;
  void accept(std::shared_ptr<const Credentials> credentials, Time now);

  const std::vector<std::unique_ptr<CredentialProvider>> providers_;
  const Now now_;
  std::optional<std::size_t> chosen_;  // by the thread that refreshes alone

  std::mutex mutex_;
  std::condition_variable_any refreshed_;
  std::shared_ptr<const Credentials> current_;  // shared with the calls that sign with them; guarded by mutex_
  Time refresh_at_ = Time::max();               // guarded by mutex_
  Time wait_at_ = Time::max();                  // guarded by mutex_
  bool is_refreshing_ = false;                  // guarded by mutex_
  std::uint64_t failure_count_ = 0;             // guarded by mutex_
  Error last_failure_{};                        // guarded by mutex_
};

}  // namespace fanfold::aws
