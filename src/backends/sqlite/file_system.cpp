#include "backends/sqlite/file_system.hpp"

#include "backends/sqlite/file_lock.hpp"

#include <atomic>
#include <cerrno>

#include <fcntl.h>
#include <pthread.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace fanfold::sqlite {

namespace {

/// Names of file systems that are on another machine, by the magic numbers of statfs(2). Empty for all others.
std::string_view network_name(std::uint64_t magic) noexcept {
  switch (magic) {
    case 0x6969: return "NFS";
    case 0x517b: return "SMB";
    case 0xff534d42: return "CIFS";
    case 0xfe534d42: return "SMB2";
    case 0x01021997: return "9P";
    case 0x0bd00bd0: return "Lustre";
    case 0x00c36400: return "Ceph";
    case 0x5346414f: return "AFS";
    case 0x73757245: return "Coda";
    case 0x7461636f: return "OCFS2";
    case 0x01161970: return "GFS2";
    default: return {};
  }
}

// Of this process; a child of fork() begins with none of its own.
std::atomic<std::size_t> open_connections{0};
std::atomic<bool> inherits_connections{false};

}  // namespace

Result<void> check_place(const std::filesystem::path& file, bool may_create) {
  if (file.empty() || !file.has_filename())
    return Error{ErrorCode::invalid_argument, "the store's file has no name", {}};
  std::error_code code;
  if (std::filesystem::is_directory(file, code))
    return Error{ErrorCode::invalid_argument, file.string() + " is a folder, not a file", {}};
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  struct statfs system {};
  if (::statfs(folder.c_str(), &system) != 0) return error_of_errno(errno, "looking at " + folder.string());
  const std::string_view name = network_name(static_cast<std::uint64_t>(system.f_type) & 0xffff'ffffU);
  if (!name.empty()) {
    return Error{ErrorCode::unavailable,
                 folder.string() + " is on a network file system (" + std::string(name) +
                     "), where locks do not hold: use a local disk",
                 {}};
  }
  if (std::filesystem::exists(file, code)) {
    const auto name_count = may_create ? std::filesystem::hard_link_count(file, code) : 1;
    if (code || name_count <= 1) return {};
    return Error{ErrorCode::invalid_argument,
                 file.string() + " has " + std::to_string(name_count) +
                     " names (hard links), and processes that use different ones would destroy each other's work: "
                     "remove the others, or copy the file (fanfold backup)",
                 {}};
  }
  if (!may_create) return Error{ErrorCode::not_found, "there is no store at " + file.string(), {}};
  if (::access(folder.c_str(), W_OK) != 0) return error_of_errno(errno, "making a store in " + folder.string());
  return {};
}

void make_by_umask(const std::filesystem::path& file) noexcept {
  const int made = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (made >= 0) ::close(made);
}

std::int64_t process_number() noexcept { return ::getpid(); }

OpenConnection::OpenConnection() noexcept : fork_count_(support::fork_count()) {
  static const int registered = ::pthread_atfork(nullptr, nullptr, [] {
    if (open_connections.exchange(0) > 0) inherits_connections.store(true);
  });
  static_cast<void>(registered);
  open_connections.fetch_add(1);
}

OpenConnection::~OpenConnection() {
  if (!is_a_parents()) open_connections.fetch_sub(1);
}

bool inherited_a_connection() noexcept { return inherits_connections.load(); }

Error forked_while_open() {
  return {ErrorCode::invalid_argument,
          "this process was forked while a store was open: fork before it is opened, or close it first",
          {}};
}

}  // namespace fanfold::sqlite
