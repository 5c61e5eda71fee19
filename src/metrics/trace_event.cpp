#include "metrics/trace_event.hpp"

namespace fanfold::metrics {

TraceEvent::TraceEvent(std::string_view name, std::string_view phase, std::int64_t process) : json_(text_) {
  json_.begin_object();
  json_.plain_key("name");
  json_.string(name);
  json_.plain_key("ph");
  json_.plain_string(phase);
  json_.plain_key("pid");
  json_.integer(process);
}

TraceEvent& TraceEvent::member(std::string_view key, std::int64_t value) {
  json_.plain_key(key);
  json_.integer(value);
  return *this;
}

TraceEvent& TraceEvent::member(std::string_view key, std::string_view value) {
  json_.plain_key(key);
  json_.string(value);
  return *this;
}

TraceEvent& TraceEvent::count(std::string_view key, std::uint64_t value) {
  json_.plain_key(key);
  json_.unsigned_integer(value);
  return *this;
}

TraceEvent& TraceEvent::decimal(std::string_view key, double value) {
  json_.plain_key(key);
  json_.number(value);
  return *this;
}

TraceEvent& TraceEvent::flag(std::string_view key, bool value) {
  json_.plain_key(key);
  json_.boolean(value);
  return *this;
}

TraceEvent& TraceEvent::begin_args() {
  json_.plain_key("args");
  json_.begin_object();
  has_args_ = true;
  return *this;
}

std::string_view TraceEvent::text() {
  if (has_args_) json_.end_object();
  json_.end_object();
  return text_;
}

std::string name_of_process(std::int64_t process, std::string_view name) {
  TraceEvent event("process_name", "M", process);
  return std::string(event.begin_args().member("name", name).text());
}

std::string name_of_lane(std::int64_t process, std::size_t lane, std::string_view name) {
  TraceEvent event("thread_name", "M", process);
  return std::string(event.lane(lane).begin_args().member("name", name).text());
}

}  // namespace fanfold::metrics
