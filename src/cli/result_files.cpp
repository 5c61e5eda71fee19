#include "cli/result_files.hpp"

#include "support/identifier.hpp"

#include <fanfold/ports/ledger.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fanfold::cli {
namespace {

constexpr std::string_view temporary_prefix = ".fanfold-";
constexpr std::string_view temporary_suffix = ".tmp";
constexpr const char* list_name = ".fanfold-list";            // In the folder, and in that of files put aside.
constexpr const char* aside_name = ".fanfold-former";         // Holds the files of the list that was there before.
constexpr const char* unsettled_name = ".fanfold-unsettled";  // Holds the id of the boot in which results were written.
constexpr std::string_view kept_prefix = "former-";  // And the id of a list: those of its files that no other took.
constexpr std::size_t owner_bytes_max = 4096;
constexpr std::size_t name_bytes_max = 1024;

Error file_error(const std::filesystem::path& path, int number) {
  const ErrorCode code = number == ENOSPC || number == EDQUOT                     ? ErrorCode::disk_full
                         : number == EACCES || number == EPERM || number == EROFS ? ErrorCode::permission_denied
                                                                                  : ErrorCode::unavailable;
  return {code, fmt::format("{}: {}", path.string(), std::strerror(number)), {}};
}

bool is_temporary(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with(temporary_prefix) && name.ends_with(temporary_suffix);
}

/// Of the attempt that prints into such a file; 0 where that is not said.
std::uint32_t round_of(const std::filesystem::path& temporary) {
  const std::string name = temporary.filename().string();
  const std::size_t dash = name.find('-', temporary_prefix.size());
  return dash == std::string::npos ? 0 : static_cast<std::uint32_t>(std::strtoul(name.c_str() + dash + 1, nullptr, 10));
}

std::filesystem::path temporary_of(const std::filesystem::path& folder, const ResultAttempt& attempt) {
  return folder /
         fmt::format("{}{}-{}-{}{}", temporary_prefix, attempt.index, attempt.round, attempt.attempt, temporary_suffix);
}

bool is_result(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  return !name.empty() && name.find_first_not_of("0123456789") == std::string::npos;
}

/// What stands in a small file, a line each: list, job, name. Empty where there is none.
ResultOwner read_owner(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return {};
  std::string text(owner_bytes_max, '\0');
  const ssize_t count = pread(descriptor, text.data(), text.size(), 0);
  ::close(descriptor);
  text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  ResultOwner owner;
  std::string* const lines[] = {&owner.list, &owner.job, &owner.name};
  std::size_t at = 0;
  for (std::string* const line : lines) {
    const std::size_t end = line == &owner.name ? text.size() : std::min(text.find('\n', at), text.size());
    *line = text.substr(at, end - at);
    at = std::min(end + 1, text.size());
  }
  return owner;
}

/// It is on the disk before anything that it names is written. Not truncated before it is written: cut off, the file
/// names one of both, at worst with a name for people that has the other's end.
Result<void> write_owner(int descriptor, const std::filesystem::path& path, const ResultOwner& owner) {
  const std::string text = fmt::format("{}\n{}\n{}", owner.list, owner.job, owner.name.substr(0, name_bytes_max));
  const ssize_t count = pwrite(descriptor, text.data(), text.size(), 0);
  if (count < 0) return file_error(path, errno);
  if (static_cast<std::size_t>(count) < text.size()) return file_error(path, ENOSPC);
  if (ftruncate(descriptor, count) != 0 || ::fsync(descriptor) != 0) return file_error(path, errno);
  return {};
}

/// Blocks until the names in a folder are on the disk.
Result<void> sync_names(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return file_error(folder, errno);
  const int number = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  if (number != 0 && number != EINVAL) return file_error(folder, number);  // EINVAL: such a file system has no need.
  return {};
}

/// Of the machine, from one start to the next; empty where it is not said.
std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

/// Whether the machine went down before the folder was settled.
bool was_cut_off(const std::filesystem::path& folder) {
  std::ifstream file(folder / unsettled_name);
  if (!file.is_open()) return false;
  std::string written_in;
  std::getline(file, written_in);
  return written_in.empty() || written_in != boot_id();
}

/// Whether it is marked, in whichever boot.
bool is_unsettled(const std::filesystem::path& folder) {
  std::error_code unused;
  return std::filesystem::exists(folder / unsettled_name, unused);
}

/// Until the mark is removed, a power cut may take what is written into the folder.
Result<void> mark_unsettled(const std::filesystem::path& folder) {
  const std::filesystem::path name = folder / unsettled_name;
  const int descriptor = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) return file_error(name, errno);
  const std::string id = boot_id();
  errno = 0;  // A short write sets none.
  const bool is_written =
      ::pwrite(descriptor, id.data(), id.size(), 0) == static_cast<ssize_t>(id.size()) && ::fsync(descriptor) == 0;
  const int number = errno == 0 ? ENOSPC : errno;
  ::close(descriptor);
  if (!is_written) return file_error(name, number);
  return sync_names(folder);
}

