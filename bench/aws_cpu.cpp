// Own CPU time of a message's whole cycle, beside a bare socket loop that sends the same bytes and beside the SDKs. The
// server answers at once and does nothing; there is no TLS.
#include "aws_constant.hpp"
#include "aws_socket_loop.hpp"
#include "bench.hpp"

#include "wire/envelope_text.hpp"

#include <fanfold/backends/aws.hpp>
#include <fanfold/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <limits>
#include <span>
#include <stdexcept>

namespace bench {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t batch = 10;

fanfold::aws::Options options_for(const std::string& endpoint, std::shared_ptr<fanfold::aws::Usage> usage = {}) {
  return {.table = "bench",
          .bucket = {},
          .region = "us-east-1",
          .profile = {},
          .endpoint = endpoint,
          .usage = std::move(usage)};
}

struct Counts {
  std::uint64_t messages = 0;
  std::uint64_t claimed = 0;
  std::uint64_t completed = 0;
  std::uint64_t deleted = 0;
  std::uint64_t sent = 0;
};

/// How the claims and the ends of ten messages are called for: each is an update of its own in both.
enum class Calls {
  one_by_one,  ///< Each after the other's answer.
  together     ///< Those of the ten in flight at once, as a worker does with quick tasks.
};

/// Receives ten, claims and completes each, deletes ten, sends ten; by the ports, on one thread.
class Cycle {
 public:
  Cycle(const std::string& endpoint, Calls calls, std::shared_ptr<fanfold::aws::Usage> usage = {})
      : backend_(fanfold::aws::open_backend(options_for(endpoint, std::move(usage))).value()),
        count_of_call_(calls == Calls::together ? batch : 1) {
    range_.common = fanfold::wire::read_envelope(constant_message(0)).value().value();
    body_ = range_.common.body.text();
    for (std::size_t i = 0; i < batch; ++i) tasks_[i] = {constant_position(i), constant_position(i), body_, 0ms};
  }

  void run(Counts& counts) {
    auto deliveries =
        backend_.queue->receive(constant_queue, {.count_max = batch, .wait = 0ms, .visibility = 30s}, {}).value();
    for (std::size_t first = 0; first < deliveries.size(); first += count_of_call_)
      process(std::span(deliveries).subspan(first, count_of_call_), counts);
    std::vector<std::string> receipts;
    for (fanfold::Delivery& delivery : deliveries) receipts.push_back(std::move(delivery.receipt_handle));
    for (const auto& removed : backend_.queue->remove(constant_queue, receipts).value())
      counts.deleted += removed ? 1 : 0;
    counts.sent += batch - backend_.queue->send_tasks(constant_queue, range_, tasks_).value().size();
    counts.messages += deliveries.size();
  }

 private:
  void process(std::span<const fanfold::Delivery> deliveries, Counts& counts) {
    const fanfold::Time now = backend_.clock->now();
    std::vector<fanfold::Envelope> contents;
    contents.reserve(deliveries.size());
    std::vector<fanfold::ClaimRequest> claims;
    for (const fanfold::Delivery& delivery : deliveries) {
      contents.push_back(fanfold::wire::content_of(delivery).value());
      claims.push_back({.ref = fanfold::RecordRef::of(contents.back()),
                        .token = backend_.ledger->new_token(),
                        .lease_end = now + 20s,
                        .attempts_max = 3,
                        .first_delivery = true,
                        .record = {}});
    }
    const auto claimed = backend_.ledger->claim(claims, now).value();
    std::vector<fanfold::EndRequest> ends;
    for (std::size_t i = 0; i < claims.size(); ++i) {
      if (claimed[i].outcome != fanfold::ClaimOutcome::claimed) continue;
      fanfold::EndRequest& end = ends.emplace_back();
      end.ref = claims[i].ref;
      end.index = claims[i].ref.position;
      end.condition = claims[i].token;
      end.attempt = claimed[i].attempt;
    }
    counts.claimed += ends.size();
    const auto ended = backend_.ledger->end(ends, backend_.clock->now()).value();
    for (const auto outcome : ended.outcomes) counts.completed += outcome == fanfold::EndOutcome::ended ? 1 : 0;
  }

