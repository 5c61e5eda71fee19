#pragma once

#include "http_stream.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <random>
#include <thread>

namespace fanfold::test {

/// What may become of one request, and of its answer.
enum class ProxyFault : std::uint8_t {
  none,
  delayed,         ///< The answer comes late.
  stalled,         ///< The answer comes later than a short lease lasts. Never drawn for S3.
  reordered,       ///< The answer waits until answers to later requests of others have gone ahead.
  cut_before,      ///< The connection breaks before the server sees the request.
  answer_dropped,  ///< The connection breaks after the server did what was asked.
  answer_cut,      ///< It breaks in the middle of the answer.
  applied_late,    ///< It breaks at once, and the server gets the request some time afterwards.
  duplicated,      ///< The server gets it twice, at once; the second answer is the one that arrives.
  repeated_late,   ///< The server gets it once more after its answer has arrived.
  status_500,      ///< "Internal error", of the service or of a proxy, half of them after it was done all the same.
  status_503,      ///< "Unavailable", likewise.
  throttled,       ///< The service asks to slow down, in its own words; nothing was done.
  garbage          ///< Status 200 and a page of HTML, half of them after it was done.
};
inline constexpr std::size_t proxy_fault_count = 14;
inline constexpr std::array<const char*, proxy_fault_count> proxy_fault_names = {
    "none",         "delayed",    "stalled",       "reordered",  "cut_before", "answer_dropped", "answer_cut",
    "applied_late", "duplicated", "repeated_late", "status_500", "status_503", "throttled",      "garbage"};

enum class ProxyService : std::uint8_t { sqs, dynamodb, s3 };
inline constexpr std::array<const char*, 3> proxy_service_names = {"sqs", "dynamodb", "s3"};

struct ProxyPlan {
  std::uint64_t seed = 0;
  std::uint32_t fault_percent = 15;  ///< Of all requests.
  std::chrono::milliseconds delay_max{200};
  std::chrono::milliseconds stall_max{2'500};  ///< A stall takes between half of it and all.
  std::chrono::milliseconds late_max{1'500};
  /// Before every PUT of an object: S3 swaps one some 15 times a second, a server on this machine hundreds of times.
  std::chrono::milliseconds put_time{0};
  std::optional<ProxyFault> always{};  ///< This fault for every request.
};

/// An HTTP/1.1 proxy on loopback in front of a server that speaks as AWS does, in a process of its own, that harms what
/// goes through it. The n-th request's fault is drawn from the seed and n alone; which request is the n-th is up to the
/// clients. Ends with this object, and with this process. Construct it before the process has other threads.
class FailureProxy {
 public:
  FailureProxy(std::uint16_t server_port, const ProxyPlan& plan) : server_port_(server_port), plan_(plan) {
    void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    shared_ = new (memory) Shared();
    const Listener listener = listen_on_loopback();
    listener_ = listener.descriptor;
    port_ = listener.port;
    const pid_t parent = ::getpid();
    process_ = ::fork();
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() == parent) accept_all();
      ::_exit(1);
    }
    ::close(listener_);
  }
  FailureProxy(const FailureProxy&) = delete;
  FailureProxy& operator=(const FailureProxy&) = delete;
  ~FailureProxy() {
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      ::waitpid(process_, nullptr, 0);
    }
    ::munmap(shared_, sizeof(Shared));
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::uint64_t count(ProxyService service, ProxyFault fault) const {
    return shared_->counts[static_cast<std::size_t>(service)][static_cast<std::size_t>(fault)];
  }
  /// Requests that the server will get although nobody waits for their answers.
  [[nodiscard]] std::uint64_t late_count() const { return shared_->late_count; }

 private:
  struct Shared {
    std::array<std::array<std::atomic<std::uint64_t>, proxy_fault_count>, 3> counts{};
    std::atomic<std::uint64_t> late_count{0};
  };
  using Random = std::mt19937_64;

  static std::uint64_t below(Random& random, std::uint64_t bound) { return random() % bound; }
  static std::chrono::milliseconds up_to(Random& random, std::chrono::milliseconds most) {
    return std::chrono::milliseconds(below(random, static_cast<std::uint64_t>(most.count()) + 1));
  }

