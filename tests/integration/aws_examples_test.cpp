// ctest: labels=slow
// The examples, unchanged, on servers that speak as AWS does: they print what they print on a file.
#include <fanfold/backends/aws.hpp>

#include "../support/aws_server.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace fanfold {
namespace {

using test::AwsServer;

struct Example {
  std::string name;
  std::string queue;
  std::string region;  // One for each, so that their queues of one name are not one queue.
};

const std::vector<Example>& examples() {
  static const std::vector<Example> all{
      {"01_read_a_record", "samples", "us-east-1"},   {"02_read_globals", "samples", "us-east-2"},
      {"03_update_globals", "samples", "us-west-1"},  {"04_fan_out_and_fold", "words", "us-west-2"},
      {"05_fail_and_retry", "division", "eu-west-1"}, {"06_open_cluster", "pages", "eu-west-2"},
      {"07_fan_out_further", "texts", "eu-west-3"},   {"08_lambda_batch", "orders", "eu-central-1"}};
  return all;
}

class ExamplesOnAws : public ::testing::TestWithParam<AwsServer::Kind> {};

TEST_P(ExamplesOnAws, PrintWhatTheyPrintOnAFile) {
  if (!AwsServer::is_installed()) GTEST_SKIP() << "NOT RUN: ./dev test installs the servers into build/python";
  const AwsServer server(GetParam());
  ASSERT_TRUE(server.is_ready());
  AwsServer::set_credentials();
  ::setenv("AWS_ENDPOINT_URL", server.endpoint().c_str(), 1);
  ::setenv("FANFOLD_STORE", "aws", 1);
  const std::string folder = std::string(FANFOLD_SOURCE_DIR) + "/examples/";
  for (const auto& [name, queue, region] : examples()) {
    SCOPED_TRACE(name);
    ::setenv("AWS_REGION", region.c_str(), 1);
    ::setenv("FANFOLD_BUCKET", ("photos-" + region).c_str(), 1);
    ASSERT_TRUE(aws::setup({.store = {}, .queue = queue}).has_value());
    const std::string command =
        folder + "check.sh " + FANFOLD_EXAMPLES + "/example_" + name + " " + folder + "expected/" + name + ".txt";
    EXPECT_EQ(std::system(command.c_str()), 0);
  }
}

TEST_P(ExamplesOnAws, AreAllHere) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(FANFOLD_SOURCE_DIR) + "/examples"))
    count += entry.path().extension() == ".cpp" ? 1 : 0;
  EXPECT_EQ(count, examples().size() + 1) << "09_lambda answers events: lambda_cluster_test gives it some";
}

INSTANTIATE_TEST_SUITE_P(Servers, ExamplesOnAws, ::testing::Values(AwsServer::Kind::ministack, AwsServer::Kind::moto),
                         [](const auto& server) {
                           return server.param == AwsServer::Kind::moto ? "Moto" : "MiniStack";
                         });

}  // namespace
}  // namespace fanfold
