#include "serve/guard.hpp"

#include "support/letter_case.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace fanfold::serve {

namespace {

constexpr std::string_view decimal_digits = "0123456789";
constexpr std::string_view name_characters = "abcdefghijklmnopqrstuvwxyz0123456789-._";

bool is_port(std::string_view text) {
  return text.empty() ||
         (text.starts_with(':') && text.substr(1).find_first_not_of(decimal_digits) == std::string_view::npos);
}

bool is_address(const std::string& name) {
  in6_addr ignored{};
  return ::inet_pton(AF_INET, name.c_str(), &ignored) == 1 || ::inet_pton(AF_INET6, name.c_str(), &ignored) == 1;
}

}  // namespace

std::string host_name_of(std::string_view host_header) {
  const bool in_brackets = host_header.starts_with('[');
  const std::size_t end = host_header.find(in_brackets ? ']' : ':');
  if (in_brackets && end == std::string_view::npos) return {};
  const std::string_view name = host_header.substr(in_brackets ? 1 : 0, in_brackets ? end - 1 : end);
  const std::size_t behind = end == std::string_view::npos ? host_header.size() : end + (in_brackets ? 1 : 0);
  return is_port(host_header.substr(behind)) ? support::lower_case(name) : std::string();
}

Callable callable_by(const Options& options) {
  Callable callable{.names = {"localhost", "127.0.0.1", "::1", support::lower_case(options.address)}};
  for (const std::string& name : options.host_names) callable.names.push_back(support::lower_case(name));
  callable.any_name = std::ranges::find(options.host_names, any_host_name) != options.host_names.end();
  callable.any_address = !options.address.starts_with("127.") && options.address != "::1";
  return callable;
}

bool is_host_name(std::string_view name) {
  if (name == any_host_name) return true;
  return !name.empty() && support::lower_case(name).find_first_not_of(name_characters) == std::string::npos;
}

std::string refusal(const Request& request, const Callable& callable) {
  const std::string host = request.header("host");
  const std::string name = host_name_of(host);
  const bool is_known = std::ranges::find(callable.names, name) != callable.names.end();
  if (!callable.any_name && !is_known && !(callable.any_address && is_address(name)))
    return "this server is not called by the name in the request's Host header";
  if (request.method == "GET") return {};
  const std::string origin = request.header("origin");
  if (!origin.empty() && origin != "http://" + host && origin != "https://" + host)
    return "the request comes from another origin's page";
  return {};
}

}  // namespace fanfold::serve
