#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/store.hpp"

#include <fmt/format.h>

namespace fanfold::cli {
namespace {

struct BackupOptions {
  std::string target;
};

Result<ExitCode> backup(const Invocation& invocation, const BackupOptions& options) {
  auto store = embedded_store(invocation.common, StoreUse::read,
                              "on AWS, point-in-time recovery of the table and versioning of the bucket keep copies");
  if (!store) return std::move(store).error();
  std::error_code unused;
  const auto folder = std::filesystem::absolute(options.target, unused).parent_path();
  if (!std::filesystem::is_directory(folder, unused))
    return Error{ErrorCode::not_found, fmt::format("there is no folder '{}'", folder.string()), {}};
  if (auto copied = sqlite::backup(*store, options.target); !copied) return copied.error();
  const auto bytes = std::filesystem::file_size(options.target, unused);
  print_line(invocation.common.json ? JsonObject().text("file", options.target).count("bytes", bytes).line()
                                    : fmt::format("{}: {:.1f} MB", options.target, static_cast<double>(bytes) / 1e6));
  return ExitCode::ok;
}

}  // namespace

void add_backup_command(Command app, Invocation& invocation) {
  auto command =
      add_command<BackupOptions>(app, invocation, "backup", "Copy the store consistently while others work on it",
                                 "fanfold backup monday.db", backup);
  command.app.option("target", command.options.target, "The file to make; it must not be there yet",
                     {.value = "FILE", .required = true});
}

}  // namespace fanfold::cli
