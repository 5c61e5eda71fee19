#include "engine/sender.hpp"

#include "core/outcome.hpp"
#include "engine/failures.hpp"
#include "support/assert.hpp"
#include "support/mutant.hpp"
#include "support/queue_name.hpp"

#include <algorithm>
#include <charconv>

namespace fanfold::engine {

namespace {

constexpr int hexadecimal = 16;
/// How often whoever waits for a sender looks at the header. On AWS a read unit each time.
constexpr std::chrono::milliseconds sender_look_every{2'000};

/// Whether sending the message elsewhere, by somebody else, or later would be refused as well. Of a missing permission
/// or queue, which concern whoever sends, the task knows nothing: its cluster waits until they are there.
bool is_about_the_message(ErrorCode code) noexcept {
  return code == ErrorCode::invalid_argument || code == ErrorCode::too_large || code == ErrorCode::bad_input;
}

/// A re-send's mark bears its sender's name, hexadecimal digits, or begins like this.
constexpr std::string_view place_word = "from ";

bool is_place(const DueMark& mark) { return mark.kind == DueMark::Kind::resend && mark.id.starts_with(place_word); }

}  // namespace

std::string new_holder(Store& store) {
  std::string text(hexadecimal, '0');
  const auto [end, code] =
      std::to_chars(text.data(), text.data() + text.size(), store.ledger().new_token(), hexadecimal);
  FANFOLD_ASSERT(code == std::errc{}, "64 bits have at most 16 digits");
  text.resize(static_cast<std::size_t>(end - text.data()));
  return text;
}

bool is_free(Store& store, const std::string& holder, Time until, Time now) {
  if (holder.empty() || until <= now) return true;
  std::uint64_t token = 0;
  const auto [end, code] = std::from_chars(holder.data(), holder.data() + holder.size(), token, hexadecimal);
  return code == std::errc{} && end == holder.data() + holder.size() && store.ledger().is_dead_holder(token);
}

bool is_marked(const ClusterHeader& header, DueMark::Kind kind) {
  return std::ranges::any_of(header.due, [kind](const DueMark& mark) { return mark.kind == kind; });
}

Result<ClusterHeader> await_sender(Store& store, ClusterHeader header, DueMark::Kind kind) {
  while (is_marked(header, kind) && !header.tombstone && !header.finished()) {
    const Time now = store.now();
    if (is_free(store, header.sender, header.sender_until, now)) break;
    store.clock().sleep_until(std::min(header.sender_until, now + sender_look_every), {});
    auto read = store.header_strong(header.id);
    if (!read) return read;
    header = std::move(*read);
  }
  return header;
}

TaskSender::TaskSender(Store& store, const ClusterHeader& header, std::string holder)
    : store_(store), url_(header.queue_url), holder_(std::move(holder)), renew_at_(store.now() + holder_lease / 3) {
  range_.common = {
      .type = RecordType::task,
      .id = header.id,
      .name = header.name,
      .round = header.round,
      .bucket_params = header.bucket_params,
      .expires_at = header.expires_at,
      .trace = support::mutant("later_rounds_are_untraced") && header.round > 0 ? TraceContext{} : header.trace};
  if (support::is_fifo(url_)) range_.group_id = header.id;
  entries_.reserve(store.backend.bulk_count());
}

Result<void> TaskSender::send(std::uint64_t position, std::uint64_t index, std::chrono::milliseconds delay) {
  if (lost_) return {};
  entries_.push_back({position, index, std::clamp(delay, std::chrono::milliseconds{0}, send_delay_max)});
  return entries_.size() < store_.backend.bulk_count() ? Result<void>() : flush();
}

Result<void> TaskSender::flush() {
  if (entries_.empty() || lost_) return {};
  auto kept = keep_lease();
  if (!kept || lost_) return kept;
  auto payloads = read_payloads();
  if (!payloads) return std::move(payloads).error();

  std::vector<TaskMessage> messages;
  messages.reserve(entries_.size());
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const std::string_view body = payloads->empty() ? std::string_view() : std::string_view((*payloads)[i].body);
    messages.push_back(
        {.position = entries_[i].position, .index = entries_[i].index, .body = body, .delay = entries_[i].delay});
  }
  auto sent = send_batch(messages);
  if (!sent) return sent;
  sent_count_ += entries_.size();
  entries_.clear();
  return {};
}

Result<void> TaskSender::keep_lease() {
  const Time now = store_.now();
  if (holder_.empty() || now < renew_at_) return {};
  auto header = modify_header(store_, range_.common.id, [&](ClusterHeader& stored) -> Result<HeaderChange> {
    lost_ = stored.sender != holder_ || stored.round != range_.common.round || stored.finished() || stored.tombstone;
    if (lost_) return HeaderChange::leave;
    stored.sender_until = store_.now() + holder_lease;
    if (place_) put_place_of_resend(stored, *place_, store_.now());
    return HeaderChange::write;
  });
  if (!header) return std::move(header).error();
  renew_at_ = store_.now() + holder_lease / 3;
  return {};
}

Result<std::vector<TaskData>> TaskSender::read_payloads() const {
  std::vector<TaskData> payloads;
  if (store_.backend.queue_knows_payloads) return payloads;
  payloads.reserve(entries_.size());
  for (std::size_t begin = 0; begin < entries_.size();) {
    std::size_t end = begin + 1;
    while (end < entries_.size() && entries_[end].index == entries_[end - 1].index + 1) ++end;
    auto run = with_patience(
        store_, [&] { return store_.ledger().read_tasks(range_.common.id, entries_[begin].index, end - begin); });
    if (!run) return run;
    if (run->size() != end - begin) {
      return Error{ErrorCode::damaged,
                   "payloads of cluster " + range_.common.id + " are missing from task " +
                       std::to_string(entries_[begin].index + run->size()) + " on",
                   {}};
    }
    std::ranges::move(*run, std::back_inserter(payloads));
    begin = end;
  }
  return payloads;
}

Result<void> TaskSender::send_batch(std::span<const TaskMessage> messages) {
  std::vector<TaskMessage> waiting(messages.begin(), messages.end());
  for (std::size_t count = 1;; ++count) {
    auto refused = with_patience(store_, [&] { return store_.queue().send_tasks(url_, range_, waiting); });
    if (!refused) return std::move(refused).error();
    std::vector<TaskMessage> again;
    Error last;
    for (const Queue::TaskRefused& one : *refused) {
      const auto task = std::ranges::find(waiting, one.position, &TaskMessage::position);
      if (task == waiting.end()) continue;
      if (is_retryable(one.error.code)) {
        again.push_back(*task);
        last = one.error;
        continue;
      }
      if (!is_about_the_message(one.error.code)) return one.error;
      auto failed = fail_refused(one, task->index);
      if (!failed) return failed;
    }
    if (again.empty()) return {};
    if (count == send_try_count_max) return last;
    waiting = std::move(again);
    pause_with_jitter(store_, count, refused_pause_initial, refused_pause_most);
  }
}

Result<void> TaskSender::fail_refused(const Queue::TaskRefused& refused, std::uint64_t index) {
  const Time now = store_.now();
  EndRequest request;
  request.ref = {
      .type = RecordType::task, .id = range_.common.id, .round = range_.common.round, .position = refused.position};
  request.index = index;
  request.condition = NotEnded{};
  request.verdict = Verdict::failed;
  request.error = core::error_entry(0, to_string(refused.error.code), refused.error.message, now, true);
  auto ended = end_and_follow(store_, std::span(&request, 1));
  if (!ended) return std::move(ended).error();
  return {};
}

std::uint64_t place_of_resend(const ClusterHeader& header) {
  const auto mark =
      std::ranges::find_if(header.due, [&](const DueMark& one) { return is_place(one) && one.round == header.round; });
  if (mark == header.due.end()) return 0;
  std::uint64_t position = 0;
  const std::string_view digits = std::string_view(mark->id).substr(place_word.size());
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), position);
  return code == std::errc{} && end == digits.data() + digits.size() ? position : 0;
}

