#pragma once

#include "serve/http_server.hpp"

#include <string_view>

/// Who may ask a server of this machine. Pure.
namespace fanfold::serve {

/// The name in a Host header, in lower case, without port and brackets; empty where it is none.
[[nodiscard]] std::string host_name_of(std::string_view host_header);

/// Why a request is refused, for people; empty where it is not. `may_be_called` holds lower-case names.
[[nodiscard]] std::string refusal(const Request& request, const std::vector<std::string>& may_be_called);

/// The names by which a server that listens on `options.address` may be called.
[[nodiscard]] std::vector<std::string> names_of(const Options& options);

}  // namespace fanfold::serve
