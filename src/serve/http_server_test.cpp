#include "serve/http_server.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <future>

namespace fanfold::serve {
namespace {

using namespace std::chrono_literals;

/// A bare client of a server on loopback.
class Client {
 public:
  explicit Client(std::uint16_t port) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) close();
  }
  ~Client() { close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(std::string_view text) const { ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL); }
  /// All that comes until `end` was seen, or the connection ended.
  [[nodiscard]] std::string receive_until(std::string_view end) const {
    std::string text;
    char byte = 0;
    while ((end.empty() || !text.ends_with(end)) && ::recv(descriptor_, &byte, 1, 0) == 1) text += byte;
    return text;
  }
  [[nodiscard]] std::string ask(std::string_view request, std::string_view end) const {
    send(request);
    return receive_until(end);
  }
  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }

 private:
  int descriptor_;
};

Answer echo(const Request& request) {
  if (request.path == "/throws") throw std::runtime_error("no luck");
  return {.content_type = "text/plain", .body = request.method + " " + request.path + "\n"};
}

TEST(HttpServer, AnswersOneAfterTheOtherOnAConnection) {
  const HttpServer server = HttpServer::start({}, echo).value();
  const Client client(server.port());
  const std::string one = client.ask("GET /one HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /one\n");
  EXPECT_TRUE(one.starts_with("HTTP/1.1 200 OK\r\n")) << one;
  EXPECT_NE(one.find("\r\nContent-Length: 9\r\n"), std::string::npos) << one;
  // Two at once, the second of which ends the connection.
  const std::string rest = client.ask(
      "GET /two HTTP/1.1\r\nHost: localhost\r\n\r\nGET /three HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
      "");
  EXPECT_NE(rest.find("GET /two\n"), std::string::npos);
  EXPECT_TRUE(rest.ends_with("GET /three\n")) << rest;
}

TEST(HttpServer, SendsNoBodyToHead) {
  const HttpServer server = HttpServer::start({}, echo).value();
  const std::string answer =
      Client(server.port()).ask("HEAD /one HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "");
  EXPECT_NE(answer.find("Content-Length: 9"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST(HttpServer, RefusesForeignNamesAndWhatIsNoRequest) {
  std::atomic<int> calls = 0;
  const HttpServer server = HttpServer::start({}, [&](const Request& request) {
                              ++calls;
                              return echo(request);
                            }).value();
  const auto status_of = [&](std::string_view request) { return Client(server.port()).ask(request, "").substr(0, 12); };
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"), "HTTP/1.1 403");
  EXPECT_EQ(status_of("\x16\x03\x01\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n\r\n"), "HTTP/1.1 413");
  EXPECT_EQ(calls, 0);
}

TEST(HttpServer, SaysThatAHandlerThrew) {
  const HttpServer server = HttpServer::start({}, echo).value();
  const std::string answer =
      Client(server.port()).ask("GET /throws HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 ")) << answer;
  EXPECT_TRUE(answer.ends_with("no luck\n")) << answer;
}

TEST(HttpServer, StreamsUntilTheClientLeaves) {
  std::promise<void> left;
  const HttpServer server = HttpServer::start({}, [&](const Request&) {
                              const auto owner = std::shared_ptr<void>(nullptr, [&](void*) { left.set_value(); });
                              return Answer{.content_type = "text/event-stream",
                                            .stream = {.interval = 1ms, .next = [owner, count = 0]() mutable {
                                                         return "data: " + std::to_string(++count) + "\n\n";
                                                       }}};
                            }).value();
  {
    const Client client(server.port());
    const std::string begin = client.ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "data: 3\n\n");
    EXPECT_NE(begin.find("data: 1\n\ndata: 2\n\n"), std::string::npos) << begin;
  }
  EXPECT_EQ(left.get_future().wait_for(10s), std::future_status::ready);
}

TEST(HttpServer, EndsAStreamThatWaitsWhenItIsDestroyed) {
  std::optional<HttpServer> server =
      HttpServer::start({}, [](const Request&) {
        return Answer{.stream = {.interval = 1h, .next = [] { return std::string("once\n"); }}};
      }).value();
  const Client client(server->port());
  EXPECT_TRUE(client.ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "once\n").ends_with("once\n"));
  server.reset();
  EXPECT_EQ(client.receive_until(""), "");
}

TEST(HttpServer, TurnsAwayMoreClientsThanItHasThreadsFor) {
  const HttpServer server = HttpServer::start({.connections_max = 1}, echo).value();
  const Client first(server.port());
  EXPECT_NE(first.ask("GET /one HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /one\n"), "");
  EXPECT_EQ(Client(server.port()).ask("GET /two HTTP/1.1\r\nHost: localhost\r\n\r\n", ""), "");
}

TEST(HttpServer, LeavesAClientThatNeverEndsItsRequest) {
  const HttpServer server = HttpServer::start({.request_timeout = 50ms}, echo).value();
  EXPECT_EQ(Client(server.port()).ask("GET /one HTTP/1.1\r\nHost: local", ""), "");
}

TEST(HttpServer, NamesWhatKeepsItFromListening) {
  const HttpServer server = HttpServer::start({}, echo).value();
  const auto taken = HttpServer::start({.port = server.port()}, echo);
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().code, ErrorCode::conflict);
  EXPECT_EQ(taken.error().message, "127.0.0.1, port " + std::to_string(server.port()) +
                                       ": is taken by another program; give another port, or 0 for any free one");
  const auto no_address = HttpServer::start({.address = "localhost"}, echo);
  ASSERT_FALSE(no_address.has_value());
  EXPECT_EQ(no_address.error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace fanfold::serve
