#include "backends/aws/s3_objects.hpp"

#include "aws/xml.hpp"

#include <memory>

namespace fanfold::aws {
namespace {

constexpr std::string_view metadata_prefix = "x-amz-meta-";

/// Names that are asked for: S3 answers all, headers are found by name.
constexpr std::string_view metadata_names[] = {"fanfold-write-ids"};

Error no_bucket(std::string_view bucket) {
  return {
      ErrorCode::invalid_argument,
      "there is no bucket " + std::string(bucket) + "; fanfold setup aws makes it, and FANFOLD_BUCKET names another",
      {}};
}

class ObjectGetCall final : public Call {
 public:
  ObjectGetCall(Service& service, ServiceRequest request) : Call(service, std::move(request)) {}
  StoredObject object{};

 private:
  Result<void> decode(const net::HttpResponse& response) override {
    object = {};
    const auto etag = response.headers.find("etag");
    if (!etag || etag->empty()) return Error{ErrorCode::bad_input, "the answer has no ETag", {}};
    object.etag = *etag;
    object.body = response.body;
    for (const std::string_view name : metadata_names) {
      const auto value = response.headers.find(std::string(metadata_prefix).append(name));
      if (value) object.metadata.emplace_back(name, *value);
    }
    return {};
  }
};

class PutCall final : public Call {
 public:
  PutCall(Service& service, ServiceRequest request) : Call(service, std::move(request)) {}
  std::string etag{};

 private:
  Result<void> decode(const net::HttpResponse& response) override {
    const auto header = response.headers.find("etag");
    if (!header || header->empty()) return Error{ErrorCode::bad_input, "the answer has no ETag", {}};
    etag = *header;
    return {};
  }
};

}  // namespace

Result<ServiceRequest> S3Objects::request_for(std::string_view operation, std::string_view method,
                                              const ObjectRef& object) const {
  auto address = bucket_address(service_.options().endpoint, object.bucket, addressing_style_);
  if (!address) return std::move(address).error();
  ServiceRequest request;
  request.operation = operation;
  request.method = method;
  request.url = std::move(address->url);
  request.path = "/" + net::percent_encoded_path(object.key);
  return request;
}

std::vector<Result<StoredObject>> S3Objects::get(std::span<const ObjectRef> objects) {
  std::vector<Result<StoredObject>> answers(objects.size(), StoredObject{});
  std::vector<std::unique_ptr<ObjectGetCall>> calls;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    auto request = request_for("GetObject", "GET", objects[i]);
    if (!request) {
      answers[i] = std::move(request).error();
      continue;
    }
    request->response_bytes_max = object_bytes_max;
    calls.push_back(std::make_unique<ObjectGetCall>(service_, std::move(*request)));
    places.push_back(i);
  }
  usage_.s3_get_count += calls.size();
  if (calls.size() == 1) {
    service_.run(*calls.front(), {});
  } else if (!calls.empty()) {
    service_.run_all(std::span(calls), {});
  }
  for (std::size_t k = 0; k < calls.size(); ++k) {
    Answer& answer = calls[k]->answer();
    const std::size_t i = places[k];
    if (answer.service_code == "NoSuchBucket") {
      answers[i] = no_bucket(objects[i].bucket);
    } else if (answer.error) {
      answers[i] = *std::move(answer.error);
    } else {
      answers[i] = std::move(calls[k]->object);
    }
  }
  return answers;
}

Result<std::string> S3Objects::put(const PutObject& object) {
  if (object.body.size() > object_bytes_max)
    return Error{ErrorCode::too_large, "an object has at most " + std::to_string(object_bytes_max) + " bytes", {}};
  auto request = request_for("PutObject", "PUT", object.where);
  if (!request) return std::move(request).error();
  request->headers.add("Content-Type", object.content_type);
  for (const auto& [name, value] : object.metadata) request->headers.add(std::string(metadata_prefix) + name, value);
  if (object.if_absent) request->headers.add("If-None-Match", "*");
  if (!object.if_match.empty()) request->headers.add("If-Match", object.if_match);
  request->body = object.body;
  ++usage_.s3_put_count;
  PutCall call(service_, std::move(*request));
  service_.run(call, {});
  const Answer& answer = call.answer();
  if (!answer.error) return std::move(call.etag);
  if (answer.service_code == "NoSuchBucket") return no_bucket(object.where.bucket);
  const bool is_refused = answer.error->code == ErrorCode::conflict || answer.error->code == ErrorCode::not_found;
  // What refuses may be the earlier copy of this very request, whose answer got lost.
  if (is_refused && answer.may_have_been_applied)
    return Error{ErrorCode::outcome_unknown, answer.error->message, answer.error->remote_detail};
  return *answer.error;
}

Result<void> S3Objects::remove(const ObjectRef& object) {
  auto request = request_for("DeleteObject", "DELETE", object);
  if (!request) return std::move(request).error();
  ++usage_.s3_delete_count;
  Call call(service_, std::move(*request));
  service_.run(call, {});
  if (!call.answer().error || call.answer().service_code == "NoSuchKey") return {};
  return *call.answer().error;
}

}  // namespace fanfold::aws
