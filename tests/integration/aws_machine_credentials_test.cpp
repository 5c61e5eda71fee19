// ctest: labels=integration,tsan
// Credentials that the machine gives to what runs on it: a container's endpoint, an instance's metadata.
#include "support/credential_chain.hpp"

#include <sys/stat.h>

namespace fanfold::aws {
namespace {

using namespace std::chrono;

// ---- containers

TEST_F(CredentialChain, AsksTheContainersEndpointWithItsToken) {
  ScriptedHttpServer container([](const ReceivedRequest&) { return ScriptedReply::of(200, document("CONTAINER")); });
  variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = container.url() + "/v1/credentials?x=y";
  variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "from-variable";
  EXPECT_EQ(id(), "CONTAINER");
  EXPECT_EQ(container.requests().at(0).target, "/v1/credentials?x=y");
  EXPECT_EQ(container.requests().at(0).header("authorization"), "from-variable");

  const std::string file = directory.write("container-token", "from-file\n");
  variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = file;
  session.reset();
  EXPECT_EQ(id(), "CONTAINER");
  EXPECT_EQ(container.requests().at(1).header("authorization"), "from-file");
  directory.write("container-token", "renewed");
  session->credentials().reject(get().value());
  EXPECT_EQ(id(), "CONTAINER");
  EXPECT_EQ(container.requests().at(2).header("authorization"), "renewed") << "the file is read each time";
}

TEST_F(CredentialChain, SendsAContainersTokenToNoOtherHost) {
  for (const char* uri : {"http://192.0.2.1/creds", "http://example.com/creds", "http://127.evil.example/",
                          "ftp://localhost/", "http://169.254.170.3/"}) {
    variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = uri;
    session.reset();
    const Error error = get().error();
    EXPECT_EQ(error.code, ErrorCode::invalid_argument) << uri;
    EXPECT_TRUE(error.message.starts_with("credentials from container endpoint: AWS_CONTAINER_CREDENTIALS_FULL_URI: "))
        << error.message;
  }
  variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "@evil.example/";
  session.reset();
  EXPECT_EQ(get().error().code, ErrorCode::invalid_argument);
}

TEST_F(CredentialChain, RefusesATokenThatWouldSmuggleAHeader) {
  variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://127.0.0.1:9/";
  variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "secret-token\r\nX-Other: 1";
  const Error error = get().error();
  EXPECT_EQ(
      error.message,
      "credentials from container endpoint: the container's authorization token has line breaks or control characters");
}

TEST_F(CredentialChain, TriesTheContainersEndpointAgain) {
  std::atomic<int> count{0};
  ScriptedHttpServer container([&](const ReceivedRequest&) {
    ScriptedReply dropped;
    dropped.drop = true;
    return ++count == 1 ? ScriptedReply::of(500, "")
           : count == 2 ? dropped
                        : ScriptedReply::of(200, document("CONTAINER"));
  });
  variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = container.url();
  EXPECT_EQ(id(), "CONTAINER");
  EXPECT_EQ(count, 3);
}

TEST_F(CredentialChain, SaysThatAContainersEndpointIsWaitedFor) {
  ScriptedReply reply = ScriptedReply::of(200, document("CONTAINER"));
  reply.delay = 3'500ms;
  ScriptedHttpServer container([&](const ReceivedRequest&) { return reply; });
  variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = container.url();
  EXPECT_EQ(id(), "CONTAINER");
  EXPECT_EQ(warnings,
            std::vector<std::string>{"credentials from container endpoint: no answer for 3 s; still waiting"});
}

TEST_F(CredentialChain, RefusesAContainersAnswerThatIsNotWhole) {
  ScriptedReply reply;
  ScriptedHttpServer container([&](const ReceivedRequest&) { return reply; });
  variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = container.url();
  const auto failure_of = [&](int status, const std::string& body) {
    reply = ScriptedReply::of(status, body);
    return failure().substr(std::string("xxx_xxxxx: credentials from container endpoint: ").size());
  };
  EXPECT_EQ(failure_of(200, "<html>"), "byte 0: unexpected character");
  EXPECT_EQ(failure_of(200, "[]"), "expected an object");
  EXPECT_EQ(failure_of(200, R"({"AccessKeyId":"A","SecretAccessKey":"s3cret","Expiration":"2099-01-01T00:00:00Z"})"),
            "Token: missing");
  EXPECT_EQ(failure_of(200, R"({"AccessKeyId":"A","SecretAccessKey":"s3cret","Token":"t"})"), "Expiration: missing");
  EXPECT_NE(failure_of(200, document("A", "2020-01-01T00:00:00Z")).find("already ended"), std::string::npos);
  EXPECT_NE(failure_of(403, "").find("status 403"), std::string::npos);
}

// ---- instance metadata

class MetadataChain : public CredentialChain {
 public:
  MetadataChain() {
    variables.erase("AWS_EC2_METADATA_DISABLED");
    variables["AWS_METADATA_SERVICE_TIMEOUT"] = "30";  // a second is little on a machine that is busy
    variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = server.url() + "/";
  }
  ScriptedReply answer(const ReceivedRequest& request) {
    if (on_request) {
      if (std::optional<ScriptedReply> reply = on_request(request)) return *reply;
    }
    if (request.method == "PUT" && request.target == "/latest/api/token") return ScriptedReply::of(200, "imds-token");
    if (request.header("x-aws-ec2-metadata-token") != "imds-token") return ScriptedReply::of(401, "");
    if (request.target == "/latest/meta-data/iam/security-credentials/") return ScriptedReply::of(200, "my-role\n");
    if (request.target == "/latest/meta-data/iam/security-credentials/my-role")
      return ScriptedReply::of(200, document("IMDS", end));
    return ScriptedReply::of(404, "");
  }
  std::string end = far_end;
  std::function<std::optional<ScriptedReply>(const ReceivedRequest&)> on_request;
  ScriptedHttpServer server{[this](const ReceivedRequest& request) { return answer(request); }};
};

TEST_F(MetadataChain, UsesVersion2) {
  EXPECT_EQ(id(), "IMDS");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[0].header("x-aws-ec2-metadata-token-ttl-seconds"), "21600");
  EXPECT_EQ(requests[2].header("x-aws-ec2-metadata-token"), "imds-token");
  session->credentials().reject(get().value());
  EXPECT_EQ(id(), "IMDS");
  EXPECT_EQ(server.request_count(), 5U) << "the token is kept";
}

TEST_F(MetadataChain, NeverFallsBackToVersion1) {
  for (const int status : {403, 404, 405}) {
    on_request = [&](const ReceivedRequest& request) -> std::optional<ScriptedReply> {
      return ScriptedReply::of(request.method == "PUT" ? status : 200, "my-role");
    };
    session.reset();
    EXPECT_NE(failure().find("instance metadata (version 2 of the service is off, and version 1 is never used)"),
              std::string::npos)
        << failure();
  }
  for (const ReceivedRequest& request : server.requests()) EXPECT_EQ(request.method, "PUT");
}

TEST_F(MetadataChain, SaysWhatAHopLimitOfOneLooksLike) {
  // The answer to the PUT does not get through; a GET would.
  variables.erase("AWS_METADATA_SERVICE_TIMEOUT");
  on_request = [](const ReceivedRequest& request) -> std::optional<ScriptedReply> {
    if (request.method != "PUT") return std::nullopt;
    ScriptedReply lost;
    lost.delay = seconds(60);
    return lost;
  };
  const std::string text = failure();
  EXPECT_NE(text.find("did not answer within 1000 ms; a container needs the instance's hop limit to be 2 or more"),
            std::string::npos)
      << text;
  EXPECT_EQ(server.request_count(), 1U);
}

TEST_F(MetadataChain, IsLeftAloneWhereItIsDisabled) {
  variables["AWS_EC2_METADATA_DISABLED"] = "True";
  EXPECT_NE(failure().find("disabled by AWS_EC2_METADATA_DISABLED"), std::string::npos);
  EXPECT_EQ(server.request_count(), 0U);
  variables["AWS_EC2_METADATA_DISABLED"] = "maybe";
  session.reset();
  EXPECT_NE(failure().find("AWS_EC2_METADATA_DISABLED: expected true or false"), std::string::npos);
}

TEST_F(MetadataChain, RenewsATokenThatTheServiceForgot) {
  EXPECT_EQ(id(), "IMDS");
  std::atomic<int> refused{0};
  on_request = [&](const ReceivedRequest& request) -> std::optional<ScriptedReply> {
    if (request.method == "GET" && refused++ == 0) return ScriptedReply::of(401, "");
    return std::nullopt;
  };
  session->credentials().reject(get().value());
  EXPECT_EQ(id(), "IMDS");
}

TEST_F(MetadataChain, UsesEndedCredentialsWhileTheServiceHasTrouble) {
  end = "2020-01-01T00:00:00Z";
  EXPECT_EQ(id(), "IMDS");
  EXPECT_EQ(id(), "IMDS");
  EXPECT_EQ(server.request_count(), 3U) << "and does not ask for each call";
}

TEST_F(MetadataChain, TriesAsOftenAsTheVariablesSay) {
  variables["AWS_METADATA_SERVICE_NUM_ATTEMPTS"] = "3";
  std::atomic<int> count{0};
  on_request = [&](const ReceivedRequest&) -> std::optional<ScriptedReply> {
    if (count++ < 2) return ScriptedReply::of(503, "");
    return std::nullopt;
  };
  EXPECT_EQ(id(), "IMDS");
  variables["AWS_METADATA_SERVICE_TIMEOUT"] = "soon";
  session.reset();
  EXPECT_NE(failure().find("AWS_METADATA_SERVICE_TIMEOUT: expected a number from 1 to 100"), std::string::npos);
}

TEST_F(MetadataChain, TellsAnInstanceWithoutARole) {
  on_request = [](const ReceivedRequest& request) -> std::optional<ScriptedReply> {
    if (request.method == "GET") return ScriptedReply::of(404, "");
    return std::nullopt;
  };
  EXPECT_NE(failure().find("instance metadata (the instance has no role)"), std::string::npos);
}

TEST_F(MetadataChain, ReportsARoleThatGivesNone) {
  on_request = [](const ReceivedRequest& request) -> std::optional<ScriptedReply> {
    if (request.target.ends_with("/my-role"))
      return ScriptedReply::of(200, R"({"Code":"AssumeRoleUnauthorizedAccess","Message":"no"})");
    return std::nullopt;
  };
  EXPECT_EQ(failure(),
            "unavailable: credentials from instance metadata: the service has no credentials for the instance's role");
}

TEST_F(MetadataChain, IsAskedOnceByManyThreads) {
  open();
  std::vector<std::jthread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] { right += id() == "IMDS" ? 1 : 0; });
  }
  threads.clear();
  EXPECT_EQ(right, 16);
  EXPECT_EQ(server.request_count(), 3U);
}

}  // namespace
}  // namespace fanfold::aws
