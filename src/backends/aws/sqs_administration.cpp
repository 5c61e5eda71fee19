#include "backends/aws/keys.hpp"
#include "backends/aws/limits.hpp"
#include "backends/aws/sqs_queue.hpp"
#include "support/queue_name.hpp"

#include <fanfold/detail/json_reader.hpp>
#include <fanfold/detail/json_writer.hpp>

#include <algorithm>
#include <charconv>

namespace fanfold::aws {
namespace {

using std::chrono::seconds;

constexpr std::size_t list_page_count_max = 1'000;
constexpr int new_queue_look_max = 10;  ///< A second apart.

std::uint64_t number_in(const AttributeMap& attributes, std::string_view name) {
  const auto found = attributes.find(name);
  std::uint64_t number = 0;
  if (found != attributes.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), number);
  return number;
}

/// Some servers know fewer attributes than SQS and leave them out: what is not told is taken to be as given.
seconds told_or(const AttributeMap& attributes, std::string_view name, seconds untold) {
  return attributes.contains(name) ? seconds(number_in(attributes, name)) : untold;
}

std::string name_in_arn(std::string_view arn) { return std::string(arn.substr(arn.rfind(':') + 1)); }

std::string write_redrive(std::string_view arn, std::uint32_t receive_count_max) {
  std::string text;
  detail::JsonWriter out(text);
  out.begin_object();
  out.plain_key("deadLetterTargetArn");
  out.string(arn);
  out.plain_key("maxReceiveCount");
  out.unsigned_integer(receive_count_max);
  out.end_object();
  return text;
}

struct Redrive {
  std::string arn{};
  std::uint32_t receive_count_max = 0;
};
/// The count is a number or, as older tools wrote it, a text.
std::optional<Redrive> read_redrive(std::string_view text) {
  detail::JsonDocument document;
  if (!document.read(text).has_value() || document.root().kind() != detail::JsonKind::object) return std::nullopt;
  const auto arn = document.root().find("deadLetterTargetArn");
  const auto count = document.root().find("maxReceiveCount");
  if (!arn || arn->kind() != detail::JsonKind::string || !count) return std::nullopt;
  Redrive redrive{std::string(arn->string()), 0};
  if (const auto number = count->uint64(); number && *number <= receive_count_limit) {
    redrive.receive_count_max = static_cast<std::uint32_t>(*number);
  } else if (count->kind() == detail::JsonKind::string) {
    const std::string_view digits = count->string();
    std::from_chars(digits.data(), digits.data() + digits.size(), redrive.receive_count_max);
  }
  if (redrive.receive_count_max == 0) return std::nullopt;
  return redrive;
}

std::string difference(const QueueAttributes& there, const QueueAttributes& wanted) {
  if (there.fifo != wanted.fifo) return "fifo";
  if (there.visibility != wanted.visibility) return "visibility";
  if (there.retention != wanted.retention) return "retention";
  if (there.delay != wanted.delay) return "delay";
  if (there.content_based_deduplication != wanted.content_based_deduplication) return "content_based_deduplication";
  return there.redrive == wanted.redrive ? std::string() : "redrive";
}

}  // namespace

Error naming_queue(std::string_view name_or_url, Error error) {
  if (error.code != ErrorCode::not_found) return error;
  const std::string name(name_or_url.substr(name_or_url.rfind('/') + 1));  // npos + 1 is 0: all of it.
  error.message =
      "there is no queue " + name + " in this account and region; fanfold setup aws --queue " + name + " makes it";
  return error;
}