  fanfold::Backend backend_;
  std::size_t count_of_call_;
  fanfold::TaskRangeMessage range_;
  std::string body_;
  std::array<fanfold::TaskMessage, batch> tasks_;
};

std::map<std::string, double> as_map(const Counts& counts) {
  return {{"messages", static_cast<double>(counts.messages)},
          {"claimed", static_cast<double>(counts.claimed)},
          {"completed", static_cast<double>(counts.completed)},
          {"deleted", static_cast<double>(counts.deleted)},
          {"sent", static_cast<double>(counts.sent)}};
}

double microseconds_per(std::uint64_t count, double seconds) { return seconds * 1e6 / static_cast<double>(count); }

/// Figures of one way of calling have their own names.
std::string name_of(const std::string& name, Calls calls) {
  return calls == Calls::together ? name + "_together" : name;
}

/// The bytes of one cycle, on as many connections as calls are in flight.
class BareCycle {
 public:
  BareCycle(const Requests& requests, std::uint16_t port, Calls calls)
      : receive_(requests.at("AmazonSQS.ReceiveMessage")),
        claim_(requests.at("DynamoDB_20120810.UpdateItemNONE")),
        end_(requests.at("DynamoDB_20120810.UpdateItem")),
        remove_(requests.at("AmazonSQS.DeleteMessageBatch")),
        send_(requests.at("AmazonSQS.SendMessageBatch")) {
    for (std::size_t i = 0; i < (calls == Calls::together ? batch : 1); ++i) sockets_.emplace_back(port);
  }

  void run() {
    sockets_.front().ask(receive_);
    for (std::size_t i = 0; i < batch; i += sockets_.size()) {
      ask_all(claim_);
      ask_all(end_);
    }
    sockets_.front().ask(remove_);
    sockets_.front().ask(send_);
  }

 private:
  void ask_all(const std::string& request) {
    for (SocketLoop& socket : sockets_) socket.send(request);
    for (SocketLoop& socket : sockets_) socket.receive();
  }

