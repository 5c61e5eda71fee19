#pragma once

#include <fanfold/claims.hpp>
#include <fanfold/options.hpp>
#include <fanfold/outcome.hpp>

namespace fanfold::core {

/// What the end of an attempt depends on besides its outcome.
struct AttemptFacts {
  std::uint32_t attempt = 1;
  std::uint32_t attempts_max = 3;
  Time now{};
  const AttemptOptions& options;  ///< Borrowed for the call.
  double random = 0;              ///< In [0, 1).
};

/// Fills in what `outcome` asks for: `ref`, `index` and `condition` are there already.
/// A retry after the last attempt is a failure for good; so is a result that is too large, and a child cluster where
/// there is no task that could wait for it.
void decide_end(Outcome outcome, const AttemptFacts& facts, EndRequest& end);

/// Whether the next attempt may go better although nobody changed anything.
[[nodiscard]] bool is_mended_by_retry(ErrorCode code) noexcept;

/// What a thrown error of ours means: a retry, or for good where no retry mends it.
[[nodiscard]] Outcome outcome_of(const Error& error);
/// What any other exception means: a retry.
[[nodiscard]] Outcome outcome_of_exception(const char* what);

[[nodiscard]] ErrorEntry error_entry(std::uint32_t attempt, std::string_view code, std::string_view message, Time now,
                                     bool final);

}  // namespace fanfold::core