void put_place_of_resend(ClusterHeader& header, std::uint64_t position, Time now) {
  std::erase_if(header.due, is_place);
  if (position == 0) return;
  header.due.push_back({.kind = DueMark::Kind::resend,
                        .id = std::string(place_word) + std::to_string(position),
                        .round = header.round,
                        .since = now});
}

Result<void> clear_marks(Store& store, std::string_view id, std::uint32_t round, std::span<const DueMark> marks,
                         const std::string& holder) {
  auto header = modify_header(store, id, [&](ClusterHeader& stored) -> Result<HeaderChange> {
    if (stored.tombstone) return HeaderChange::leave;
    bool changed = false;
    if (!holder.empty() && stored.sender == holder) {
      stored.sender.clear();
      stored.sender_until = {};
      changed = true;
    }
    const auto is_ours = [&](const DueMark& mark) {
      return mark.round == round && std::ranges::any_of(marks, [&](const DueMark& ours) {
               return ours.kind == mark.kind && ours.id == mark.id;
             });
    };
    const bool is_complete = !holder.empty() && changed;  // Nobody else has sent since.
    const auto is_cleared = [&](const DueMark& mark) { return is_ours(mark) || (is_complete && is_place(mark)); };
    if (stored.round == round && std::erase_if(stored.due, is_cleared) != 0) changed = true;
    return changed ? HeaderChange::write : HeaderChange::leave;
  });
  if (!header) return std::move(header).error();
  return {};
}

void give_back_lease(Store& store, std::string_view id, const std::string& holder) {
  const auto given_back = modify_header(store, id, [&](ClusterHeader& stored) -> Result<HeaderChange> {
    if (stored.tombstone || stored.sender != holder) return HeaderChange::leave;
    stored.sender.clear();
    stored.sender_until = {};
    return HeaderChange::write;
  });
  static_cast<void>(given_back);  // Whoever waits does so until the lease ends.
}

std::chrono::milliseconds repair_pause(const QueueAttributes& queue) {
  constexpr std::chrono::milliseconds least{30'000};
  return std::max<std::chrono::milliseconds>(least, queue.visibility);
}

}  // namespace fanfold::engine
