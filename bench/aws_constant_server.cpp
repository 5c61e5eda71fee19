#include "aws_constant.hpp"

#include "../tests/support/http_framing.hpp"
#include "../tests/support/loopback.hpp"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <deque>
#include <stdexcept>
#include <unordered_map>

namespace bench {

namespace {

using Clock = std::chrono::steady_clock;

/// The loop of the server's process.
class Loop {
 public:
  Loop(int listener, const Answers& answers, std::chrono::microseconds delay)
      : listener_(listener), poll_(::epoll_create1(EPOLL_CLOEXEC)), delay_(delay) {
    for (const auto& [target, bodies] : answers) {
      for (const std::string& body : bodies) answers_[target].texts.push_back(whole(body));
    }
    watch(listener_);
  }

  [[noreturn]] void run() {
    epoll_event events[256];
    while (true) {
      const timespec timeout = until_due();
      const int count = ::epoll_pwait2(poll_, events, 256, due_.empty() ? nullptr : &timeout, nullptr);
      for (int i = 0; i < count; ++i) {
        if (events[i].data.fd == listener_) {
          accept_one();
        } else {
          read(events[i].data.fd);
        }
      }
      answer_due();
    }
  }

 private:
  struct Due {
    Clock::time_point at;
    int socket;
    const std::string* answer;
  };

  struct Turns {
    std::vector<std::string> texts{};
    std::size_t next = 0;
  };

  static std::string whole(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nx-amzn-RequestId: "
           "3c9f1a52-8b6e-4a3f-9a55-6a1f0c1f1c55\r\nETag: \"9b2cf535f27731c974343645a3985328\"\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  void watch(int socket) const {
    epoll_event event{.events = EPOLLIN, .data = {.fd = socket}};
    ::epoll_ctl(poll_, EPOLL_CTL_ADD, socket, &event);
  }

  [[nodiscard]] timespec until_due() const {
    if (due_.empty()) return {};
    const auto left = std::max(Clock::duration::zero(), due_.front().at - Clock::now());
    const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
    return {.tv_sec = nanoseconds / 1'000'000'000, .tv_nsec = nanoseconds % 1'000'000'000};
  }

  void accept_one() {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    fanfold::test::set_no_delay(socket);
    watch(socket);
  }

  void read(int socket) {
    char bytes[65'536];
    std::string& buffer = buffers_[socket];
    const ssize_t count = ::recv(socket, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count <= 0) {
      buffers_.erase(socket);
      std::erase_if(due_, [&](const Due& due) { return due.socket == socket; });
      ::close(socket);
      return;
    }
    buffer.append(bytes, static_cast<std::size_t>(count));
    while (const auto frame = fanfold::test::http_frame(buffer)) {
      const std::string* answer = &answer_to(*frame);
      buffer.erase(0, frame->size);
      if (delay_.count() == 0) {
        send(socket, *answer);
      } else {
        due_.push_back({Clock::now() + delay_, socket, answer});
      }
    }
  }

  [[nodiscard]] const std::string& answer_to(const fanfold::test::HttpFrame& request) {
    std::string key(fanfold::test::header_value(request.head, "x-amz-target"));
    if (key.empty()) return object_answer(request);
    if (key.ends_with("Batch")) key += std::to_string(entry_count(request.raw));
    if (request.raw.find(R"("ReturnValues":"NONE")") != std::string_view::npos) key += "NONE";
    const auto found = answers_.find(key);
    if (found == answers_.end()) return nothing_;
    Turns& turns = found->second;
    return turns.texts[turns.next++ % turns.texts.size()];
  }

  /// S3: keeps what is put, since payloads are read again to be sent.
  [[nodiscard]] const std::string& object_answer(const fanfold::test::HttpFrame& request) {
    const std::size_t path_begin = request.head.find(' ') + 1;
    std::string path(request.head.substr(path_begin, request.head.find(' ', path_begin) - path_begin));
    if (request.head.starts_with("GET ")) return objects_[path];
    objects_[std::move(path)] = whole(std::string(request.raw));
    return nothing_;
  }

  /// Quotes inside a message are escaped, so that this is found in none.
  static std::size_t entry_count(std::string_view body) {
    constexpr std::string_view id = "\"Id\":";
    std::size_t count = 0;
    for (std::size_t at = body.find(id); at != std::string_view::npos; at = body.find(id, at + id.size())) ++count;
    return count;
  }

  static void send(int socket, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  void answer_due() {
    for (const auto now = Clock::now(); !due_.empty() && due_.front().at <= now; due_.pop_front())
      send(due_.front().socket, *due_.front().answer);
  }

  int listener_;
  int poll_;
  std::chrono::microseconds delay_;
  std::unordered_map<std::string, Turns> answers_;
  const std::string nothing_ = whole("{}");
  std::unordered_map<std::string, std::string> objects_;
  std::unordered_map<int, std::string> buffers_;
  std::deque<Due> due_;  // All have the same delay, so the first is due first.
};

}  // namespace

ConstantServer::ConstantServer(const Answers& answers, std::chrono::microseconds delay) {
  const fanfold::test::Listener listener = fanfold::test::listen_on_loopback();
  port_ = listener.port;
  const pid_t parent = ::getpid();
  process_ = ::fork();
  if (process_ == 0) {
    // The kernel ends it when the benchmark dies, even by kill -9.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    Loop(listener.descriptor, answers, delay).run();
  }
  ::close(listener.descriptor);
  if (process_ < 0) throw std::runtime_error("the server of constant answers does not start");
}

ConstantServer::~ConstantServer() {
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void set_constant_credentials() {
  ::setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", 1);
  ::setenv("AWS_REGION", "us-east-1", 1);
  ::setenv("AWS_CONFIG_FILE", "/dev/null", 1);
  ::setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
  ::setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
}

}  // namespace bench
