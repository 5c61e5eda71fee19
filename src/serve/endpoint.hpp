#pragma once

#include <fanfold/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace fanfold::serve {

/// Where to listen.
struct Endpoint {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;

  /// Whether only programs of this machine reach it.
  [[nodiscard]] bool is_loopback() const noexcept { return address == "::1" || address.starts_with("127."); }
};

/// Reads "8780", "0.0.0.0:8780" or "[::1]:8780"; without an address it is this machine's own. Errors: invalid_argument.
[[nodiscard]] Result<Endpoint> parse_endpoint(std::string_view text);

}  // namespace fanfold::serve
