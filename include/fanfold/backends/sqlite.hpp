#pragma once

#include <fanfold/client.hpp>

#include <filesystem>
#include <functional>

namespace fanfold::sqlite {

enum class Durability : std::uint8_t {
  full,   ///< An acknowledged write survives a power cut.
  normal  ///< It survives the death of every process; a power cut may take the newest writes, never the middle.
};

struct Options {
  std::filesystem::path file = "fanfold.db";  ///< Made where it is missing; its folder must be there. Beside it:
                                              ///< `-wal`, `-shm` and fanfold's lock files.
  Durability durability = Durability::full;
  std::chrono::milliseconds lock_wait_max{
      30'000};             ///< A write waits so long for other processes, then fails with unavailable.
  bool read_only = false;  ///< Looks only; works on files that cannot be written.
  /// Told, at most once a minute, what an operator should know and no call can answer: somebody's read has kept the WAL
  /// from shrinking for over 10 s. Runs in whichever thread writes.
  std::function<void(const std::string&)> warn{};
};

/// Opens the embedded engine: one SQLite file, no server, any number of processes.
/// Errors: damaged (not a database, corrupt, made by something else), unsupported_version (newer schema), read_only,
/// disk_full, permission_denied, unavailable (network file systems are refused).
[[nodiscard]] Result<Client> open(const Options& options);
[[nodiscard]] Result<Backend> open_backend(const Options& options);

/// Copies a live file, consistently. Errors: already_exists; those of open.
Result<void> backup(const Options& source, const std::filesystem::path& target);

struct PruneReport {
  std::uint64_t cluster_count = 0;
  std::uint64_t message_count = 0;
  std::uint64_t creation_count = 0;  ///< Of clusters whose payloads are there and which nobody went on to create.
  std::uint64_t freed_bytes = 0;     ///< That the file is smaller now: also what was deleted before made room for it.
};
/// Removes finished clusters and ended messages that ended before `ended_before` or are expired, and what was left by
/// creations of clusters that were cut off before it, and over 7 days ago; gives the room back.
Result<PruneReport> prune(const Options& options, Time ended_before);

}  // namespace fanfold::sqlite
