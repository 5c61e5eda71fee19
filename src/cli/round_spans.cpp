#include "cli/round_spans.hpp"

#include <algorithm>

namespace fanfold::cli {

RoundSpans::RoundSpans(const ClusterHeader& cluster, const std::vector<RoundFinish>& finishes)
    : created_at_(cluster.created_at), sent_at_(cluster.sent_at) {
  std::uint32_t next = 0;
  for (const RoundFinish& finish : finishes) {
    if (finish.round >= cluster.round) break;
    spans_.push_back({.first_number = next,
                      .number = finish.round,
                      .until = finish.ended.value_or(finish.sent_at),
                      .finish_sent_at = finish.sent_at});
    next = finish.round + 1;
  }
  spans_.push_back(
      {.first_number = next, .number = cluster.round, .until = Time::max(), .finish_sent_at = cluster.finish_sent_at});
}

std::size_t RoundSpans::find(Time at) const {
  const auto found = std::ranges::find_if(spans_, [&](const RoundSpan& span) { return at <= span.until; });
  return static_cast<std::size_t>(found - spans_.begin());
}

void RoundSpans::add(std::size_t round, Time at, const TaskCounts& counts) {
  RoundSpan& span = spans_[round];
  span.counts += counts;
  span.first_known = std::min(span.first_known.value_or(at), at);
  if (counts.ended() == 0) return;
  span.first_end = std::min(span.first_end.value_or(at), at);
  span.last_end = std::max(span.last_end.value_or(at), at);
}

RoundSpans::Begin RoundSpans::begin_of(std::size_t round) const {
  if (round == 0) return {created_at_, from_creation};
  const RoundSpan& span = spans_[round];
  const Time earliest = spans_[round - 1].until;
  const Time first_known = span.first_known.value_or(Time::max());
  if (round + 1 == spans_.size() && sent_at_ > earliest && sent_at_ <= first_known) return {sent_at_, from_sending};
  if (span.first_known) return {std::max(first_known, earliest), from_first_end};
  return {std::max(span.finish_sent_at.value_or(earliest), earliest), from_finish};
}

}  // namespace fanfold::cli
