#include "cli/config_file.hpp"

#include "cli/text.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <sstream>

namespace fanfold::cli {
namespace {

constexpr std::size_t file_bytes_max = 64 << 10;

struct Key {
  const char* name;
  std::string CommonOptions::*target;
};
constexpr std::array keys{Key{"store", &CommonOptions::store},   Key{"durability", &CommonOptions::durability},
                          Key{"table", &CommonOptions::table},   Key{"bucket", &CommonOptions::bucket},
                          Key{"region", &CommonOptions::region}, Key{"prices", &CommonOptions::prices}};

Error wrong(const std::filesystem::path& file, std::string_view what) {
  return {ErrorCode::bad_input, fmt::format("{}: {}", file.string(), what), {}};
}

/// A file as it was read, and where things stand in it.
struct ConfigText {
  const std::filesystem::path& file;
  std::string text;

  /// The line, from 1, that begins with `word` for the `occurrence`-th time; 0 where there is none.
  [[nodiscard]] std::size_t line_of(std::string_view word, std::size_t occurrence) const {
    std::size_t number = 0;
    for (std::size_t at = 0; at < text.size() && !word.empty();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      std::string_view line(text.data() + at, end - at);
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
  [[nodiscard]] Error wrong_at(std::string_view word, std::string_view what, std::size_t occurrence = 1) const {
    const std::size_t line = line_of(word, occurrence);
    return wrong(line == 0 ? file : std::filesystem::path(fmt::format("{}:{}", file.string(), line)), what);
  }
};

Result<void> take(const ConfigText& config, const CLI::ConfigItem& item, CommonOptions& options) {
  // CLI11 marks the ends of sections with items of its own.
  if (item.name == "++" || item.name == "--") return {};
  const auto key = std::find_if(keys.begin(), keys.end(), [&](const Key& known) { return item.name == known.name; });
  if (key == keys.end() || !item.parents.empty()) {
    return config.wrong_at(
        item.parents.empty() ? item.name : "[" + item.parents.front(),
        fmt::format("'{}' is no key of it; it may have store, durability, table, bucket, region and prices",
                    printable(item.fullname(), Newlines::escape)));
  }
  // CLI11 makes one item of equal keys.
  if (item.inputs.size() > 1 && config.line_of(item.name, 2) != 0)
    return config.wrong_at(item.name, fmt::format("{} is given more than once", item.name), 2);
  if (item.inputs.size() != 1 || item.inputs.front().empty())
    return config.wrong_at(item.name, fmt::format("{}: expected one value, as in {} = \"…\"", item.name, item.name));
  if (item.inputs.front().starts_with('"') || item.inputs.front().starts_with('\''))
    return config.wrong_at(item.name,
                           fmt::format("{}: its value begins with a quote and does not end with it", item.name));
  if (item.name == std::string_view("durability") && item.inputs.front() != "full" && item.inputs.front() != "normal")
    return config.wrong_at(item.name, "durability: expected full or normal");
  options.*(key->target) = item.inputs.front();
  return {};
}

}  // namespace

Result<void> read_config_file(const std::filesystem::path& file, const FindVariable& variable, CommonOptions& options) {
  std::error_code problem;
  if (!std::filesystem::exists(file, problem)) return {};
  if (!std::filesystem::is_regular_file(file, problem)) return wrong(file, "is no file");
  if (std::filesystem::file_size(file, problem) > file_bytes_max) return wrong(file, "has more than 64 KB");
  std::ifstream input(file);
  if (!input) return Error{ErrorCode::unavailable, fmt::format("{} cannot be read", file.string()), {}};
  const ConfigText config{file, {std::istreambuf_iterator<char>(input), std::istreambuf_iterator<char>()}};
  std::vector<CLI::ConfigItem> items;
  try {
    std::istringstream lines(config.text);
    items = CLI::ConfigTOML().from_config(lines);
  } catch (const CLI::Error& error) {
    return wrong(file, error.what());
  }
  for (const CLI::ConfigItem& item : items) {
    if (auto taken = take(config, item, options); !taken) return taken;
  }
  if (variable("AWS_REGION") || variable("AWS_DEFAULT_REGION")) options.region.clear();
  return {};
}

}  // namespace fanfold::cli
