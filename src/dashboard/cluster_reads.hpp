#pragma once

#include "dashboard/answers.hpp"
#include "dashboard/dashboard.hpp"

namespace fanfold::dashboard {

inline constexpr std::uint64_t list_count_max = 200;  ///< Rows of an answer.

/// The answers to what is asked of clusters. Thread-safe; calls block for as long as the store does.
class ClusterReads {
 public:
  ClusterReads(Client client, Options options);

  /// One page of clusters with their progress, without the time of the look: equal texts mean that nothing changed.
  [[nodiscard]] Result<std::string> list(const ClusterQuery& query) const;
  /// One cluster's state, likewise.
  [[nodiscard]] Result<std::string> state(const std::string& id) const;
  /// The text of `list` or `state` with the time of the look.
  [[nodiscard]] Json with_time(const std::string& text) const;

  [[nodiscard]] Reply clusters(const serve::Request& request) const;
  [[nodiscard]] Reply cluster(const std::string& id) const;
  [[nodiscard]] Reply why(const std::string& id) const;
  /// Of the first 10,000 failed tasks at most; "tasks" says among how many of the cluster's they were looked for.
  [[nodiscard]] Reply errors(const std::string& id) const;
  [[nodiscard]] Reply globals(const std::string& id) const;
  /// When tasks ended, by a sample of 10,000.
  [[nodiscard]] Reply timeline(const std::string& id) const;
  [[nodiscard]] Reply queues() const;

 private:
  [[nodiscard]] Result<std::string> state_of(const ClusterHeader& header) const;

  const Client client_;
  const Options options_;
};

/// Text that is kept as JSON: as a JSON string, so that no number in it loses digits in a browser, or
/// {"too_large":bytes}.
[[nodiscard]] Json as_text(const Json& json);

}  // namespace fanfold::dashboard
