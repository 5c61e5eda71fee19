#include "cli/config_file.hpp"

#include "cli/config_text.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace fanfold::cli {
namespace {

struct Key {
  const char* name;
  std::string CommonOptions::*target;
};
constexpr std::array keys{Key{"store", &CommonOptions::store},   Key{"durability", &CommonOptions::durability},
                          Key{"table", &CommonOptions::table},   Key{"bucket", &CommonOptions::bucket},
                          Key{"region", &CommonOptions::region}, Key{"prices", &CommonOptions::prices}};

Result<void> take(const ConfigText& config, const CLI::ConfigItem& item, CommonOptions& options) {
  const auto key = std::find_if(keys.begin(), keys.end(), [&](const Key& known) { return item.name == known.name; });
  if (key == keys.end() || !item.parents.empty()) {
    return config.wrong_at(
        item.parents.empty() ? item.name : "[" + item.parents.front(),
        fmt::format("'{}' is no key of it; it may have store, durability, table, bucket, region and prices",
                    printable(item.fullname(), Newlines::escape)));
  }
  if (auto checked = config.check_value(item); !checked) return checked;
  if (item.name == std::string_view("durability") && item.inputs.front() != "full" && item.inputs.front() != "normal")
    return config.wrong_at(item.name, "durability: expected full or normal");
  options.*(key->target) = item.inputs.front();
  return {};
}

}  // namespace

Result<void> read_config_file(const std::filesystem::path& file, const FindVariable& variable, CommonOptions& options) {
  std::error_code problem;
  if (!std::filesystem::exists(file, problem)) return {};
  auto config = ConfigText::read(file);
  if (!config) return std::move(config).error();
  auto items = config->items();
  if (!items) return std::move(items).error();
  for (const CLI::ConfigItem& item : *items) {
    if (auto taken = take(*config, item, options); !taken) return taken;
  }
  if (variable("AWS_REGION") || variable("AWS_DEFAULT_REGION")) options.region.clear();
  return {};
}

}  // namespace fanfold::cli
