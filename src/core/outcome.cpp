#include "core/outcome.hpp"

#include "core/backoff.hpp"
#include "core/fingerprint.hpp"

#include <algorithm>

namespace fanfold::core {

namespace {

constexpr std::string_view handler_said_so = "failed";  // The code of a failure that the handler gave no code.
constexpr std::string_view output_cut_note = "\n… (cut)\n";

void cut_output(std::string& output) {
  if (output.size() <= output_bytes_max) return;
  output.resize(output_bytes_max - output_cut_note.size());
  output.append(output_cut_note);
}

void fail_for_good(EndRequest& end, const AttemptFacts& facts, std::string_view code, std::string_view message) {
  end.verdict = Verdict::failed;
  end.error = error_entry(facts.attempt, code, message, facts.now, true);
}

void decide_failure(const Outcome& outcome, const AttemptFacts& facts, EndRequest& end) {
  const std::string_view code = outcome.code().empty() ? handler_said_so : std::string_view(outcome.code());
  if (outcome.kind() == Outcome::Kind::fail || facts.attempt >= facts.attempts_max) {
    fail_for_good(end, facts, code, outcome.reason());
    return;
  }
  end.verdict = Verdict::retry;
  end.error = error_entry(facts.attempt, code, outcome.reason(), facts.now, false);
  const auto wanted = outcome.delay() ? *outcome.delay() : backoff(facts.attempt, facts.options, facts.random);
  end.retry_at = facts.now + std::max(wanted, std::chrono::milliseconds::zero());
}

}  // namespace

void decide_end(Outcome outcome, const AttemptFacts& facts, EndRequest& end) {
  end.attempt = facts.attempt;
  switch (outcome.kind()) {
    case Outcome::Kind::done:
      if (outcome.result() && outcome.result()->text().size() > result_bytes_max) {
        fail_for_good(end, facts, to_string(ErrorCode::too_large),
                      "the result has " + std::to_string(outcome.result()->text().size()) + " bytes, at most " +
                          std::to_string(result_bytes_max) + " are kept");
      } else {
        end.verdict = Verdict::done;
        end.result = std::move(outcome).result();
      }
      break;
    case Outcome::Kind::child:
      if (end.ref.type == RecordType::task) {
        end.verdict = Verdict::waiting;
        end.child_id = outcome.child_id();
      } else {
        fail_for_good(end, facts, to_string(ErrorCode::invalid_argument),
                      "only a task of a cluster can end with a child cluster");
      }
      break;
    case Outcome::Kind::retry:
    case Outcome::Kind::fail: decide_failure(outcome, facts, end); break;
  }
  end.output = std::move(outcome).output();  // NOLINT(bugprone-use-after-move): each accessor moves its own part only
  cut_output(end.output);
}

bool is_mended_by_retry(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::cancelled:  // Its stop token was set: by a drain, or by a lost lease.
    case ErrorCode::lease_lost:
    case ErrorCode::outcome_unknown:
    case ErrorCode::internal: return true;
    default: return is_retryable(code);
  }
}

Outcome outcome_of(const Error& error) {
  auto outcome = is_mended_by_retry(error.code) ? retry(error.message) : fail(error.message);
  return std::move(outcome).with_code(std::string(to_string(error.code)));
}

Outcome outcome_of_exception(const char* what) {
  return retry(what).with_code(std::string(to_string(ErrorCode::internal)));
}

ErrorEntry error_entry(std::uint32_t attempt, std::string_view code, std::string_view message, Time now, bool final) {
  ErrorEntry entry{.attempt = attempt,
                   .code = presentable_message(code),
                   .message = presentable_message(message),
                   .fingerprint = {},
                   .at = now,
                   .final = final};
  entry.fingerprint = error_fingerprint(entry.code, entry.message);
  return entry;
}

}  // namespace fanfold::core
