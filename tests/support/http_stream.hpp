#pragma once

#include "http_framing.hpp"
#include "loopback.hpp"

#include <cstdlib>
#include <utility>

namespace fanfold::test {

/// One HTTP/1.1 request or answer as it was read: its head with the blank line, and its body without chunks.
struct HttpText {
  std::string head{};
  std::string body{};

  /// The value of a header, lower case `name`; empty without one.
  [[nodiscard]] std::string header(std::string_view name) const { return std::string(header_value(head, name)); }
  [[nodiscard]] std::string_view method() const { return std::string_view(head).substr(0, head.find(' ')); }
  /// Of an answer; 0 where the head is none.
  [[nodiscard]] int status() const { return status_of(head); }
  /// Of an answer: whether its connection ends with it.
  [[nodiscard]] bool closes() const { return begins_ignoring_case(header("connection"), "close"); }
};

/// A TCP connection that HTTP messages are read from and written to. Owns its descriptor. Calls block.
class HttpStream {
 public:
  explicit HttpStream(int descriptor = -1) : descriptor_(descriptor) {
    if (descriptor_ >= 0) set_no_delay(descriptor_);
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

  /// Not open where nobody listens.
  [[nodiscard]] static HttpStream connect(std::uint16_t port) { return HttpStream(connect_to_loopback(port)); }

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

  [[nodiscard]] bool write(std::string_view text) const { return send_all(descriptor_, text); }

  /// `answers_head`: the answer to a HEAD request, which has no body whatever it says.
  [[nodiscard]] std::optional<HttpText> read(bool answers_head = false) {
    while (true) {
      const int status = status_of(input_);
      const bool has_body = !answers_head && status != 204 && status != 304;
      if (const auto frame = http_frame(input_, has_body)) {
        HttpText text{.head = std::string(frame->head), .body = frame->body()};
        input_.erase(0, frame->size);
        if (status != 0 && has_body && !frame->has_length) read_to_the_end(text.body);
        return text;
      }
      if (!receive_more(descriptor_, input_)) return std::nullopt;
    }
  }

 private:
  /// An answer that says no length lasts as long as its connection.
  void read_to_the_end(std::string& body) {
    body = std::exchange(input_, {});
    while (receive_more(descriptor_, body)) {
    }
  }

  int descriptor_;
  std::string input_;
};

}  // namespace fanfold::test
