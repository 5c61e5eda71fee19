#include "serve/target.hpp"

#include <charconv>

namespace fanfold::serve {

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded += plus_is_space && text[at] == '+' ? ' ' : text[at];
      continue;
    }
    unsigned byte = 0;
    const char* const digits = text.data() + at + 1;
    if (at + 2 >= text.size()) return std::nullopt;
    const auto [end, code] = std::from_chars(digits, digits + 2, byte, 16);
    if (code != std::errc{} || end != digits + 2 || byte == 0) return std::nullopt;
    decoded += static_cast<char>(byte);
    at += 2;
  }
  return decoded;
}

bool read_target(std::string_view target, Request& into) {
  if (!target.starts_with('/')) return false;
  const std::size_t question = target.find('?');
  auto path = percent_decoded(target.substr(0, question), false);
  if (!path) return false;
  into.path = std::move(*path);
  if (question == std::string_view::npos) return true;
  std::string_view rest = target.substr(question + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = percent_decoded(pair.substr(0, equals), true);
    auto value = percent_decoded(equals == pair.size() ? "" : pair.substr(equals + 1), true);
    if (!name || !value) return false;
    if (!pair.empty()) into.query.emplace(std::move(*name), std::move(*value));
  }
  return true;
}

}  // namespace fanfold::serve
