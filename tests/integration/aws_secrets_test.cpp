// Everything that the AWS client side says while all kinds of credentials are used and everything goes wrong, searched
// for the secrets that were in play.
#include "aws/call.hpp"
#include "aws/session.hpp"
#include "aws/test_files.hpp"

#include "support/scripted_http_server.hpp"

#include <gtest/gtest.h>

#include <set>

namespace fanfold::aws {
namespace {

using test::ReceivedRequest;
using test::ScriptedHttpServer;
using test::ScriptedReply;

class Ask final : public JsonCall {
 public:
  explicit Ask(Service& service) : JsonCall(service, "AmazonSQS", "Ask", "{}") {}

 private:
  Result<void> decode_json(detail::JsonValue root) override {
    return root.find("Fine") ? Result<void>() : detail::json_error_missing(root, "Fine");
  }
};

/// All that the server was sent, so that it can be given back.
std::string everything_in(const ReceivedRequest& request) {
  std::string text = request.method + " " + request.target + "\n";
  for (const auto& [name, value] : request.headers) text += name + ":" + value + "\n";
  return text + request.body;
}

std::string json_string(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\n') {
      escaped += "\\n";
    } else if (c == '"' || c == '\\') {
      escaped.append("\\").append(1, c);
    } else {
      escaped += c;
    }
  }
  return escaped;
}

class Secrets : public ::testing::Test {
 public:
  /// Asks with these settings until the server has shown all its tricks, and keeps what is said.
  void use(const std::map<std::string, std::string>& variables,
           const std::function<ScriptedReply(const std::string& echo)>& trick) {
    ScriptedHttpServer server([&](const ReceivedRequest& request) {
      const std::string echo = everything_in(request);
      const std::lock_guard lock(mutex_);
      received_ += echo;
      return trick(echo);
    });
    std::map<std::string, std::string> all = {{"HOME", directory.path()},
                                              {"AWS_REGION", "eu-west-1"},
                                              {"AWS_MAX_ATTEMPTS", "1"},
                                              {"AWS_ENDPOINT_URL", server.url()},
                                              {"AWS_EC2_METADATA_DISABLED", "true"}};
    for (const auto& [name, value] : variables) all[name] = value == "SERVER" ? server.url() : value;
    Result<std::unique_ptr<Session>> session = Session::open(variables_of(all), {});
    if (!session.has_value()) return say(session.error());
    const std::unique_ptr<Service> service = (*session)->service("sqs").value();
    Ask call(*service);
    service->run(call, {});
    if (call.answer().error) say(*call.answer().error);
  }

  void say(const Error& error) { said_ += to_string(error) + "\n" + error.message + "\n" + error.remote_detail + "\n"; }

