#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace fanfold::test {

/// One HTTP/1.1 request or answer as it was read: its head with the blank line, and its body without chunks.
struct HttpText {
  std::string head{};
  std::string body{};

  /// The value of a header, lower case `name`; empty without one.
  [[nodiscard]] std::string header(std::string_view name) const {
    std::string_view rest = head;
    for (std::size_t end = rest.find("\r\n"); end != std::string_view::npos; end = rest.find("\r\n")) {
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(end + 2);
      const std::size_t colon = line.find(':');
      if (colon != name.size() || !equal_ignoring_case(line.substr(0, colon), name)) continue;
      std::string_view value = line.substr(colon + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
      return std::string(value);
    }
    return {};
  }
  [[nodiscard]] std::string_view method() const { return std::string_view(head).substr(0, head.find(' ')); }
  /// Of an answer; 0 where the head is none.
  [[nodiscard]] int status() const {
    const std::size_t space = head.find(' ');
    return space == std::string::npos ? 0 : std::atoi(head.c_str() + space);
  }

  static bool equal_ignoring_case(std::string_view text, std::string_view lower_case) {
    if (text.size() != lower_case.size()) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (std::tolower(static_cast<unsigned char>(text[i])) != lower_case[i]) return false;
    }
    return true;
  }
};

/// A TCP connection that HTTP messages are read from and written to. Owns its descriptor. Calls block.
class HttpStream {
 public:
  explicit HttpStream(int descriptor = -1) : descriptor_(descriptor) {
    const int on = 1;
    if (descriptor_ >= 0) ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  HttpStream(HttpStream&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), input_(std::move(other.input_)) {}
  HttpStream& operator=(HttpStream&& other) noexcept {
    close();
    descriptor_ = std::exchange(other.descriptor_, -1);
    input_ = std::move(other.input_);
    return *this;
  }
  HttpStream(const HttpStream&) = delete;
  HttpStream& operator=(const HttpStream&) = delete;
  ~HttpStream() { close(); }

  [[nodiscard]] static HttpStream connect(std::uint16_t port) {
    HttpStream stream(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(stream.descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) stream.close();
    return stream;
  }

  [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }
  /// Whether the other side has closed it, or sent what nobody asked for, while nothing was under way.
  [[nodiscard]] bool is_stale() const {
    char byte = 0;
    return ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
  }

  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
    input_.clear();
  }
  /// Ends it as a crash or a firewall does: the other side reads "connection reset".
  void reset() {
    const linger hard{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
  }

  [[nodiscard]] bool write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t written = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
      if (written <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }

  /// `answers_head`: the answer to a HEAD request, which has no body whatever it says.
  [[nodiscard]] std::optional<HttpText> read(bool answers_head = false) {
    std::size_t head_end = input_.find("\r\n\r\n");
    for (; head_end == std::string::npos; head_end = input_.find("\r\n\r\n")) {
      if (!read_more()) return std::nullopt;
    }
    HttpText text{.head = input_.substr(0, head_end + 4)};
    input_.erase(0, head_end + 4);
    const int status = text.head.starts_with("HTTP/") ? text.status() : 0;
    if (answers_head || status == 204 || status == 304) return text;
    if (text.header("transfer-encoding") == "chunked") {
      if (!read_chunks(text.body)) return std::nullopt;
    } else if (const std::string length = text.header("content-length"); !length.empty()) {
      if (!take(std::stoul(length), text.body)) return std::nullopt;
    } else if (status != 0) {
      while (read_more()) {
      }
      text.body = std::exchange(input_, {});
    }
    return text;
  }

 private:
  bool read_more() {
    char buffer[16384];
    const ssize_t received = ::recv(descriptor_, buffer, sizeof buffer, 0);
    if (received <= 0) return false;
    input_.append(buffer, static_cast<std::size_t>(received));
    return true;
  }

  bool take(std::size_t count, std::string& body) {
    while (input_.size() < count) {
      if (!read_more()) return false;
    }
    body.append(input_, 0, count);
    input_.erase(0, count);
    return true;
  }

  bool read_chunks(std::string& body) {
    while (true) {
      std::size_t line_end = input_.find("\r\n");
      for (; line_end == std::string::npos; line_end = input_.find("\r\n")) {
        if (!read_more()) return false;
      }
      const std::size_t size = std::stoul(input_.substr(0, line_end), nullptr, 16);
      input_.erase(0, line_end + 2);
      std::string end_of_chunk;
      if (!take(size, body) || !take(2, end_of_chunk)) return false;
      if (size == 0) return true;
    }
  }

  int descriptor_;
  std::string input_;
};

}  // namespace fanfold::test
