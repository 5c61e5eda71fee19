#include "serve/guard.hpp"

#include "support/letter_case.hpp"

#include <algorithm>

namespace fanfold::serve {

std::string host_name_of(std::string_view host_header) {
  if (host_header.starts_with('[')) {
    const std::size_t end = host_header.find(']');
    if (end == std::string_view::npos) return {};
    return support::lower_case(host_header.substr(1, end - 1));
  }
  return support::lower_case(host_header.substr(0, host_header.find(':')));
}

std::string refusal(const Request& request, const std::vector<std::string>& may_be_called) {
  const std::string host = request.header("host");
  const std::string name = host_name_of(host);
  const auto may_be = [&](std::string_view called) {
    return std::ranges::find(may_be_called, called) != may_be_called.end();
  };
  if (!may_be(any_host_name) && !may_be(name))
    return "this server is not called by the name in the request's Host header; --host NAME adds one";
  if (request.method == "GET") return {};
  const std::string origin = request.header("origin");
  if (!origin.empty() && origin != "http://" + host && origin != "https://" + host)
    return "the request comes from another origin's page";
  return {};
}

std::vector<std::string> names_of(const Options& options) {
  std::vector<std::string> names{"localhost", "127.0.0.1", "::1", support::lower_case(options.address)};
  for (const std::string& name : options.host_names) names.push_back(support::lower_case(name));
  return names;
}

}  // namespace fanfold::serve
