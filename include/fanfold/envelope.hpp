#pragma once

#include <fanfold/trace_context.hpp>
#include <fanfold/types.hpp>

namespace fanfold {

/// What a fanfold message says. On the wire it is JSON text (docs/wire-format.md); a backend that keeps it in
/// another form hands it over decoded, so that nobody formats and parses text between two parts of one process.
struct Envelope {
  RecordType type = RecordType::message;  ///< `cluster` is the type of finish and first-failure messages.
  std::string id{};                       ///< Of the message, or of the cluster.
  std::string name{};                     ///< Of the cluster; picks the handler.
  std::uint32_t round = 0;                ///< Tasks and finish messages: the cluster's round.
  std::uint64_t position = 0;             ///< Tasks: the place in the round's tree; equals `index` in round 0.
  std::uint64_t index = 0;                ///< Tasks: the task's number in its cluster, forever.
  bool first_failure = false;             ///< Cluster messages: an early notice, not the finish.
  Json body{};
  std::optional<Json> meta{};  ///< Messages only; a task's meta is in its record.
  std::optional<BucketParams> bucket_params{};
  Time expires_at{};
  SharedTrace trace{};  ///< Of whoever sent it; what a cluster sends has the cluster's.

  friend bool operator==(const Envelope&, const Envelope&) = default;
};

/// Names one claimable record: a message, a task, or a cluster's finish message.
struct RecordRef {
  RecordType type = RecordType::message;
  std::string id{};            ///< Message id or cluster id.
  std::uint32_t round = 0;     ///< Tasks and finish messages.
  std::uint64_t position = 0;  ///< Tasks.
  bool first_failure = false;  ///< Cluster messages.

  [[nodiscard]] static RecordRef of(const Envelope& content) {
    return {content.type, content.id, content.round, content.position, content.first_failure};
  }
  friend bool operator==(const RecordRef&, const RecordRef&) = default;
};

}  // namespace fanfold
