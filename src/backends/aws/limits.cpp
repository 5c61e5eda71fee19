#include "backends/aws/limits.hpp"

#include "support/queue_name.hpp"

#include <algorithm>

namespace fanfold::aws {
namespace {

constexpr std::size_t name_size_least = 3;  // Of tables and buckets.
constexpr std::size_t table_name_size_max = 255;
constexpr std::size_t old_bucket_name_size_max = 255;
constexpr std::size_t bucket_name_size_max = 63;
constexpr std::size_t queue_name_limit = 80;
constexpr std::string_view fifo_suffix = ".fifo";

Error out_of_limits(std::string message) { return {ErrorCode::invalid_argument, std::move(message), {}}; }

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_letter_or_digit(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }
bool is_of_old_name(char c) { return is_letter_or_digit(c) || c == '_' || c == '.' || c == '-'; }

/// What was given, for an error.
std::string got_instead(std::string_view name) {
  return ", got '" + std::string(name.substr(0, old_bucket_name_size_max)) + "'";
}

}  // namespace

Result<void> check_table_name(std::string_view name) {
  if (name.starts_with("arn:")) return {};
  if (name.size() >= name_size_least && name.size() <= table_name_size_max && std::ranges::all_of(name, is_of_old_name))
    return {};
  return out_of_limits("table: expected 3 to 255 letters, digits, '_', '-' and '.'" + got_instead(name));
}

Result<void> check_bucket_name(std::string_view name) {
  if (name.size() >= name_size_least && name.size() <= old_bucket_name_size_max &&
      std::ranges::all_of(name, is_of_old_name))
    return {};
  return out_of_limits("bucket: expected 3 to 63 lower-case letters, digits, '-' and '.'" + got_instead(name));
}

Result<void> check_new_bucket_name(std::string_view name) {
  const bool is_legal = name.size() >= name_size_least && name.size() <= bucket_name_size_max &&
                        is_lower_or_digit(name.front()) && is_lower_or_digit(name.back()) &&
                        name.find("..") == std::string_view::npos &&
                        std::ranges::all_of(name, [](char c) { return is_lower_or_digit(c) || c == '-' || c == '.'; });
  if (is_legal) return {};
  return out_of_limits(
      "bucket: expected 3 to 63 lower-case letters, digits, '-' and '.', a letter or digit at both ends" +
      got_instead(name));
}

Result<void> check_queue_name(std::string_view name, bool fifo) {
  if (name.ends_with(fifo_suffix) != fifo)
    return out_of_limits("a queue's name ends in .fifo where it is a FIFO queue, and only there");
  const std::string_view stem = fifo ? name.substr(0, name.size() - fifo_suffix.size()) : name;
  const bool is_legal = !stem.empty() && name.size() <= queue_name_limit &&
                        std::ranges::all_of(stem, [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_'; });
  if (!is_legal) return out_of_limits("a queue's name has at most 80 letters, digits, hyphens and underscores");
  return {};
}

Result<void> check_queue_attributes(const QueueAttributes& attributes) {
  if (attributes.visibility < std::chrono::seconds{0} || attributes.visibility > std::chrono::hours{12})
    return out_of_limits("visibility: expected 0 s to 12 h");
  if (attributes.retention < std::chrono::minutes{1} || attributes.retention > std::chrono::days{14})
    return out_of_limits("retention: expected 1 min to 14 days");
  if (attributes.delay < std::chrono::seconds{0} || attributes.delay > std::chrono::minutes{15})
    return out_of_limits("delay: expected 0 s to 15 min");
  if (attributes.content_based_deduplication && !attributes.fifo)
    return out_of_limits("content_based_deduplication: only FIFO queues have it");
  if (attributes.redrive &&
      (attributes.redrive->receive_count_max < 1 || attributes.redrive->receive_count_max > receive_count_limit)) {
    return out_of_limits("redrive: expected 1 to 1,000 receives");
  }
  return {};
}

std::string dead_letter_queue_name(std::string_view queue) {
  const bool fifo = support::is_fifo(queue);
  if (fifo) queue.remove_suffix(fifo_suffix.size());
  return std::string(queue) + "-dead" + (fifo ? std::string(fifo_suffix) : "");
}

Result<void> check_setup(const SetupOptions& options, std::string_view table, std::string_view bucket) {
  if (auto checked = check_table_name(table); !checked) return checked;
  if (!bucket.empty()) {
    if (auto checked = check_new_bucket_name(bucket); !checked) return checked;
  }
  if (!options.queue.empty() && options.queue.find("://") == std::string::npos) {
    const bool fifo = support::is_fifo(options.queue);
    if (auto checked = check_queue_name(options.queue, fifo); !checked) return checked;
    const std::string dead = dead_letter_queue_name(options.queue);
    if (!check_queue_name(dead, fifo).has_value())
      return out_of_limits("the dead-letter queue's name would be " + dead +
                           ", and a queue's has at most 80 characters");
  }
  QueueAttributes attributes;
  attributes.visibility = options.visibility;
  attributes.retention = options.retention;
  attributes.redrive = RedrivePolicy{{}, options.receive_count_max};
  return check_queue_attributes(attributes);
}

}  // namespace fanfold::aws
