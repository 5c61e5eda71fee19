#include "cli/config_text.hpp"

#include "cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace fanfold::cli {
namespace {

Error wrong(const std::filesystem::path& file, std::string_view what) {
  return {ErrorCode::bad_input, fmt::format("{}: {}", printable(file.string(), Newlines::escape), what), {}};
}

}  // namespace

Result<ConfigText> ConfigText::read(const std::filesystem::path& file) {
  std::error_code problem;
  if (std::filesystem::is_directory(file, problem)) return wrong(file, "is no file");
  std::ifstream input(file);
  std::string text(bytes_max + 1, '\0');
  if (input) input.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!input.is_open() || input.bad())
    return Error{
        ErrorCode::unavailable, fmt::format("{} cannot be read", printable(file.string(), Newlines::escape)), {}};
  text.resize(static_cast<std::size_t>(input.gcount()));
  if (text.size() > bytes_max) return wrong(file, "has more than 64 KB");
  return ConfigText(file, std::move(text));
}

Result<std::vector<CLI::ConfigItem>> ConfigText::items() const {
  std::vector<CLI::ConfigItem> all;
  if (auto checked = check_short_lines(); !checked) return std::move(checked).error();
  try {
    std::istringstream lines(text_);
    all = CLI::ConfigTOML().from_config(lines);
  } catch (const CLI::Error& error) {
    return wrong(file_, error.what());
  }
  // CLI11 marks the ends of sections with items of its own.
  std::erase_if(all, [](const CLI::ConfigItem& item) { return item.name == "++" || item.name == "--"; });
  return all;
}

/// CLI11 skips lines that are too short for a key and a value.
Result<void> ConfigText::check_short_lines() const {
  constexpr std::size_t skipped_bytes_max = 2;
  std::istringstream lines(text_);
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const std::string text = CLI::detail::trim_copy(line);
    if (text.empty() || text.size() > skipped_bytes_max || text.starts_with('#')) continue;
    return wrong(fmt::format("{}:{}", file_.string(), number),
                 fmt::format("'{}' is no key and value", printable(text, Newlines::escape)));
  }
  return {};
}

std::size_t ConfigText::line_of(std::string_view word, std::size_t occurrence) const {
  std::size_t number = 0;
  for (std::size_t at = 0; at < text_.size() && !word.empty();) {
    const std::size_t end = std::min(text_.find('\n', at), text_.size());
    std::string_view line(text_.data() + at, end - at);
    at = end + 1;
    ++number;
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (!line.starts_with(word)) continue;
    const std::string_view rest = line.substr(word.size());
    const bool is_whole = rest.empty() || word.starts_with('[') || rest.find_first_of(" \t\r=") == 0;
    if (is_whole && --occurrence == 0) return number;
  }
  return 0;
}

Error ConfigText::wrong_at(std::string_view word, std::string_view what, std::size_t occurrence) const {
  const std::size_t line = line_of(word, occurrence);
  return wrong(line == 0 ? file_ : std::filesystem::path(fmt::format("{}:{}", file_.string(), line)), what);
}

Result<void> ConfigText::check_value(const CLI::ConfigItem& item) const {
  const std::string name = printable(item.name, Newlines::escape);
  // CLI11 makes one item of equal keys that follow each other.
  if (line_of(item.name, 2) != 0) return wrong_at(item.name, fmt::format("{} is given more than once", name), 2);
  if (item.inputs.size() != 1 || item.inputs.front().empty())
    return wrong_at(item.name, fmt::format("{}: expected one value, as in {} = \"…\"", name, name));
  if (item.inputs.front().starts_with('"') || item.inputs.front().starts_with('\''))
    return wrong_at(item.name, fmt::format("{}: its value begins with a quote and does not end with it", name));
  return {};
}

}  // namespace fanfold::cli
