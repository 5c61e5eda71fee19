#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fanfold::dashboard {

struct PageFile {
  std::string_view content_type;
  std::string_view text;
};

/// A file of src/dashboard/page by its path, "/" for index.html; empty where there is none.
[[nodiscard]] std::optional<PageFile> page_file(std::string_view path);

}  // namespace fanfold::dashboard
