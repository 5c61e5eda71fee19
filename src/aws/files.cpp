#include "aws/files.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace fanfold::aws {
namespace {

Error file_error(const std::string& path, int number) {
  const ErrorCode code = number == EACCES || number == EPERM ? ErrorCode::permission_denied : ErrorCode::unavailable;
  return {code, "cannot read '" + path + "': " + std::strerror(number), {}};
}

}  // namespace

Result<std::optional<std::string>> read_small_file(const std::string& path, std::size_t bytes_max) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<std::string>();
    return file_error(path, errno);
  }
  std::string content;
  char buffer[4096];
  ssize_t count = 0;
  while ((count = ::read(file, buffer, sizeof buffer)) > 0 && content.size() <= bytes_max)
    content.append(buffer, static_cast<std::size_t>(count));
  const int number = errno;
  ::close(file);
  if (count < 0) return file_error(path, number);
  if (content.size() > bytes_max)
    return Error{ErrorCode::too_large, "'" + path + "' has more than " + std::to_string(bytes_max) + " bytes", {}};
  return std::optional<std::string>(std::move(content));
}

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

}  // namespace fanfold::aws
