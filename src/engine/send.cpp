#include "engine/send.hpp"

#include "core/outcome.hpp"
#include "engine/sender.hpp"
#include "support/identifier.hpp"
#include "support/mutant.hpp"
#include "support/queue_name.hpp"
#include "support/trace_context.hpp"

namespace fanfold::engine {

namespace {

constexpr std::size_t send_batch_count = 1'000;

Result<void> check(const detail::OutgoingBody& message, bool fifo) {
  const SendOptions& options = message.options;
  if (options.delay < std::chrono::milliseconds{0} || options.delay > send_delay_max)
    return invalid("delay goes from 0 to 15 min");
  if (fifo && options.delay > std::chrono::milliseconds{0})
    return invalid("delay: a FIFO queue delays none of its messages alone");
  if (fifo && options.group_id.empty()) return invalid("group_id: a FIFO queue needs one");
  if (!fifo && !options.group_id.empty()) return invalid("group_id: only FIFO queues have groups");
  if (!fifo && !options.deduplication_id.empty()) return invalid("deduplication_id: only FIFO queues have it");
  if (options.expires_after <= std::chrono::hours{0}) return invalid("expires_after is longer than zero");
  const auto& meta = options.meta.json();
  if (meta && meta->text().size() > message_meta_bytes_max) {
    return Error{ErrorCode::too_large, "meta has at most " + std::to_string(message_meta_bytes_max) + " bytes", {}};
  }
  if (message.body.text().size() > json_size_bytes_max) {
    return Error{ErrorCode::too_large, "body has at most " + std::to_string(json_size_bytes_max) + " bytes", {}};
  }
  return support::checked_trace(options.trace).transform([](const TraceContext&) {});
}

/// One batch on its way: records first, then messages, then the refused ones again.
class Sending {
 public:
  Sending(Store& store, std::string_view url, std::span<const detail::OutgoingBody> messages,
          std::vector<Result<MessageKey>>& answers)
      : store_(store), url_(url), answers_(answers) {
    const bool fifo = support::is_fifo(url);
    for (const detail::OutgoingBody& message : messages) {
      auto checked = check(message, fifo);
      if (checked) {
        add(message, fifo);
      } else {
        answers_.emplace_back(std::move(checked).error());
      }
    }
  }

  Result<void> run() {
    auto recorded = put_records();
    if (!recorded) return recorded;
    for (std::size_t count = 1; !places_.empty(); ++count) {
      const bool last = count == message_send_count_max;
      auto sent = with_patience(store_, [&] { return store_.queue().send(url_, outgoing_); });
      if (!sent) {
        for (const std::size_t place : places_) answers_[place] = sent.error();
        return {};
      }
      keep_refused(*sent, last);
      if (!places_.empty()) pause_with_jitter(store_, count, refused_pause_initial, refused_pause_most);
    }
    return {};
  }

 private:
  void add(const detail::OutgoingBody& message, bool fifo) {
    const Time now = store_.now();
    const SendOptions& options = message.options;
    const std::string id = make_identifier(now);
    records_.push_back({.id = id,
                        .url = std::string(url_),
                        .type = RecordType::message,
                        .body = message.body,
                        .meta = options.meta.json(),
                        .created_at = now,
                        .expires_at = now + options.expires_after});
    OutgoingMessage outgoing;
    outgoing.content = {.type = RecordType::message,
                        .id = id,
                        .body = message.body,
                        .meta = options.meta.json(),
                        .expires_at = now + options.expires_after,
                        .trace = shared(options.trace)};
    outgoing.delay = options.delay;
    outgoing.group_id = options.group_id;
    outgoing.deduplication_id =
        fifo && options.deduplication_id.empty() ? make_identifier(now) : options.deduplication_id;
    outgoing_.push_back(std::move(outgoing));
    places_.push_back(answers_.size());
    answers_.emplace_back(MessageKey::of_message(id));
  }

  /// Most often all messages of a batch have the same, or none.
  SharedTrace shared(const TraceContext& given) {
    if (given.empty()) return {};
    if (given != given_trace_) {
      given_trace_ = given;
      trace_ = support::checked_trace(given).value_or(TraceContext{});
    }
    return trace_;
  }

  Result<void> put_records() {
    if (records_.empty()) return {};
    auto put = with_patience(store_, [&] { return store_.ledger().put_messages(records_); });
    if (!put) return std::move(put).error();
    for (std::size_t i = put->size(); i-- > 0;) {
      if ((*put)[i]) continue;
      answers_[places_[i]] = (*put)[i].error();
      forget(i);
    }
    return {};
  }

  void keep_refused(const std::vector<Result<std::string>>& sent, bool last) {
    for (std::size_t i = sent.size(); i-- > 0;) {
      if (sent[i] || support::mutant("refused_is_sent")) {
        forget(i);
        continue;
      }
      const Error& error = sent[i].error();
      if (is_retryable(error.code) && !last) continue;
      answers_[places_[i]] = error;
      if (!is_retryable(error.code)) fail_record(outgoing_[i].content.id, error);
      forget(i);
    }
  }

  /// For those who look at the record later. The caller is told in any case, so an error here changes nothing.
  void fail_record(const std::string& id, const Error& error) {
    const Time now = store_.now();
    EndRequest request;
    request.ref = {.type = RecordType::message, .id = id};
    request.condition = NotEnded{};
    request.verdict = Verdict::failed;
    request.error = core::error_entry(0, to_string(error.code), error.message, now, true);
    static_cast<void>(with_patience(store_, [&] { return store_.ledger().end(std::span(&request, 1), now); }));
  }

  void forget(std::size_t i) {
    const auto offset = static_cast<std::ptrdiff_t>(i);
    outgoing_.erase(outgoing_.begin() + offset);
    places_.erase(places_.begin() + offset);
  }

  Store& store_;
  std::string_view url_;
  std::vector<Result<MessageKey>>& answers_;
  std::vector<NewMessage> records_;
  std::vector<OutgoingMessage> outgoing_;  // Not accepted yet.
  std::vector<std::size_t> places_;        // Of each of these, its place in the answers.
  TraceContext given_trace_;               // What `trace_` was made of.
  SharedTrace trace_;
};

}  // namespace

Result<std::vector<Result<MessageKey>>> send_messages(Store& store, const std::string& queue,
                                                      std::span<const detail::OutgoingBody> messages) {
  auto url = with_patience(store, [&] { return store.queue().resolve(queue); });
  if (!url) return std::move(url).error();
  std::vector<Result<MessageKey>> answers;
  answers.reserve(messages.size());
  for (std::size_t begin = 0; begin < messages.size(); begin += send_batch_count) {
    auto sent =
        Sending(store, *url, messages.subspan(begin, std::min(send_batch_count, messages.size() - begin)), answers)
            .run();
    if (sent) continue;
    if (begin == 0) return std::move(sent).error();
    // Earlier batches are out: the rest is reported one by one.
    answers.resize(begin, Result<MessageKey>(sent.error()));
    answers.resize(messages.size(), Result<MessageKey>(sent.error()));
  }
  return answers;
}

}  // namespace fanfold::engine
