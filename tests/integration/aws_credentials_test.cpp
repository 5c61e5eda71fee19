// ctest: labels=integration,tsan timeout=120
#include "backends/aws/session.hpp"
#include "backends/aws/test_files.hpp"

#include "support/scripted_http_server.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

namespace fanfold::aws {
namespace {

using namespace std::chrono;
using test::ReceivedRequest;
using test::ScriptedHttpServer;
using test::ScriptedReply;

constexpr const char* far_end = "2099-01-01T00:00:00Z";

std::string sts_answer(const std::string& action, const std::string& key_id) {
  return "<" + action + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" + action +
         "Result><Credentials><AccessKeyId>" + key_id +
         "</AccessKeyId><SecretAccessKey>sts-secret</SecretAccessKey><SessionToken>sts-token</"
         "SessionToken><Expiration>" +
         far_end + "</Expiration></Credentials></" + action + "Result></" + action + "Response>";
}

std::string document(const std::string& key_id, const std::string& end = far_end) {
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
    session = Session::open(variables_of(variables), overrides).value();
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
  std::unique_ptr<Session> session;
};

// ---- environment, order

TEST_F(CredentialChain, StartsWithTheEnvironment) {
  variables["AWS_ACCESS_KEY_ID"] = "ENV";
  variables["AWS_SECRET_ACCESS_KEY"] = "env-secret";
  variables["AWS_SESSION_TOKEN"] = "env-token";
  credentials_file("[default]\naws_access_key_id = FILE\naws_secret_access_key = s\n");
  const auto credentials = get().value();
  EXPECT_EQ(credentials->access_key_id, "ENV");
  EXPECT_EQ(credentials->secret_access_key.reveal(), "env-secret");
  EXPECT_EQ(credentials->session_token.reveal(), "env-token");
  EXPECT_FALSE(credentials->expires_at.has_value());
}

TEST_F(CredentialChain, LeavesTheEnvironmentOutWhereTheCallerNamesAProfile) {
  variables["AWS_ACCESS_KEY_ID"] = "ENV";
  variables["AWS_SECRET_ACCESS_KEY"] = "env-secret";
  credentials_file("[work]\naws_access_key_id = FILE\naws_secret_access_key = s\n");
  open({.profile = "work", .region = {}});
  EXPECT_EQ(id(), "FILE");
}

TEST_F(CredentialChain, RefusesHalfOfAPair) {
  variables["AWS_ACCESS_KEY_ID"] = "ENV";
  EXPECT_EQ(
      failure(),
      "invalid_argument: credentials from environment: AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not");
}

TEST_F(CredentialChain, SaysWhereItLooked) {
  EXPECT_EQ(failure(),
            "permission_denied: no credentials are configured; looked at: environment, web identity, profile "
            "'default', container endpoint, "
            "instance metadata (disabled by AWS_EC2_METADATA_DISABLED)");
}

// ---- web identity

TEST_F(CredentialChain, TakesAWebIdentityToStsUnsigned) {
  ScriptedHttpServer sts(
      [](const ReceivedRequest&) { return ScriptedReply::of(200, sts_answer("AssumeRoleWithWebIdentity", "WEB")); });
  variables["AWS_ENDPOINT_URL_STS"] = sts.url();
  variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = directory.write("token", "the.web/token\n");
  variables["AWS_ROLE_ARN"] = "arn:aws:iam::123456789012:role/app";
  variables["AWS_ROLE_SESSION_NAME"] = "me";
  const auto credentials = get().value();
  EXPECT_EQ(credentials->access_key_id, "WEB");
  EXPECT_EQ(credentials->session_token.reveal(), "sts-token");
  EXPECT_TRUE(credentials->expires_at.has_value());
  const ReceivedRequest request = sts.requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.body,
            "Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fapp&RoleSessionName="
            "me&Version=2011-06-15&"
            "WebIdentityToken=the.web%2Ftoken");
  EXPECT_FALSE(request.has_header("authorization"));
}

TEST_F(CredentialChain, ReportsWhatStsSaysWithoutTheToken) {
  ScriptedHttpServer sts([](const ReceivedRequest&) {
    return ScriptedReply::of(400,
                             "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>bad token "
                             "the.web/token</Message></Error></ErrorResponse>");
  });
  variables["AWS_ENDPOINT_URL_STS"] = sts.url();
  variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = directory.write("token", "the.web/token");
  variables["AWS_ROLE_ARN"] = "arn:aws:iam::123456789012:role/app";
  const Error error = get().error();
  EXPECT_EQ(error.message,
            "credentials from web identity: sts AssumeRoleWithWebIdentity: the service refuses the request");
  EXPECT_EQ(error.remote_detail, "status 400 InvalidIdentityToken: bad token [redacted] (request )");
  EXPECT_EQ(sts.request_count(), 1U);
}

TEST_F(CredentialChain, NamesWhatIsMissingForAWebIdentity) {
  variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/no/such/token";
  EXPECT_EQ(
      failure(),
      "invalid_argument: credentials from web identity: AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not");
  variables["AWS_ROLE_ARN"] = "arn:aws:iam::123456789012:role/app";
  session.reset();
  EXPECT_EQ(failure(),
            "invalid_argument: credentials from web identity: the token file '/no/such/token' does not exist");
}

TEST_F(CredentialChain, TriesStsAgainWhereItFailsOrAnswersGarbage) {
  for (const char* garbage : {"", "<html>", "<AssumeRoleWithWebIdentityResponse/>", "{}"}) {
    std::atomic<int> count{0};
    ScriptedHttpServer sts([&](const ReceivedRequest&) {
      return ++count == 1 ? ScriptedReply::of(200, garbage)
                          : ScriptedReply::of(200, sts_answer("AssumeRoleWithWebIdentity", "WEB"));
    });
    variables["AWS_ENDPOINT_URL_STS"] = sts.url();
    variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = directory.write("token", "token");
    variables["AWS_ROLE_ARN"] = "arn";
    session.reset();
    EXPECT_EQ(id(), "WEB") << garbage;
    EXPECT_EQ(count, 2);
  }
}

// ---- profiles

TEST_F(CredentialChain, ReadsKeysOfAProfile) {
  variables["AWS_PROFILE"] = "work";
  config("[profile work]\nregion = eu-west-1\naws_access_key_id = CONFIG\naws_secret_access_key = c\n");
  EXPECT_EQ(id(), "CONFIG");
  credentials_file("[work]\naws_access_key_id = FILE\naws_secret_access_key = f\naws_session_token = t\n");
  session.reset();
  EXPECT_EQ(id(), "FILE");
  EXPECT_EQ(get().value()->session_token.reveal(), "t");
}

TEST_F(CredentialChain, NamesTheLineOfHalfAPairOfKeys) {
  credentials_file("[default]\n\naws_access_key_id = FILE\n");
  EXPECT_EQ(failure(), "invalid_argument: credentials from profile 'default': " + directory.path() +
                           "/.aws/credentials:3: aws_access_key_id without aws_secret_access_key");
}

TEST_F(CredentialChain, TakesOnARoleWithTheKeysOfAnotherProfile) {
  ScriptedHttpServer sts(
      [](const ReceivedRequest&) { return ScriptedReply::of(200, sts_answer("AssumeRole", "ROLE")); });
  variables["AWS_ENDPOINT_URL_STS"] = sts.url();
  variables["AWS_PROFILE"] = "work";
  config(
      "[profile work]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\nexternal_id = x y\nduration_seconds = "
      "900\nrole_session_name = s\n");
  credentials_file("[base]\naws_access_key_id = BASE\naws_secret_access_key = f\n");
  EXPECT_EQ(id(), "ROLE");
  const ReceivedRequest request = sts.requests().at(0);
  EXPECT_EQ(request.body,
            "Action=AssumeRole&DurationSeconds=900&ExternalId=x%20y&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&"
            "RoleSessionName=s&Version=2011-06-15");
  EXPECT_TRUE(request.header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=BASE/"));
  EXPECT_NE(request.header("authorization").find("/eu-west-1/sts/aws4_request"), std::string::npos);
}

TEST_F(CredentialChain, TakesOnRolesOneAfterTheOther) {
  ScriptedHttpServer sts([](const ReceivedRequest& request) {
    return ScriptedReply::of(
        200,
        sts_answer("AssumeRole",
                   request.header("authorization").find("Credential=BASE/") != std::string::npos ? "MIDDLE" : "END"));
  });
  variables["AWS_ENDPOINT_URL_STS"] = sts.url();
  config(
      "[default]\nrole_arn = arn:end\nsource_profile = middle\n[profile middle]\nrole_arn = arn:middle\nsource_profile "
      "= base\n");
  credentials_file("[base]\naws_access_key_id = BASE\naws_secret_access_key = f\n");
  EXPECT_EQ(id(), "END");
  EXPECT_EQ(sts.request_count(), 2U);
  EXPECT_NE(sts.requests().at(1).header("authorization").find("Credential=MIDDLE/"), std::string::npos);
  EXPECT_EQ(sts.requests().at(1).header("x-amz-security-token"), "sts-token");
}

TEST_F(CredentialChain, TakesOnARoleWithTheProfilesOwnKeys) {
  ScriptedHttpServer sts(
      [](const ReceivedRequest&) { return ScriptedReply::of(200, sts_answer("AssumeRole", "ROLE")); });
  variables["AWS_ENDPOINT_URL_STS"] = sts.url();
  config("[default]\nrole_arn = arn:r\nsource_profile = default\naws_access_key_id = OWN\naws_secret_access_key = f\n");
  EXPECT_EQ(id(), "ROLE");
}

TEST_F(CredentialChain, TakesOnARoleWithCredentialsFromElsewhere) {
  ScriptedHttpServer sts(
      [](const ReceivedRequest&) { return ScriptedReply::of(200, sts_answer("AssumeRole", "ROLE")); });
  ScriptedHttpServer container([](const ReceivedRequest&) { return ScriptedReply::of(200, document("CONTAINER")); });
  variables["AWS_ENDPOINT_URL_STS"] = sts.url();
  variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = container.url() + "/creds";
  config("[default]\nrole_arn = arn:r\ncredential_source = EcsContainer\n");
  EXPECT_EQ(id(), "ROLE");
  EXPECT_NE(sts.requests().at(0).header("authorization").find("Credential=CONTAINER/"), std::string::npos);
}

TEST_F(CredentialChain, RefusesRolesThatCannotWork) {
  const auto failure_of = [&](const std::string& text) {
    config(text);
    session.reset();
    std::string text_of_failure = failure();
    const std::string place = directory.path() + "/.aws/";
    if (const std::size_t at = text_of_failure.find(place); at != std::string::npos)
      text_of_failure.erase(0, at + place.size());
    return text_of_failure;
  };
  EXPECT_EQ(failure_of("[default]\nrole_arn = a\n"), "config:2: role_arn without source_profile or credential_source");
  EXPECT_EQ(failure_of("[default]\nrole_arn = a\nsource_profile = b\ncredential_source = Environment\n"),
            "config:2: both source_profile and credential_source");
  EXPECT_EQ(failure_of("[default]\nrole_arn = a\nsource_profile = gone\n"), "config:3: there is no profile 'gone'");
  EXPECT_EQ(failure_of("[default]\nrole_arn = a\nsource_profile = b\n[profile b]\nregion = x\n"),
            "config:3: 'b' has no credentials");
  EXPECT_EQ(
      failure_of("[default]\nrole_arn = a\nsource_profile = b\n[profile b]\nrole_arn = c\nsource_profile = default\n"),
      "config:6: the profiles name each other in a circle");
  EXPECT_EQ(failure_of("[default]\nrole_arn = a\nsource_profile = default\n"),
            "config:3: the profiles name each other in a circle");
  EXPECT_EQ(failure_of("[default]\nrole_arn = a\ncredential_source = Magic\n"),
            "config:3: credential_source: expected Environment, EcsContainer or Ec2InstanceMetadata");
  EXPECT_EQ(failure_of("[default]\nrole_arn = a\ncredential_source = Environment\n"),
            "config:3: 'Environment' has no credentials");
  EXPECT_EQ(failure_of("[default]\nrole_arn = a\nsource_profile = b\nduration_seconds = long\n"),
            "config:4: duration_seconds: expected a number");
  EXPECT_TRUE(failure_of("[default]\nrole_arn = a\nsource_profile = b\nmfa_serial = m\n")
                  .starts_with("config:4: mfa_serial needs a person"));
}

// ---- credential_process

TEST_F(CredentialChain, RunsACredentialProcess) {
  const std::string script = directory.write(
      "tool",
      "#!/bin/sh\nprintf '{\"Version\":1,\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"p\",\"SessionToken\":\"t\","
      "\"Expiration\":\"2099-01-01T01:00:00+01:00\"}' \"$2\"\n");
  ::chmod(script.c_str(), 0700);
  config("[default]\ncredential_process = " + script + " --id \"PRO CESS\"\n");
  const auto credentials = get().value();
  EXPECT_EQ(credentials->access_key_id, "PRO CESS");
  EXPECT_EQ(credentials->secret_access_key.reveal(), "p");
  EXPECT_EQ(credentials->expires_at, parse_iso8601(far_end).value());
}

TEST_F(CredentialChain, RefusesWhatACredentialProcessShouldNotDo) {
  const auto failure_of = [&](const std::string& command) {
    config("[default]\ncredential_process = " + command + "\n");
    session.reset();
    const Error error = get().error();
    EXPECT_EQ(error.message.find("s3cret"), std::string::npos);
    EXPECT_EQ(error.remote_detail.find("s3cret"), std::string::npos);
    return error.message.substr(std::string("credentials from profile 'default': credential_process: ").size());
  };
  EXPECT_EQ(failure_of("exit 3"), "it failed with exit code 3");
  EXPECT_EQ(failure_of("kill -9 $$"), "it failed with signal 9");
  EXPECT_EQ(failure_of("/no/such/program 2>/dev/null"), "it failed with exit code 127");
  EXPECT_EQ(failure_of("echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s3cret\"'"),
            "its output is no JSON: byte 58: the text ends too early");
  EXPECT_EQ(failure_of("echo s3cret"), "its output is no JSON: byte 0: unexpected character");
  EXPECT_EQ(failure_of("echo '[\"s3cret\"]'"), "its output is no object");
  EXPECT_EQ(failure_of("echo '{\"Version\":2,\"SecretAccessKey\":\"s3cret\"}'"), "Version: expected 1");
  EXPECT_EQ(failure_of("echo '{\"Version\":1,\"SecretAccessKey\":\"s3cret\"}'"), "AccessKeyId: missing");
  EXPECT_EQ(failure_of("echo '{\"Version\":1,\"AccessKeyId\":1,\"SecretAccessKey\":\"s3cret\"}'"),
            "AccessKeyId: expected a string");
  EXPECT_EQ(
      failure_of("echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s3cret\",\"Expiration\":\"soon\"}'"),
      "Expiration: expected a time such as 2026-11-24T09:30:00Z");
  EXPECT_EQ(failure_of("yes s3cret"), "it printed more than 65536 bytes");
}

TEST_F(CredentialChain, EndsACredentialProcessWithAllItStarted) {
  config("[default]\ncredential_process = sleep 600 & sleep 600\n");
  const auto begin = steady_clock::now();
  EXPECT_EQ(get({.stop = {}, .deadline = begin + milliseconds(100)}).error().code, ErrorCode::deadline_exceeded);
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_EQ(get({.stop = stop.get_token(), .deadline = {}}).error().code, ErrorCode::cancelled);
  EXPECT_LT(steady_clock::now() - begin, seconds(10));
}

// ---- SSO

class SsoChain : public CredentialChain {
 public:
  SsoChain() {
    variables["AWS_ENDPOINT_URL_SSO"] = portal.url();
    // The file's name is the SHA-1 of the session's name.
    config(
        "[default]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Dev Ops\n[sso-session "
        "corp]\nsso_region = eu-west-1\n"
        "sso_start_url = https://corp.awsapps.com/start\n");
  }
  void token(const std::string& end) {
    directory.write(
        ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json",
        R"({"startUrl":"https://corp.awsapps.com/start","accessToken":"sso-bearer","expiresAt":")" + end + R"("})");
  }
  ScriptedReply reply = ScriptedReply::of(
      200,
      R"({"roleCredentials":{"accessKeyId":"SSO","secretAccessKey":"s","sessionToken":"t","expiration":4070908800000}})");
  ScriptedHttpServer portal{[this](const ReceivedRequest&) { return reply; }};
};

TEST_F(SsoChain, TakesTheCachedTokenToThePortal) {
  token(far_end);
  const auto credentials = get();
  ASSERT_TRUE(credentials.has_value()) << to_string(credentials.error());
  EXPECT_EQ((*credentials)->access_key_id, "SSO");
  EXPECT_EQ((*credentials)->expires_at, parse_iso8601(far_end).value());
  const ReceivedRequest request = portal.requests().at(0);
  EXPECT_EQ(request.target, "/federation/credentials?account_id=123456789012&role_name=Dev%20Ops");
  EXPECT_EQ(request.header("x-amz-sso_bearer_token"), "sso-bearer");
  EXPECT_FALSE(request.has_header("authorization"));
}

TEST_F(SsoChain, AsksForALoginWhereThereIsNoTokenOrItHasEnded) {
  EXPECT_EQ(
      failure(),
      "permission_denied: credentials from profile 'default': there is no SSO token for 'corp'; run: aws sso login");
  token("2020-01-01T00:00:00Z");
  EXPECT_EQ(
      failure(),
      "permission_denied: credentials from profile 'default': the SSO token for 'corp' has ended; run: aws sso login");
  token(far_end);
  reply = ScriptedReply::of(401, R"({"message":"Session token not found or invalid: sso-bearer"})");
  reply.headers = {{"x-amzn-ErrorType", "UnauthorizedException:"}};
  EXPECT_EQ(
      failure(),
      "permission_denied: credentials from profile 'default': the SSO token for 'corp' is refused; run: aws sso login");
  EXPECT_EQ(portal.request_count(), 1U);
}

TEST_F(SsoChain, NamesWhatIsMissing) {
  config("[default]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = r\n");
  EXPECT_NE(failure().find("/.aws/config:2: there is no section [sso-session corp]"), std::string::npos);
  config("[default]\nsso_start_url = https://x\nsso_account_id = 1\n");
  session.reset();
  EXPECT_NE(failure().find("/.aws/config:3: SSO needs sso_account_id, sso_role_name"), std::string::npos);
}

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