/// The results in a folder, by their paths; none where it cannot be read.
std::vector<std::filesystem::path> results_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> results;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failure)) {
    if (is_result(entry.path())) results.push_back(entry.path());
  }
  return results;
}

/// Where files of a list are kept that no other list took over.
std::filesystem::path kept_folder(const std::filesystem::path& folder, std::string_view list) {
  std::string id(list.substr(list.find('$') == std::string_view::npos ? 0 : list.find('$') + 1));
  std::ranges::replace(id, '/', '-');
  return folder / (std::string(kept_prefix) + id);
}

/// A file that is there already is newer, and stays.
Result<void> move_results(const std::filesystem::path& from, const std::filesystem::path& to) {
  for (const auto& path : results_in(from)) {
    const std::filesystem::path target = to / path.filename();
    std::error_code unused;
    if (std::filesystem::exists(target, unused)) continue;
    if (::rename(path.c_str(), target.c_str()) != 0 && errno != ENOENT) return file_error(target, errno);
  }
  return {};
}

/// What is still aside goes where its list finds it again.
Result<ResultFolder::Kept> keep_aside(const std::filesystem::path& folder, const std::string& former) {
  const std::filesystem::path aside = folder / aside_name;
  ResultFolder::Kept kept{kept_folder(folder, former), results_in(aside).size()};
  std::error_code failure;
  if (kept.count > 0) {
    std::filesystem::create_directories(kept.folder, failure);
    if (failure) return file_error(kept.folder, failure.value());
    for (const auto& path : results_in(aside)) {
      const std::filesystem::path target = kept.folder / path.filename();
      if (::rename(path.c_str(), target.c_str()) != 0) return file_error(target, errno);
    }
  }
  std::filesystem::remove_all(aside, failure);
  if (failure) return file_error(aside, failure.value());
  return kept;
}

/// Cut off in between, it goes on: the list's name goes first, and the folder has its own until all are aside.
Result<void> put_aside(const std::filesystem::path& folder, const ResultOwner& former) {
  const std::filesystem::path aside = folder / aside_name;
  // Of a list whose start was cut off before it took them over.
  if (const std::string older = read_owner(aside / list_name).list; !older.empty() && older != former.list) {
    if (auto kept = keep_aside(folder, older); !kept) return std::move(kept).error();
  }
  std::error_code failure;
  std::filesystem::create_directories(aside, failure);
  const int descriptor = ::open((aside / list_name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) return file_error(aside, errno);
  auto named = write_owner(descriptor, aside / list_name, former);
  ::close(descriptor);
  if (!named) return named;
  for (const auto& path : results_in(folder)) {
    if (::rename(path.c_str(), (aside / path.filename()).c_str()) != 0) return file_error(path, errno);
  }
  return {};
}

/// Why a folder cannot be `owner`'s; empty where it can.
std::string why_not(const std::filesystem::path& folder, const ResultOwner& there, const ResultOwner& owner) {
  if (there.list == owner.list) return "";
  auto results = results_in(folder);
  if (there.list.empty()) {
    if (results.empty()) return "";
    return fmt::format("has a file {} that is no result of this; name another folder, or remove it",
                       results.front().filename().string());
  }
  if (there.job == owner.job) return "";
  std::ranges::move(results_in(folder / aside_name), std::back_inserter(results));
  if (results.empty()) return "";
  const std::string whose = there.job.empty()          ? fmt::format("of the cluster {}", there.list)
                            : there.name == owner.name ? fmt::format("of a job {} that ran another program", there.name)
                                                       : fmt::format("of the job {}", there.name);
  return fmt::format("holds the results {}; name another folder, or move them away", whose);
}

}  // namespace

Result<void> make_result_folder(const std::filesystem::path& folder) {
  if (folder.empty()) return {};
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  const int number = failure.value();
  if (number == ENOTDIR || number == EEXIST)
    return Error{ErrorCode::invalid_argument, fmt::format("--results: {} is no folder", folder.string()), {}};
  if (failure) return file_error(folder, failure.value());
  return {};
}