  [[noreturn]] void accept_all() {
    while (true) {
      const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (descriptor < 0) continue;
      std::thread([this, descriptor] { serve(HttpStream(descriptor)); }).detach();
    }
  }

  void serve(HttpStream client) {
    HttpStream server;
    while (client.is_open()) {
      const std::optional<HttpText> request = client.read();
      if (!request) return;
      Random random(plan_.seed * 1'000'003 + request_count_++);
      const ProxyService service = service_of(*request);
      const ProxyFault fault = draw(random, service);
      if (request->method() == "PUT") std::this_thread::sleep_for(plan_.put_time);
      ++shared_->counts[static_cast<std::size_t>(service)][static_cast<std::size_t>(fault)];
      handle(client, server, *request, service, fault, random);
    }
  }

  static ProxyService service_of(const HttpText& request) {
    const std::string target = request.header("x-amz-target");
    if (target.starts_with("AmazonSQS.")) return ProxyService::sqs;
    return target.starts_with("DynamoDB_") ? ProxyService::dynamodb : ProxyService::s3;
  }

  [[nodiscard]] ProxyFault draw(Random& random, ProxyService service) const {
    if (plan_.always) return *plan_.always;
    if (below(random, 100) >= plan_.fault_percent) return ProxyFault::none;
    const auto fault = static_cast<ProxyFault>(1 + below(random, proxy_fault_count - 1));
    // Of those that make a call wait for long only some: else a run would consist of waiting. Leases do not wait for
    // S3.
    const bool stalls = service != ProxyService::s3 && below(random, 3) == 0;
    if (fault == ProxyFault::stalled && !stalls) return ProxyFault::delayed;
    return fault;
  }

  void handle(HttpStream& client, HttpStream& server, const HttpText& request, ProxyService service, ProxyFault fault,
              Random& random) {
    switch (fault) {
      case ProxyFault::cut_before: return cut(client, random);
      case ProxyFault::applied_late: repeat_later(request, up_to(random, plan_.late_max)); return cut(client, random);
      case ProxyFault::throttled: return answer(client, request, throttling(service));
      case ProxyFault::status_500:
      case ProxyFault::status_503:
      case ProxyFault::garbage:
        if (below(random, 2) == 0) static_cast<void>(forward(server, request));
        return answer(client, request, refusal(service, fault, below(random, 2) == 0));
      case ProxyFault::duplicated: static_cast<void>(forward(server, request)); break;
      default: break;
    }
    const std::optional<HttpText> reply = forward(server, request);
    if (!reply) return client.close();
    switch (fault) {
      case ProxyFault::delayed: std::this_thread::sleep_for(up_to(random, plan_.delay_max)); break;
      case ProxyFault::stalled:
        std::this_thread::sleep_for(plan_.stall_max / 2 + up_to(random, plan_.stall_max / 2));
        break;
      case ProxyFault::reordered: wait_for_others(1 + below(random, 8)); break;
      case ProxyFault::answer_dropped: return cut(client, random);
      case ProxyFault::answer_cut: {
        const std::string whole = text_of(*reply);
        static_cast<void>(client.write(std::string_view(whole).substr(0, below(random, whole.size()))));
        return client.close();
      }
      default: break;
    }
    answer(client, request, text_of(*reply));
    if (fault == ProxyFault::repeated_late) repeat_later(request, up_to(random, plan_.late_max));
  }

  static void cut(HttpStream& client, Random& random) {
    if (below(random, 2) == 0) {
      client.reset();
    } else {
      client.close();
    }
  }

  void answer(HttpStream& client, const HttpText& request, std::string text) {
    if (request.method() == "HEAD") text.resize(text.find("\r\n\r\n") + 4);
    if (!client.write(text)) client.close();
    {
      const std::lock_guard lock(mutex_);
      ++answer_count_;
    }
    answered_.notify_all();
  }

