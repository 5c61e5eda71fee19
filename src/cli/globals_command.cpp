#include "cli/cluster_argument.hpp"
#include "cli/commands.hpp"
#include "cli/input_json.hpp"
#include "cli/output.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <sys/wait.h>
#include <unistd.h>

namespace fanfold::cli {
namespace {

struct GlobalsOptions {
  std::string cluster;
  std::string value;
};

Result<ExitCode> get(const Invocation& invocation, const GlobalsOptions& options) {
  auto client = open_store(invocation.common, StoreUse::read);
  if (!client) return std::move(client).error();
  auto header = find_cluster(*client, options.cluster);
  if (!header) return std::move(header).error();
  auto globals = client->get_cluster_globals(key_of(*header));
  if (!globals) return std::move(globals).error();
  print_line(globals->text());
  return ExitCode::ok;
}

Result<ExitCode> stored(const Invocation& invocation, const ClusterHeader& header, const GlobalsUpdate& update) {
  print_line(invocation.common.json
                 ? JsonObject().text("cluster", key_of(header).p_key).text("version", update.version).line()
                 : fmt::format("{}: globals stored, version {}", label_of(header), update.version));
  return ExitCode::ok;
}

Result<ExitCode> put(const Invocation& invocation, const GlobalsOptions& options) {
  auto value = json_argument("globals", options.value == "-" ? "@-" : options.value);
  if (!value) return std::move(value).error();
  auto client = open_store(invocation.common, StoreUse::write);
  if (!client) return std::move(client).error();
  auto header = find_cluster(*client, options.cluster);
  if (!header) return std::move(header).error();
  auto update = client->update_cluster_globals(key_of(*header), *value);
  if (!update) return std::move(update).error();
  return stored(invocation, *header, *update);
}

/// A file of its own with `text`, for an editor.
Result<std::filesystem::path> write_draft(const std::string& text) {
  std::error_code unused;
  std::string name = (std::filesystem::temp_directory_path(unused) / "fanfold-globals-XXXXXX.json").string();
  const int descriptor = mkstemps(name.data(), 5);
  if (descriptor < 0) return Error{ErrorCode::unavailable, fmt::format("{}: {}", name, std::strerror(errno)), {}};
  ::close(descriptor);
  std::ofstream(name) << text << '\n';
  return std::filesystem::path(name);
}

/// Runs the user's editor; as everywhere, $VISUAL and $EDITOR may hold arguments.
Result<void> run_editor(const std::filesystem::path& file) {
  const char* visual = std::getenv("VISUAL");
  const char* editor = visual != nullptr && *visual != '\0' ? visual : std::getenv("EDITOR");
  const std::string command = fmt::format("{} \"$1\"", editor != nullptr && *editor != '\0' ? editor : "vi");
  const pid_t child = fork();
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", command.c_str(), "sh", file.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
    return Error{ErrorCode::invalid_argument, "the editor failed; nothing was stored", {}};
  }
  return {};
}

Result<ExitCode> edit(const Invocation& invocation, const GlobalsOptions& options) {
  auto client = open_store(invocation.common, StoreUse::write);
  if (!client) return std::move(client).error();
  auto header = find_cluster(*client, options.cluster);
  if (!header) return std::move(header).error();
  auto before = client->get_cluster_globals(key_of(*header));
  if (!before && before.error().code != ErrorCode::not_found) return std::move(before).error();
  auto draft = write_draft(before ? before->text() : "null");
  if (!draft) return std::move(draft).error();
  if (auto edited = run_editor(*draft); !edited) return edited.error();
  auto after = json_argument("globals", "@" + draft->string());
  if (!after) return std::move(after).error();
  // Only what was edited is replaced: an update by somebody else in between must not be lost.
  auto update =
      client->core()->update_globals(key_of(*header), [&](const std::optional<Json>& current) -> Result<Json> {
        const bool unchanged = before ? current && current->text() == before->text() : !current.has_value();
        if (unchanged) return *after;
        return Error{ErrorCode::conflict,
                     fmt::format("the globals were changed meanwhile; nothing was stored, the edited text is in {}",
                                 draft->string()),
                     {}};
      });
  if (!update) return std::move(update).error();
  std::error_code unused;
  std::filesystem::remove(*draft, unused);
  return stored(invocation, *header, *update);
}

}  // namespace

void add_globals_command(Command app, Invocation& invocation) {
  Command globals = app.group("globals", "Read and change the data that all tasks of a cluster share");
  auto get_command = add_command<GlobalsOptions>(globals, invocation, "get", "Print a cluster's globals",
                                                 "fanfold globals get photos", get);
  add_cluster_argument(get_command.app, get_command.options.cluster);

  auto put_command = add_command<GlobalsOptions>(globals, invocation, "put", "Replace a cluster's globals",
                                                 "fanfold globals put photos '{\"width\":200}'", put);
  add_cluster_argument(put_command.app, put_command.options.cluster);
  put_command.app.option("value", put_command.options.value, "JSON, @FILE, or - for standard input",
                         {.value = "JSON", .required = true});

  auto edit_command = add_command<GlobalsOptions>(
      globals, invocation, "edit",
      "Change a cluster's globals in an editor; refused where somebody else changed them meanwhile",
      "fanfold globals edit photos", edit);
  add_cluster_argument(edit_command.app, edit_command.options.cluster);
}

}  // namespace fanfold::cli