ResultFolder::ResultFolder(ResultFolder&& other) noexcept
    : lock_(std::exchange(other.lock_, -1)),
      folder_(std::move(other.folder_)),
      list_(std::move(other.list_)),
      former_(std::move(other.former_)),
      is_marked_(other.is_marked_) {}

ResultFolder& ResultFolder::operator=(ResultFolder&& other) noexcept {
  std::swap(lock_, other.lock_);
  folder_ = std::move(other.folder_);
  list_ = std::move(other.list_);
  former_ = std::move(other.former_);
  is_marked_ = other.is_marked_;
  return *this;
}

ResultFolder::~ResultFolder() {
  if (lock_ >= 0) ::close(lock_);
}

Result<ResultFolder> ResultFolder::open(const std::filesystem::path& folder, const ResultOwner& owner,
                                        const Repair& repair) {
  const auto refuse = [&](std::string_view why) {
    return Error{ErrorCode::invalid_argument, fmt::format("--results: {} {}", folder.string(), why), {}};
  };
  ResultFolder held;
  held.folder_ = folder;
  held.list_ = owner.list;
  const std::filesystem::path name = folder / list_name;
  held.lock_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (held.lock_ < 0) return file_error(name, errno);
  if (flock(held.lock_, LOCK_EX | LOCK_NB) == 0) {
    const ResultOwner there = read_owner(name);
    if (const std::string why = why_not(folder, there, owner); !why.empty()) {
      if (there.list.empty()) ::unlink(name.c_str());
      return refuse(why);
    }
    if (!there.list.empty() && there.list != owner.list) {
      if (auto settled = held.settle_former(there.list, repair); !settled) return std::move(settled).error();
      if (auto done = put_aside(folder, there); !done) return std::move(done).error();
    }
    if (there.list != owner.list || there.job.empty()) {
      if (auto written = write_owner(held.lock_, name, owner); !written) return std::move(written).error();
    }
  }
  // Another run may be between its two locks.
  if (flock(held.lock_, LOCK_SH) != 0) return file_error(name, errno);
  if (read_owner(name).list != owner.list) return refuse("is written to by a run with another list now");
  held.former_ = read_owner(folder / aside_name / list_name).list;
  // Also where another start had it alone: that one may have failed before it was whole. Tasks end while this goes on,
  // with their files in place.
  const bool was_cut = was_cut_off(folder);
  if (was_cut) {
    if (auto repaired = repair(owner.list); !repaired) return std::move(repaired).error();
  }
  if (was_cut || !held.former_.empty()) {
    if (auto marked = held.mark(); !marked) return std::move(marked).error();
  }
  return held;
}

/// What the mark says of a list's files is lost with their move: whole first, and on the disk.
Result<void> ResultFolder::settle_former(const std::string& list, const Repair& repair) const {
  if (was_cut_off(folder_)) {
    if (auto repaired = repair(list); !repaired) return repaired;
  }
  if (is_unsettled(folder_) && ::syncfs(lock_) != 0) return file_error(folder_, errno);
  return mark_unsettled(folder_);
}

Result<void> ResultFolder::mark() {
  if (is_marked_) return {};
  auto marked = mark_unsettled(folder_);
  is_marked_ = marked.has_value();
  return marked;
}

Result<void> ResultFolder::restore(std::uint64_t index, std::string_view bytes) {
  if (auto marked = mark(); !marked) return marked;
  return restore_result(folder_, index, bytes);
}

Result<ResultFolder::Kept> ResultFolder::adopt(const std::vector<Move>& moves) const {
  if (former_.empty()) return Kept{};
  const std::filesystem::path aside = folder_ / aside_name;
  for (const Move& move : moves) {
    const std::filesystem::path from = aside / std::to_string(move.former_index);
    const std::filesystem::path to = folder_ / std::to_string(move.index);
    if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) return file_error(to, errno);
  }
  const std::filesystem::path own = kept_folder(folder_, list_);
  if (auto moved = move_results(own, folder_); !moved) return std::move(moved).error();
  ::rmdir(own.c_str());
  return keep_aside(folder_, former_);
}

