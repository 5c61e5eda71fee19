#include "serve/http_server.hpp"

#include "serve/guard.hpp"
#include "serve/request_parser.hpp"
#include "serve/socket.hpp"

#include <atomic>
#include <exception>
#include <list>
#include <system_error>
#include <thread>

namespace fanfold::serve {

namespace {

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 501: return "Not Implemented";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "Other";
  }
}

/// Of what a parser has not taken: it refuses what is longer before.
constexpr std::size_t pending_bytes_max = 1024 * 1024;

/// What is sent before the body.
std::string head_of(const Answer& answer, bool keeps_alive) {
  std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " " + std::string(reason_of(answer.status));
  const auto field = [&head](std::string_view name, std::string_view value) {
    head.append("\r\n").append(name).append(": ").append(value);
  };
  field("Content-Type", answer.content_type);
  field("Cache-Control", "no-store");
  field("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : answer.headers) field(name, value);
  if (!answer.stream.next) field("Content-Length", std::to_string(answer.body.size()));
  field("Connection", keeps_alive ? "keep-alive" : "close");
  return head + "\r\n\r\n";
}

}  // namespace

/// A thread that takes clients, and one for each of them.
class HttpServer::Impl {
 public:
  Impl(Options options, Handler handler, Listener listener, Bell bell)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        callable_(callable_by(options_)),
        bell_(std::move(bell)),
        listener_(std::move(listener)) {}
  ~Impl() {
    bell_.ring();
    if (acceptor_.joinable()) acceptor_.join();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> start() {
    try {
      acceptor_ = std::thread([this] { take_clients(); });
    } catch (const std::system_error& error) {
      return Error{ErrorCode::unavailable, std::string("no thread to serve with: ") + error.what(), {}};
    }
    return {};
  }
  [[nodiscard]] std::uint16_t port() const noexcept { return listener_.port(); }
  [[nodiscard]] const Options& options() const noexcept { return options_; }

 private:
  struct Connection {
    std::atomic<bool> done = false;
    std::jthread thread;  // Joins when it is destroyed.
  };

  void take_clients() {
    std::list<Connection> connections;
    while (!bell_.rings_within({})) {
      auto client = listener_.accept(bell_);
      connections.remove_if([](const Connection& connection) { return connection.done.load(); });
      if (!client || connections.size() >= options_.connections_max) continue;
      Connection& connection = connections.emplace_back();
      try {
        connection.thread = std::jthread([this, &connection, socket = Socket(std::move(*client), bell_)] {
          try {
            serve(socket);
          } catch (const std::exception&) {  // No memory is left, for one: this client alone goes without an answer.
          }
          connection.done = true;
        });
      } catch (const std::system_error&) {
        connections.pop_back();  // No thread is left: this client is turned away, the next one may have one.
      }
    }
  }

  void serve(const Socket& socket) const {
    std::string received;  // And not yet read.
    while (true) {
      RequestParser parser(options_.body_bytes_max);
      if (!receive(socket, parser, received) || !answer(socket, parser)) return;
    }
  }

  /// Whether a request came, or something that is refused.
  [[nodiscard]] bool receive(const Socket& socket, RequestParser& parser, std::string& received) const {
    if (received.empty()) received = socket.receive(options_.idle_timeout);
    const auto until = std::chrono::steady_clock::now() + options_.request_timeout;
    while (!received.empty()) {
      received.erase(0, parser.put(received));
      if (parser.state() != RequestParser::State::incomplete) return true;
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      const std::string more = socket.receive(left);
      if (more.empty() || received.size() > pending_bytes_max) return false;
      received += more;
    }
    return false;
  }

  /// Whether the connection goes on.
  [[nodiscard]] bool answer(const Socket& socket, const RequestParser& parser) const {
    const bool is_refused = parser.state() == RequestParser::State::refused;
    Answer answer = is_refused ? parser.refusal() : handle(parser.request());
    const bool streams = static_cast<bool>(answer.stream.next);
    const bool keeps_alive = !is_refused && !streams && parser.keeps_alive();
    std::string bytes = head_of(answer, keeps_alive);
    if (!parser.is_head()) bytes += answer.body;
    if (!socket.send(bytes, options_.request_timeout)) return false;
    if (keeps_alive) return true;
    if (streams && !parser.is_head()) stream(socket, answer.stream);
    socket.finish();
    return false;
  }

  [[nodiscard]] Answer handle(const Request& request) const {
    if (std::string why = refusal(request, callable_); !why.empty()) return plain_answer(403, std::move(why));
    try {
      return handler_(request);
    } catch (const std::exception& error) {
      return plain_answer(500, error.what());
    } catch (...) {
      return plain_answer(500, "the handler threw something that says nothing of itself");
    }
  }

  /// Until the client leaves, which is seen when something is sent, or the server does.
  void stream(const Socket& socket, const EventStream& events) const {
    try {
      do {
        if (!socket.send(events.next(), options_.request_timeout)) return;
      } while (socket.stays(events.interval));
    } catch (const std::exception&) {  // The client comes again, and meets the reason in a request.
    }
  }

  const Options options_;
  const Handler handler_;
  const Callable callable_;
  const Bell bell_;
  const Listener listener_;
  std::thread acceptor_;  // Last: it uses the others, and waits for its connections.
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;
HttpServer::HttpServer(HttpServer&&) noexcept = default;
HttpServer& HttpServer::operator=(HttpServer&&) noexcept = default;

Result<HttpServer> HttpServer::start(const Options& options, Handler handler) {
  auto bell = Bell::make();
  if (!bell) return std::move(bell).error();
  auto listener = Listener::open(options.address, options.port);
  if (!listener) return std::move(listener).error();
  auto impl = std::make_unique<Impl>(options, std::move(handler), std::move(*listener), std::move(*bell));
  if (auto started = impl->start(); !started) return std::move(started).error();
  return HttpServer(std::move(impl));
}

std::uint16_t HttpServer::port() const noexcept { return impl_->port(); }

std::string HttpServer::url() const {
  const std::string& address = impl_->options().address;
  const bool is_v6 = address.find(':') != std::string::npos;
  return "http://" + (is_v6 ? "[" + address + "]" : address) + ":" + std::to_string(port());
}

}  // namespace fanfold::serve
