#pragma once

#include <fanfold/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fanfold::net {

/// Where a service is: http or https, a host, a port, and a path that every request's path is put behind.
struct Url {
  std::string scheme{};    ///< "http" or "https"
  std::string host{};      ///< Lower case; an IPv6 address keeps its brackets.
  std::uint16_t port = 0;  ///< 0: the scheme's own.
  std::string path{};      ///< Empty or "/…" without a slash at its end, percent-encoded.

  /// What the Host header says: the port only where it is not the scheme's own.
  [[nodiscard]] std::string authority() const;
  /// "https://host:8443"
  [[nodiscard]] std::string origin() const { return scheme + "://" + authority(); }

  friend bool operator==(const Url&, const Url&) = default;
};

inline constexpr std::size_t url_bytes_max = 2048;

/// Reads an endpoint. Errors: invalid_argument, for everything that has no place in one: other schemes, user and
/// password, query, fragment, white space, what is not ASCII.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

/// Percent-encodes all but the unreserved characters of RFC 3986, as signatures want it: `$` is "%24", space "%20".
void append_percent_encoded(std::string& out, std::string_view text);
[[nodiscard]] std::string percent_encoded(std::string_view text);
/// The same, but leaves slashes.
[[nodiscard]] std::string percent_encoded_path(std::string_view path);

/// Query parameters, unencoded.
using QueryParameters = std::vector<std::pair<std::string, std::string>>;
/// "a=1&b=" in the order and encoding that signatures want: sorted by encoded name, then value.
[[nodiscard]] std::string query_text(const QueryParameters& parameters);

}  // namespace fanfold::net
