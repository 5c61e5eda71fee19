#include "dashboard/event_feed.hpp"

#include "views/json_object.hpp"

namespace fanfold::dashboard {

namespace {

constexpr std::chrono::seconds heartbeat{15};
constexpr std::size_t newest_count = 50;

std::string event_text(std::string_view event, const Json& data) {
  return "event: " + std::string(event) + "\ndata: " + data.text() + "\n\n";
}

/// There is no such cluster, or no such id can be.
bool is_for_good(ErrorCode code) {
  return code == ErrorCode::not_found || code == ErrorCode::deleted || code == ErrorCode::bad_input ||
         code == ErrorCode::invalid_argument;
}

}  // namespace

std::shared_ptr<EventFeed::Subject> EventFeed::subject(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(subjects_, [](const auto& known) { return known.second.expired(); });
  std::shared_ptr<Subject> found = subjects_[id].lock();
  if (!found) {
    found = std::make_shared<Subject>();
    subjects_[id] = found;
  }
  return found;
}

Result<std::string> EventFeed::look(Subject& subject, const Look& look) const {
  const std::scoped_lock lock(subject.mutex);
  // A stream that wakes a little too early is not to wait for the next interval.
  if (!subject.seen || now_() - subject.looked_at >= interval_ - interval_ / 10) {
    auto here = check_store_();
    subject.seen = here ? look() : std::move(here).error();
    subject.looked_at = now_();
  }
  return *subject.seen;
}

serve::Answer EventFeed::clusters() {
  return stream({}, "clusters", [reads = reads_] {
    return reads->list({.unfinished_only = false, .name = {}, .cursor = {}, .count_max = newest_count});
  });
}

serve::Answer EventFeed::cluster(const std::string& id) {
  return stream(id, "cluster", [reads = reads_, id] { return reads->state(id); });
}

serve::Answer EventFeed::stream(const std::string& id, std::string event, Look look) {
  struct Told {
    std::string text;
    Steady at;
  };
  const auto next = [this, subject = subject(id), event = std::move(event), look = std::move(look),
                     told = Told{}]() mutable -> std::string {
    const Steady now = now_();
    auto seen = this->look(*subject, look);
    std::string text = seen ? *seen : views::JsonObject().json("error", error_json(seen.error())).line();
    if (text == told.text && now - told.at < heartbeat) return {};
    const bool is_news = text != told.text;
    told = {.text = std::move(text), .at = now};
    if (!is_news) return ": still here\n\n";
    if (seen) return event_text(event, reads_->with_time(told.text));
    return event_text(is_for_good(seen.error().code) ? "gone" : "trouble", Json::from_valid_text(told.text));
  };
  return {.content_type = "text/event-stream", .stream = {.interval = interval_, .next = next}};
}

}  // namespace fanfold::dashboard