Result<std::string> SqsQueue::resolve(std::string_view name_or_url) {
  if (name_or_url.starts_with("https://") || name_or_url.starts_with("http://")) return std::string(name_or_url);
  {
    const std::scoped_lock lock(mutex_);
    const auto found = urls_.find(name_or_url);
    if (found != urls_.end()) return found->second;
  }
  if (auto checked = check_queue_name(name_or_url, support::is_fifo(name_or_url)); !checked)
    return std::move(checked).error();
  TextCall call(sqs_, "GetQueueUrl", {{"QueueName", std::string(name_or_url)}}, "QueueUrl");
  ++usage_.sqs_other_count;
  sqs_.run(call, {});
  if (call.answer().error) return naming_queue(name_or_url, *call.answer().error);
  const std::scoped_lock lock(mutex_);
  return urls_.emplace(name_or_url, std::move(call.text)).first->second;
}

Result<std::string> SqsQueue::arn_of(std::string_view name_or_url) {
  auto url = resolve(name_or_url);
  if (!url) return url;
  GetQueueAttributesCall call(sqs_, *url, {"QueueArn"});
  ++usage_.sqs_other_count;
  sqs_.run(call, {});
  if (call.answer().error) return *call.answer().error;
  const auto arn = call.attributes.find("QueueArn");
  if (arn == call.attributes.end()) return Error{ErrorCode::unavailable, "sqs does not tell the queue's ARN", {}};
  return arn->second;
}

Result<std::string> SqsQueue::create(std::string_view name, const QueueAttributes& attributes) {
  if (auto checked = check_queue_name(name, attributes.fifo); !checked) return std::move(checked).error();
  if (auto checked = check_queue_attributes(attributes); !checked) return std::move(checked).error();
  AttributeMap wanted{{"VisibilityTimeout", std::to_string(attributes.visibility.count())},
                      {"MessageRetentionPeriod", std::to_string(attributes.retention.count())},
                      {"DelaySeconds", std::to_string(attributes.delay.count())}};
  if (attributes.fifo) wanted.emplace("FifoQueue", "true");
  if (attributes.content_based_deduplication) wanted.emplace("ContentBasedDeduplication", "true");
  QueueAttributes expected = attributes;
  if (attributes.redrive) {
    auto arn = arn_of(attributes.redrive->dead_letter_queue);
    if (!arn) return arn;
    wanted.emplace("RedrivePolicy", write_redrive(*arn, attributes.redrive->receive_count_max));
    expected.redrive->dead_letter_queue =
        resolve(attributes.redrive->dead_letter_queue).value_or(attributes.redrive->dead_letter_queue);
  }
  CreateQueueCall call(sqs_, name, wanted);
  ++usage_.sqs_other_count;
  sqs_.run(call, {});
  if (call.answer().error && call.answer().error->code != ErrorCode::already_exists) return *call.answer().error;
  auto url = call.answer().error ? resolve(name) : Result<std::string>(std::move(call.url));
  if (!url) return url;
  // "You must wait at least one second after the queue is created to be able to use the queue" (CreateQueue).
  auto there = attributes_or(*url, expected);
  for (int look = 1; !there && there.error().code == ErrorCode::not_found && look < new_queue_look_max; ++look) {
    clock_.sleep_until(clock_.now() + std::chrono::seconds(1), {});
    there = attributes_or(*url, expected);
  }
  if (!there) return std::move(there).error();
  const std::string differing = difference(*there, expected);
  if (!differing.empty())
    return Error{ErrorCode::already_exists, "queue " + std::string(name) + " is there with another " + differing, {}};
  const std::scoped_lock lock(mutex_);
  return urls_.insert_or_assign(std::string(name), std::move(*url)).first->second;
}

Result<QueueAttributes> SqsQueue::attributes(std::string_view url) { return attributes_or(url, {}); }

