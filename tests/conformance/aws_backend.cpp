#include <fanfold/backends/aws.hpp>

#include "contract.hpp"
#include "support/aws_server.hpp"
#include "support/identifier.hpp"

#include <cstdlib>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace fanfold::conformance {
namespace {

using test::AwsServer;

/// One server for all tests of this process.
const AwsServer& server(AwsServer::Kind kind) {
  AwsServer::set_credentials();
  if (kind == AwsServer::Kind::ministack) {
    static const AwsServer ministack(kind);
    return ministack;
  }
  static const AwsServer moto(kind);
  return moto;
}

/// A table and a bucket of its own on the server, and the queue that the contracts' clusters name.
class AwsUnderTest final : public StoreUnderTest {
 public:
  explicit AwsUnderTest(AwsServer::Kind kind) {
    if (!server(kind).is_ready()) throw std::runtime_error("the server did not start");
    const std::string name = "t" + std::to_string(random_bits());
    options_.endpoint = server(kind).endpoint();
    options_.table = name;
    options_.bucket = name;
    aws::setup({.store = options_, .queue = {}}).value();
  }
  Backend open() override { return aws::open_backend(options_).value(); }
  void pass(milliseconds time) override { std::this_thread::sleep_for(time); }

 private:
  aws::Options options_;
};

/// The same wherever AWS_ENDPOINT_URL* and the credentials of the environment lead: another server, or an account.
class AwsOfTheEnvironment final : public StoreUnderTest {
 public:
  AwsOfTheEnvironment() {
    options_.table = "fanfold-test-" + std::to_string(random_bits());
    options_.bucket = options_.table;
    aws::setup({.store = options_, .queue = {}}).value();
  }
  Backend open() override { return aws::open_backend(options_).value(); }
  void pass(milliseconds time) override { std::this_thread::sleep_for(time); }

 private:
  aws::Options options_;
};

/// What FANFOLD_TEST_AWS_LACKS names, separated by commas, is not asked of the server.
Capabilities capabilities_of_the_environment() {
  Capabilities capabilities;
  capabilities.counts_are_exact = false;
  capabilities.queues_made_at_use = false;
  capabilities.receive_tries_max = 10;
  capabilities.refuses_long_messages = false;
  const char* variable = std::getenv("FANFOLD_TEST_AWS_LACKS");
  std::istringstream lacks(variable == nullptr ? "" : variable);
  for (std::string word; std::getline(lacks, word, ',');) {
    if (word == "redrive") {
      capabilities.redrives_by_call = false;
    } else if (word == "stale-receipts") {
      capabilities.knows_stale_receipts = false;
    } else if (word == "deduplication") {
      capabilities.remembers_deduplication = false;
    } else if (word == "trace-headers") {
      capabilities.keeps_trace_headers = false;
    } else if (word == "transactions") {
      capabilities.isolates_transactions = false;
    } else {
      throw std::invalid_argument("FANFOLD_TEST_AWS_LACKS: nothing is called " + word);
    }
  }
  return capabilities;
}

}  // namespace

std::vector<BackendUnderTest> backends_under_test() {
  if (std::getenv("FANFOLD_TEST_AWS_ENVIRONMENT") != nullptr) {
    const Capabilities capabilities = capabilities_of_the_environment();
    return {{.name = "Environment",
             .make = [] { return std::make_unique<AwsOfTheEnvironment>(); },
             .capabilities = capabilities}};
  }
  if (!AwsServer::is_installed()) {
    std::cerr << "NOT RUN: there are no servers; ./dev test installs them into build/python\n";
    return {};
  }
  Capabilities of_ministack;
  of_ministack.counts_are_exact = false;
  of_ministack.queues_made_at_use = false;
  of_ministack.redrives_by_call = false;  // Neither server knows StartMessageMoveTask.
  of_ministack.receive_tries_max = 10;
  of_ministack.keeps_trace_headers = false;  // Both drop it from batches.
  of_ministack.refuses_long_messages = false;
  Capabilities of_moto = of_ministack;
  of_moto.knows_stale_receipts = false;
  of_moto.remembers_deduplication = false;
  of_moto.isolates_transactions = false;
  return {{.name = "MiniStack",
           .make = [] { return std::make_unique<AwsUnderTest>(AwsServer::Kind::ministack); },
           .capabilities = of_ministack},
          {.name = "Moto",
           .make = [] { return std::make_unique<AwsUnderTest>(AwsServer::Kind::moto); },
           .capabilities = of_moto}};
}

}  // namespace fanfold::conformance
