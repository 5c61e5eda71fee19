#include "aws_socket_loop.hpp"

#include "../tests/support/http_framing.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <list>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace bench {

namespace {

using fanfold::test::header_value;
using fanfold::test::http_frame;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

void send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) throw std::runtime_error("the server is gone");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

/// Bytes until one message is whole; empty where the other side ends before.
std::string receive_one(int socket, std::string& buffer) {
  char bytes[65'536];
  while (true) {
    if (const auto frame = http_frame(buffer)) {
      std::string whole = buffer.substr(0, frame->size);
      buffer.erase(0, frame->size);
      return whole;
    }
    const ssize_t count = ::recv(socket, bytes, sizeof bytes, 0);
    if (count <= 0) return {};
    buffer.append(bytes, static_cast<std::size_t>(count));
  }
}

}  // namespace

SocketLoop::SocketLoop(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const sockaddr_in address = loopback(port);
  const int yes = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("no connection to the server");
}

SocketLoop::~SocketLoop() { ::close(socket_); }

void SocketLoop::ask(std::string_view request) {
  send_all(socket_, request);
  char bytes[65'536];
  while (true) {
    const ssize_t count = ::recv(socket_, bytes, sizeof bytes, 0);
    if (count <= 0) throw std::runtime_error("the server is gone");
    buffer_.append(bytes, static_cast<std::size_t>(count));
    if (http_frame(buffer_)) break;
  }
  buffer_.clear();
}

Requests record_requests(std::uint16_t port, void (*run)(const std::string& endpoint)) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  const bool listens = ::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::listen(listener, SOMAXCONN) == 0 &&
                       ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (!listens) throw std::runtime_error("the recorder gets no port");
  Requests requests;
  std::mutex mutex;
  std::thread acceptor([&] {
    std::list<std::thread> connections;
    while (true) {
      const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) break;
      connections.emplace_back([&, client] {
        std::string buffer;
        const int upstream = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const sockaddr_in to = loopback(port);
        if (::connect(upstream, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) {
          std::string answers;
          for (std::string request; !(request = receive_one(client, buffer)).empty();) {
            send_all(upstream, request);
            send_all(client, receive_one(upstream, answers));
            const std::string target(header_value(http_frame(request)->head, "x-amz-target"));
            const std::scoped_lock lock(mutex);
            requests[target] = std::move(request);
          }
        }
        ::close(upstream);
        ::close(client);
      });
    }
    for (std::thread& connection : connections) connection.join();
  });
  run("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)));
  ::shutdown(listener, SHUT_RDWR);
  acceptor.join();
  ::close(listener);
  return requests;
}

}  // namespace bench
