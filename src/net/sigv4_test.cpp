#include "net/sigv4.hpp"

#include <gtest/gtest.h>

namespace fanfold::net {
namespace {

using namespace std::chrono;

const Secret example_secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
const Secret no_token;
constexpr sys_seconds example_time = sys_days(2015y / August / 30) + hours(12) + minutes(36);

std::string header(const RequestHeaders& headers, std::string_view name) { return std::string(headers.find(name)); }

std::string signature_of(RequestSigner& signer, const SignedRequest& request, RequestHeaders headers,
                         sys_seconds now = example_time, const Secret& secret = example_secret) {
  signer.sign(request, {"AKIDEXAMPLE", secret, no_token}, now, headers);
  const std::string authorization = header(headers, "Authorization");
  return authorization.substr(authorization.rfind('=') + 1);
}

// "get-vanilla" of the Signature Version 4 test suite.
TEST(RequestSigner, SignsTheSmallestPublishedExample) {
  RequestSigner signer("us-east-1", "service");
  RequestHeaders headers;
  signer.sign({"GET", "example.amazonaws.com", "/", "", ""}, {"AKIDEXAMPLE", example_secret, no_token}, example_time,
              headers);
  EXPECT_EQ(header(headers, "X-Amz-Date"), "20150830T123600Z");
  EXPECT_EQ(header(headers, "X-Amz-Security-Token"), "");
  EXPECT_EQ(header(headers, "X-Amz-Content-Sha256"), "");
  EXPECT_EQ(
      header(headers, "Authorization"),
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, "
      "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

// The example of the IAM user guide.
TEST(RequestSigner, SignsQueryAndHeaders) {
  RequestSigner signer("us-east-1", "iam");
  RequestHeaders headers;
  headers.add("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  EXPECT_EQ(signature_of(signer, {"GET", "iam.amazonaws.com", "/", "Action=ListUsers&Version=2010-05-08", ""}, headers),
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

// "GET Object" of the S3 API reference.
TEST(RequestSigner, SendsAndSignsTheBodysDigestToS3) {
  RequestSigner signer("us-east-1", "s3");
  RequestHeaders headers;
  headers.add("Range", "bytes=0-9");
  signer.sign({"GET", "examplebucket.s3.amazonaws.com", "/test.txt", "", ""},
              {"AKIAIOSFODNN7EXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), no_token},
              sys_days(2013y / May / 24), headers);
  EXPECT_EQ(header(headers, "X-Amz-Content-Sha256"),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(header(headers, "Authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(RequestSigner, SignsTheSessionToken) {
  RequestSigner signer("us-east-1", "sqs");
  RequestHeaders headers;
  signer.sign({"POST", "sqs.us-east-1.amazonaws.com", "/", "", "{}"},
              {"AKIDEXAMPLE", example_secret, Secret("a/token+")}, example_time, headers);
  EXPECT_EQ(header(headers, "X-Amz-Security-Token"), "a/token+");
  EXPECT_NE(header(headers, "Authorization").find("SignedHeaders=host;x-amz-date;x-amz-security-token,"),
            std::string::npos);
}

TEST(RequestSigner, SortsHeadersByNameAloneAndJoinsEqualOnes) {
  RequestSigner signer("us-east-1", "service");
  RequestHeaders headers;
  headers.add("X-Amz-Meta-A-B", "2");
  headers.add("X-Amz-Meta-A", "1");
  headers.add("x-amz-meta-a", "  3   4 ");
  signer.sign({"GET", "host", "/", "", ""}, {"AKIDEXAMPLE", example_secret, no_token}, example_time, headers);
  EXPECT_NE(header(headers, "Authorization").find("SignedHeaders=host;x-amz-date;x-amz-meta-a;x-amz-meta-a-b,"),
            std::string::npos);
}

TEST(RequestSigner, KeepsTheKeyOfTheDayAndOfTheSecretApart) {
  RequestSigner signer("us-east-1", "service");
  const SignedRequest request{"GET", "example.amazonaws.com", "/", "", ""};
  const Secret other_secret("another");
  const std::string today = signature_of(signer, request, {});
  const std::string tomorrow = signature_of(signer, request, {}, example_time + days(1));
  const std::string other = signature_of(signer, request, {}, example_time, other_secret);
  EXPECT_EQ(signature_of(signer, request, {}), today);
  EXPECT_NE(tomorrow, today);
  EXPECT_NE(other, today);
  RequestSigner fresh("us-east-1", "service");
  EXPECT_EQ(signature_of(fresh, request, {}, example_time + days(1)), tomorrow);
}

TEST(RequestSigner, NormalizesThePathForAllServicesButS3) {
  RequestSigner signer("us-east-1", "service");
  RequestSigner s3("us-east-1", "s3");
  const auto sign = [](RequestSigner& by, std::string_view path) {
    return signature_of(by, {"GET", "host", path, "", ""}, {});
  };
  EXPECT_EQ(sign(signer, "/a/./b/../c//"), sign(signer, "/a/c/"));
  EXPECT_EQ(sign(signer, "/.."), sign(signer, "/"));
  EXPECT_NE(sign(s3, "/a/../b"), sign(s3, "/b"));
  EXPECT_NE(sign(s3, "/a//b"), sign(s3, "/a/b"));
}

}  // namespace
}  // namespace fanfold::net
