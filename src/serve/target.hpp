#pragma once

#include "serve/http_server.hpp"

#include <optional>
#include <string_view>

namespace fanfold::serve {

/// Sets path and query of what stands behind a request's method. False where it is no such thing: a bad escape, an
/// escaped NUL, no '/' at its beginning.
[[nodiscard]] bool read_target(std::string_view target, Request& into);

/// Text with %XX decoded; `plus_is_space` as in queries. Empty where an escape is none.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space);

}  // namespace fanfold::serve
