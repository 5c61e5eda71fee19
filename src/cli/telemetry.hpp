#pragma once

#include "cli/command.hpp"
#include "cli/invocation.hpp"
#include "cli/trace_file.hpp"
#include "metrics/timeline.hpp"
#include "metrics/worker_counters.hpp"
#include "serve/http_server.hpp"

#include <fanfold/backends/aws.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace fanfold::cli {

/// --metrics and --trace of the commands that work.
struct TelemetryOptions {
  std::string metrics{};  ///< "[ADDRESS:]PORT"; empty for none.
  std::string trace{};    ///< A file; empty for none.
};
void add_telemetry(Command command, TelemetryOptions& options);

/// What the workers of this process do, for those who watch: counted and served at /metrics, and written to a file as a
/// timeline. Costs next to nothing where neither is asked for. Thread-safe; outlives its workers and their handlers.
class Telemetry {
 public:
  Telemetry() = default;
  /// Listens, and makes the file; called once, before there are workers. `name` is what a timeline calls this process.
  /// Errors: those of the server and of the file, with the option's name.
  [[nodiscard]] Result<void> start(const TelemetryOptions& options, const CommonOptions& common, std::string name);
  /// Where the store is to count what it uses on AWS; empty where nobody will ask.
  [[nodiscard]] std::shared_ptr<aws::Usage> usage_of(const TelemetryOptions& options) const;
  Telemetry(const Telemetry&) = delete;
  Telemetry& operator=(const Telemetry&) = delete;

  /// For WorkerOptions::on_event, or called by one's own.
  void see(const WorkerEvent& event);

  /// While it lives, a program runs for a task, a message or a finished cluster. `telemetry` may be null.
  class Running {
   public:
    Running(Telemetry* telemetry, const metrics::Attempt& attempt);

   private:
    std::optional<metrics::Timeline::Running> traced_;
    std::optional<metrics::WorkerCounters::Running> counted_;
  };

  /// Writes what waits of the timeline, once no worker runs any more. Why it ended early, which was told already; empty
  /// where it did not.
  [[nodiscard]] std::optional<Error> end_trace();

 private:
  [[nodiscard]] Result<void> trace(const std::string& path, std::string name);
  [[nodiscard]] Result<void> listen(const std::string& where, bool is_on_aws);
  [[nodiscard]] std::string text(bool is_on_aws) const;
  void give_up_trace(const Error& error);

  const std::chrono::system_clock::time_point started_at_ = std::chrono::system_clock::now();
  metrics::WorkerCounters counters_;
  std::shared_ptr<aws::Usage> usage_ = std::make_shared<aws::Usage>();  // Shared with the store.
  mutable std::mutex mutex_;
  std::optional<Error> trace_error_;  // guarded by mutex_
  std::optional<TraceFile> file_;
  std::optional<metrics::Timeline> timeline_;  // Writes to the file.
  std::optional<serve::HttpServer> server_;    // Last: it uses the others.
};

}  // namespace fanfold::cli
