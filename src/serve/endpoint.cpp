#include "serve/endpoint.hpp"

#include <charconv>

namespace fanfold::serve {

Result<Endpoint> parse_endpoint(std::string_view text) {
  Endpoint endpoint;
  const std::size_t colon = text.rfind(':');
  const std::string_view port = colon == std::string_view::npos ? text : text.substr(colon + 1);
  std::string_view address = colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
  const bool in_brackets = address.starts_with('[') && address.ends_with(']');
  if (in_brackets) address = address.substr(1, address.size() - 2);
  const auto [end, code] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  const bool is_v6 = address.find(':') != std::string_view::npos;
  const bool has_address = colon != std::string_view::npos;
  if (code != std::errc{} || end != port.data() + port.size() || is_v6 != in_brackets ||
      (has_address && address.empty()))
    return Error{ErrorCode::invalid_argument,
                 "'" + std::string(text) + "': expected PORT or ADDRESS:PORT, as in 8780 or [::1]:8780",
                 {}};
  if (has_address) endpoint.address = address;
  return endpoint;
}

}  // namespace fanfold::serve
