#pragma once

#include "../../support/loopback.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace fanfold::test {

/// What a client sent, as it came.
struct ReceivedRequest {
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;  ///< Names in lower case.
  std::string body;
  std::size_t connection = 0;  ///< Counts from 0.

  [[nodiscard]] std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) return value;
    }
    return {};
  }
  [[nodiscard]] bool has_header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) return true;
    }
    return false;
  }
};

/// What the server does with it, bad manners included.
struct ScriptedReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  std::chrono::milliseconds delay{0};        ///< Before the first byte.
  bool close = false;                        ///< Says "Connection: close" and does so.
  bool close_silently = false;               ///< Closes after the answer without having said so.
  bool drop = false;                         ///< Closes without an answer.
  bool reset = false;                        ///< The same with a reset of the connection.
  std::optional<std::size_t> cut_body_at{};  ///< Promises the whole body, sends so much, closes.
  std::optional<std::string> raw{};          ///< Exactly these bytes instead of an answer, then closes.

  static ScriptedReply of(int status, std::string body) {
    ScriptedReply reply;
    reply.status = status;
    reply.body = std::move(body);
    return reply;
  }
};

/// A real HTTP/1.1 server on a free loopback port whose answers a function decides. The function runs on the threads
/// of the connections, several at once.
class ScriptedHttpServer {
 public:
  using Handler = std::function<ScriptedReply(const ReceivedRequest&)>;

  explicit ScriptedHttpServer(Handler handler) : handler_(std::move(handler)) {
    const Listener listener = listen_on_loopback();
    listener_ = listener.descriptor;
    port_ = listener.port;
    acceptor_ = std::jthread([this] { accept_all(); });
  }
  ScriptedHttpServer(const ScriptedHttpServer&) = delete;
  ScriptedHttpServer& operator=(const ScriptedHttpServer&) = delete;

  ~ScriptedHttpServer() {
    {
      const std::lock_guard lock(mutex_);
      is_stopping_ = true;
    }
    stopping_.notify_all();
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
    {
      const std::lock_guard lock(mutex_);
      for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
    }
    connections_.clear();
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::size_t connection_count() const { return connection_count_; }
  [[nodiscard]] std::vector<ReceivedRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  [[nodiscard]] std::size_t request_count() const {
    const std::lock_guard lock(mutex_);
    return requests_.size();
  }
  /// Blocks until so many requests have come in.
  void await_requests(std::size_t count) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return requests_.size() >= count; });
  }

 private:
  void accept_all() {
    while (true) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      set_no_delay(socket);
      const std::size_t index = connection_count_++;
      const std::lock_guard lock(mutex_);
      sockets_.push_back(socket);
      if (is_stopping_) ::shutdown(socket, SHUT_RDWR);
      connections_.emplace_back([this, socket, index] { serve(socket, index); });
    }
  }

  void serve(int socket, std::size_t index) {
    std::string input;
    while (std::optional<ReceivedRequest> request = read_request(socket, input)) {
      request->connection = index;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(*request);
      }
      arrived_.notify_all();
      if (!answer(socket, *request, handler_(*request))) break;
    }
    const std::lock_guard lock(mutex_);
    std::erase(sockets_, socket);
    ::close(socket);
  }

  /// False where the connection ends with it.
  bool answer(int socket, const ReceivedRequest& request, const ScriptedReply& reply) {
    if (reply.delay.count() > 0) {
      std::unique_lock lock(mutex_);
      if (stopping_.wait_for(lock, reply.delay, [this] { return is_stopping_; })) return false;
    }
    if (reply.reset) {
      const linger hard{1, 0};
      ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
      return false;
    }
    if (reply.drop) return false;
    if (reply.raw) {
      static_cast<void>(send_all(socket, *reply.raw));
      return false;
    }
    std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " Scripted\r\n";
    for (const auto& [name, value] : reply.headers) text += name + ": " + value + "\r\n";
    if (reply.close) text += "Connection: close\r\n";
    text += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n\r\n";
    if (request.method != "HEAD") text += reply.body.substr(0, reply.cut_body_at.value_or(reply.body.size()));
    return send_all(socket, text) && !reply.close && !reply.close_silently && !reply.cut_body_at;
  }

  static std::optional<ReceivedRequest> read_request(int socket, std::string& input) {
    std::size_t head_end = input.find("\r\n\r\n");
    for (; head_end == std::string::npos; head_end = input.find("\r\n\r\n")) {
      if (!receive_more(socket, input)) return std::nullopt;
    }
    ReceivedRequest request = parse_head(std::string_view(input).substr(0, head_end + 2));
    input.erase(0, head_end + 4);
    const std::string length = request.header("content-length");
    const std::size_t body_size = length.empty() ? 0 : std::stoul(length);
    while (input.size() < body_size) {
      if (!receive_more(socket, input)) return std::nullopt;
    }
    request.body = input.substr(0, body_size);
    input.erase(0, body_size);
    return request;
  }

  static ReceivedRequest parse_head(std::string_view head) {
    ReceivedRequest request;
    std::size_t line_end = head.find("\r\n");
    const std::string_view first = head.substr(0, line_end);
    request.method = first.substr(0, first.find(' '));
    request.target = first.substr(first.find(' ') + 1, first.rfind(' ') - first.find(' ') - 1);
    head.remove_prefix(line_end + 2);
    while (!head.empty()) {
      line_end = head.find("\r\n");
      const std::string_view line = head.substr(0, line_end);
      const std::size_t colon = line.find(':');
      std::string name(line.substr(0, colon));
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      std::string_view value = line.substr(colon + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
      request.headers.emplace_back(std::move(name), value);
      head.remove_prefix(line_end + 2);
    }
    return request;
  }

  Handler handler_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> connection_count_{0};
  mutable std::mutex mutex_;
  std::condition_variable stopping_;
  std::condition_variable arrived_;
  bool is_stopping_ = false;               // guarded by mutex_
  std::vector<int> sockets_;               // guarded by mutex_
  std::vector<ReceivedRequest> requests_;  // guarded by mutex_
  std::list<std::jthread> connections_;    // by the acceptor alone
  std::jthread acceptor_;
};

}  // namespace fanfold::test
