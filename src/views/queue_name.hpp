#pragma once

#include <fanfold/error.hpp>

#include <string>
#include <string_view>

namespace fanfold::views {

/// The name in a queue's url.
[[nodiscard]] inline std::string queue_name_of(std::string_view url) {
  return std::string(url.substr(url.find_last_of("/:") + 1));
}

/// Whether a queue was deleted meanwhile, or is not ours to ask: where many are shown, the others still are.
[[nodiscard]] constexpr bool is_of_one_queue(ErrorCode code) noexcept {
  return code == ErrorCode::not_found || code == ErrorCode::permission_denied;
}

}  // namespace fanfold::views
