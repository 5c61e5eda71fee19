#pragma once

#include "net/http.hpp"
#include "net/libcurl.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fanfold::net {

class Exchange;

struct CurlEasyDeleter {
  void operator()(CURL* handle) const noexcept { libcurl().easy_cleanup(handle); }
};
struct CurlMultiDeleter {
  void operator()(CURLM* handle) const noexcept { libcurl().multi_cleanup(handle); }
};
using CurlEasy = std::unique_ptr<CURL, CurlEasyDeleter>;
using CurlMulti = std::unique_ptr<CURLM, CurlMultiDeleter>;

/// What all transfers of a client have in common; outlives them.
struct CurlSettings {
  std::string ca_bundle;
  std::string
      user_agent_line;  ///< "User-Agent: …": as a header of ours it is written once a request, as an option twice.
  CURLSH* share = nullptr;
};

/// One libcurl easy handle, used for one attempt after the other.
class CurlTransfer {
 public:
  explicit CurlTransfer(const CurlSettings& settings);
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  [[nodiscard]] CURL* handle() const noexcept { return handle_.get(); }
  /// Whose attempt is under way; null when idle.
  Exchange* exchange = nullptr;
  /// When to tell it that this attempt is slow.
  std::optional<std::chrono::steady_clock::time_point> slow_at{};

  /// Makes the handle ready for `request`, which has to stay. The deadline cuts the attempt's timeout.
  /// Errors: invalid_argument.
  [[nodiscard]] Result<void> prepare(const HttpRequest& request,
                                     std::optional<std::chrono::steady_clock::time_point> deadline);
  /// A kept connection turned out to be closed before a byte of the answer came. The handle is then set to send the
  /// same request once more, on a new connection. libcurl does so too, but counts over the handle's whole life and
  /// refuses each sixth time (7.88).
  [[nodiscard]] bool prepare_again(CURLcode code);
  /// The outcome of an attempt that libcurl ended.
  [[nodiscard]] HttpOutcome finish(CURLcode code);
  /// The outcome of one that the caller ended.
  [[nodiscard]] HttpOutcome abandon(Error error);

 private:
  enum class Form : std::uint8_t { none, get, head, body };

  void end_attempt();
  void set_form(Form form, const HttpRequest& request);
  [[nodiscard]] Error error_of(CURLcode code) const;
  [[nodiscard]] std::string origin() const;
  void receive_header(std::string_view line);

  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* self) noexcept;
  static int on_sending(void* self, char*, char*, int, int) noexcept;

  CurlEasy handle_;
  const CurlSettings& settings_;
  std::array<char, CURL_ERROR_SIZE> detail_{};

  // What the handle is set to, so that only changes are set again.
  std::string url_;
  Form form_ = Form::none;
  std::string method_;
  std::chrono::milliseconds connect_timeout_{-1};
  bool without_proxy_ = false;

  const HttpRequest* request_ = nullptr;
  std::vector<curl_slist> header_list_;
  std::optional<std::chrono::steady_clock::time_point> deadline_;
  bool is_fresh_ = false;
  bool is_head_whole_ = false;
  bool is_too_large_ = false;
  bool is_out_of_memory_ = false;
  unsigned sending_count_ = 0;
  HttpResponse response_;
};

}  // namespace fanfold::net