Result<void> ResultFolder::settle() const {
  // Alone first, so that nothing is written behind the sync whose mark is removed.
  const bool is_alone = flock(lock_, LOCK_EX | LOCK_NB) == 0;
  // A mark that is not ours: of a start that was killed, or goes on. What it has written is told as complete, too.
  if ((is_marked_ || is_unsettled(folder_)) && ::syncfs(lock_) != 0) return file_error(folder_, errno);
  if (is_alone) ::unlink((folder_ / unsettled_name).c_str());
  flock(lock_, LOCK_UN);
  return {};
}

ResultFile::ResultFile(int descriptor, std::filesystem::path temporary, std::filesystem::path final_name)
    : descriptor_(descriptor), temporary_(std::move(temporary)), final_(std::move(final_name)) {}

ResultFile::ResultFile(ResultFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      temporary_(std::move(other.temporary_)),
      final_(std::move(other.final_)),
      kept_(other.kept_) {}

ResultFile::~ResultFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!kept_) ::unlink(temporary_.c_str());
}

Result<ResultFile> ResultFile::create(std::filesystem::path temporary, std::filesystem::path final_name, int flags) {
  const int descriptor = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | flags, 0666);
  if (descriptor < 0) return file_error(temporary, errno);
  return ResultFile(descriptor, std::move(temporary), std::move(final_name));
}

Result<ResultFile> ResultFile::open(const std::filesystem::path& folder, const ResultAttempt& attempt) {
  ResultAttempt earlier = attempt;
  for (earlier.attempt = 1; earlier.attempt < attempt.attempt; ++earlier.attempt)
    ::unlink(temporary_of(folder, earlier).c_str());
  return create(temporary_of(folder, attempt), folder / std::to_string(attempt.index), O_TRUNC);
}

Result<void> ResultFile::keep(Safety safety) {
  if (safety == Safety::now && ::fsync(descriptor_) != 0) return file_error(final_, errno);
  if (::rename(temporary_.c_str(), final_.c_str()) != 0) {
    if (errno != ENOENT) return file_error(final_, errno);
    return Error{ErrorCode::not_found, fmt::format("{}: a later attempt has begun", final_.string()), {}};
  }
  kept_ = true;
  return safety == Safety::now ? sync_names(final_.parent_path()) : Result<void>();
}

void ResultFile::show(ChildEnd& end) const {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) return;
  const auto size = static_cast<std::size_t>(status.st_size);
  std::string head(std::min(size, output_bytes_max), '\0');
  const ssize_t count = pread(descriptor_, head.data(), head.size(), 0);
  head.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  end.standard_output_bytes = size;
  head += end.output.substr(0, output_bytes_max - head.size());
  end.dropped_bytes += size + end.output.size() - head.size();
  end.standard_output = head.substr(0, std::min(size, output_bytes_max));
  end.output = std::move(head);
}

Result<void> restore_result(const std::filesystem::path& folder, std::uint64_t index, std::string_view bytes) {
  constexpr int try_count = 3;  // Another start that ends the job at this moment removes what is not finished.
  Result<void> kept;
  for (int count = 0; count < try_count; ++count) {
    // Its own: on a folder of several machines or containers, process numbers are not.
    const std::string temporary =
        fmt::format("{}{}-restored-{:016x}{}", temporary_prefix, index, random_bits(), temporary_suffix);
    auto file = ResultFile::create(folder / temporary, folder / std::to_string(index), O_EXCL);
    if (!file) return std::move(file).error();
    for (std::string_view left = bytes; !left.empty();) {
      const ssize_t written = ::write(file->descriptor(), left.data(), left.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return file_error(folder / std::to_string(index), errno);
      left.remove_prefix(static_cast<std::size_t>(written));
    }
    kept = file->keep(ResultFile::Safety::later);
    if (kept || kept.error().code != ErrorCode::not_found) break;
  }
  return kept;
}

bool has_result(const std::filesystem::path& folder, std::uint64_t index) { return has_result_of(folder, index, 0); }

bool has_result_of(const std::filesystem::path& folder, std::uint64_t index, std::uint64_t bytes) {
  std::error_code failure;
  const auto size = std::filesystem::file_size(folder / std::to_string(index), failure);
  return !failure && size >= bytes;
}

void remove_unfinished_results(const std::filesystem::path& folder, std::uint32_t round_end) {
  std::error_code unused;
  for (const auto& entry : std::filesystem::directory_iterator(folder, unused)) {
    if (is_temporary(entry.path()) && round_of(entry.path()) < round_end) std::filesystem::remove(entry.path(), unused);
  }
}

}  // namespace fanfold::cli
