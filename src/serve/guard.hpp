#pragma once

#include "serve/http_server.hpp"

#include <string_view>

/// Who may ask a server of this machine. Pure.
namespace fanfold::serve {

/// The name in a Host header, in lower case, without port and brackets; empty where it is none.
[[nodiscard]] std::string host_name_of(std::string_view host_header);

/// By what a server may be called.
struct Callable {
  std::vector<std::string> names{};  ///< In lower case.
  bool any_name = false;
  bool any_address = false;  ///< An address in digits, which no foreign name can be made to be.
};
[[nodiscard]] Callable callable_by(const Options& options);
/// Whether a name can be that of a host: letters, digits, '-', '.' and '_', or `any_host_name`.
[[nodiscard]] bool is_host_name(std::string_view name);

/// Why a request is refused, for people; empty where it is not.
[[nodiscard]] std::string refusal(const Request& request, const Callable& callable);

}  // namespace fanfold::serve
