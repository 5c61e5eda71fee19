// ctest: labels=integration,tsan
// Credentials that whoever starts the program gives: variables, profiles, roles, programs, a login.
#include "support/credential_chain.hpp"

#include <sys/stat.h>

namespace fanfold::aws {
namespace {

using namespace std::chrono;

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

TEST_F(CredentialChain, SaysThatACredentialProcessIsWaitedFor) {
  config("[default]\ncredential_process = sleep 600\n");
  const auto begin = steady_clock::now();
  EXPECT_EQ(get({.stop = {}, .deadline = begin + milliseconds(3'400)}).error().code, ErrorCode::deadline_exceeded);
  EXPECT_EQ(warnings, std::vector<std::string>{"credentials from profile 'default': no answer for 3 s; still waiting"});
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

TEST_F(CredentialChain, EndsACredentialProcessThatClosesItsOutputAndGoesOn) {
  config("[default]\ncredential_process = exec >&-; exec sleep 20\n");
  const auto begin = steady_clock::now();
  EXPECT_EQ(get({.stop = {}, .deadline = begin + milliseconds(100)}).error().code, ErrorCode::deadline_exceeded);
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

}  // namespace
}  // namespace fanfold::aws
