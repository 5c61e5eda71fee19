#pragma once

#include "dashboard/dashboard.hpp"
#include "engine/world_for_tests.hpp"

namespace fanfold::dashboard {

/// A store in memory behind a dashboard, asked without a socket.
struct Scene {
  explicit Scene(bool read_only = false)
      : handler(make_handler(*world.client, {.store_name = "jobs",
                                             .read_only = read_only,
                                             .look_interval = std::chrono::milliseconds(0),
                                             .phrase_remedy = {},
                                             .now = [this] { return world.store.clock().now(); }})) {}

  serve::Answer get(const std::string& path, std::multimap<std::string, std::string> query = {}) {
    return handler({.method = "GET", .path = path, .query = std::move(query), .headers = {}, .body = {}});
  }
  serve::Answer post(const std::string& path, const std::string& body = "{}") {
    return handler({.method = "POST",
                    .path = path,
                    .query = {},
                    .headers = {{"x-fanfold", "1"}, {"content-type", "application/json"}},
                    .body = body});
  }
  /// Handles what is in the queue, failing each task whose body is `bad`.
  void handle_all(const std::string& bad = "\"bad\"") {
    const Handlers handlers = engine::messages([&](const Message<Json>& message, const Context&) {
      return message.body.text() == bad ? fail("bad luck") : done(message.body);
    });
    while (!world.process(handlers, {.attempts = {.attempts_max = 1}}).batch_item_failures.empty() ||
           world.counts().visible_count > 0) {
    }
  }
  Cluster create(const std::vector<std::string>& bodies, ClusterOptions options = {}) {
    return world.client->create_message_cluster(world.queue, bodies, std::move(options)).value();
  }

  engine::World world;
  serve::Handler handler;
};

[[nodiscard]] inline bool has(const serve::Answer& answer, std::string_view text) {
  return answer.body.find(text) != std::string::npos;
}
/// "/api/clusters/ID" and what follows.
[[nodiscard]] inline std::string path_of(const Cluster& cluster, std::string_view rest = "") {
  return "/api/clusters/" + cluster.key.p_key.substr(key_prefix.size()) + std::string(rest);
}

}  // namespace fanfold::dashboard
