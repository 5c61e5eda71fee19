#include "aws/service_error.hpp"

#include <gtest/gtest.h>

namespace fanfold::aws {
namespace {

using net::AttemptEnd;

net::HttpResponse answer(int status, std::string body, std::string headers = "x-amzn-RequestId: R1\r\n") {
  return {status, net::ResponseHeaders(std::move(headers)), std::move(body)};
}

ServiceFailure json(int status, std::string body) {
  return understand_failure(Protocol::json, "sqs SendMessage", answer(status, std::move(body)));
}
ServiceFailure xml(int status, std::string body) {
  return understand_failure(Protocol::xml, "s3 PutObject", answer(status, std::move(body), "x-amz-request-id: R2\r\n"));
}

TEST(ServiceError, KeepsTheServicesWordsApart) {
  const ServiceFailure failure =
      json(400, R"({"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."})");
  EXPECT_EQ(failure.error, (Error{ErrorCode::not_found, "sqs SendMessage: no such queue, table, bucket or object",
                                  "status 400 QueueDoesNotExist: The specified queue does not exist. (request R1)"}));
  EXPECT_EQ(failure.service_code, "QueueDoesNotExist");
  EXPECT_EQ(failure.end, AttemptEnd::final);
}

TEST(ServiceError, TellsThrottlingFromFailure) {
  for (const char* code :
       {"ProvisionedThroughputExceededException", "ThrottlingException", "RequestThrottled", "SlowDown"}) {
    const ServiceFailure failure = json(400, std::string(R"({"__type":")") + code + R"("})");
    EXPECT_EQ(failure.error.code, ErrorCode::throttled) << code;
    EXPECT_EQ(failure.end, AttemptEnd::throttled) << code;
  }
  EXPECT_EQ(xml(503, "<Error><Code>SlowDown</Code></Error>").end, AttemptEnd::throttled);
  EXPECT_EQ(json(429, R"({"__type":"Unheard"})").end, AttemptEnd::throttled);
  EXPECT_EQ(json(500, R"({"__type":"InternalServerError"})").end, AttemptEnd::transient);
  EXPECT_EQ(json(503, R"({"__type":"Unheard"})").error.code, ErrorCode::unavailable);
  EXPECT_EQ(json(503, R"({"__type":"Unheard"})").end, AttemptEnd::transient);
}

TEST(ServiceError, UnderstandsEveryFormOfACode) {
  EXPECT_EQ(
      json(400,
           R"({"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","Message":"no","Item":{}})")
          .error.code,
      ErrorCode::conflict);
  EXPECT_EQ(json(400, R"({"__type":"ValidationException:http://internal.amazon.com/coral/"})").service_code,
            "ValidationException");
  EXPECT_EQ(json(400, R"({"__type":"AWS.SimpleQueueService.NonExistentQueue"})").error.code, ErrorCode::not_found);
  EXPECT_EQ(json(400, R"({"__type":"QueueAlreadyExists"})").error.code, ErrorCode::already_exists);
  EXPECT_EQ(json(400, R"({"__type":"AWS.SimpleQueueService.BatchRequestTooLong"})").error.code, ErrorCode::too_large);
  const ServiceFailure by_header = understand_failure(
      Protocol::json, "x",
      answer(400, "{}", "x-amzn-ErrorType: ThrottlingException:http://internal.amazon.com/coral/\r\n"));
  EXPECT_EQ(by_header.error.code, ErrorCode::throttled);
  EXPECT_EQ(xml(400,
                "<ErrorResponse "
                "xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><Error><Type>Sender</Type><Code>ExpiredToken</Code>"
                "<Message>m</Message></Error></ErrorResponse>")
                .service_code,
            "ExpiredToken");
}

TEST(ServiceError, TellsExpiredCredentialsFromOthers) {
  EXPECT_TRUE(json(400, R"({"__type":"ExpiredTokenException"})").are_credentials_expired);
  const ServiceFailure denied = json(400, R"({"__type":"AccessDeniedException"})");
  EXPECT_FALSE(denied.are_credentials_expired);
  EXPECT_TRUE(denied.is_authentication);
  EXPECT_EQ(denied.error.code, ErrorCode::permission_denied);
  EXPECT_EQ(denied.error.message, "sqs SendMessage: the service does not permit it") << "whoever they are of is known";
  EXPECT_EQ(json(400, R"({"__type":"UnrecognizedClientException"})").error.message,
            "sqs SendMessage: the service refuses these credentials");
}

TEST(ServiceError, UnderstandsConditionsOfS3) {
  EXPECT_EQ(xml(412, "<Error><Code>PreconditionFailed</Code></Error>").error.code, ErrorCode::conflict);
  EXPECT_EQ(xml(412, "<Error><Code>PreconditionFailed</Code></Error>").end, AttemptEnd::final);
  EXPECT_EQ(xml(409, "<Error><Code>ConditionalRequestConflict</Code></Error>").end, AttemptEnd::transient);
  EXPECT_EQ(xml(404, "<Error><Code>NoSuchKey</Code></Error>").error.code, ErrorCode::not_found);
  EXPECT_EQ(xml(404, "").error.code, ErrorCode::not_found) << "HEAD has no body";
  EXPECT_EQ(xml(301, "<Error><Code>PermanentRedirect</Code></Error>").error.message,
            "s3 PutObject: the service refuses the request: it is in another region");
}

TEST(ServiceError, NeverTakesAProxysAnswerForTheServices) {
  for (const int status : {301, 400, 403, 404, 407, 412}) {
    for (const char* body : {"<!DOCTYPE html><html><body>Not Found</body></html>", "<html><head/></html>", "", "{",
                             "{}", "[1]", "not found"}) {
      const ServiceFailure failure = json(status, body);
      EXPECT_EQ(failure.error.code, ErrorCode::unavailable) << status << body;
      EXPECT_EQ(failure.error.message, "sqs SendMessage: answered with status " + std::to_string(status) +
                                           " by something that is not the service" +
                                           (status == 400 ? ", or does not speak AWS JSON 1.0" : ""));
      EXPECT_TRUE(failure.service_code.empty());
    }
  }
  EXPECT_EQ(json(502, "<html>Bad Gateway</html>").end, AttemptEnd::transient);
  EXPECT_EQ(understand_failure(Protocol::xml, "x", answer(404, "", "")).error.code, ErrorCode::unavailable);
}

TEST(ServiceError, SaysWhatAServerDoesNotHave) {
  EXPECT_EQ(json(400, R"({"__type":"com.amazonaws.dynamodb.v20120810#UnknownOperationException"})").error,
            (Error{ErrorCode::invalid_argument, "sqs SendMessage: the server does not have this operation",
                   "status 400 UnknownOperationException:  (request R1)"}));
  EXPECT_EQ(xml(501, "<Error><Code>NotImplemented</Code></Error>").error.message,
            "s3 PutObject: the server does not have this operation");
  EXPECT_EQ(xml(501, "<Error><Code>NotImplemented</Code></Error>").end, AttemptEnd::final);
}

TEST(ServiceError, KnowsTheOlderProtocolOfSqs) {
  const std::string refusal =
      "<?xml version=\"1.0\"?><ErrorResponse><Error><Code>InvalidAction</Code></Error></ErrorResponse>";
  const ServiceFailure failure = json(400, refusal);
  EXPECT_EQ(failure.error.code, ErrorCode::unavailable);
  EXPECT_NE(failure.error.message.find(query_protocol_hint), std::string::npos);
  EXPECT_TRUE(is_of_query_protocol("<GetQueueUrlResponse><GetQueueUrlResult/></GetQueueUrlResponse>"));
  EXPECT_FALSE(is_of_query_protocol("<!DOCTYPE html><html></html>"));
  EXPECT_FALSE(is_of_query_protocol("<html></html>"));
  EXPECT_FALSE(is_of_query_protocol("{}"));
}

TEST(ServiceError, TakesNoWordsForACode) {
  EXPECT_TRUE(json(400, R"({"__type":"<script>alert(1)</script>"})").service_code.empty());
  EXPECT_TRUE(json(400, R"({"__type":17})").service_code.empty());
  EXPECT_TRUE(json(400, std::string(R"({"__type":")") + std::string(200, 'a') + R"("})").service_code.empty());
}

TEST(ServiceError, ReadsTheDelayThatTheServiceAsksFor) {
  using std::chrono::milliseconds;
  EXPECT_EQ(asked_delay_of(answer(503, "", "Retry-After: 3\r\n")), milliseconds(3000));
  EXPECT_EQ(asked_delay_of(answer(503, "", "x-amz-retry-after: 1500\r\n")), milliseconds(1500));
  EXPECT_FALSE(asked_delay_of(answer(503, "", "Retry-After: Tue, 24 Nov 2026 09:30:05 GMT\r\n")));
  EXPECT_FALSE(asked_delay_of(answer(503, "", "Retry-After: -1\r\n")));
  EXPECT_FALSE(asked_delay_of(answer(503, "", "")));
}

}  // namespace
}  // namespace fanfold::aws
