#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace bench {

/// Requests as fanfold sends them, by `X-Amz-Target`.
using Requests = std::map<std::string, std::string>;

/// Stands between fanfold and a server for as long as `run` takes, given the endpoint to use; answers the last request
/// of each kind.
Requests record_requests(std::uint16_t port, void (*run)(const std::string& endpoint));

/// One connection, no library: sends requests, reads their answers.
class SocketLoop {
 public:
  explicit SocketLoop(std::uint16_t port);
  ~SocketLoop();
  SocketLoop(const SocketLoop&) = delete;
  SocketLoop& operator=(const SocketLoop&) = delete;

  void ask(std::string_view request) {
    send(request);
    receive();
  }
  void send(std::string_view request);
  /// The answer to what was sent.
  void receive();

 private:
  int socket_ = -1;
  std::string buffer_;
};

}  // namespace bench
