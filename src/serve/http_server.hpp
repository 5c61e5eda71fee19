#pragma once

#include <fanfold/result.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

/// HTTP/1.1 for people's browsers and for what scrapes metrics: a few clients, on this machine unless told otherwise.
/// Knows nothing of what it serves. No TLS and no passwords: a proxy in front has those.
namespace fanfold::serve {

struct Request {
  std::string method{};                             ///< HEAD arrives as GET.
  std::string path{};                               ///< Decoded, begins with '/'.
  std::multimap<std::string, std::string> query{};  ///< Decoded.
  std::map<std::string, std::string> headers{};     ///< Names in lower case; of equal ones the first.
  std::string body{};                               ///< Of at most `Options::body_bytes_max`.

  /// Empty where it is missing.
  [[nodiscard]] std::string header(const std::string& lower_case_name) const;
  [[nodiscard]] std::string parameter(const std::string& name) const;
};

/// An answer that goes on until its client or the server leaves.
struct EventStream {
  std::chrono::milliseconds interval{1'000};  ///< From one call's end to the next one's begin.
  std::function<std::string()> next{};        ///< What is to be sent now, empty for nothing. Called one at a time.
};

struct Answer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body{};
  std::map<std::string, std::string> headers{};
  EventStream stream{};  ///< Where it has a `next`: follows the body, and the connection ends with it.
};

/// Called from several threads. What it throws is answered with 500.
using Handler = std::function<Answer(const Request&)>;

/// For a server that may be read by everybody who reaches it.
inline constexpr const char* any_host_name = "*";

struct Options {
  std::string address = "127.0.0.1";      ///< An IPv4 or IPv6 address.
  std::uint16_t port = 0;                 ///< 0: any free one.
  std::vector<std::string> host_names{};  ///< By which clients may call it besides `address` and this machine's own;
                                          ///< `any_host_name` for whatever they say.
  std::size_t connections_max = 64;       ///< A thread each; more are closed at once.
  std::size_t body_bytes_max = 64 * 1024;
  std::chrono::milliseconds request_timeout{
      10'000};  ///< To receive one; and while an answer is sent, without a byte taken.
  std::chrono::milliseconds idle_timeout{20'000};  ///< Between two requests of a connection.
};

/// Serves from the moment when it was made until it is destroyed, which waits for the handlers that run.
///
/// A request by a host name that is none of ours is refused with 403, so that no web page can reach the server by a
/// name of its own that it points here; one from another origin's page too, unless it only reads.
class HttpServer {
 public:
  /// Errors: invalid_argument (the address), conflict (the port is taken), permission_denied, unavailable.
  [[nodiscard]] static Result<HttpServer> start(const Options& options, Handler handler);
  ~HttpServer();
  HttpServer(HttpServer&&) noexcept;
  HttpServer& operator=(HttpServer&&) noexcept;

  [[nodiscard]] std::uint16_t port() const noexcept;
  /// "http://127.0.0.1:8025".
  [[nodiscard]] std::string url() const;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanfold::serve
