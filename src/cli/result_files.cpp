#include "cli/result_files.hpp"

#include <fanfold/ports/ledger.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fanfold::cli {
namespace {

constexpr std::string_view temporary_prefix = ".fanfold-";
constexpr std::string_view temporary_suffix = ".tmp";

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

Result<ResultFile> ResultFile::open(const std::filesystem::path& folder, std::uint64_t index, std::uint32_t attempt) {
  std::filesystem::path temporary =
      folder / fmt::format("{}{}-{}{}", temporary_prefix, index, attempt, temporary_suffix);
  const int descriptor = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return file_error(temporary, errno);
  return ResultFile(descriptor, std::move(temporary), folder / std::to_string(index));
}

Result<void> ResultFile::keep() {
  if (::rename(temporary_.c_str(), final_.c_str()) != 0) return file_error(final_, errno);
  kept_ = true;
  return {};
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
  auto file = ResultFile::open(folder, index, 0);
  if (!file) return std::move(file).error();
  while (!bytes.empty()) {
    const ssize_t count = ::write(file->descriptor(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error(folder / std::to_string(index), errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return file->keep();
}

bool has_result(const std::filesystem::path& folder, std::uint64_t index) {
  std::error_code unused;
  return std::filesystem::exists(folder / std::to_string(index), unused);
}

void remove_unfinished_results(const std::filesystem::path& folder) {
  std::error_code unused;
  for (const auto& entry : std::filesystem::directory_iterator(folder, unused)) {
    if (is_temporary(entry.path())) std::filesystem::remove(entry.path(), unused);
  }
}

}  // namespace fanfold::cli
