#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace fanfold::test {

/// A port of this machine that is free, and that no other test process takes as long as this object lives: its number
/// is held as the name of a socket, which the kernel takes back however the process ends.
class ReservedPort {
 public:
  ReservedPort() {
    for (int tries = 0; tries < tries_max && holder_ < 0; ++tries) reserve(free_port());
  }
  ReservedPort(const ReservedPort&) = delete;
  ReservedPort& operator=(const ReservedPort&) = delete;
  ~ReservedPort() {
    if (holder_ >= 0) ::close(holder_);
  }

  [[nodiscard]] std::uint16_t number() const noexcept { return number_; }

 private:
  static constexpr int tries_max = 100;

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

  void reserve(std::uint16_t port) {
    const std::string name = "fanfold-test-port-" + std::to_string(port);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path + 1, name.size());  // A name that begins with 0 is in no file system.
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) != 0) {
      ::close(descriptor);
      return;
    }
    holder_ = descriptor;
    number_ = port;
  }

  int holder_ = -1;
  std::uint16_t number_ = 0;
};

/// A server of other people's making that speaks as AWS does, on a free port of this machine. It ends with this object,
/// and with this process, however that ends. Python and the packages are in build/python, as
/// tests/python/requirements.txt names them.
class AwsServer {
 public:
  enum class Kind : std::uint8_t { ministack, moto };

  explicit AwsServer(Kind kind) {
    // Somebody who is no test of ours may have taken the port by the time the server wants it.
    for (int tries = 0; tries < start_tries_max && !is_ready_ && is_installed(); ++tries) {
      port_.emplace();
      start(kind);
      is_ready_ = wait_until_ready();
    }
  }
  AwsServer(const AwsServer&) = delete;
  AwsServer& operator=(const AwsServer&) = delete;
  ~AwsServer() { stop(); }

  /// False on a machine where `./dev test` has not made build/python; tests say so and are skipped.
  [[nodiscard]] static bool is_installed() { return std::filesystem::exists(python_folder() + "python3"); }
  [[nodiscard]] static std::string python() { return python_folder() + "python3"; }

  [[nodiscard]] bool is_ready() const noexcept { return is_ready_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_->number(); }

  /// From now on it takes connections and requests and answers none, until `thaw`.
  void freeze() const noexcept { ::kill(process_, SIGSTOP); }
  void thaw() const noexcept { ::kill(process_, SIGCONT); }
  [[nodiscard]] std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_->number()); }

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
  static constexpr int start_tries_max = 3;

  /// moto checks a condition and writes without a lock, so that two threads may both win. As long as Python switches
  /// between them only where one waits, neither comes in between.
  static constexpr const char* moto =
      "import sys; sys.setswitchinterval(60); from moto.server import main; main(sys.argv[1:])";

  static std::string python_folder() { return std::string(FANFOLD_SOURCE_DIR) + "/build/python/bin/"; }

  void start(Kind kind) {
    const std::string port = std::to_string(port_->number());
    if (kind == Kind::ministack) {
      start({python(), python_folder() + "ministack"},
            {"BIND_HOST=127.0.0.1", "GATEWAY_PORT=" + port, "IOT_MTLS_ENABLED=0", "LOG_LEVEL=ERROR"});
    } else {
      start({python(), "-c", moto, "-H", "127.0.0.1", "-p", port}, {});
    }
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
      address.sin_port = htons(port_->number());
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

  std::optional<ReservedPort> port_;
  pid_t process_ = -1;
  bool is_ready_ = false;
};

}  // namespace fanfold::test
