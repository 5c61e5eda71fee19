#pragma once

#include <fanfold/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fanfold::net {

/// Header lines of a request, in the order in which they were added. Kept in one text, so that a request costs few
/// allocations and `clear` keeps them for the next.
class RequestHeaders {
 public:
  struct Header {
    std::string_view name;
    std::string_view value;
  };

  void clear() noexcept;
  /// Drops all but the first `count`.
  void truncate(std::size_t count) noexcept;
  /// Name and value as they are to be sent. A line break or another control character in them makes the request be
  /// refused with invalid_argument.
  void add(std::string_view name, std::string_view value);

  [[nodiscard]] std::size_t size() const noexcept { return lines_.size(); }
  [[nodiscard]] Header operator[](std::size_t index) const noexcept;
  /// The value of the first header of exactly that name; empty where there is none.
  [[nodiscard]] std::string_view find(std::string_view name) const noexcept;
  /// "Name: value", terminated by a null character.
  [[nodiscard]] const char* line(std::size_t index) const noexcept { return text_.data() + lines_[index].begin; }
  /// The name of the first header that must not be sent; null where all may be.
  [[nodiscard]] std::optional<std::string_view> invalid_name() const noexcept;

 private:
  // Of a signed request.
  static constexpr std::size_t text_bytes_expected = 640;
  static constexpr std::size_t line_count_expected = 8;

  struct Line {
    std::uint32_t begin;
    std::uint32_t name_size;
    std::uint32_t value_size;
  };

  std::string text_;
  std::vector<Line> lines_;
  std::optional<std::size_t> invalid_line_;
};

inline constexpr std::size_t response_bytes_max_default = std::size_t{64} << 20U;

/// One attempt at a call. What `body` views has to stay until the attempt ended.
struct HttpRequest {
  std::string method = "GET";
  std::string
      url{};  ///< Scheme, authority, path and query as they are to be sent: nothing is encoded or normalised any more.
  RequestHeaders headers{};
  std::string_view body{};
  std::chrono::milliseconds timeout{
      30'000};  ///< Of the whole attempt, connecting included. For a long poll: more than its wait. Zero: no limit.
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds
      slow_after{};  ///< Exchange::is_slow is called once an attempt has taken so long. Zero: never.
  std::size_t response_bytes_max = response_bytes_max_default;  ///< A longer answer is an error: too_large.
  bool without_proxy = false;  ///< For addresses that only this machine can reach, whatever proxy is configured.
};

/// Header lines of an answer.
class ResponseHeaders {
 public:
  ResponseHeaders() = default;
  /// Lines "Name: value" with any line end.
  explicit ResponseHeaders(std::string lines) : lines_(std::move(lines)) {}

  /// The value of the first header of that name, without white space around it; names are compared as HTTP does.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t size_bytes() const noexcept { return lines_.size(); }
  void append_line(std::string_view line) {
    if (lines_.empty()) lines_.reserve(bytes_expected);
    lines_.append(line);
  }
  void clear() noexcept { lines_.clear(); }

 private:
  static constexpr std::size_t bytes_expected = 512;

  std::string lines_;
};

struct HttpResponse {
  int status = 0;
  ResponseHeaders headers{};
  std::string body{};
};

/// What became of one attempt.
struct HttpOutcome {
  /// Set where there is no answer: unavailable (no connection, cut, garbage, no answer within the attempt's timeout),
  /// deadline_exceeded, cancelled, too_large (the answer), permission_denied (certificates), invalid_argument.
  std::optional<Error> error{};
  HttpResponse response{};  ///< Whatever its status. Beside an error: what had come of it by then.
  /// The server may have seen the request, or an earlier copy of it: without an answer nobody knows what it did.
  bool may_have_been_seen = false;
  /// A kept connection turned out to be closed, and the request was sent a second time on a new one. What the
  /// answer refuses may be what the first copy has done.
  bool was_sent_again = false;
};

/// "Mon, 24 Nov 2026 09:30:00 GMT", the form that RFC 9110 asks servers to send; empty for anything else.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text) noexcept;

}  // namespace fanfold::net
