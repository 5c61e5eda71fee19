#include "cli/aws_metrics.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/pause.hpp"
#include "cli/remedy.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"
#include "dashboard/dashboard.hpp"
#include "serve/endpoint.hpp"
#include "serve/guard.hpp"

#include <fanfold/worker.hpp>

#include <fmt/format.h>

#include <optional>
#include <utility>

#include <sys/stat.h>

namespace fanfold::cli {
namespace {

constexpr std::chrono::milliseconds page_look_on_aws{5'000};  ///< Each look is up to a hundred reads there.

struct DashboardOptions {
  std::string listen = "8780";
  std::vector<std::string> host_names;
  bool read_only = false;
};

/// A file of the embedded engine as it was when it was opened. Who reads an open file does not see that its name is
/// another one's now.
class OpenedFile {
 public:
  explicit OpenedFile(std::string path) : path_(std::move(path)), identity_(identity()) {}

  [[nodiscard]] Result<void> check() const {
    if (identity_ == identity()) return {};
    return Error{
        ErrorCode::damaged, path_ + " was removed or replaced while it was open; start the dashboard again", {}};
  }

 private:
  using Identity = std::optional<std::pair<dev_t, ino_t>>;
  [[nodiscard]] Identity identity() const {
    struct stat found {};
    if (::stat(path_.c_str(), &found) != 0) return std::nullopt;
    return std::pair(found.st_dev, found.st_ino);
  }

  std::string path_;
  Identity identity_;
};

Error with_option(std::string_view option, Error error) {
  error.message.insert(0, std::string(option) + ": ");
  return error;
}

Result<Client> open_to_show(const Invocation& invocation, bool read_only, std::shared_ptr<aws::Usage> usage) {
  auto client = open_store(invocation.common, read_only ? StoreUse::read : StoreUse::write, std::move(usage));
  if (!client && client.error().code == ErrorCode::read_only) {
    Error error = std::move(client).error();
    error.message += "; --read-only shows it";
    return error;
  }
  return client;
}

fanfold::dashboard::Options shown_options(const Invocation& invocation, bool read_only,
                                          const std::shared_ptr<aws::Usage>& usage) {
  const CommonOptions& common = invocation.common;
  fanfold::dashboard::Options shown{.read_only = read_only, .phrase_remedy = as_commands};
  if (is_on_aws(common)) {
    shown.is_on_aws = true;
    shown.look_interval = page_look_on_aws;
    shown.write_process = [usage](metrics::PrometheusText& text) { write_aws_metrics(text, *usage); };
    shown.store_name = "aws, table " + (common.table.empty() ? std::string("fanfold") : common.table);
  } else {
    shown.store_name = common.store;
    shown.check_store = [file = OpenedFile(common.store)] { return file.check(); };
  }
  return shown;
}

Result<ExitCode> dashboard(const Invocation& invocation, const DashboardOptions& options) {
  auto endpoint = serve::parse_endpoint(options.listen);
  if (!endpoint) return with_option("--listen", std::move(endpoint).error());
  for (const std::string& name : options.host_names) {
    if (!serve::is_host_name(name))
      return Error{
          ErrorCode::invalid_argument, fmt::format("--host: '{}' is no name of a host: no scheme, no port", name), {}};
  }
  const auto usage = std::make_shared<aws::Usage>();  // Shared with the store.
  auto client = open_to_show(invocation, options.read_only, usage);
  if (!client) return std::move(client).error();
  const std::stop_token stop = stop_on_signals();
  const fanfold::dashboard::Options shown = shown_options(invocation, options.read_only, usage);
  auto server =
      serve::HttpServer::start({.address = endpoint->address, .port = endpoint->port, .host_names = options.host_names},
                               fanfold::dashboard::make_handler(*client, shown));
  if (!server) return with_option("--listen", std::move(server).error());
  if (!endpoint->is_loopback()) {
    note(fmt::format(
        "fanfold: whoever reaches {} may {}; there is no password. --host NAME lets it be called by a name",
        server->url(), options.read_only ? "read all of this store" : "read this store and steer its clusters"));
  }
  if (invocation.common.json)
    print_line(JsonObject().text("url", server->url()).flag("read_only", options.read_only).line());
  else
    print_line(fmt::format("{}: {}  (Ctrl-C ends it)", printable(shown.store_name, Newlines::escape), server->url()));
  flush_output();
  while (!stop.stop_requested()) pause_for(std::chrono::hours(1), stop);
  note("ending once what was asked is answered; a second Ctrl-C ends it at once");
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
