#include "dashboard/event_feed.hpp"

#include "views/json_object.hpp"

namespace fanfold::dashboard {

namespace {

constexpr std::chrono::seconds heartbeat{15};
constexpr std::size_t newest_count = 50;

std::string event_text(std::string_view event, const Json& data) {
  return "event: " + std::string(event) + "\ndata: " + data.text() + "\n\n";
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
  const auto now = std::chrono::steady_clock::now();
  // Streams that wake one after the other share a look that is a little older than one interval's half.
  if (!subject.seen || now - subject.looked_at >= interval_ / 2) {
    subject.seen = look();
    subject.looked_at = std::chrono::steady_clock::now();
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
    std::chrono::steady_clock::time_point at;
  };
  const auto next = [this, subject = subject(id), event = std::move(event), look = std::move(look),
                     told = Told{}]() mutable -> std::string {
    const auto now = std::chrono::steady_clock::now();
    auto seen = this->look(*subject, look);
    std::string text = seen ? *seen : views::JsonObject().json("error", error_json(seen.error())).line();
    if (text == told.text && now - told.at < heartbeat) return {};
    const bool is_news = text != told.text;
    told = {.text = std::move(text), .at = now};
    if (!is_news) return ": still here\n\n";
    if (seen) return event_text(event, reads_->with_time(told.text));
    const bool is_gone = seen.error().code == ErrorCode::not_found || seen.error().code == ErrorCode::deleted;
    return event_text(is_gone ? "gone" : "trouble", Json::from_valid_text(told.text));
  };
  return {.content_type = "text/event-stream", .stream = {.interval = interval_, .next = next}};
}

}  // namespace fanfold::dashboard
