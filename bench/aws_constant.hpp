#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

namespace bench {

/// What a server answers, in turns where there are several: bodies by `X-Amz-Target` ("AmazonSQS.ReceiveMessage",
/// batches with the number of their entries: "AmazonSQS.SendMessageBatch10"; with "NONE" where nothing is wanted:
/// "DynamoDB_20120810.UpdateItemNONE"). All else is answered with "{}", but objects of S3 can be read again.
using Answers = std::map<std::string, std::vector<std::string>>;

/// Answers that make sense to fanfold: a cluster whose tasks, no two of them neighbours, are delivered ten by ten, and
/// from the start again after 20,000; each claim and completion is accepted.
Answers constant_answers();
inline constexpr const char* constant_cluster = "cluster-of-the-benchmark";
inline constexpr const char* constant_queue = "http://127.0.0.1/000000000000/bench";
/// Text of the task's message; its position is no neighbour of the others'.
std::string constant_message(std::size_t number);
std::uint64_t constant_position(std::size_t number);

/// A server that does no work: one thread in a process of its own, every answer ready-made, each `delay` after its
/// request. Only for trusted clients on loopback. To be made while this process has one thread.
class ConstantServer {
 public:
  ConstantServer(const Answers& answers, std::chrono::microseconds delay);
  ~ConstantServer();
  ConstantServer(const ConstantServer&) = delete;
  ConstantServer& operator=(const ConstantServer&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  std::uint16_t port_ = 0;
  pid_t process_ = -1;
};

/// User and system time of this process so far.
double cpu_seconds();

/// Region and credentials that no server of ours looks at, in this process's environment.
void set_constant_credentials();

}  // namespace bench
