#include "cli/telemetry.hpp"

#include "cli/aws_metrics.hpp"
#include "cli/output.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"
#include "metrics/trace_event.hpp"
#include "serve/endpoint.hpp"
#include "serve/request_parser.hpp"

#include <fanfold/version.hpp>

#include <fmt/format.h>

#include <array>

#include <unistd.h>

namespace fanfold::cli {
namespace {

constexpr std::string_view metrics_path = "/metrics";

void write_process(metrics::PrometheusText& text, std::chrono::system_clock::time_point started_at) {
  text.family("fanfold_info", metrics::MetricType::gauge, "The version of fanfold.");
  text.sample(std::array{metrics::Label{"version", version()}}, std::uint64_t{1});
  text.family("process_start_time_seconds", metrics::MetricType::gauge,
              "Start time of the process since unix epoch in seconds.");
  text.sample({}, std::chrono::duration<double>(started_at.time_since_epoch()).count());
}

}  // namespace

void add_telemetry(Command command, TelemetryOptions& options) {
  command.option(
      "--metrics", options.metrics,
      "Serve counts and durations for Prometheus at /metrics while this runs, on 127.0.0.1 unless an address "
      "is given; port 0: any free one",
      {.value = "[ADDRESS:]PORT"});
  command.option("--trace", options.trace,
                 "Write a timeline of every attempt for Perfetto or chrome://tracing; an earlier trace of fanfold's is "
                 "replaced, any other file is left alone",
                 {.value = "FILE"});
}

std::shared_ptr<aws::Usage> Telemetry::usage_of(const TelemetryOptions& options) const {
  return options.metrics.empty() ? nullptr : usage_;
}

Result<void> Telemetry::start(const TelemetryOptions& options, const CommonOptions& common, std::string name) {
  if (!options.metrics.empty()) {
    if (auto served = listen(options.metrics, is_on_aws(common)); !served) return served;
  }
  return options.trace.empty() ? Result<void>() : trace(options.trace, std::move(name));
}

Result<void> Telemetry::listen(const std::string& where, bool is_on_aws) {
  const auto prefixed = [](const Error& error) {
    return Error{error.code, fmt::format("--metrics: {}", error.message), error.remote_detail};
  };
  const auto endpoint = serve::parse_endpoint(where);
  if (!endpoint) return prefixed(endpoint.error());
  serve::Options options;
  options.address = endpoint->address;
  options.port = endpoint->port;
  // A name that somebody points here matters only where nobody else could come.
  if (!endpoint->is_loopback()) options.host_names = {serve::any_host_name};
  auto answer = [this, is_on_aws](const serve::Request& request) {
    if (request.path != metrics_path)
      return serve::plain_answer(404, fmt::format("there is {} here, and nothing else", metrics_path));
    if (request.method != "GET") return serve::plain_answer(405, "only GET is answered");
    serve::Answer found;
    found.content_type = metrics::PrometheusText::content_type;
    found.body = text(is_on_aws);
    return found;
  };
  auto server = serve::HttpServer::start(options, std::move(answer));
  if (!server) return prefixed(server.error());
  server_.emplace(std::move(*server));
  note(fmt::format("metrics: {}{}", server_->url(), metrics_path));
  return {};
}

std::string Telemetry::text(bool is_on_aws) const {
  metrics::PrometheusText written;
  write_process(written, started_at_);
  counters_.write(written);
  if (is_on_aws) write_aws_metrics(written, *usage_);
  return written.text();
}

Result<void> Telemetry::trace(const std::string& path, std::string name) {
  auto file =
      TraceFile::open({.path = path, .first_object_begin = metrics::trace_begin, .failed = [this](const Error& error) {
                         give_up_trace(error);
                       }});
  if (!file) return std::move(file).error();
  file_.emplace(std::move(*file));
  timeline_.emplace(metrics::Timeline::Options{
      .write = [this](std::string_view event) { file_->write(event); },
      .process_name = as_utf8(name),
      .process_id = ::getpid(),
      .started_at = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now())});
  return {};
}

void Telemetry::give_up_trace(const Error& error) {
  complain(fmt::format("{}; the timeline ends here, and the tasks go on", error.message));
  if (error.code == ErrorCode::too_large) return;  // What was to be seen is there.
  const std::scoped_lock lock(mutex_);
  trace_error_ = error;
}

std::optional<Error> Telemetry::end_trace() {
  if (timeline_) timeline_->write_waiting();
  const std::scoped_lock lock(mutex_);
  return trace_error_;
}

void Telemetry::see(const WorkerEvent& event) {
  if (server_) counters_.see(event);
  if (!timeline_) return;
  if (event.detail.empty()) return timeline_->see(event);
  const std::string detail = traced_reason(event.detail);
  WorkerEvent shown = event;
  shown.detail = detail;
  timeline_->see(shown);
}

Telemetry::Running::Running(Telemetry* telemetry, const metrics::Attempt& attempt) {
  if (telemetry == nullptr) return;
  if (telemetry->timeline_) traced_.emplace(*telemetry->timeline_, attempt);
  if (telemetry->server_) counted_.emplace(telemetry->counters_, attempt.work);
}

}  // namespace fanfold::cli
