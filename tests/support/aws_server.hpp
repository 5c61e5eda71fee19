#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace fanfold::test {

/// A server of other people's making that speaks as AWS does, on a free port of this machine. It ends with this object,
/// and with this process, however that ends. Python and the packages are in build/python, as
/// tests/python/requirements.txt names them.
class AwsServer {
 public:
  enum class Kind : std::uint8_t { ministack, moto };

  explicit AwsServer(Kind kind) : port_(free_port()) {
    const std::string bin = std::string(FANFOLD_SOURCE_DIR) + "/build/python/bin/";
    if (kind == Kind::ministack) {
      start({bin + "python3", bin + "ministack"},
            {"BIND_HOST=127.0.0.1", "GATEWAY_PORT=" + std::to_string(port_), "IOT_MTLS_ENABLED=0", "LOG_LEVEL=ERROR"});
    } else {
      start({bin + "python3", bin + "moto_server", "-H", "127.0.0.1", "-p", std::to_string(port_)}, {});
    }
    is_ready_ = wait_until_ready();
  }
  AwsServer(const AwsServer&) = delete;
  AwsServer& operator=(const AwsServer&) = delete;
  ~AwsServer() { stop(); }

  [[nodiscard]] bool is_ready() const noexcept { return is_ready_; }
  [[nodiscard]] std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }

  /// What every client of it needs, in this process's environment.
  static void set_credentials() {
    ::setenv("AWS_ACCESS_KEY_ID", "test", 1);
    ::setenv("AWS_SECRET_ACCESS_KEY", "test", 1);
    ::setenv("AWS_REGION", "us-east-1", 1);
    ::setenv("AWS_CONFIG_FILE", "/dev/null", 1);
    ::setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
    ::setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
  }

 private:
  static constexpr std::chrono::seconds ready_wait_max{60};

  static std::uint16_t free_port() {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    std::uint16_t port = 0;
    if (::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
        ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
      port = ntohs(address.sin_port);
    }
    ::close(descriptor);
    return port;
  }

  void start(std::vector<std::string> command, const std::vector<std::string>& variables) {
    std::vector<char*> arguments;
    for (std::string& word : command) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const pid_t parent = ::getpid();
    process_ = ::fork();
    if (process_ != 0) return;
    // The kernel ends the server when the tests die, even by kill -9.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    for (const std::string& variable : variables) ::putenv(const_cast<char*>(variable.c_str()));
    const int nowhere = ::open("/dev/null", O_RDWR);
    for (const int descriptor : {0, 1, 2}) ::dup2(nowhere, descriptor);
    ::execv(arguments.front(), arguments.data());
    ::_exit(127);
  }

  [[nodiscard]] bool wait_until_ready() {
    const auto until = std::chrono::steady_clock::now() + ready_wait_max;
    while (std::chrono::steady_clock::now() < until) {
      if (::waitpid(process_, nullptr, WNOHANG) == process_) {
        process_ = -1;
        return false;
      }
      const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(port_);
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      const bool is_open = ::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
      ::close(descriptor);
      if (is_open) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }

  void stop() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
  }

  std::uint16_t port_;
  pid_t process_ = -1;
  bool is_ready_ = false;
};

}  // namespace fanfold::test
