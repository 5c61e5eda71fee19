#include "contract.hpp"

#include "support/identifier.hpp"

namespace fanfold::conformance {

Contract::Contract() : store_(GetParam().make()), backend_(store_->open()) { now_ = backend_.clock->now(); }

std::string Contract::fresh_id() {
  return make_identifier(std::chrono::floor<milliseconds>(std::chrono::system_clock::now()));
}

ClusterHeader Contract::new_header(std::optional<std::uint64_t> count) const {
  ClusterHeader header;
  header.id = fresh_id();
  header.queue_url = "work";
  header.finish_queue_url = "work";
  header.created_at = now_;
  header.updated_at = now_;
  header.expires_at = now_ + std::chrono::days(30);
  header.parent_ended = true;
  if (count) {
    header.task_count = *count;
    header.round_size = *count;
  }
  return header;
}

std::vector<TaskData> Contract::bodies(std::uint64_t count, std::uint64_t first) {
  std::vector<TaskData> tasks;
  for (std::uint64_t i = 0; i < count; ++i) tasks.push_back({"{\"task\":" + std::to_string(first + i) + "}", {}});
  return tasks;
}

ClusterHeader Contract::make_cluster(std::uint64_t count) const { return make_cluster(new_header(count)); }

ClusterHeader Contract::make_cluster(ClusterHeader header) const {
  ledger().put_tasks(header.id, 0, bodies(header.task_count)).value();
  ledger().create_cluster(header).value();
  const EndAnswers sealed = ledger().seal(header.id, now_).value();
  EXPECT_EQ(sealed.finished.empty(), header.task_count > 0);
  return read(header.id);
}

ClusterHeader Contract::make_open_cluster() const { return ledger().create_cluster(new_header()).value(); }

ClusterHeader Contract::read(const std::string& id) const {
  return ledger().read_cluster(id, Consistency::strong).value();
}

void Contract::put_an_end_to(const std::string& id) const {
  ClusterHeader header = read(id);
  if (!header.finished()) {
    header.status = Status::error;
    header.status_code = StatusCode::stopped;
    header.completed_at = now_;
  }
  header.parent_ended = header.finish_done = true;
  header.finish_sent_at = now_;
  ledger().update_cluster(header).value();
}

RecordRef Contract::task(const ClusterHeader& cluster, std::uint64_t position) {
  return {RecordType::task, cluster.id, cluster.round, position, false};
}

ClaimRequest Contract::claim_request(const RecordRef& ref, std::uint64_t token, std::uint32_t attempts_max) const {
  ClaimRequest request;
  request.ref = ref;
  request.token = token == 0 ? ledger().new_token() : token;
  request.lease_end = now_ + lease_;
  request.attempts_max = attempts_max;
  return request;
}

ClaimAnswer Contract::claim(const ClaimRequest& request, Time now) const {
  return ledger().claim(std::span(&request, 1), now).value().at(0);
}

std::uint64_t Contract::claimed(const RecordRef& ref) const {
  const ClaimRequest request = claim_request(ref);
  EXPECT_EQ(claim(request, now_).outcome, ClaimOutcome::claimed);
  return request.token;
}

EndRequest Contract::end_request(const RecordRef& ref, EndCondition condition, Verdict verdict) {
  EndRequest request;
  request.ref = ref;
  request.index = ref.position;
  request.condition = std::move(condition);
  request.verdict = verdict;
  request.attempt = 1;
  if (verdict == Verdict::failed) request.error = error_entry(1, "broken");
  return request;
}

ErrorEntry Contract::error_entry(std::uint32_t attempt, std::string message, std::string fingerprint) {
  ErrorEntry entry;
  entry.attempt = attempt;
  entry.code = "internal";
  entry.message = std::move(message);
  entry.fingerprint = std::move(fingerprint);
  return entry;
}

EndAnswers Contract::end(const EndRequest& request, Time now) const {
  return ledger().end(std::span(&request, 1), now).value();
}

EndAnswers Contract::run_task(const RecordRef& ref, Verdict verdict) const {
  return end(end_request(ref, claimed(ref), verdict), now_);
}

}  // namespace fanfold::conformance
