#include "aws/config.hpp"

#include "aws/endpoint.hpp"
#include "aws/test_files.hpp"

#include <gtest/gtest.h>

namespace fanfold::aws {
namespace {

class ConfigFiles : public ::testing::Test {
 public:
  Result<Config> load(const ConfigOverrides& overrides = {}) const {
    return Config::load(variables_of(variables), overrides);
  }
  Config loaded(const ConfigOverrides& overrides = {}) const { return load(overrides).value(); }

  TestDirectory directory;
  std::map<std::string, std::string> variables{{"HOME", directory.path()}};
};

TEST_F(ConfigFiles, AreOptional) {
  const Config config = loaded();
  EXPECT_EQ(config.profile_name(), "default");
  EXPECT_EQ(config.find_profile("default"), nullptr);
  EXPECT_EQ(config.region().error().message,
            "no region is configured: set AWS_REGION, or region in the profile 'default'");
  EXPECT_EQ(config.attempt_count_max(), 3U);
  EXPECT_FALSE(config.uses_fips());
  EXPECT_FALSE(config.endpoint_url("sqs").value().has_value());
}

TEST_F(ConfigFiles, GiveTheRegionOfTheProfile) {
  directory.write(".aws/config", "[default]\nregion = eu-west-1\n[profile work]\nregion = eu-central-1\n");
  EXPECT_EQ(loaded().region().value(), "eu-west-1");
  variables["AWS_PROFILE"] = "work";
  EXPECT_EQ(loaded().region().value(), "eu-central-1");
  variables["AWS_DEFAULT_REGION"] = "us-east-1";
  EXPECT_EQ(loaded().region().value(), "us-east-1");
  variables["AWS_REGION"] = "us-west-2";
  EXPECT_EQ(loaded().region().value(), "us-west-2");
  EXPECT_EQ(loaded({.profile = {}, .region = "sa-east-1"}).region().value(), "sa-east-1");
  variables["AWS_REGION"] = "us-west-2.evil.example";
  EXPECT_EQ(loaded().region().error().message, "'us-west-2.evil.example' is no region");
}

TEST_F(ConfigFiles, AreFoundWhereTheVariablesSay) {
  variables["AWS_CONFIG_FILE"] = "~/elsewhere";
  variables["AWS_SHARED_CREDENTIALS_FILE"] = directory.path() + "/keys";
  directory.write("elsewhere", "[default]\nregion = eu-west-1\naws_access_key_id = FROM_CONFIG\n");
  directory.write("keys", "[default]\naws_access_key_id = FROM_CREDENTIALS\n");
  const Config config = loaded();
  EXPECT_EQ(config.region().value(), "eu-west-1");
  EXPECT_EQ(config.find_profile("default")->at("aws_access_key_id").text, "FROM_CREDENTIALS");
}

TEST_F(ConfigFiles, PreferProfileDefaultToDefault) {
  directory.write(".aws/config", "[default]\nregion = a-1\n[profile default]\nregion = b-1\n");
  EXPECT_EQ(loaded().region().value(), "b-1");
}

TEST_F(ConfigFiles, HaveToHaveAProfileThatWasAskedFor) {
  variables["AWS_PROFILE"] = "wrok";
  const Result<Config> config = load();
  EXPECT_EQ(config.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(config.error().message, "the profile 'wrok' is neither in '" + directory.path() + "/.aws/config' nor in '" +
                                        directory.path() + "/.aws/credentials'");
  directory.write(".aws/credentials", "[wrok]\naws_access_key_id = A\n");
  EXPECT_FALSE(loaded().is_profile_of_caller());
  EXPECT_TRUE(loaded({.profile = "wrok", .region = {}}).is_profile_of_caller());
}

TEST_F(ConfigFiles, AreReportedWithTheLineThatIsWrong) {
  directory.write(".aws/credentials", "[default]\naws_secret_access_key SECRET\n");
  EXPECT_EQ(load().error(),
            (Error{ErrorCode::bad_input, directory.path() + "/.aws/credentials:2: expected 'key = value'", ""}));
}

TEST_F(ConfigFiles, GiveEndpointsInTheOrderOfTheSdks) {
  directory.write(".aws/config",
                  "[default]\nendpoint_url = http://profile:1\nservices = local\n"
                  "[services local]\ndynamodb =\n  endpoint_url = http://services:2\n");
  const auto url = [&](std::string_view service) { return loaded().endpoint_url(service).value().value_or("none"); };
  EXPECT_EQ(url("sqs"), "http://profile:1");
  EXPECT_EQ(url("dynamodb"), "http://services:2");
  variables["AWS_ENDPOINT_URL"] = "http://all:3";
  EXPECT_EQ(url("dynamodb"), "http://all:3");
  variables["AWS_ENDPOINT_URL_DYNAMODB"] = "http://one:4";
  EXPECT_EQ(url("dynamodb"), "http://one:4");
  EXPECT_EQ(url("sqs"), "http://all:3");
  variables["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "True";
  EXPECT_EQ(url("dynamodb"), "none");
}

TEST_F(ConfigFiles, SayWhereASettingIsThatCannotBe) {
  directory.write(".aws/config", "[default]\nregion = eu-west-1\nuse_fips_endpoint = yes\n");
  EXPECT_EQ(load().error().message, directory.path() + "/.aws/config:3: use_fips_endpoint: expected true or false");
  variables["AWS_USE_FIPS_ENDPOINT"] = "1";
  EXPECT_EQ(load().error().message, "AWS_USE_FIPS_ENDPOINT: expected true or false");
  variables["AWS_USE_FIPS_ENDPOINT"] = "TRUE";
  EXPECT_TRUE(loaded().uses_fips());
  for (const char* count : {"0", "-1", "many", "3x", "101"}) {
    variables["AWS_MAX_ATTEMPTS"] = count;
    EXPECT_EQ(load().error().message, "AWS_MAX_ATTEMPTS: expected a number from 1 to 100") << count;
  }
  variables["AWS_MAX_ATTEMPTS"] = "5";
  EXPECT_EQ(loaded().attempt_count_max(), 5U);
  directory.write(".aws/config", "[default]\nservices = gone\n");
  EXPECT_EQ(loaded().endpoint_url("sqs").error().message,
            directory.path() + "/.aws/config:2: there is no section [services gone]");
  directory.write(".aws/config", "[default]\ns3 =\n  addressing_style = odd\n");
  EXPECT_EQ(load().error().message,
            directory.path() + "/.aws/config:2: addressing_style: expected path, virtual or auto");
}

TEST_F(ConfigFiles, GiveTheRest) {
  directory.write(".aws/config",
                  "[default]\nca_bundle = ~/ca.pem\nmax_attempts = 7\nuse_dualstack_endpoint = true\ns3 =\n  "
                  "addressing_style = path\n");
  const Config config = loaded();
  EXPECT_EQ(config.ca_bundle(), directory.path() + "/ca.pem");
  EXPECT_EQ(config.attempt_count_max(), 7U);
  EXPECT_TRUE(config.uses_dualstack());
  EXPECT_EQ(config.s3_addressing_style(), "path");
  EXPECT_EQ(config.directory(), directory.path() + "/.aws");
}

std::string host(std::string_view service, const std::string& region, const char* fips = "false",
                 const char* dualstack = "false") {
  const Config config =
      Config::load(variables_of({{"AWS_USE_FIPS_ENDPOINT", fips}, {"AWS_USE_DUALSTACK_ENDPOINT", dualstack}}), {})
          .value();
  const Result<Endpoint> endpoint = find_endpoint(config, service, region);
  return endpoint.has_value() ? endpoint->url.origin() : endpoint.error().message;
}

TEST(Endpoint, HasTheHostNameOfItsPartition) {
  EXPECT_EQ(host("sqs", "eu-west-1"), "https://sqs.eu-west-1.amazonaws.com");
  EXPECT_EQ(host("dynamodb", "cn-north-1"), "https://dynamodb.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(host("s3", "us-gov-west-1"), "https://s3.us-gov-west-1.amazonaws.com");
  EXPECT_EQ(host("sts", "us-iso-east-1"), "https://sts.us-iso-east-1.c2s.ic.gov");
  EXPECT_EQ(host("sqs", "us-isob-east-1"), "https://sqs.us-isob-east-1.sc2s.sgov.gov");
  EXPECT_EQ(host("sqs", "eu-isoe-west-1"), "https://sqs.eu-isoe-west-1.cloud.adc-e.uk");
  EXPECT_EQ(host("sqs", "us-isof-south-1"), "https://sqs.us-isof-south-1.csp.hci.ic.gov");
  EXPECT_EQ(host("dynamodb", "eusc-de-east-1"), "https://dynamodb.eusc-de-east-1.amazonaws.eu");
  EXPECT_EQ(host("sso", "eu-west-1"), "https://portal.sso.eu-west-1.amazonaws.com");
}

TEST(Endpoint, HasOtherHostNamesForFipsAndDualStack) {
  EXPECT_EQ(host("sqs", "us-east-1", "true"), "https://sqs-fips.us-east-1.amazonaws.com");
  EXPECT_EQ(host("sqs", "us-east-1", "false", "true"), "https://sqs.us-east-1.api.aws");
  EXPECT_EQ(host("sqs", "us-east-1", "true", "true"), "https://sqs-fips.us-east-1.api.aws");
  EXPECT_EQ(host("sqs", "us-gov-west-1", "true"), "https://sqs.us-gov-west-1.amazonaws.com");
  EXPECT_EQ(host("sqs", "us-gov-west-1", "true", "true"), "https://sqs-fips.us-gov-west-1.api.aws");
  EXPECT_EQ(host("s3", "us-gov-west-1", "true"), "https://s3-fips.us-gov-west-1.amazonaws.com");
  EXPECT_EQ(host("s3", "eu-west-1", "true", "true"), "https://s3-fips.dualstack.eu-west-1.amazonaws.com");
  EXPECT_EQ(host("dynamodb", "cn-north-1", "false", "true"),
            "https://dynamodb.cn-north-1.api.amazonwebservices.com.cn");
  EXPECT_EQ(host("s3", "cn-north-1", "true"), "S3 has no FIPS endpoints in cn-north-1");
}

TEST(Endpoint, IsTheConfiguredOne) {
  const Config config = Config::load(variables_of({{"AWS_ENDPOINT_URL", "http://127.0.0.1:4566/"}}), {}).value();
  const Endpoint endpoint = find_endpoint(config, "sqs", "eu-west-1").value();
  EXPECT_EQ(endpoint.url.origin(), "http://127.0.0.1:4566");
  EXPECT_TRUE(endpoint.is_custom);
  const Config bad = Config::load(variables_of({{"AWS_ENDPOINT_URL_S3", "localhost:4566"}}), {}).value();
  EXPECT_EQ(find_endpoint(bad, "s3", "eu-west-1").error().message,
            "the endpoint URL of s3: not a usable URL: it starts neither with http:// nor with https://");
  const Config both =
      Config::load(variables_of({{"AWS_ENDPOINT_URL", "http://127.0.0.1:4566"}, {"AWS_USE_FIPS_ENDPOINT", "true"}}), {})
          .value();
  EXPECT_EQ(find_endpoint(both, "sqs", "eu-west-1").error().code, ErrorCode::invalid_argument);
}

TEST(BucketAddress, IsAHostOrAPath) {
  const auto address = [](const char* endpoint, bool is_custom, const char* bucket, const char* style) {
    const net::Url url =
        bucket_address({net::parse_url(endpoint).value(), "eu-west-1", is_custom}, bucket, style).value().url;
    return url.origin() + url.path;
  };
  EXPECT_EQ(address("https://s3.eu-west-1.amazonaws.com", false, "my-bucket", "auto"),
            "https://my-bucket.s3.eu-west-1.amazonaws.com");
  EXPECT_EQ(address("https://s3.eu-west-1.amazonaws.com", false, "my.bucket", "auto"),
            "https://s3.eu-west-1.amazonaws.com/my.bucket");
  EXPECT_EQ(address("https://s3.eu-west-1.amazonaws.com", false, "my-bucket", "path"),
            "https://s3.eu-west-1.amazonaws.com/my-bucket");
  EXPECT_EQ(address("http://127.0.0.1:4566", true, "my-bucket", "auto"), "http://127.0.0.1:4566/my-bucket");
  EXPECT_EQ(address("http://localhost:4566/s3", true, "my-bucket", "auto"), "http://localhost:4566/s3/my-bucket");
  EXPECT_EQ(address("http://localhost:4566", true, "my-bucket", "virtual"), "http://my-bucket.localhost:4566");
}

TEST(BucketAddress, RefusesWhatIsNoBucketsName) {
  const Endpoint s3{net::parse_url("https://s3.eu-west-1.amazonaws.com").value(), "eu-west-1", false};
  for (const char* name :
       {"", "ab", "UPPER", "under_score", "-dash", "dash-", "a..b", "evil.example/", "a b c", ".dot", "dot."}) {
    EXPECT_EQ(bucket_address(s3, name, "auto").error().code, ErrorCode::invalid_argument) << name;
  }
  EXPECT_FALSE(bucket_address(s3, std::string(64, 'a'), "auto").has_value());
}

}  // namespace
}  // namespace fanfold::aws
