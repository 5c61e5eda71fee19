#include "cli/cluster_state.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/queue_argument.hpp"
#include "cli/store.hpp"
#include "cli/task_text.hpp"
#include "cli/text.hpp"
#include "wire/envelope_text.hpp"

#include <fmt/format.h>

#include <set>

namespace fanfold::cli {
namespace {

constexpr std::size_t page_messages = 1000;
constexpr std::uint64_t messages_max = 1'000'000;
constexpr std::size_t body_columns_max = 40;
constexpr std::size_t dead_error_columns_max = 60;
constexpr std::size_t code_columns_max = 20;
/// Where a dead-letter queue shows its messages to receivers alone: hidden so long, should the command be killed before
/// it has given them back. Ten milliseconds more for each message that is asked for, as receiving takes.
constexpr std::chrono::milliseconds look_time{10'000};
constexpr std::chrono::milliseconds look_time_each{10};
constexpr std::chrono::milliseconds look_wait{1'000};
/// Of more messages in a dead-letter queue, sweeps hide a part for longer than their look takes.
constexpr std::uint64_t sweep_look_count = 500;

struct DeadOptions {
  std::string queue;
  std::uint64_t limit = 0;  // Zero: by shown_count_max.
};

/// Lists what became of messages for which nothing is tried any more, up to the limit.
class DeadList {
 public:
  DeadList(const Invocation& invocation, const Client& client, const DeadOptions& options)
      : invocation_(invocation), client_(client), options_(options) {}

  Result<ExitCode> show() {
    auto url = existing_queue(invocation_, client_, options_.queue);
    if (!url) return std::move(url).error();
    if (auto done = show_failed(); !done) return done.error();
    if (auto done = show_dead_letters(*url); !done) return done.error();
    table_.print();
    if (has_more_) note(fmt::format("(the first {}; --limit shows more)", with_thousands(limit_)));
    if (!invocation_.common.json) say_what_next();
    return ExitCode::ok;
  }

 private:
  Result<void> show_failed() {
    if (is_on_aws(invocation_.common)) {
      note("on AWS no list leads to single messages that failed: fanfold logs KEY shows what is kept of one");
      return {};
    }
    std::string cursor;
    do {
      auto page =
          client_.failed_messages(options_.queue, cursor, std::min<std::uint64_t>(page_messages, limit_ - count_));
      if (!page) return std::move(page).error();
      for (const MessageRecord<>& message : page->messages) show_failed_message(message);
      cursor = page->next_cursor;
    } while (!cursor.empty() && count_ < limit_);
    has_more_ = has_more_ || !cursor.empty();
    return {};
  }

  void show_failed_message(const MessageRecord<>& message) {
    ++count_;
    if (first_failed_.empty()) first_failed_ = message.p_key;
    if (invocation_.common.json) {
      JsonObject object;
      object.text("message", message.p_key)
          .text("state", "failed")
          .time("at", message.completed_at)
          .count("attempts", message.consumption_count)
          .json("body", message.body);
      if (message.meta) object.json("meta", *message.meta);
      print_line(object.json("error", errors_json(message.error)).line());
      return;
    }
    std::string error;
    if (!message.error.empty()) {
      const ErrorEntry& last = message.error.back();
      error = fmt::format("{}  {}", clipped(printable(last.code, Newlines::escape), code_columns_max),
                          printable(last.message, Newlines::escape));
    }
    table_.add({message.p_key, "failed", age_text(message.completed_at.value_or(message.updated_at), now()),
                std::to_string(message.consumption_count), clipped(task_label(message.body), body_columns_max),
                clipped(error, dead_error_columns_max)});
  }

  Result<void> show_dead_letters(const std::string& url) {
    auto attributes = client_.queue_port().attributes(url);
    if (!attributes) return std::move(attributes).error();
    // The embedded engine knows what was moved to a queue, so that its own name does as well.
    if (attributes->redrive)
      dead_letter_queue_ = attributes->redrive->dead_letter_queue;
    else if (!is_on_aws(invocation_.common))
      dead_letter_queue_ = url;
    if (dead_letter_queue_.empty() || count_ >= limit_) return {};
    auto dead_url = client_.queue_port().resolve(dead_letter_queue_);
    if (!dead_url) return std::move(dead_url).error();
    const std::size_t wanted = limit_ - count_ + 1;
    auto letters = is_on_aws(invocation_.common) ? receive_dead_letters(*dead_url, wanted)
                                                 : client_.queue_port().list_dead_letters(*dead_url, wanted);
    if (!letters) return std::move(letters).error();
    for (const Delivery& letter : *letters) {
      if (count_ == limit_) {
        has_more_ = true;
        break;
      }
      show_dead_letter(letter);
    }
    return {};
  }

  /// SQS shows messages to receivers alone: what was received is given back at once.
  Result<std::vector<Delivery>> receive_dead_letters(const std::string& url, std::size_t wanted) {
    Queue& queue = client_.queue_port();
    const auto counts = queue.counts(url);  // For a hint: who may not ask for them gets the list all the same.
    std::vector<Delivery> letters;
    std::vector<VisibilityChange> back;
    std::set<std::string> seen;
    Result<void> received;
    while (letters.size() < wanted) {
      const ReceiveOptions options{.count_max = std::min(wanted - letters.size(), queue.receive_count_max()),
                                   .wait = look_wait,
                                   .visibility = look_time + look_time_each * wanted};
      auto some = queue.receive(url, options, {});
      if (!some) {
        received = std::move(some).error();
        break;
      }
      const std::size_t seen_count = seen.size();
      for (Delivery& delivery : *some) {
        back.push_back({delivery.receipt_handle, std::chrono::milliseconds{0}});
        if (seen.insert(delivery.message_id).second) letters.push_back(std::move(delivery));
      }
      if (seen.size() == seen_count) break;  // The end, or looking took so long that the first ones show again.
    }
    if (counts && letters.size() < wanted) hidden_count_ = counts->in_flight_count;
    if (counts && letters.empty() && hidden_count_ == 0) not_shown_count_ = counts->visible_count;
    auto given_back = queue.change_visibility(url, back);
    if (!received) return received.error();
    if (!given_back) return std::move(given_back).error();
    // What could not be fetched keeps the text that names its place.
    static_cast<void>(queue.fetch_payloads(letters));
    return letters;
  }

  void show_dead_letter(const Delivery& letter) {
    ++count_;
    ++letter_count_;
    const auto content = wire::content_of(letter);
    std::string key;
    if (content)
      key = content->type == RecordType::task ? MessageKey::of_task(content->id, content->index).r_key
                                              : MessageKey::of_message(content->id).p_key;
    if (invocation_.common.json) {
      JsonObject object;
      object.text("message", key)
          .text("state", "dead letter")
          .text("queue", queue_name_of(dead_letter_queue_))
          .time("at", letter.sent_at)
          .count("receives", letter.receive_count);
      if (content)
        object.json("body", content->body);
      else
        object.text("text", letter.text);
      print_line(object.line());
      return;
    }
    const std::string body = content ? task_label(content->body) : printable(letter.text, Newlines::escape);
    table_.add({key.empty() ? letter.message_id : key, "dead letter", age_text(letter.sent_at, now()), "",
                clipped(body, body_columns_max), fmt::format("received {} times", letter.receive_count)});
  }

  void say_what_next() const {
    const std::string name = printable(options_.queue, Newlines::escape);
    if (hidden_count_ > 0)
      note(fmt::format("{}: {} in flight, looked at by a sweep or somebody else: try again in a minute{}",
                       printable(queue_name_of(dead_letter_queue_), Newlines::escape),
                       counted(hidden_count_, "message is", "messages are"),
                       hidden_count_ > sweep_look_count ? "; sweeps hide a part of so many for ten" : ""));
    else if (not_shown_count_ > 0)
      note(fmt::format("{}: its counts say {}, and none came: try again in a minute",
                       printable(queue_name_of(dead_letter_queue_), Newlines::escape),
                       counted(not_shown_count_, "message", "messages")));
    else if (count_ == 0)
      note(fmt::format("{}: no message {}is a dead letter", name,
                       is_on_aws(invocation_.common) ? "" : "has failed or "));
    if (!first_failed_.empty()) note(fmt::format("what one printed:  fanfold logs {}", shell_word(first_failed_)));
    if (letter_count_ > 0)
      note(fmt::format("dead letters go back with:  fanfold queue redrive {}",
                       shell_word(queue_name_of(dead_letter_queue_))));
  }

  const Invocation& invocation_;
  const Client& client_;
  const DeadOptions& options_;
  Table table_{{"MESSAGE", "STATE", "WHEN", "ATTEMPTS", "BODY", "LAST ERROR"}};
  /// On AWS, where looking is receiving, no more than people read.
  const std::uint64_t limit_ = std::min(
      shown_count_max(options_.limit, invocation_.common.json && !is_on_aws(invocation_.common)), messages_max);
  std::uint64_t count_ = 0;
  std::uint64_t letter_count_ = 0;
  bool has_more_ = false;
  std::uint64_t hidden_count_ = 0;     // On AWS: in flight before this command looked.
  std::uint64_t not_shown_count_ = 0;  // On AWS: there by its counts, and none was received.
  std::string first_failed_;
  std::string dead_letter_queue_;
};

Result<ExitCode> show_dead(const Invocation& invocation, const DeadOptions& options) {
  auto client = open_store(invocation.common, StoreUse::read);
  if (!client) return std::move(client).error();
  return DeadList(invocation, *client, options).show();
}

}  // namespace

void add_queue_dead_command(Command queue, Invocation& invocation) {
  auto command = add_command<DeadOptions>(
      queue, invocation, "dead",
      "Show messages of no cluster that failed for good, and what the queue's dead-letter queue holds",
      "fanfold queue dead mail\n\n"
      "On a file nothing is received, hidden or counted. On AWS the dead-letter queue alone is shown: its messages "
      "are\n"
      "received and given back at once, which counts a receive and hides them from others for that moment.",
      show_dead);
  command.app.option("queue", command.options.queue, "Name of the queue that they were sent to",
                     {.value = "QUEUE", .required = true});
  command.app.option("--limit", command.options.limit, shown_count_help,
                     {.value = "N", .range = OptionTraits::Range{1, 1'000'000}});
}

}  // namespace fanfold::cli