  const std::string& receive_;
  const std::string& claim_;
  const std::string& end_;
  const std::string& remove_;
  const std::string& send_;
  std::deque<SocketLoop> sockets_;
};

/// Answers the microseconds a message.
double by_sockets(const Requests& requests, const ConstantServer& server, Calls calls, std::uint64_t cycle_count,
                  const Report& report) {
  BareCycle cycle(requests, server.port(), calls);
  cycle.run();
  const double before = cpu_seconds();
  for (std::uint64_t i = 0; i < cycle_count; ++i) cycle.run();
  const double bare = microseconds_per(cycle_count * batch, cpu_seconds() - before);
  report({name_of("aws_cpu_bare_sockets", calls),
          bare,
          "us/message",
          {{"messages", static_cast<double>(cycle_count * batch)}}});
  return bare;
}

double by_fanfold(const ConstantServer& server, Calls calls, std::uint64_t cycle_count, double bare,
                  const Report& report) {
  Cycle cycle(server.endpoint(), calls);
  Counts counts;
  cycle.run(counts);
  counts = {};
  const double before = cpu_seconds();
  for (std::uint64_t i = 0; i < cycle_count; ++i) cycle.run(counts);
  const double own = microseconds_per(counts.messages, cpu_seconds() - before);
  report({name_of("aws_cpu", calls), own, "us/message", as_map(counts)});
  report({name_of("aws_cpu", calls) + "_beside_bare_sockets", own / bare, "x", {}});
  return own;
}

/// The same cycle by another client, whose program prints its user and system time a message: of the best way that it
/// has of calling, as `own` is.
void by_peer(const std::string& name, std::string command, const ConstantServer& server, std::uint64_t cycle_count,
             double own, const Report& report) {
  command += " " + server.endpoint() + " " + std::to_string(cycle_count);
  FILE* output = ::popen(command.c_str(), "r");
  double peer = 0;
  const int fields = output == nullptr ? 0 : std::fscanf(output, "%lf", &peer);
  if (output == nullptr || ::pclose(output) != 0 || fields != 1) throw std::runtime_error(name + "'s cycle failed");
  report({"aws_cpu_" + name, peer, "us/message", {{"messages", static_cast<double>(cycle_count * batch)}}});
  report({"aws_cpu_" + name + "_beside_fanfold", peer / own, "x", {}});
}

void by_peers(const ConstantServer& server, std::uint64_t cycle_count, double own, const Report& report) {
  const std::string folder(FANFOLD_SOURCE_DIR);
  const std::string python = folder + "/build/python/bin/python3";
  if (std::filesystem::exists(python)) {
    by_peer("boto3", python + " " + folder + "/bench/peers/aws_cycle.py", server, cycle_count, own, report);
  } else {
    std::fputs("aws_cpu_boto3: NOT RUN: ./dev bench aws installs boto3 into build/python\n", stderr);
  }
  // A folder in which the SDK for JavaScript is installed, with the program beside it.
  if (const char* const modules = std::getenv("FANFOLD_BENCH_NODE"); modules != nullptr)
    by_peer("javascript", "node '" + std::string(modules) + "/aws_cycle.mjs'", server, cycle_count, own, report);
  else
    std::fputs("aws_cpu_javascript: NOT RUN: ./dev bench --peers installs the SDK for JavaScript\n", stderr);
}

/// The same by the engine: a worker with handlers, without the sends.
void by_worker(const ConstantServer& server, std::uint64_t message_count, const Report& report) {
  const auto client = fanfold::aws::open(options_for(server.endpoint())).value();
  std::atomic<std::uint64_t> handled = 0;
  std::stop_source stop;
  fanfold::WorkerOptions options{.queue = constant_queue, .jobs = 2};
  options.sweep_interval = 0ms;
  fanfold::Worker worker{client,
                         {.on_message =
                              [&](const fanfold::Message<std::string>&, const fanfold::Context&) {
                                if (++handled == message_count) stop.request_stop();
                                return fanfold::done();
                              }},
                         options};
  const double before = cpu_seconds();
  const auto done = worker.run(stop.get_token()).value();
  report({"aws_cpu_worker",
          microseconds_per(done.done_count, cpu_seconds() - before),
          "us/message",
          {{"handled", static_cast<double>(handled)},
           {"done", static_cast<double>(done.done_count)},
           {"failed", static_cast<double>(done.failed_count)}}});
}

void run_cpu(const Scale& scale, const Report& report) {
  set_constant_credentials();
  const ConstantServer server(constant_answers(), 0us);
  const std::uint64_t cycle_count = std::max<std::uint64_t>(scale.of(10'000), 500);
  const Requests requests = record_requests(server.port(), [](const std::string& endpoint) {
    Counts counts;
    Cycle(endpoint, Calls::one_by_one).run(counts);
  });
  double best = std::numeric_limits<double>::max();
  for (const Calls calls : {Calls::one_by_one, Calls::together}) {
    const double bare = by_sockets(requests, server, calls, cycle_count, report);
    best = std::min(best, by_fanfold(server, calls, cycle_count, bare, report));
  }
  by_peers(server, std::max<std::uint64_t>(cycle_count / 20, 50), best, report);
  by_worker(server, cycle_count * batch, report);
}

/// Each answer of DynamoDB with what a service says that was asked for its units.
Answers with_units(Answers answers) {
  for (auto& [operation, texts] : answers) {
    if (!operation.starts_with("DynamoDB_")) continue;
    for (std::string& text : texts) {
      text.pop_back();
      text += text.size() > 1 ? "," : "";
      text += R"("ConsumedCapacity":{"TableName":"bench","CapacityUnits":1.0}})";
    }
  }
  return answers;
}

/// In turns, since a machine is not as fast all the time.
void run_units(const Scale& scale, const Report& report) {
  constexpr std::uint64_t turn_count = 10;
  set_constant_credentials();
  const ConstantServer plain_server(constant_answers(), 0us);
  const ConstantServer telling_server(with_units(constant_answers()), 0us);
  const auto usage = std::make_shared<fanfold::aws::Usage>();
  Cycle plain(plain_server.endpoint(), Calls::together);
  Cycle asking(telling_server.endpoint(), Calls::together, usage);
  const std::uint64_t cycle_count = std::max<std::uint64_t>(scale.of(10'000) / turn_count, 50);
  std::array<std::vector<double>, 2> turns;
  std::array<Counts, 2> counts;
  for (std::uint64_t turn = 0; turn < turn_count; ++turn) {
    for (std::size_t way = 0; way < 2; ++way) {
      const double before = cpu_seconds();
      for (std::uint64_t i = 0; i < cycle_count; ++i) (way == 0 ? plain : asking).run(counts[way]);
      turns[way].push_back(microseconds_per(cycle_count * batch, cpu_seconds() - before));
    }
  }
  for (std::vector<double>& turn : turns) std::ranges::sort(turn);
  report({"aws_cpu_units_not_asked", turns[0][turn_count / 2], "us/message", as_map(counts[0])});
  auto asked = as_map(counts[1]);
  constexpr double thousand = 1'000;
  asked.emplace("write_units", static_cast<double>(usage->dynamodb_write_thousandths) / thousand);
  report({"aws_cpu_units_asked", turns[1][turn_count / 2], "us/message", asked});
}

}  // namespace

std::vector<Benchmark> aws_cpu_benchmarks() {
  return {{"aws_cpu", "own CPU time per message: receive 10, claim and complete each, delete 10, send 10", run_cpu},
          {"aws_cpu_units", "the same, with DynamoDB asked for its units or not", run_units, true}};
}

}  // namespace bench
