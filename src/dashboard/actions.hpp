#pragma once

#include "dashboard/answers.hpp"

#include <fanfold/client.hpp>

namespace fanfold::dashboard {

/// What the page's buttons do. Thread-safe; calls block for as long as the store does.
class Actions {
 public:
  explicit Actions(Client client) : client_(std::move(client)) {}

  /// {"reason":"…"}
  [[nodiscard]] Reply stop(const std::string& cluster, const Json& body) const;
  [[nodiscard]] Reply pause(const std::string& cluster) const;
  [[nodiscard]] Reply resume(const std::string& cluster) const;
  /// {"fingerprint":"…"}, or {} for all that failed.
  [[nodiscard]] Reply retry(const std::string& cluster, const Json& body) const;
  [[nodiscard]] Reply retry_finish(const std::string& cluster) const;
  [[nodiscard]] Reply redrive(const std::string& queue) const;

 private:
  const Client client_;
};

}  // namespace fanfold::dashboard
