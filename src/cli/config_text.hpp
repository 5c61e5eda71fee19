#pragma once

#include <fanfold/result.hpp>

#include <CLI/CLI.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fanfold::cli {

/// A file of `key = value` lines as it was read, so that what is wrong in it is told with its line.
class ConfigText {
 public:
  static constexpr std::size_t bytes_max = 64 << 10;

  /// Errors: bad_input for what is no such file or has more than `bytes_max`; unavailable where it cannot be read.
  [[nodiscard]] static Result<ConfigText> read(const std::filesystem::path& file);

  /// Its lines; neighbours of one key are one item with several values. Errors: bad_input.
  [[nodiscard]] Result<std::vector<CLI::ConfigItem>> items() const;

  /// Whether this item is one value, given once. Errors: bad_input with the line.
  [[nodiscard]] Result<void> check_value(const CLI::ConfigItem& item) const;

  /// "file:3: what", where 3 is the line, from 1, that begins with `word` for the `occurrence`-th time; without the
  /// line where there is none.
  [[nodiscard]] Error wrong_at(std::string_view word, std::string_view what, std::size_t occurrence = 1) const;

 private:
  ConfigText(std::filesystem::path file, std::string text) : file_(std::move(file)), text_(std::move(text)) {}
  [[nodiscard]] Result<void> check_short_lines() const;
  [[nodiscard]] std::size_t line_of(std::string_view word, std::size_t occurrence) const;

  std::filesystem::path file_;
  std::string text_;
};

}  // namespace fanfold::cli
