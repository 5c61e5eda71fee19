#include "serve/guard.hpp"

#include <gtest/gtest.h>

namespace fanfold::serve {
namespace {

Request request_of(std::string method, std::map<std::string, std::string> headers) {
  Request request;
  request.method = std::move(method);
  request.path = "/";
  request.headers = std::move(headers);
  return request;
}

const Callable names = callable_by({.host_names = {"Jobs.Example.org"}});

TEST(Guard, TakesTheNameOutOfAHostHeader) {
  EXPECT_EQ(host_name_of("LocalHost:8025"), "localhost");
  EXPECT_EQ(host_name_of("127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(host_name_of("[::1]:8025"), "::1");
  EXPECT_EQ(host_name_of("[::1"), "");
  EXPECT_EQ(host_name_of("[::1]evil.example"), "");
  EXPECT_EQ(host_name_of("localhost:80@evil.example"), "");
  EXPECT_EQ(host_name_of(""), "");
}

TEST(Guard, AnswersToThisMachineAndToTheNamesGiven) {
  for (const char* host : {"localhost", "127.0.0.1:8025", "[::1]:8025", "jobs.example.org", "JOBS.example.org:80"})
    EXPECT_EQ(refusal(request_of("GET", {{"host", host}}), names), "") << host;
}

TEST(Guard, RefusesANameThatSomebodyElsePointsHere) {
  for (const char* host : {"evil.example", "localhost.evil.example", "evil.example:8025", "", "[::1"})
    EXPECT_NE(refusal(request_of("GET", {{"host", host}}), names), "") << host;
  EXPECT_NE(refusal(request_of("GET", {}), names), "");
}

TEST(Guard, AnswersToEveryNameWhereThatIsWanted) {
  const auto every = callable_by({.address = "0.0.0.0", .host_names = {any_host_name}});
  for (const char* host : {"worker-17.example:9464", "10.0.0.5", ""})
    EXPECT_EQ(refusal(request_of("GET", {{"host", host}}), every), "") << host;
  EXPECT_NE(refusal(request_of("POST", {{"host", "a"}, {"origin", "http://b"}}), every), "");
}

TEST(Guard, AnswersToEveryAddressOfAMachineThatOthersReach) {
  const Callable reached = callable_by({.address = "0.0.0.0"});
  for (const char* host : {"10.0.0.5:8780", "[fe80::1]:8780"})
    EXPECT_EQ(refusal(request_of("GET", {{"host", host}}), reached), "") << host;
  for (const char* host : {"10.0.0.5.evil.example", "evil.example"})
    EXPECT_NE(refusal(request_of("GET", {{"host", host}}), reached), "") << host;
  EXPECT_NE(refusal(request_of("GET", {{"host", "10.0.0.5"}}), names), "");
}

TEST(Guard, KnowsWhatCanBeAHostsName) {
  for (const char* name : {"jobs.example.org", "Jobs-1", "10.0.0.5", any_host_name})
    EXPECT_TRUE(is_host_name(name)) << name;
  for (const char* name : {"", "jobs:80", "http://jobs", "a b"}) EXPECT_FALSE(is_host_name(name)) << name;
}

TEST(Guard, RefusesWhatAnotherOriginsPageWantsChanged) {
  const auto post = [](const char* origin) {
    return refusal(request_of("POST", {{"host", "localhost:8025"}, {"origin", origin}}), names);
  };
  EXPECT_EQ(post("http://localhost:8025"), "");
  EXPECT_EQ(post("https://localhost:8025"), "");  // Behind a proxy that has the certificate.
  for (const char* origin : {"http://localhost:8026", "http://localhost", "http://evil.example", "null"})
    EXPECT_NE(post(origin), "") << origin;
  EXPECT_EQ(refusal(request_of("POST", {{"host", "localhost:8025"}}), names), "");  // No browser.
}

TEST(Guard, LetsAnotherOriginsPageAskWhatItCannotRead) {
  EXPECT_EQ(refusal(request_of("GET", {{"host", "localhost"}, {"origin", "http://evil.example"}}), names), "");
}

}  // namespace
}  // namespace fanfold::serve
