#pragma once

#include "aws/session.hpp"
#include "aws/test_files.hpp"
#include "backends/aws/s3_objects.hpp"

#include <memory>
#include <string>

namespace fanfold::aws {

/// SQS, DynamoDB and S3 as a client of one server has them, with credentials.
struct ServicesAt {
  explicit ServicesAt(const std::string& url) : session(Session::open(variables_of_server(url), {}).value()) {}

  std::unique_ptr<Session> session;
  std::unique_ptr<Service> sqs = session->service("sqs").value();
  std::unique_ptr<Service> dynamodb = session->service("dynamodb").value();
  std::unique_ptr<Service> s3 = session->service("s3").value();
  Usage usage{};
  S3Objects objects{*s3, "path", usage};
};

}  // namespace fanfold::aws
