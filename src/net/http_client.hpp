#pragma once

#include "net/http.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace fanfold::net {

inline constexpr std::size_t in_flight_max_default = 32;
inline constexpr std::size_t in_flight_limit = 256;

struct RunOptions {
  std::stop_token stop{};  ///< Ends the call within milliseconds.
  std::optional<std::chrono::steady_clock::time_point> deadline{};
  std::size_t in_flight_max = in_flight_max_default;  ///< For bulk calls: 1..in_flight_limit, delayed retries included.
};

/// One call with all its attempts, as the client drives it. Its functions run on the thread that called `run`, one at
/// a time, never under a lock, with the options that it called `run` with.
class Exchange {
 public:
  virtual ~Exchange() = default;

  /// Called right before each attempt: signs, so to speak. The request stays as it is until `ended` is called. Null
  /// where the exchange is over without an attempt.
  [[nodiscard]] virtual const HttpRequest* begin(const RunOptions& options) = 0;
  /// An attempt has taken `HttpRequest::slow_after` and goes on. Called once for each.
  virtual void is_slow() {}
  /// How the attempt ended; answers the delay before the next one, or nothing where the exchange is over. Where the
  /// caller's stop or deadline ends it, the error is cancelled or deadline_exceeded, the answer means nothing, and
  /// there may have been no attempt under way.
  [[nodiscard]] virtual std::optional<std::chrono::milliseconds> ended(HttpOutcome outcome,
                                                                       const RunOptions& options) = 0;
};

/// Where the exchanges of a bulk call come from, so that there need not be room for all of them.
class ExchangeSource {
 public:
  virtual ~ExchangeSource() = default;
  /// The next one to start, or null where there are none left. Called when there is room for one more in flight.
  [[nodiscard]] virtual Exchange* next() = 0;
};

struct HttpClientOptions {
  std::string ca_bundle{};  ///< A file of certificates instead of the system's, which is searched for.
  std::string user_agent = "fanfold";
  std::size_t idle_channel_count_max = 64;  ///< Connections of more callers at once are not kept.
};

/// HTTP/1.1 over libcurl. Thread-safe; calls block. In a child of fork() it sends nothing:
/// every exchange ends with invalid_argument.
///
/// The calling thread does its own I/O: it takes an idle channel (a set of kept connections with one libcurl multi
/// handle), drives it until its exchanges are over, and puts it back, so that a request costs no change of thread. One
/// call can have hundreds of requests in flight. Connections are kept and reused; one that the server closed in the
/// meantime is replaced without a failed attempt. Redirects are answers like others. Proxies are those that
/// libcurl finds in the environment (https_proxy, http_proxy, all_proxy, no_proxy).
class HttpClient {
 public:
  /// Whether there is a libcurl to work with, which is loaded by the first that asks. Errors: invalid_argument.
  [[nodiscard]] static Result<void> usable();

  /// Where there is none, every exchange ends with that error.
  explicit HttpClient(HttpClientOptions options);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  /// No call may be under way.
  ~HttpClient();

  /// Drives one exchange to its end.
  void run(Exchange& exchange, const RunOptions& options);
  /// Drives all exchanges of the source to their ends, at most `in_flight_max` of them at once. After stop or deadline
  /// no more are taken from the source.
  void run(ExchangeSource& source, const RunOptions& options);

  /// One attempt without retries. Errors as HttpOutcome's; any status is an answer.
  [[nodiscard]] Result<HttpResponse> send(const HttpRequest& request, const RunOptions& options);

 private:
  /// Why nothing can be sent.
  [[nodiscard]] std::optional<Error> unusable() const;

  class Impl;
  std::unique_ptr<Impl> impl_;  // Null where there is no libcurl.
};

}  // namespace fanfold::net
