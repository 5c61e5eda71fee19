// Our signatures and host names against those of botocore, AWS's own library for Python.
#include "aws/endpoint.hpp"
#include "aws/test_files.hpp"
#include "net/http_client.hpp"
#include "net/sigv4.hpp"

#include "support/scripted_http_server.hpp"

#include <fanfold/json.hpp>

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <sstream>

namespace fanfold::net {

struct Vector {
  std::string service;
  std::string region;
  std::string method;
  std::string path;
  std::string query;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string key_id;
  std::string secret;
  std::string token;
  std::string time;
  std::string authorization;
};
BOOST_DESCRIBE_STRUCT(Vector, (),
                      (service, region, method, path, query, headers, body, key_id, secret, token, time, authorization))

namespace {

using test::ReceivedRequest;
using test::ScriptedHttpServer;
using test::ScriptedReply;

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

constexpr int vector_count = 12'000;
constexpr int vector_seed = 20261124;

const std::string python = FANFOLD_SOURCE_DIR "/build/python/bin/python3";

/// Its standard output; the test fails where it does.
std::string output_of_script(const std::string& arguments) {
  const std::string command = python + " " FANFOLD_SOURCE_DIR "/tests/integration/signing/make_vectors.py " + arguments;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::string output;
  char buffer[65536];
  for (std::size_t count = 0; (count = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, count);
  EXPECT_EQ(::pclose(pipe), 0) << command;
  return output;
}

/// Sends one vector, signed by us.
class SignedExchange final : public Exchange {
 public:
  SignedExchange(Vector vector, std::string authority) : vector_(std::move(vector)), authority_(std::move(authority)) {}

  const HttpRequest* begin(const RunOptions&) override {
    RequestSigner signer(vector_.region, vector_.service);
    const Secret secret(vector_.secret);
    const Secret token(vector_.token);
    request_.method = vector_.method;
    request_.url = "http://" + authority_ + vector_.path + (vector_.query.empty() ? "" : "?" + vector_.query);
    request_.body = vector_.body;
    for (const auto& [name, value] : vector_.headers) request_.headers.add(name, value);
    signer.sign({vector_.method, authority_, vector_.path, vector_.query, vector_.body},
                {vector_.key_id, secret, token},
                std::chrono::sys_seconds(std::chrono::seconds(std::stoll(vector_.time))), request_.headers);
    return &request_;
  }
  std::optional<std::chrono::milliseconds> ended(HttpOutcome outcome, const RunOptions&) override {
    is_right = !outcome.error && outcome.response.headers.find("x-right") == "yes";
    return std::nullopt;
  }
  [[nodiscard]] const Vector& vector() const { return vector_; }
  bool is_right = false;

 private:
  Vector vector_;
  std::string authority_;
  HttpRequest request_;
};

class Exchanges final : public ExchangeSource {
 public:
  Exchange* next() override { return taken_ == all.size() ? nullptr : all[taken_++].get(); }
  std::vector<std::unique_ptr<SignedExchange>> all;

 private:
  std::size_t taken_ = 0;
};

class Signing : public ::testing::Test {
 public:
  void SetUp() override {
    if (!std::filesystem::exists(python))
      GTEST_SKIP() << "NOT RUN: there is no botocore; ./dev test installs it into build/python";
  }
};

TEST_F(Signing, IsWhatBotocoreWouldSignForRandomRequests) {
  // What came over the wire is compared, so that nothing that libcurl does to a request can go unseen.
  std::mutex mutex;
  std::map<std::string, const Vector*> by_signature;
  ScriptedHttpServer server([&](const ReceivedRequest& request) {
    ScriptedReply reply;
    const std::lock_guard lock(mutex);
    const auto found = by_signature.find(request.header("authorization"));
    bool is_right = found != by_signature.end();
    if (is_right) {
      const Vector& vector = *found->second;
      is_right = request.method == vector.method &&
                 request.target == vector.path + (vector.query.empty() ? "" : "?" + vector.query) &&
                 request.body == vector.body && request.header("x-amz-security-token") == vector.token &&
                 request.has_header("x-amz-content-sha256") == (vector.service == "s3");
      for (const auto& [name, value] : vector.headers) is_right = is_right && request.has_header(lower_case(name));
    }
    reply.headers = {{"X-Right", is_right ? "yes" : "no"}};
    return reply;
  });
  const std::string authority = "127.0.0.1:" + std::to_string(server.port());
  std::istringstream lines(
      output_of_script(std::to_string(vector_count) + " " + std::to_string(vector_seed) + " " + authority));
  Exchanges exchanges;
  for (std::string line; std::getline(lines, line);) {
    exchanges.all.push_back(
        std::make_unique<SignedExchange>(Codec<Vector>::decode(Json::parse(line).value()).value(), authority));
  }
  ASSERT_EQ(exchanges.all.size(), static_cast<std::size_t>(vector_count));
  for (const auto& exchange : exchanges.all)
    by_signature.emplace(exchange->vector().authorization, &exchange->vector());
  HttpClient client({});
  client.run(exchanges, {.in_flight_max = 16});
  int wrong_count = 0;
  for (const auto& exchange : exchanges.all) {
    if (exchange->is_right || ++wrong_count > 3) continue;
    ADD_FAILURE() << Codec<Vector>::encode(exchange->vector()).text();
  }
  EXPECT_EQ(wrong_count, 0) << "of " << vector_count;
}

TEST_F(Signing, GoesToTheHostsThatBotocoreWouldChoose) {
  std::istringstream lines(output_of_script("--endpoints"));
  int count = 0;
  std::string service;
  std::string region;
  std::string fips;
  std::string dualstack;
  std::string url;
  while (lines >> service >> region >> fips >> dualstack >> url) {
    const aws::Config config =
        aws::Config::load(
            aws::variables_of({{"AWS_USE_FIPS_ENDPOINT", fips}, {"AWS_USE_DUALSTACK_ENDPOINT", dualstack}}), {})
            .value();
    const Result<aws::Endpoint> endpoint = aws::find_endpoint(config, service, region);
    EXPECT_EQ(endpoint.has_value() ? endpoint->url.origin() : "-", url)
        << service << " " << region << " " << fips << " " << dualstack;
    ++count;
  }
  EXPECT_GT(count, 900);
}

}  // namespace
}  // namespace fanfold::net
