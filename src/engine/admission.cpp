#include "engine/admission.hpp"

#include "core/fingerprint.hpp"
#include "engine/completion.hpp"
#include "wire/envelope_text.hpp"

#include <fanfold/detail/json_writer.hpp>

#include <algorithm>

namespace fanfold::engine {

namespace {

/// Records of messages that carry no end of life are kept so long.
constexpr std::chrono::hours foreign_life{24 * 30};
/// How soon a stopped cluster's finish message is looked at again while tasks are still leased.
constexpr std::chrono::milliseconds stop_pause{1'000};

/// Any text as a JSON string.
Json as_json_string(std::string_view text) {
  std::string json;
  detail::JsonWriter(json).string(core::valid_utf8(text));
  return Json::from_valid_text(std::move(json));
}

template <class Handler>
const Handler* if_set(const Handler& handler) {
  return handler ? &handler : nullptr;
}

/// Why a task is not claimed; its cluster's header is null where this store has none.
const char* why_not(const Envelope& content, const ClusterHeader* header) {
  if (header == nullptr) return "its cluster's life is over";
  if (header->tombstone) return "its cluster was deleted";
  if (content.round > header->round) return "its round has not begun here";
  if (content.round < header->round) return "its round is over";
  if (header->stopped()) return "its cluster was stopped";
  if (!header->moved_to.empty()) return header->moving() ? "its cluster is on the move" : "its cluster was moved";
  return "its cluster is paused; resuming it sends again";
}

const ClusterHandler* pick(const Handlers& handlers, const Envelope& content, const ClusterHeader& header) {
  if (content.first_failure) return if_set(handlers.on_first_failure);
  const ClusterHandler& by_outcome =
      header.status == Status::complete ? handlers.on_cluster_success : handlers.on_cluster_failure;
  if (by_outcome) return &by_outcome;
  return if_set(handlers.on_cluster_complete);
}

}  // namespace

Result<Admitter::Answer> Admitter::admit(Delivery& delivery, Assignment& assignment) {
  assignment.attempts_max = options_.attempts.attempts_max;
  if (!delivery.content) {
    auto content = wire::content_of(delivery);
    if (content) {
      delivery.content = std::move(*content);
    } else if (content.error().code == ErrorCode::unsupported_version) {
      return Answer{.admission = core::Admission::put_back,
                    .is_newer = true,
                    .reason = "a message of a newer fanfold is in the queue and is left for a newer worker"};
    } else {
      take_as_bad_input(delivery, assignment, content.error());
      return Answer{};
    }
  }
  switch (delivery.content->type) {
    case RecordType::task: return admit_task(delivery, assignment);
    case RecordType::cluster: return admit_cluster_message(delivery, assignment);
    case RecordType::message: break;
  }
  if (core::is_expired(*delivery.content, now_)) {
    assignment.bad_input =
        std::make_unique<Error>(Error{ErrorCode::expired, "the message's life ended before it was handled", {}});
    return Answer{};
  }
  return admit_message(message_handler(delivery.content->name), assignment);
}

Admitter::Answer Admitter::admit_message(const MessageHandler* on_message, Assignment& assignment) const {
  if (on_message == nullptr) return {.admission = core::Admission::put_back, .reason = "no handler for messages"};
  assignment.on_message = on_message;
  return {};
}

Result<Admitter::Answer> Admitter::admit_task(Delivery& delivery, Assignment& assignment) {
  const Envelope& content = *delivery.content;
  auto found = known(content);
  if (!found) return std::move(found).error();
  Known& cluster = **found;
  core::Admission admission = core::admit_task(content, cluster.header.get(), cluster.knowledge, now_);
  if (admission == core::Admission::read_strongly) {
    auto header = read_strongly(content.id);
    if (!header) return std::move(header).error();
    cluster.header = std::move(*header);
    cluster.knowledge = core::Knowledge::strong;
    admission = core::admit_task(content, cluster.header.get(), cluster.knowledge, now_);
  }
  if (admission != core::Admission::claim)
    return Answer{.admission = admission, .reason = why_not(content, cluster.header.get())};
  if (core::is_expired(content, now_)) {
    assignment.bad_input =
        std::make_unique<Error>(Error{ErrorCode::expired, "the task's life ended before it was handled", {}});
    return Answer{};
  }
  assignment.attempts_max = cluster.header->attempts_max.value_or(options_.attempts.attempts_max);
  assignment.watches_failures = cluster.header->first_failure_wanted || cluster.header->fail_fast;
  return admit_message(cluster.on_message, assignment);
}

Result<Admitter::Answer> Admitter::admit_cluster_message(Delivery& delivery, Assignment& assignment) {
  const Envelope& content = *delivery.content;
  auto header = read_strongly(content.id);
  if (!header) return std::move(header).error();
  const ClusterHeader* cluster = header->get();
  assignment.on_cluster = cluster != nullptr ? cluster_handler(content, *cluster) : nullptr;
  const core::ClusterMessageFacts facts{
      .handler_there = assignment.on_cluster != nullptr, .now = now_, .header_age_max = store_.backend.header_age_max};
  const core::Admission admission = core::admit_cluster_message(content, cluster, facts);
  const bool stopped =
      cluster != nullptr && cluster->stopped() && cluster->round == content.round && !content.first_failure;
  if (admission != core::Admission::claim) {
    return Answer{.admission = admission,
                  .hidden = stopped ? std::max(stop_pause, store_.backend.header_age_max) : core::put_back_time,
                  .reason = "its cluster is not ready for it"};
  }
  if (stopped) {
    // What was claimed before the stop may complete within its lease, and counts.
    auto recount = store_.ledger().recount(content.id, now_);
    if (!recount) return std::move(recount).error();
    if (recount->leased_count > 0)
      return Answer{
          .admission = core::Admission::put_back, .hidden = stop_pause, .reason = "tasks still run after the stop"};
  }
  return Answer{};
}

Result<Admitter::Known*> Admitter::known(const Envelope& content) {
  if (last_id_ != nullptr && *last_id_ == content.id) return last_;
  auto found = clusters_.find(content.id);
  if (found == clusters_.end()) {
    Known fresh;
    fresh.on_message = message_handler(content.name);
    auto header = store_.header(content.id);
    if (header) {
      fresh.header = std::move(*header);
    } else if (header.error().code != ErrorCode::not_found) {
      return std::move(header).error();
    }
    found = clusters_.emplace(content.id, std::move(fresh)).first;
  }
  last_id_ = &found->first;
  last_ = &found->second;
  return last_;
}

Result<std::shared_ptr<const ClusterHeader>> Admitter::read_strongly(std::string_view id) const {
  auto header = store_.header_strong(id);
  if (header) return std::make_shared<const ClusterHeader>(std::move(*header));
  if (header.error().code == ErrorCode::not_found) return std::shared_ptr<const ClusterHeader>();
  return std::move(header).error();
}

const MessageHandler* Admitter::message_handler(std::string_view name) const {
  if (!name.empty()) {
    const auto named = handlers_.named.find(std::string(name));
    if (named != handlers_.named.end() && named->second.on_message) return &named->second.on_message;
  }
  return if_set(handlers_.on_message);
}

const ClusterHandler* Admitter::cluster_handler(const Envelope& content, const ClusterHeader& header) const {
  const auto named = handlers_.named.find(header.name);
  if (named != handlers_.named.end()) {
    if (const ClusterHandler* handler = pick(named->second, content, header)) return handler;
  }
  return pick(handlers_, content, header);
}

void Admitter::take_as_bad_input(Delivery& delivery, Assignment& assignment, Error error) const {
  Envelope content;
  content.type = RecordType::message;
  content.id = delivery.message_id;
  auto body = Json::parse(delivery.text);
  content.body = body ? std::move(*body) : as_json_string(delivery.text);
  delivery.content = std::move(content);
  assignment.bad_input = std::make_unique<Error>(std::move(error));
}

std::optional<NewMessage> Admitter::record_for(const Delivery& delivery) const {
  const Envelope& content = *delivery.content;
  if (content.type == RecordType::task) return std::nullopt;
  NewMessage record;
  record.url = url_;
  record.type = content.type;
  record.created_at = now_;
  record.expires_at = content.expires_at != Time{} ? content.expires_at : now_ + foreign_life;
  if (content.type == RecordType::cluster) {
    record.id = content.first_failure ? first_failure_record_id(content.id, content.round)
                                      : finish_record_id(content.id, content.round);
  } else {
    record.id = content.id;
    record.body = content.body;
    record.meta = content.meta;
  }
  return record;
}

}  // namespace fanfold::engine
