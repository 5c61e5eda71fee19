#pragma once

#include "metrics/prometheus_text.hpp"
#include "serve/http_server.hpp"

#include <fanfold/client.hpp>

/// A page in which people watch a store and steer its clusters, and the JSON that it is made of (docs/dashboard.md).
namespace fanfold::dashboard {

struct Options {
  std::string store_name{};  ///< As people know it.
  bool is_on_aws = false;
  bool read_only = false;                          ///< Actions are refused with 403.
  std::chrono::milliseconds look_interval{1'000};  ///< At most so often is the store looked at for all open pages.
  /// The library's words for what to do, in those of this dashboard's users.
  std::function<std::string(std::string remedy, const ClusterHeader& header)> phrase_remedy{};
  /// Whether the store is still what was opened; an error is every answer's. For what a reader cannot see by reading,
  /// as that its file was replaced.
  std::function<Result<void>()> check_store{};
  /// What /metrics tells besides the store: of this process. Called from several threads.
  std::function<void(metrics::PrometheusText& text)> write_process{};
  std::function<Time()> now{};  ///< For tests; the system's clock where it is empty.
};

/// What answers the dashboard's requests, from several threads at a time. Every answer reads a bounded part of the
/// store, however large that is.
[[nodiscard]] serve::Handler make_handler(Client client, Options options);

}  // namespace fanfold::dashboard
