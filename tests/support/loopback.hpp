#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

/// TCP over the loopback interface, for servers, proxies and bare clients of tests and benchmarks. Calls block.
namespace fanfold::test {

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

struct Listener {
  int descriptor = -1;  ///< The caller's to close.
  std::uint16_t port = 0;
};

/// On a free port. Throws std::runtime_error where there is none.
inline Listener listen_on_loopback() {
  Listener listener{.descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  const bool listens = ::bind(listener.descriptor, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::listen(listener.descriptor, SOMAXCONN) == 0 &&
                       ::getsockname(listener.descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (!listens) throw std::runtime_error("no port to listen on");
  listener.port = ntohs(address.sin_port);
  return listener;
}

/// What is written leaves at once, and waits for no more.
inline void set_no_delay(int socket) {
  const int yes = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

/// The connection, the caller's to close; -1 where nobody listens.
inline int connect_to_loopback(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  set_no_delay(socket);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
  ::close(socket);
  return -1;
}

/// False where the connection has ended.
[[nodiscard]] inline bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

/// Appends what has come; false where the connection has ended.
[[nodiscard]] inline bool receive_more(int socket, std::string& buffer) {
  char bytes[65'536];
  const ssize_t count = ::recv(socket, bytes, sizeof bytes, 0);
  if (count <= 0) return false;
  buffer.append(bytes, static_cast<std::size_t>(count));
  return true;
}

}  // namespace fanfold::test
