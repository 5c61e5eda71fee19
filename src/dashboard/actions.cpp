#include "dashboard/actions.hpp"

#include "views/json_object.hpp"

#include <fanfold/json.hpp>

#include <algorithm>
#include <map>

namespace fanfold::dashboard {

namespace {

using views::JsonObject;

/// The one member that a body may have, empty where it is missing. Errors: bad_input.
Result<std::optional<std::string>> only_member(const Json& body, const std::string& name) {
  auto members = Codec<std::map<std::string, Json>>::decode(body);
  if (!members) return std::move(members).error();
  for (const auto& [key, value] : *members) {
    if (key != name) return Error{ErrorCode::bad_input, "/" + key + ": expected nothing but '" + name + "'", {}};
  }
  const auto found = members->find(name);
  if (found == members->end()) return std::optional<std::string>();
  auto text = Codec<std::string>::decode(found->second);
  if (!text) return Error{ErrorCode::bad_input, "/" + name + text.error().message.substr(1), {}};
  return std::optional(std::move(*text));
}

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
  auto reason = only_member(body, "reason");
  if (!reason) return std::move(reason).error();
  const bool has_reason = *reason && !(*reason)->empty();
  return done(client_.stop_cluster(MessageKey::of_message(cluster), has_reason ? **reason : "stopped by hand"));
}

Reply Actions::pause(const std::string& cluster) const {
  return done(client_.pause_cluster(MessageKey::of_message(cluster)));
}

Reply Actions::resume(const std::string& cluster) const {
  return counted("sent", client_.resume_cluster(MessageKey::of_message(cluster)));
}

Reply Actions::retry(const std::string& cluster, const Json& body) const {
  auto fingerprint = only_member(body, "fingerprint");
  if (!fingerprint) return std::move(fingerprint).error();
  // An empty one would be all that failed: whoever means that leaves it out.
  if (*fingerprint && (*fingerprint)->empty())
    return Error{ErrorCode::bad_input, "/fingerprint: is empty; leave it out to retry all that failed", {}};
  const RetryOptions options{.fingerprint = fingerprint->value_or("")};
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
