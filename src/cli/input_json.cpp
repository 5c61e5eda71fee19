#include "cli/input_json.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include <unistd.h>

namespace fanfold::cli {
namespace {

constexpr std::size_t input_file_bytes_max = 64 * 1024 * 1024;

struct Close {
  void operator()(std::FILE* file) const noexcept { static_cast<void>(std::fclose(file)); }
};

}  // namespace

Result<std::string> read_whole(const std::string& file) {
  const std::unique_ptr<std::FILE, Close> source(file == "-" ? fdopen(dup(STDIN_FILENO), "rbe")
                                                             : std::fopen(file.c_str(), "rbe"));
  if (!source) {
    const ErrorCode code = errno == ENOENT   ? ErrorCode::invalid_argument
                           : errno == EACCES ? ErrorCode::permission_denied
                                             : ErrorCode::unavailable;
    return Error{code, fmt::format("{}: {}", file, std::strerror(errno)), {}};
  }
  std::string text;
  std::array<char, 64 * 1024> chunk;  // NOLINT(cppcoreguidelines-pro-type-member-init): fread fills what is used
  while (const std::size_t count = std::fread(chunk.data(), 1, chunk.size(), source.get())) {
    text.append(chunk.data(), count);
    if (text.size() > input_file_bytes_max)
      return Error{ErrorCode::too_large, fmt::format("{}: more than 64 MB", file), {}};
  }
  if (std::ferror(source.get()) != 0)
    return Error{ErrorCode::unavailable, fmt::format("{}: {}", file, std::strerror(errno)), {}};
  return text;
}

Result<Json> json_argument(const std::string& name, const std::string& argument) {
  std::string text = argument;
  std::string place = name;
  if (argument.starts_with('@')) {
    auto whole = read_whole(argument.substr(1));
    if (!whole) return std::move(whole).error();
    text = std::move(*whole);
    place = argument.substr(1);
  }
  auto json = Json::parse(text);
  if (!json) return Error{ErrorCode::bad_input, fmt::format("{}: {}", place, json.error().message), {}};
  return json;
}

}  // namespace fanfold::cli
