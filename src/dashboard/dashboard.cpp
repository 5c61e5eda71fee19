#include "dashboard/dashboard.hpp"

#include "dashboard/actions.hpp"
#include "dashboard/cluster_reads.hpp"
#include "dashboard/event_feed.hpp"
#include "dashboard/page_files.hpp"
#include "dashboard/router.hpp"
#include "dashboard/store_metrics.hpp"
#include "dashboard/task_reads.hpp"
#include "support/letter_case.hpp"
#include "views/json_object.hpp"

#include <fanfold/version.hpp>

namespace fanfold::dashboard {

namespace {

using serve::Answer;
using serve::Request;
using Captures = std::vector<std::string>;

/// No script, style, picture or connection but the page's own; nobody shows it in a frame.
constexpr const char* content_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

struct Route {
  std::string_view method;
  std::string_view pattern;
  std::function<Answer(const Request&, const Captures&)> answer;
};

Options with_defaults(Options options) {
  if (!options.check_store) options.check_store = [] { return Result<void>(); };
  if (!options.now) {
    options.now = [] {
      return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
    };
  }
  return options;
}

/// "Application/JSON; charset=utf-8" is "application/json".
std::string media_type_of(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  return support::lower_case(type.substr(0, type.find_last_not_of(' ') + 1));
}

/// All that the server answers, by method and path.
class Routes {
 public:
  Routes(Client client, Options options)
      : client_(client),
        options_(with_defaults(std::move(options))),
        clusters_(std::make_shared<const ClusterReads>(client, options_)),
        tasks_(client),
        actions_(client),
        events_(clusters_, options_.look_interval, options_.check_store) {
    add_reads();
    add_actions();
  }

  [[nodiscard]] Answer answer(const Request& request) const {
    const bool is_metrics = request.path == "/metrics" && request.method == "GET";
    if (!is_metrics && !request.path.starts_with("/api/")) return page(request);
    if (request.header("sec-fetch-site") == "cross-site")
      return error_answer(403, {ErrorCode::permission_denied, "the request comes from another site's page", {}});
    if (auto here = options_.check_store(); !here) return error_answer(here.error());
    if (is_metrics) return measured();
    bool is_known = false;
    for (const Route& route : routes_) {
      const auto captures = match(route.pattern, request.path);
      if (!captures) continue;
      if (route.method == request.method) return route.answer(request, *captures);
      is_known = true;
    }
    if (is_known) return error_answer(405, {ErrorCode::invalid_argument, request.path + " is not asked so", {}});
    return error_answer({ErrorCode::not_found, "there is nothing at " + request.path, {}});
  }

 private:
  void add_reads() {
    const auto read = [this](std::string_view pattern, auto reply) {
      routes_.push_back({"GET", pattern, [reply](const Request& request, const Captures& captures) {
                           return answer_with(reply(request, captures));
                         }});
    };
    const auto task_read = [this](std::string_view pattern, auto reply) {
      routes_.push_back({"GET", pattern, [reply](const Request&, const Captures& captures) {
                           auto index = read_number(captures[1], "the task", {});
                           return index ? answer_with(reply(captures[0], *index)) : error_answer(index.error());
                         }});
    };
    read("/api/store", [this](auto&, auto&) { return store(); });
    read("/api/clusters", [this](auto& request, auto&) { return clusters_->clusters(request); });
    read("/api/clusters/*", [this](auto&, auto& of) { return clusters_->cluster(of[0]); });
    read("/api/clusters/*/why", [this](auto&, auto& of) { return clusters_->why(of[0]); });
    read("/api/clusters/*/errors", [this](auto&, auto& of) { return clusters_->errors(of[0]); });
    read("/api/clusters/*/globals", [this](auto&, auto& of) { return clusters_->globals(of[0]); });
    read("/api/clusters/*/finish-output", [this](auto&, auto& of) { return tasks_.finish_output(of[0]); });
    read("/api/clusters/*/timeline", [this](auto&, auto& of) { return clusters_->timeline(of[0]); });
    read("/api/clusters/*/tasks", [this](auto& request, auto& of) { return tasks_.tasks(of[0], request); });
    read("/api/queues", [this](auto&, auto&) { return clusters_->queues(); });
    task_read("/api/clusters/*/tasks/*", [this](auto& cluster, auto index) { return tasks_.task(cluster, index); });
    task_read("/api/clusters/*/tasks/*/payload",
              [this](auto& cluster, auto index) { return tasks_.payload(cluster, index); });
    task_read("/api/clusters/*/tasks/*/output",
              [this](auto& cluster, auto index) { return tasks_.output(cluster, index); });
    routes_.push_back({"GET", "/api/events", [this](const Request& request, const Captures&) {
                         const std::string id = request.parameter("cluster");
                         return id.empty() ? events_.clusters() : events_.cluster(id);
                       }});
  }

