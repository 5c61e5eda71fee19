#pragma once

#include <fanfold/result.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fanfold::serve {

/// A descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) noexcept : number_(number) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  [[nodiscard]] int number() const noexcept { return number_; }
  explicit operator bool() const noexcept { return number_ >= 0; }

 private:
  int number_;
};

/// What ends all waits of a server at once. Thread-safe.
class Bell {
 public:
  /// Errors: unavailable (no descriptor is left).
  [[nodiscard]] static Result<Bell> make();
  void ring() const noexcept;
  [[nodiscard]] int number() const noexcept { return event_.number(); }
  /// Whether it rang, for which it waits up to `at_most`.
  [[nodiscard]] bool rings_within(std::chrono::milliseconds at_most) const noexcept;

 private:
  explicit Bell(Descriptor event) : event_(std::move(event)) {}
  Descriptor event_;
};

/// A client's connection. Calls block until their time is over, the client leaves, or the bell rings.
class Socket {
 public:
  Socket(Descriptor descriptor, const Bell& bell) : descriptor_(std::move(descriptor)), bell_(bell) {}

  /// Some bytes; empty where none will come.
  [[nodiscard]] std::string receive(std::chrono::milliseconds at_most) const;
  /// Whether all of them went into the connection, which may stand still for so long at a time.
  [[nodiscard]] bool send(std::string_view bytes, std::chrono::milliseconds pause_max) const;
  /// Whether the client is still there and silent, as is the bell, after so long.
  [[nodiscard]] bool stays(std::chrono::milliseconds at_least) const;
  /// Says to the client that nothing more comes, and waits a little for it to close: a connection that is closed with
  /// unread bytes takes the answer with it.
  void finish() const;

 private:
  [[nodiscard]] bool is_ready(short events, std::chrono::steady_clock::time_point until) const;

  Descriptor descriptor_;
  const Bell& bell_;  // The server's, which outlives its connections.
};

class Listener {
 public:
  /// Errors: as HttpServer::start.
  [[nodiscard]] static Result<Listener> open(const std::string& address, std::uint16_t port);
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// The next client; empty where none could be taken now. Blocks until one comes or the bell rings.
  [[nodiscard]] std::optional<Descriptor> accept(const Bell& bell) const;

 private:
  Listener(Descriptor descriptor, std::uint16_t port) : descriptor_(std::move(descriptor)), port_(port) {}
  Descriptor descriptor_;
  std::uint16_t port_;
};

}  // namespace fanfold::serve
