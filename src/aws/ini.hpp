#pragma once

#include <fanfold/result.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fanfold::aws {

/// A value of a configuration file and where it stands, for errors.
struct IniValue {
  std::string text{};
  std::string file{};
  std::size_t line = 0;
  std::map<std::string, std::string, std::less<>> nested{};  ///< Indented "key = value" lines below an empty value.

  /// "FILE:LINE"
  [[nodiscard]] std::string place() const { return file + ":" + std::to_string(line); }
};

using IniSection = std::map<std::string, IniValue, std::less<>>;  ///< Keys in lower case.
using IniFile = std::map<std::string, IniSection, std::less<>>;   ///< By section name, white space made single spaces.

inline constexpr std::size_t ini_file_bytes_max = std::size_t{1} << 20U;

/// Reads the format of ~/.aws/config and ~/.aws/credentials: sections, "key = value", lines that start with `#` or `;`
/// as comments, indented lines as continuations or nested keys. A section that comes twice is one. `file` is for
/// errors. Errors: bad_input, "FILE:LINE: …".
[[nodiscard]] Result<IniFile> parse_ini(std::string_view text, const std::string& file);

}  // namespace fanfold::aws
