#include "net/url.hpp"

#include "support/letter_case.hpp"

#include <algorithm>
#include <charconv>

namespace fanfold::net {
namespace {

constexpr bool is_unreserved(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

Error bad_url(std::string_view reason) {
  return {ErrorCode::invalid_argument, "not a usable URL: " + std::string(reason), {}};
}

constexpr std::uint16_t default_port(std::string_view scheme) noexcept { return scheme == "https" ? 443 : 80; }

bool is_host(std::string_view host) {
  if (host.empty()) return false;
  if (host.front() == '[') {
    return host.size() > 2 && host.back() == ']' &&
           host.substr(1, host.size() - 2).find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
  }
  return std::all_of(host.begin(), host.end(), [](char c) { return is_unreserved(c) && c != '~'; });
}

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0)
    return bad_url("the port is no number from 1 to 65535");
  return port;
}

}  // namespace

std::string Url::authority() const {
  if (port == 0 || port == default_port(scheme)) return host;
  return host + ":" + std::to_string(port);
}

Result<Url> parse_url(std::string_view text) {
  if (text.size() > url_bytes_max) return bad_url("longer than " + std::to_string(url_bytes_max) + " bytes");
  if (std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~'; })) {
    return bad_url("it holds white space or characters that are not ASCII");
  }
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return bad_url("it starts neither with http:// nor with https://");
  Url url;
  url.scheme = support::lower_case(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") return bad_url("it starts neither with http:// nor with https://");
  text.remove_prefix(colon + 3);
  if (text.find_first_of("?#") != std::string_view::npos) return bad_url("an endpoint has neither query nor fragment");

  const std::size_t slash = std::min(text.find('/'), text.size());
  std::string_view authority = text.substr(0, slash);
  std::string_view path = text.substr(slash);
  if (authority.find('@') != std::string_view::npos) return bad_url("an endpoint has no user and password");
  const std::size_t host_end = authority.starts_with('[') ? authority.find(']') : std::size_t{0};
  if (host_end == std::string_view::npos) return bad_url("the bracket of the address is not closed");
  if (const std::size_t port = authority.find(':', host_end); port != std::string_view::npos) {
    Result<std::uint16_t> parsed = parse_port(authority.substr(port + 1));
    if (!parsed.has_value()) return std::move(parsed).error();
    url.port = *parsed;
    authority = authority.substr(0, port);
  }
  if (!is_host(authority)) return bad_url("the host is missing or has characters that no host has");
  url.host = support::lower_case(authority);
  while (path.ends_with('/')) path.remove_suffix(1);
  url.path = std::string(path);
  return url;
}

void append_percent_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    }
  }
}

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  encoded.reserve(text.size() + 8);
  append_percent_encoded(encoded, text);
  return encoded;
}

std::string percent_encoded_path(std::string_view path) {
  std::string encoded;
  encoded.reserve(path.size() + 8);
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    append_percent_encoded(encoded, path.substr(0, slash));
    if (slash == path.size()) break;
    encoded += '/';
    path.remove_prefix(slash + 1);
  }
  return encoded;
}

std::string query_text(const QueryParameters& parameters) {
  std::vector<std::pair<std::string, std::string>> encoded;
  encoded.reserve(parameters.size());
  for (const auto& [name, value] : parameters) encoded.emplace_back(percent_encoded(name), percent_encoded(value));
  std::sort(encoded.begin(), encoded.end());
  std::string text;
  for (const auto& [name, value] : encoded) {
    if (!text.empty()) text += '&';
    text += name;
    text += '=';
    text += value;
  }
  return text;
}

}  // namespace fanfold::net