  void use_all_tricks(const std::map<std::string, std::string>& variables) {
    const auto answer = [](int status, std::string body) {
      ScriptedReply reply = ScriptedReply::of(status, std::move(body));
      reply.headers = {{"x-amzn-RequestId", "R"}};
      return reply;
    };
    use(variables, [&](const std::string& echo) {
      return answer(403, R"({"__type":"InvalidSignatureException","message":")" + json_string(echo) + R"("})");
    });
    use(variables, [&](const std::string& echo) {
      return answer(403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message><![CDATA[" + echo +
                             "]]></Message></Error></ErrorResponse>");
    });
    use(variables, [&](const std::string& echo) { return answer(200, R"({"echo":")" + json_string(echo) + R"("})"); });
    use(variables, [&](const std::string& echo) { return answer(200, echo); });
    use(variables, [&](const std::string& echo) { return answer(502, "<html><pre>" + echo + "</pre></html>"); });
    use(variables, [&](const std::string& echo) {
      ScriptedReply reply = answer(407, echo);
      reply.headers.emplace_back("Location", "http://example.com/");
      return reply;
    });
    use(variables, [&](const std::string& echo) {
      ScriptedReply reply;
      reply.raw = echo;
      return reply;
    });
    use(variables, [&](const std::string&) {
      ScriptedReply reply;
      reply.reset = true;
      return reply;
    });
  }

  TestDirectory directory;
  std::string said_;
  std::string received_;

 private:
  std::mutex mutex_;
};

TEST_F(Secrets, AreNeverToldWhateverGoesWrong) {
  const std::set<std::string> secrets = {"environment-secret-0001", "environment/token+0002", "file-secret-0003",
                                         "web-identity-token-0004", "sso-token-0005",         "container-token-0006",
                                         "process-secret-0007",     "document-secret-0008"};
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  use_all_tricks({{"AWS_ACCESS_KEY_ID", "A"},
                  {"AWS_SECRET_ACCESS_KEY", "environment-secret-0001"},
                  {"AWS_SESSION_TOKEN", "environment/token+0002"}});
  use_all_tricks({{"AWS_SECRET_ACCESS_KEY", "environment-secret-0001"}});
  use_all_tricks({{"AWS_WEB_IDENTITY_TOKEN_FILE", directory.write("token", "web-identity-token-0004")},
                  {"AWS_ROLE_ARN", "arn:aws:iam::1:role/r"}});
  use_all_tricks({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "SERVER"},
                  {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token-0006"}});
  use_all_tricks({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "SERVER"},
                  {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token-0006\r\n"}});
  use_all_tricks({{"AWS_EC2_METADATA_DISABLED", "false"}, {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "SERVER"}});

  directory.write(".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json",
                  R"({"accessToken":"sso-token-0005","expiresAt":"2099-01-01T00:00:00Z"})");
  const std::string sso = directory.write("sso-config",
                                          "[default]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = r\n"
                                          "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://x\n");
  use_all_tricks({{"AWS_CONFIG_FILE", sso}});
  const std::string role =
      directory.write("role-config",
                      "[default]\nrole_arn = arn\nsource_profile = base\n[profile base]\naws_access_key_id = B\n"
                      "aws_secret_access_key = file-secret-0003\n");
  use_all_tricks({{"AWS_CONFIG_FILE", role}});
  const std::string odd =
      directory.write("odd-config", "[default]\naws_access_key_id = B\naws_secret_access_key file-secret-0003\n");
  use_all_tricks({{"AWS_CONFIG_FILE", odd}});
  for (
      const char* output :
      {R"({"Version":1,"AccessKeyId":"P","SecretAccessKey":"process-secret-0007"})",
       R"({"Version":1,"SecretAccessKey":"process-secret-0007"})", R"(process-secret-0007)",
       R"({"Version":1,"AccessKeyId":"P","SecretAccessKey":"process-secret-0007","Expiration":"process-secret-0007"})"}) {
    use_all_tricks(
        {{"AWS_CONFIG_FILE",
          directory.write("process-config", std::string("[default]\ncredential_process = echo '") + output + "'\n")}});
  }
  for (
      const char* document :
      {R"({"AccessKeyId":"D","SecretAccessKey":"document-secret-0008","Token":"t"})",
       R"({"AccessKeyId":"D","SecretAccessKey":"document-secret-0008","Token":"t","Expiration":"document-secret-0008"})",
       R"({"AccessKeyId":"D","SecretAccessKey":"document-secret-0008")"}) {
    use({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "SERVER"}},
        [&](const std::string&) { return ScriptedReply::of(200, document); });
  }
  const std::string printed = ::testing::internal::GetCapturedStdout() + ::testing::internal::GetCapturedStderr();

  EXPECT_GT(said_.size(), 2'000U) << "there was something to search";
  for (const std::string& secret : secrets) {
    EXPECT_EQ(said_.find(secret), std::string::npos) << secret << " in:\n"
                                                     << said_.substr(said_.find(secret) - 200, 400);
    EXPECT_EQ(printed.find(secret), std::string::npos) << secret;
  }
  EXPECT_EQ(said_.find("Signature="), std::string::npos);
  EXPECT_EQ(printed, "");
  for (const char* sent :
       {"environment/token+0002", "web-identity-token-0004", "sso-token-0005", "container-token-0006", "Signature="}) {
    EXPECT_NE(received_.find(sent), std::string::npos) << sent << " was in play";
  }
}

}  // namespace
}  // namespace fanfold::aws
