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
  if (!globals && globals.error().code == ErrorCode::not_found)
    return Error{ErrorCode::not_found, fmt::format("{} has no globals", label_of(*header)), {}};
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

/// The text that is being edited, in a file of its own. Removed at the end, unless it holds what would be lost.
class Draft {
 public:
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  Draft(Draft&& other) noexcept : file_(std::exchange(other.file_, {})) {}
  ~Draft() {
    std::error_code unused;
    if (!file_.empty()) std::filesystem::remove(file_, unused);
  }

  static Result<Draft> make(const std::string& text) {
    std::error_code unused;
    std::string name = (std::filesystem::temp_directory_path(unused) / "fanfold-globals-XXXXXX.json").string();
    const int descriptor = mkstemps(name.data(), 5);
    if (descriptor < 0) return Error{ErrorCode::unavailable, fmt::format("{}: {}", name, std::strerror(errno)), {}};
    ::close(descriptor);
    Draft draft(name);
    if (!(std::ofstream(name) << text << '\n').flush())
      return Error{ErrorCode::disk_full, fmt::format("{} cannot be written; nothing was stored", name), {}};
    return draft;
  }

  [[nodiscard]] const std::filesystem::path& file() const { return file_; }
  /// Leaves the file to the user: `error` with where it is.
  Error kept(Error error) {
    error.message += fmt::format("; nothing was stored, your text is in {}", file_.string());
    file_.clear();
    return error;
  }

 private:
  explicit Draft(std::filesystem::path file) : file_(std::move(file)) {}
  std::filesystem::path file_;
};

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
  if (child >= 0 && waitpid(child, &status, 0) == child && status == 0) return {};
  return Error{
      ErrorCode::invalid_argument, fmt::format("the editor failed ({})", command.substr(0, command.size() - 5)), {}};
}

/// Stores `after` where the globals are still `before`: an update by somebody else in between must not be lost.
Result<GlobalsUpdate> replace_globals(const Client& client, const MessageKey& key, const Result<Json>& before,
                                      const Json& after) {
  return client.core()->update_globals(key, [&](const std::optional<Json>& current) -> Result<Json> {
    const bool unchanged = before ? current && current->text() == before->text() : !current.has_value();
    if (unchanged) return after;
    return Error{ErrorCode::conflict, "the globals were changed meanwhile", {}};
  });
}

Result<ExitCode> edit(const Invocation& invocation, const GlobalsOptions& options) {
  auto client = open_store(invocation.common, StoreUse::write);
  if (!client) return std::move(client).error();
  auto header = find_cluster(*client, options.cluster);
  if (!header) return std::move(header).error();
  auto before = client->get_cluster_globals(key_of(*header));
  if (!before && before.error().code != ErrorCode::not_found) return std::move(before).error();
  const std::string text = before ? before->text() : "null";
  auto draft = Draft::make(text);
  if (!draft) return std::move(draft).error();
  const auto edited = run_editor(draft->file());
  auto written = read_whole(draft->file().string());
  if (!written) return draft->kept(std::move(written).error());
  const bool is_changed = *written != text + "\n" && *written != text;
  if (!edited)
    return is_changed ? draft->kept(edited.error())
                      : Error{edited.error().code, edited.error().message + "; nothing was stored", {}};
  if (!is_changed) {
    note(fmt::format("{}: unchanged; nothing was stored", label_of(*header)));
    if (invocation.common.json)
      print_line(JsonObject().text("cluster", key_of(*header).p_key).flag("changed", false).line());
    return ExitCode::ok;
  }
  auto after = Json::parse(*written);
  if (!after) return draft->kept({ErrorCode::bad_input, "globals: " + after.error().message, {}});
  auto update = replace_globals(*client, key_of(*header), before, *after);
  if (!update) return draft->kept(std::move(update).error());
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