Result<QueueAttributes> SqsQueue::attributes_or(std::string_view url, const QueueAttributes& untold) {
  GetQueueAttributesCall call(sqs_, url, {"All"});
  ++usage_.sqs_other_count;
  sqs_.run(call, {});
  if (call.answer().error) return naming_queue(url, *call.answer().error);
  const AttributeMap& there = call.attributes;
  const auto is_true = [&](std::string_view name) {
    const auto found = there.find(name);
    return found != there.end() && found->second == "true";
  };
  QueueAttributes attributes;
  attributes.fifo = is_true("FifoQueue") || support::is_fifo(url);
  attributes.visibility = told_or(there, "VisibilityTimeout", untold.visibility);
  attributes.retention = told_or(there, "MessageRetentionPeriod", untold.retention);
  attributes.delay = told_or(there, "DelaySeconds", untold.delay);
  attributes.content_based_deduplication = is_true("ContentBasedDeduplication");
  const auto policy = there.find("RedrivePolicy");
  const auto redrive = policy == there.end() ? std::nullopt : read_redrive(policy->second);
  if (redrive) {
    const std::string dead_letter_name = name_in_arn(redrive->arn);
    auto dead_letter_url = resolve(dead_letter_name);
    // A queue works on without the one that its policy names; whoever asks for that one learns that it is not there.
    if (!dead_letter_url && dead_letter_url.error().code == ErrorCode::not_found)
      dead_letter_url = std::string(url.substr(0, url.rfind('/') + 1)) + dead_letter_name;
    if (!dead_letter_url) return std::move(dead_letter_url).error();
    attributes.redrive = RedrivePolicy{std::move(*dead_letter_url), redrive->receive_count_max};
  }
  return attributes;
}

Result<QueueCounts> SqsQueue::counts(std::string_view url) {
  GetQueueAttributesCall call(
      sqs_, url,
      {"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"});
  ++usage_.sqs_other_count;
  sqs_.run(call, {});
  if (call.answer().error) return naming_queue(url, *call.answer().error);
  return QueueCounts{number_in(call.attributes, "ApproximateNumberOfMessages"),
                     number_in(call.attributes, "ApproximateNumberOfMessagesNotVisible"),
                     number_in(call.attributes, "ApproximateNumberOfMessagesDelayed")};
}

Result<std::vector<std::string>> SqsQueue::list() {
  std::vector<std::string> urls;
  std::string token;
  for (std::size_t page = 0; page < list_page_count_max; ++page) {
    ListCall call(sqs_, "ListQueues", {}, token, "QueueUrls");
    ++usage_.sqs_other_count;
    sqs_.run(call, {});
    if (call.answer().error) return *call.answer().error;
    std::ranges::move(call.urls, std::back_inserter(urls));
    token = std::move(call.next_token);
    if (token.empty()) break;
  }
  return urls;
}

Result<std::uint64_t> SqsQueue::purge(std::string_view url) {
  auto before = counts(url);
  if (!before) return std::move(before).error();
  TextCall call(sqs_, "PurgeQueue", {{"QueueUrl", std::string(url)}});
  ++usage_.sqs_other_count;
  sqs_.run(call, {});
  if (call.answer().service_code.find("PurgeQueueInProgress") != std::string::npos) {
    return Error{
        ErrorCode::throttled, "the queue was purged less than a minute ago: SQS allows one purge a minute", {}};
  }
  if (call.answer().error) return *call.answer().error;
  return before->visible_count + before->in_flight_count + before->delayed_count;
}

Result<std::uint64_t> SqsQueue::redrive(std::string_view dead_letter_url) {
  ListCall sources(sqs_, "ListDeadLetterSourceQueues", {{"QueueUrl", std::string(dead_letter_url)}}, {}, "queueUrls");
  ++usage_.sqs_other_count;
  sqs_.run(sources, {});
  if (sources.answer().error) return *sources.answer().error;
  if (sources.urls.empty())
    return Error{ErrorCode::invalid_argument, std::string(dead_letter_url) + " is no dead-letter queue", {}};
  auto arn = arn_of(dead_letter_url);
  if (!arn) return std::move(arn).error();
  auto before = counts(dead_letter_url);
  if (!before) return std::move(before).error();
  TextCall call(sqs_, "StartMessageMoveTask", {{"SourceArn", *arn}});
  ++usage_.sqs_other_count;
  sqs_.run(call, {});
  if (call.answer().error) return *call.answer().error;
  return before->visible_count;
}

}  // namespace fanfold::aws
