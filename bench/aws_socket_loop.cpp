#include "aws_socket_loop.hpp"

#include "../tests/support/http_framing.hpp"
#include "../tests/support/loopback.hpp"

#include <list>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace bench {

using namespace fanfold::test;

namespace {

/// Bytes until one message is whole; empty where the other side ends before.
std::string receive_one(int socket, std::string& buffer) {
  while (true) {
    if (const auto frame = http_frame(buffer)) {
      std::string whole = buffer.substr(0, frame->size);
      buffer.erase(0, frame->size);
      return whole;
    }
    if (!receive_more(socket, buffer)) return {};
  }
}

}  // namespace

SocketLoop::SocketLoop(std::uint16_t port) : socket_(connect_to_loopback(port)) {
  if (socket_ < 0) throw std::runtime_error("no connection to the server");
}

SocketLoop::~SocketLoop() { ::close(socket_); }

void SocketLoop::send(std::string_view request) {
  if (!send_all(socket_, request)) throw std::runtime_error("the server is gone");
}

void SocketLoop::receive() {
  while (!http_frame(buffer_)) {
    if (!receive_more(socket_, buffer_)) throw std::runtime_error("the server is gone");
  }
  buffer_.clear();
}

Requests record_requests(std::uint16_t port, void (*run)(const std::string& endpoint)) {
  const Listener listener = listen_on_loopback();
  Requests requests;
  std::mutex mutex;
  std::thread acceptor([&] {
    std::list<std::thread> connections;
    while (true) {
      const int client = ::accept4(listener.descriptor, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) break;
      connections.emplace_back([&, client] {
        std::string buffer;
        const int upstream = connect_to_loopback(port);
        std::string answers;
        while (upstream >= 0) {
          std::string request = receive_one(client, buffer);
          if (request.empty() || !send_all(upstream, request) || !send_all(client, receive_one(upstream, answers)))
            break;
          std::string target(header_value(http_frame(request)->head, "x-amz-target"));
          if (request.find(R"("ReturnValues":"NONE")") != std::string::npos) target += "NONE";
          const std::scoped_lock lock(mutex);
          requests[target] = std::move(request);
        }
        ::close(upstream);
        ::close(client);
      });
    }
    for (std::thread& connection : connections) connection.join();
  });
  run("http://127.0.0.1:" + std::to_string(listener.port));
  ::shutdown(listener.descriptor, SHUT_RDWR);
  acceptor.join();
  ::close(listener.descriptor);
  return requests;
}

}  // namespace bench
