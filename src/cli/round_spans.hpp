#pragma once

#include "cli/time_steps.hpp"

#include <fanfold/cluster_header.hpp>

#include <optional>
#include <vector>

namespace fanfold::cli {

/// What the record of a round's finish message says.
struct RoundFinish {
  std::uint32_t round = 0;
  Time sent_at{};               ///< The round was over by then.
  std::optional<Time> ended{};  ///< Its handler was done, or has failed for good.
  Status status = Status::pre_flight;
  std::uint32_t attempt_count = 0;
  std::vector<ErrorEntry> errors{};
};

/// One round of a cluster, or several that no record tells apart.
struct RoundSpan {
  std::uint32_t first_number = 0;
  std::uint32_t number = 0;
  Time until{};                          ///< What ended later was in a later round.
  std::optional<Time> finish_sent_at{};  ///< It was over by then.
  TaskCounts counts{};
  std::optional<Time> first_end{};  ///< Of a task.
  std::optional<Time> last_end{};
  std::optional<Time> first_known{};  ///< The earliest that is kept of what its tasks did.
};

/// Which round something happened in. No record says when a round began, but the round before was over, and its finish
/// message had ended: so the time tells.
class RoundSpans {
 public:
  /// `finishes`: of earlier rounds, ascending.
  RoundSpans(const ClusterHeader& cluster, const std::vector<RoundFinish>& finishes);

  [[nodiscard]] std::size_t find(Time at) const;
  void add(std::size_t round, Time at, const TaskCounts& counts);
  /// A task that had failed before took part in it.
  void add_tried_again(std::size_t round) { ++spans_[round].counts.tried_again; }

  [[nodiscard]] const std::vector<RoundSpan>& spans() const noexcept { return spans_; }
  /// When a round began, as far as that is known, and what it is known from.
  struct Begin {
    Time at{};
    std::string_view known_from{};
  };
  static constexpr std::string_view from_creation = "creation";
  static constexpr std::string_view from_sending = "sending";  ///< Of its tasks; the latest where that was repeated.
  static constexpr std::string_view from_first_end = "first end";  ///< Of an attempt: it had begun before.
  static constexpr std::string_view from_finish = "finish";        ///< It had no task.
  [[nodiscard]] Begin begin_of(std::size_t round) const;

 private:
  Time created_at_;
  Time sent_at_;
  std::vector<RoundSpan> spans_;
};

}  // namespace fanfold::cli
