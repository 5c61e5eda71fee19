#include "cli/config_file.hpp"

#include "cli/text.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <fstream>

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

Result<void> take(const std::filesystem::path& file, const CLI::ConfigItem& item, CommonOptions& options) {
  // CLI11 marks the ends of sections with items of its own.
  if (item.name == "++" || item.name == "--") return {};
  const auto key = std::find_if(keys.begin(), keys.end(), [&](const Key& known) { return item.name == known.name; });
  if (key == keys.end() || !item.parents.empty()) {
    return wrong(file,
                 fmt::format("'{}' is no key of it; it may have store, durability, table, bucket, region and prices",
                             printable(item.fullname(), Newlines::escape)));
  }
  if (item.inputs.size() != 1 || item.inputs.front().empty())
    return wrong(file, fmt::format("{}: expected one value, as in {} = \"…\"", item.name, item.name));
  if (item.inputs.front().starts_with('"') || item.inputs.front().starts_with('\''))
    return wrong(file, fmt::format("{}: its value begins with a quote and does not end with it", item.name));
  if (item.name == std::string_view("durability") && item.inputs.front() != "full" && item.inputs.front() != "normal")
    return wrong(file, "durability: expected full or normal");
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
  std::vector<CLI::ConfigItem> items;
  try {
    items = CLI::ConfigTOML().from_config(input);
  } catch (const CLI::Error& error) {
    return wrong(file, error.what());
  }
  for (const CLI::ConfigItem& item : items) {
    if (auto taken = take(file, item, options); !taken) return taken;
  }
  if (variable("AWS_REGION") || variable("AWS_DEFAULT_REGION")) options.region.clear();
  return {};
}

}  // namespace fanfold::cli