  void wait_for_others(std::uint64_t count) {
    constexpr std::chrono::milliseconds most{300};
    std::unique_lock lock(mutex_);
    const std::uint64_t until = answer_count_ + count;
    answered_.wait_for(lock, most, [&] { return answer_count_ >= until; });
  }

  /// On the kept connection, or a fresh one where the server has closed that.
  std::optional<HttpText> forward(HttpStream& server, const HttpText& request) const {
    if (server.is_open() && server.is_stale()) server.close();
    if (!server.is_open()) server = HttpStream::connect(server_port_);
    if (!server.is_open() || !server.write(request.head) || !server.write(request.body)) {
      server.close();
      return std::nullopt;
    }
    std::optional<HttpText> reply = server.read(request.method() == "HEAD");
    if (!reply || reply->closes()) server.close();
    return reply;
  }

  void repeat_later(const HttpText& request, std::chrono::milliseconds delay) {
    ++shared_->late_count;
    std::thread([this, request, delay] {
      std::this_thread::sleep_for(delay);
      HttpStream server;
      static_cast<void>(forward(server, request));
      --shared_->late_count;
    }).detach();
  }

  /// With a length where it came in chunks, or until the end of its connection.
  static std::string text_of(const HttpText& reply) {
    const bool has_length = !reply.header("content-length").empty() || reply.status() == 204 || reply.status() == 304;
    if (has_length) return reply.head + reply.body;
    std::string head = reply.head;
    std::string lower_head = head;
    for (char& c : lower_head) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (const std::size_t at = lower_head.find("transfer-encoding:"); at != std::string::npos) {
      head.erase(at, head.find("\r\n", at) + 2 - at);
    }
    head.insert(head.find("\r\n") + 2, "Content-Length: " + std::to_string(reply.body.size()) + "\r\n");
    return head + reply.body;
  }

  static std::string reply_of(const std::string& status, const std::string& headers, const std::string& body) {
    return "HTTP/1.1 " + status + "\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
  }
  static std::string json_reply(const std::string& status, const std::string& type) {
    return reply_of(status, "x-amzn-RequestId: F41LURE\r\nContent-Type: application/x-amz-json-1.0\r\n",
                    R"({"__type":")" + type + R"(","message":"made up"})");
  }
  static std::string xml_reply(const std::string& status, const std::string& code) {
    return reply_of(status, "x-amz-request-id: F41LURE\r\nContent-Type: application/xml\r\n",
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + code +
                        "</Code><Message>made up</Message><RequestId>F41LURE</RequestId></Error>");
  }
  static std::string html_reply(const std::string& status) {
    return reply_of(status, "Content-Type: text/html\r\n",
                    "<html><body><h1>" + status + "</h1><p>This is a proxy.</p></body></html>");
  }

  static std::string throttling(ProxyService service) {
    switch (service) {
      case ProxyService::sqs: return json_reply("400 Bad Request", "com.amazonaws.sqs#RequestThrottled");
      case ProxyService::dynamodb:
        return json_reply("400 Bad Request", "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException");
      case ProxyService::s3: break;
    }
    return xml_reply("503 Slow Down", "SlowDown");
  }

  static std::string refusal(ProxyService service, ProxyFault fault, bool by_the_service) {
    if (fault == ProxyFault::garbage) return html_reply("200 OK");
    const bool is_500 = fault == ProxyFault::status_500;
    const std::string status = is_500 ? "500 Internal Server Error" : "503 Service Unavailable";
    if (!by_the_service) return html_reply(status);
    if (service == ProxyService::s3) return xml_reply(status, is_500 ? "InternalError" : "ServiceUnavailable");
    return json_reply(status, is_500 ? "InternalServerError" : "ServiceUnavailable");
  }

  const std::uint16_t server_port_;
  const ProxyPlan plan_;
  Shared* shared_ = nullptr;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  pid_t process_ = -1;
  // In the proxy's own process.
  std::atomic<std::uint64_t> request_count_{0};
  std::mutex mutex_;
  std::condition_variable answered_;
  std::uint64_t answer_count_ = 0;  // Guarded by mutex_.
};

}  // namespace fanfold::test