  void add_actions() {
    const auto act = [this](std::string_view pattern, auto reply) {
      routes_.push_back({"POST", pattern, [this, reply](const Request& request, const Captures& captures) {
                           return acted(request, [&](const Json& body) { return reply(captures[0], body); });
                         }});
    };
    act("/api/clusters/*/stop", [this](auto& of, auto& body) { return actions_.stop(of, body); });
    act("/api/clusters/*/pause", [this](auto& of, auto&) { return actions_.pause(of); });
    act("/api/clusters/*/resume", [this](auto& of, auto&) { return actions_.resume(of); });
    act("/api/clusters/*/retry", [this](auto& of, auto& body) { return actions_.retry(of, body); });
    act("/api/clusters/*/retry-finish", [this](auto& of, auto&) { return actions_.retry_finish(of); });
    act("/api/queues/*/redrive", [this](auto& of, auto&) { return actions_.redrive(of); });
  }

  /// A form of another page can send neither this type nor this header, and a script of it has to ask first.
  template <class Act>
  [[nodiscard]] Answer acted(const Request& request, const Act& act) const {
    if (options_.read_only) return error_answer({ErrorCode::read_only, "this dashboard only shows", {}});
    if (request.header("x-fanfold") != "1" || media_type_of(request.header("content-type")) != "application/json") {
      return error_answer(
          403, {ErrorCode::permission_denied, "an action needs Content-Type: application/json and X-Fanfold: 1", {}});
    }
    auto body = Json::parse(request.body.empty() ? "{}" : request.body);
    if (!body) return error_answer(body.error());
    return answer_with(act(*body));
  }

  [[nodiscard]] Reply store() const {
    views::JsonObject object;
    object.text("version", version())
        .text("store", options_.store_name)
        .text("engine", options_.is_on_aws ? "aws" : "sqlite")
        .flag("read_only", options_.read_only)
        .count("poll_ms", static_cast<std::uint64_t>(options_.look_interval.count()));
    return Json::from_valid_text(object.line());
  }

  /// However many scrape, the store is measured once an interval.
  [[nodiscard]] Answer measured() const {
    const std::scoped_lock lock(measure_mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (!measured_ || measured_->status != 200 || now - measured_at_ >= options_.look_interval) {
      measured_ = store_metrics(client_, options_);
      measured_at_ = std::chrono::steady_clock::now();
    }
    return *measured_;
  }

  [[nodiscard]] static Answer page(const Request& request) {
    if (request.method != "GET") return error_answer(405, {ErrorCode::invalid_argument, "the page is only read", {}});
    const auto file = page_file(request.path);
    if (!file) return error_answer({ErrorCode::not_found, "there is nothing at " + request.path, {}});
    return {.content_type = std::string(file->content_type),
            .body = std::string(file->text),
            .headers = {{"Content-Security-Policy", content_security_policy},
                        {"Referrer-Policy", "no-referrer"},
                        {"Cross-Origin-Opener-Policy", "same-origin"}}};
  }

  const Client client_;
  const Options options_;
  const std::shared_ptr<const ClusterReads> clusters_;
  const TaskReads tasks_;
  const Actions actions_;
  EventFeed events_;
  std::vector<Route> routes_;
  mutable std::mutex measure_mutex_;
  mutable std::optional<Answer> measured_;                       // guarded by measure_mutex_
  mutable std::chrono::steady_clock::time_point measured_at_{};  // guarded by measure_mutex_
};

}  // namespace

serve::Handler make_handler(Client client, Options options) {
  return [routes = std::make_shared<const Routes>(std::move(client), std::move(options))](const Request& request) {
    return routes->answer(request);
  };
}

}  // namespace fanfold::dashboard
