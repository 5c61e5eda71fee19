#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// Where HTTP/1.1 messages begin and end, for servers and proxies of tests; no more of it.
namespace fanfold::test {

inline bool begins_ignoring_case(std::string_view text, std::string_view lower_case) {
  return text.size() >= lower_case.size() &&
         std::equal(lower_case.begin(), lower_case.end(), text.begin(),
                    [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b + 32) : b); });
}

/// The value of a header, its name given in lower case; empty where there is none. `head` ends in an empty line.
inline std::string_view header_value(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at)) {
    at += 2;
    const std::string_view line = head.substr(at, head.find("\r\n", at) - at);
    if (line.size() <= name.size() || line[name.size()] != ':' || !begins_ignoring_case(line, name)) continue;
    const std::size_t begin = line.find_first_not_of(' ', name.size() + 1);
    return begin == std::string_view::npos ? std::string_view() : line.substr(begin);
  }
  return {};
}

/// Of an answer's head; 0 where it is none.
inline int status_of(std::string_view head) {
  int status = 0;
  const std::size_t space = head.find(' ');
  if (!head.starts_with("HTTP/") || space == std::string_view::npos) return 0;
  std::from_chars(head.data() + space + 1, head.data() + head.size(), status);
  return status;
}

/// One whole message at the beginning of a buffer.
struct HttpFrame {
  std::string_view head{};  ///< With the empty line.
  std::string_view raw{};   ///< The body as it is on the wire.
  std::size_t size = 0;
  bool is_chunked = false;
  bool has_length = false;  ///< The head says how long the body is, in chunks or in all.

  /// The body with the chunks put together.
  [[nodiscard]] std::string body() const {
    if (!is_chunked) return std::string(raw);
    std::string text;
    for (std::size_t at = 0; at < raw.size();) {
      const std::size_t line_end = raw.find("\r\n", at);
      std::size_t length = 0;
      std::from_chars(raw.data() + at, raw.data() + line_end, length, 16);
      if (length == 0) break;
      text.append(raw.substr(line_end + 2, length));
      at = line_end + 2 + length + 2;
    }
    return text;
  }
};

namespace internal {

/// Bytes of a chunked body with its end; empty where it is not whole yet.
inline std::optional<std::size_t> chunked_size(std::string_view text) {
  for (std::size_t at = 0;;) {
    const std::size_t line_end = text.find("\r\n", at);
    if (line_end == std::string_view::npos) return std::nullopt;
    std::size_t length = 0;
    std::from_chars(text.data() + at, text.data() + line_end, length, 16);
    at = line_end + 2 + length + 2;
    if (at > text.size()) return std::nullopt;
    if (length == 0) return at;
  }
}

}  // namespace internal

/// Empty where the message is not whole yet. Messages without a length have no body.
inline std::optional<HttpFrame> http_frame(std::string_view buffer, bool has_body = true) {
  const std::size_t end = buffer.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  HttpFrame frame;
  frame.head = buffer.substr(0, end + 4);
  std::size_t length = 0;
  if (has_body && begins_ignoring_case(header_value(frame.head, "transfer-encoding"), "chunked")) {
    const auto whole = internal::chunked_size(buffer.substr(frame.head.size()));
    if (!whole) return std::nullopt;
    frame.is_chunked = true;
    frame.has_length = true;
    length = *whole;
  } else if (has_body) {
    const std::string_view text = header_value(frame.head, "content-length");
    std::from_chars(text.data(), text.data() + text.size(), length);
    frame.has_length = !text.empty();
  }
  if (buffer.size() - frame.head.size() < length) return std::nullopt;
  frame.raw = buffer.substr(frame.head.size(), length);
  frame.size = frame.head.size() + length;
  return frame;
}

}  // namespace fanfold::test
