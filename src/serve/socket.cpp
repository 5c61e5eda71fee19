#include "serve/socket.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <span>
#include <system_error>
#include <utility>

namespace fanfold::serve {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds farewell_max{1'000};
constexpr milliseconds refused_accept_pause{100};

std::string text_of(int error) { return std::system_category().message(error); }

/// poll(2) of up to two descriptors, repeated where a signal ended it. The count of those that are ready.
int wait_for(std::span<pollfd> descriptors, steady_clock::time_point until) {
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now()).count();
    const int timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000));
    const int ready = ::poll(descriptors.data(), descriptors.size(), timeout);
    if (ready >= 0 || errno != EINTR) return ready;
  }
}

Error listen_error(const std::string& address, std::uint16_t port, int error) {
  const std::string where = address + ", port " + std::to_string(port) + ": ";
  if (error == EADDRINUSE)
    return {ErrorCode::conflict, where + "is taken by another program; give another port, or 0 for any free one", {}};
  if (error == EACCES)
    return {ErrorCode::permission_denied, where + "this user may not listen there; ports from 1024 on are free", {}};
  if (error == EADDRNOTAVAIL) return {ErrorCode::invalid_argument, where + "is no address of this machine", {}};
  return {ErrorCode::unavailable, where + text_of(error), {}};
}

}  // namespace

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}
Descriptor::Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

Result<Bell> Bell::make() {
  Descriptor event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return Error{ErrorCode::unavailable, "no descriptor for a server: " + text_of(errno), {}};
  return Bell(std::move(event));
}

void Bell::ring() const noexcept { ::eventfd_write(event_.number(), 1); }

bool Bell::rings_within(milliseconds at_most) const noexcept {
  std::array descriptors{pollfd{.fd = number(), .events = POLLIN, .revents = 0}};
  return wait_for(descriptors, steady_clock::now() + at_most) > 0;
}

bool Socket::is_ready(short events, steady_clock::time_point until) const {
  std::array descriptors{pollfd{.fd = bell_.number(), .events = POLLIN, .revents = 0},
                         pollfd{.fd = descriptor_.number(), .events = events, .revents = 0}};
  return wait_for(descriptors, until) > 0 && descriptors[0].revents == 0;
}

std::string Socket::receive(milliseconds at_most) const {
  const auto until = steady_clock::now() + at_most;
  std::string bytes(16 * 1024, '\0');
  while (is_ready(POLLIN, until)) {
    const ssize_t count = ::recv(descriptor_.number(), bytes.data(), bytes.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
  }
  return {};
}

bool Socket::send(std::string_view bytes, milliseconds pause_max) const {
  while (!bytes.empty()) {
    const ssize_t count = ::send(descriptor_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0)
      bytes.remove_prefix(static_cast<std::size_t>(count));
    else if (errno == EAGAIN ? !is_ready(POLLOUT, steady_clock::now() + pause_max) : errno != EINTR)
      return false;
  }
  return true;
}

bool Socket::stays(milliseconds at_least) const {
  std::array descriptors{pollfd{.fd = bell_.number(), .events = POLLIN, .revents = 0},
                         pollfd{.fd = descriptor_.number(), .events = POLLIN, .revents = 0}};
  return wait_for(descriptors, steady_clock::now() + at_least) <= 0;
}

void Socket::finish() const {
  ::shutdown(descriptor_.number(), SHUT_WR);
  const auto until = steady_clock::now() + farewell_max;
  while (steady_clock::now() < until &&
         !receive(std::chrono::ceil<milliseconds>(until - steady_clock::now())).empty()) {
  }
}

Result<Listener> Listener::open(const std::string& address, std::uint16_t port) {
  addrinfo wanted{};
  wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &wanted, &found) != 0)
    return Error{ErrorCode::invalid_argument, "'" + address + "' is no IPv4 or IPv6 address", {}};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  Descriptor descriptor(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  auto* const bound_address = reinterpret_cast<sockaddr*>(&bound);
  const bool listens = descriptor && ::setsockopt(descriptor.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                       ::bind(descriptor.number(), found->ai_addr, found->ai_addrlen) == 0 &&
                       ::listen(descriptor.number(), SOMAXCONN) == 0 &&
                       ::getsockname(descriptor.number(), bound_address, &size) == 0;
  if (!listens) return listen_error(address, port, errno);
  const in_port_t number = found->ai_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                                                        : reinterpret_cast<const sockaddr_in&>(bound).sin_port;
  return Listener(std::move(descriptor), ntohs(number));
}

std::optional<Descriptor> Listener::accept(const Bell& bell) const {
  std::array descriptors{pollfd{.fd = bell.number(), .events = POLLIN, .revents = 0},
                         pollfd{.fd = descriptor_.number(), .events = POLLIN, .revents = 0}};
  if (::poll(descriptors.data(), descriptors.size(), -1) < 0 || descriptors[0].revents != 0) return std::nullopt;
  Descriptor client(::accept4(descriptor_.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!client) {
    // Of files there are none left, for one; the client waits meanwhile.
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) (void)bell.rings_within(refused_accept_pause);
    return std::nullopt;
  }
  const int on = 1;
  ::setsockopt(client.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return client;
}

}  // namespace fanfold::serve
