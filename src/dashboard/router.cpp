#include "dashboard/router.hpp"

#include <algorithm>

namespace fanfold::dashboard {

namespace {

/// The text before the next '/', which is taken off.
std::string_view take_segment(std::string_view& text) {
  const std::string_view segment = text.substr(0, text.find('/'));
  text.remove_prefix(std::min(text.size(), segment.size() + 1));
  return segment;
}

}  // namespace

std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path) {
  std::vector<std::string> found;
  while (!pattern.empty() && !path.empty()) {
    const bool both_end = (pattern.find('/') == pattern.npos) == (path.find('/') == path.npos);
    const std::string_view wanted = take_segment(pattern);
    const std::string_view segment = take_segment(path);
    if (!both_end) return std::nullopt;
    if (wanted == "*" && !segment.empty())
      found.emplace_back(segment);
    else if (wanted != segment)
      return std::nullopt;
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return found;
}

}  // namespace fanfold::dashboard
