#pragma once

#include "engine/store.hpp"

#include <fanfold/detail/client_core.hpp>

#include <map>

namespace fanfold::engine {

/// Open tasks that `why` looks at one by one; more are counted together.
inline constexpr std::size_t why_task_count_max = 10'000;
/// Lines that `why` answers with.
inline constexpr std::size_t why_line_count_max = 200;
/// Different errors that `errors` tells apart.
inline constexpr std::size_t error_group_count_max = 1'000;

/// For each task still open, one line of cause and one of remedy, equal ones together; first what concerns the whole
/// cluster.
Result<std::vector<OpenReason>> why(Store& store, const std::string& id);

/// Recounts from the tasks' records and compares with the header. Reads every task.
Result<Verification> verify(Store& store, const std::string& id);

/// Gathers failed tasks by the fingerprints of their last errors.
class ErrorGroups {
 public:
  void add(const TaskState& task);
  /// The most frequent first.
  [[nodiscard]] std::vector<ErrorGroup> sorted() &&;

 private:
  std::map<std::string, ErrorGroup> groups_;
  ErrorGroup others_{.fingerprint = "", .code = "others", .message = "more kinds of errors than are told apart"};
};

/// Failures by fingerprint, most frequent first.
Result<std::vector<ErrorGroup>> group_errors(Store& store, const std::string& id);

Result<std::vector<AttemptOutput>> read_outputs(Store& store, const KeyParts& key);

}  // namespace fanfold::engine
