#pragma once

#include "aws/session.hpp"
#include "aws/test_files.hpp"

#include "scripted_http_server.hpp"

#include <gtest/gtest.h>

namespace fanfold::aws {

using test::ReceivedRequest;
using test::ScriptedHttpServer;
using test::ScriptedReply;

inline constexpr const char* far_end = "2099-01-01T00:00:00Z";

inline std::string sts_answer(const std::string& action, const std::string& key_id) {
  return "<" + action + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" + action +
         "Result><Credentials><AccessKeyId>" + key_id +
         "</AccessKeyId><SecretAccessKey>sts-secret</SecretAccessKey><SessionToken>sts-token</"
         "SessionToken><Expiration>" +
         far_end + "</Expiration></Credentials></" + action + "Result></" + action + "Response>";
}

inline std::string document(const std::string& key_id, const std::string& end = far_end) {
  return R"({"Code":"Success","AccessKeyId":")" + key_id +
         R"(","SecretAccessKey":"document-secret","Token":"document-token","Expiration":")" + end + R"("})";
}

class CredentialChain : public ::testing::Test {
 public:
  CredentialChain() {
    variables = {{"HOME", directory.path()},
                 {"AWS_REGION", "eu-west-1"},
                 {"AWS_EC2_METADATA_DISABLED", "true"},
                 {"AWS_MAX_ATTEMPTS", "2"}};
  }

  void open(const ConfigOverrides& overrides = {}) {
    session = Session::open(variables_of(variables), overrides, [this](const std::string& line) {
                warnings.push_back(line);
              }).value();
  }

  Result<std::shared_ptr<const Credentials>> get(const net::RunOptions& options = {}) {
    if (!session) open();
    return session->credentials().get(options);
  }
  std::string id() {
    const auto credentials = get();
    return credentials.has_value() ? (*credentials)->access_key_id : to_string(credentials.error());
  }
  std::string failure() { return to_string(get().error()); }

  void config(const std::string& text) { directory.write(".aws/config", text); }
  void credentials_file(const std::string& text) { directory.write(".aws/credentials", text); }

  TestDirectory directory;
  std::map<std::string, std::string> variables;
  std::vector<std::string> warnings;  // By the one thread that fetches.
  std::unique_ptr<Session> session;
};

}  // namespace fanfold::aws
