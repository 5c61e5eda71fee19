#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/remedy.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"
#include "dashboard/dashboard.hpp"
#include "serve/endpoint.hpp"

#include <fanfold/worker.hpp>

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>

namespace fanfold::cli {
namespace {

constexpr std::chrono::milliseconds look_interval_on_aws{5'000};  ///< Each look is up to a hundred reads there.

struct DashboardOptions {
  std::string listen = "8780";
  std::vector<std::string> host_names;
  bool read_only = false;
};

void wait_for(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, stop, [] { return false; });
}

Result<ExitCode> dashboard(const Invocation& invocation, const DashboardOptions& options) {
  auto endpoint = serve::parse_endpoint(options.listen);
  if (!endpoint) return Error{endpoint.error().code, "--listen: " + endpoint.error().message, {}};
  auto client = open_store(invocation.common, options.read_only ? StoreUse::read : StoreUse::write);
  if (!client) return std::move(client).error();
  const bool is_aws = is_on_aws(invocation.common);
  const std::string store_name =
      is_aws ? fmt::format("aws, table {}", invocation.common.table) : invocation.common.store;
  fanfold::dashboard::Options shown{
      .store_name = store_name, .is_on_aws = is_aws, .read_only = options.read_only, .phrase_remedy = as_commands};
  if (is_aws) shown.look_interval = look_interval_on_aws;
  const std::stop_token stop = stop_on_signals();
  auto server =
      serve::HttpServer::start({.address = endpoint->address, .port = endpoint->port, .host_names = options.host_names},
                               fanfold::dashboard::make_handler(*client, std::move(shown)));
  if (!server) return std::move(server).error();
  if (!endpoint->is_loopback()) {
    note(fmt::format("fanfold: whoever reaches {} may {}; there is no password", server->url(),
                     options.read_only ? "read all of this store" : "read this store and steer its clusters"));
  }
  if (invocation.common.json)
    print_line(JsonObject().text("url", server->url()).flag("read_only", options.read_only).line());
  else
    print_line(fmt::format("{}: {}  (Ctrl-C ends it)", printable(store_name, Newlines::escape), server->url()));
  flush_output();
  wait_for(stop);
  return ExitCode::ok;
}

}  // namespace

void add_dashboard_command(Command app, Invocation& invocation) {
  auto command = add_command<DashboardOptions>(
      app, invocation, "dashboard",
      "Show the store's clusters, tasks and queues in a web browser, and steer them there",
      "fanfold dashboard --listen 8780", dashboard);
  command.app.option(
      "--listen", command.options.listen,
      "Where browsers reach it; only this machine's do, unless an address says otherwise. Port 0 is any free one",
      {.value = "[ADDRESS:]PORT", .show_default = true});
  command.app.option("--host", command.options.host_names,
                     "A name by which browsers may call it besides localhost and its address; again for several",
                     {.value = "NAME"});
  command.app.flag("--read-only", command.options.read_only, "Only show: no button changes anything");
}

}  // namespace fanfold::cli
