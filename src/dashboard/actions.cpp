#include "dashboard/actions.hpp"

#include "views/json_object.hpp"

#include <fanfold/json.hpp>

#include <algorithm>

namespace fanfold::dashboard {

struct StopBody {
  std::optional<std::string> reason;
};
struct RetryBody {
  std::optional<std::string> fingerprint;
};
BOOST_DESCRIBE_STRUCT(StopBody, (), (reason))
BOOST_DESCRIBE_STRUCT(RetryBody, (), (fingerprint))

namespace {

using views::JsonObject;

Reply done(const Result<void>& result) {
  if (!result) return result.error();
  return Json::from_valid_text("{}");
}

Reply counted(std::string_view name, const Result<std::uint64_t>& result) {
  if (!result) return result.error();
  return Json::from_valid_text(JsonObject().count(name, *result).line());
}

}  // namespace

Reply Actions::stop(const std::string& cluster, const Json& body) const {
  auto wanted = Codec<StopBody>::decode(body);
  if (!wanted) return std::move(wanted).error();
  const std::string reason = wanted->reason.value_or("");
  return done(client_.stop_cluster(MessageKey::of_message(cluster), reason.empty() ? "stopped by hand" : reason));
}

Reply Actions::pause(const std::string& cluster) const {
  return done(client_.pause_cluster(MessageKey::of_message(cluster)));
}

Reply Actions::resume(const std::string& cluster) const {
  return counted("sent", client_.resume_cluster(MessageKey::of_message(cluster)));
}

Reply Actions::retry(const std::string& cluster, const Json& body) const {
  auto wanted = Codec<RetryBody>::decode(body);
  if (!wanted) return std::move(wanted).error();
  const RetryOptions options{.fingerprint = wanted->fingerprint.value_or("")};
  return counted("tasks", client_.retry_failed(MessageKey::of_message(cluster), options));
}

Reply Actions::retry_finish(const std::string& cluster) const {
  return done(client_.retry_finish(MessageKey::of_message(cluster)));
}

Reply Actions::redrive(const std::string& queue) const {
  auto urls = client_.queue_port().list();
  if (!urls) return std::move(urls).error();
  const auto named = [&](const std::string& url) { return url == queue || url.ends_with("/" + queue); };
  if (std::ranges::none_of(*urls, named)) return Error{ErrorCode::not_found, "there is no queue " + queue, {}};
  auto url = client_.queue_port().resolve(queue);
  if (!url) return std::move(url).error();
  return counted("moved", client_.queue_port().redrive(*url));
}

}  // namespace fanfold::dashboard
