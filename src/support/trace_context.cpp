#include "support/trace_context.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

namespace fanfold::support {

namespace {

constexpr std::size_t parent_bytes = 55;
constexpr std::size_t trace_id_at = 3;
constexpr std::size_t trace_id_digits = 32;
constexpr std::size_t span_id_at = 36;
constexpr std::size_t span_id_digits = 16;
constexpr std::size_t flags_at = 53;
constexpr std::size_t state_member_count_max = 32;
constexpr std::size_t state_key_bytes_max = 256;
constexpr std::size_t state_value_bytes_max = 256;
constexpr std::size_t root_epoch_digits = 8;
constexpr std::size_t root_rest_digits = 24;
constexpr char stored_separator = '\n';  // In none of the three.

bool is_small_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string in_small_letters(std::string_view text) {
  std::string small(text);
  for (char& c : small) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  return small;
}

bool is_zero(std::string_view digits) { return digits.find_first_not_of('0') == std::string_view::npos; }

bool is_id(std::string_view text, std::size_t digits) {
  return text.size() == digits && is_small_hex(text) && !is_zero(text);
}

std::string_view without_blanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

/// Calls `take(part)` for what stands between separators, without blanks around it and where it is not empty, until
/// that answers false; false then.
template <class Take>
bool each_part(std::string_view text, char separator, Take&& take) {
  while (true) {
    const std::size_t end = text.find(separator);
    const std::string_view part = without_blanks(text.substr(0, end));
    if (!part.empty() && !take(part)) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

/// The text as of version 00, the only one that there is. What a later one adds at the end, and flags that it may know,
/// are not ours to hand on under our version's number.
std::optional<std::string> parent_of(std::string_view text) {
  if (text.size() < parent_bytes) return std::nullopt;
  const std::string_view version = text.substr(0, 2);
  const std::string_view flags = text.substr(flags_at, 2);
  const bool has_dashes = text[2] == '-' && text[span_id_at - 1] == '-' && text[flags_at - 1] == '-';
  const bool is_known = has_dashes && is_small_hex(version) && version != "ff" && is_small_hex(flags);
  if (!is_known || !is_id(text.substr(trace_id_at, trace_id_digits), trace_id_digits) ||
      !is_id(text.substr(span_id_at, span_id_digits), span_id_digits))
    return std::nullopt;
  if (version == "00") return text.size() == parent_bytes ? std::optional(std::string(text)) : std::nullopt;
  if (text.size() > parent_bytes && text[parent_bytes] != '-') return std::nullopt;
  constexpr std::string_view odd_digits = "13579bdf";  // The lowest bit is `sampled`.
  const bool is_sampled = odd_digits.find(flags[1]) != std::string_view::npos;
  return "00" + std::string(text.substr(2, flags_at - 2)) + (is_sampled ? "01" : "00");
}

bool is_state_key(std::string_view key) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const auto is_key_character = [&](char c) { return is_letter(c) || c == '_' || c == '-' || c == '*' || c == '/'; };
  const auto is_plain = [&](std::string_view part, std::size_t bytes_max) {
    return !part.empty() && part.size() <= bytes_max && is_letter(part.front()) &&
           std::ranges::all_of(part, is_key_character);
  };
  const std::size_t at = key.find('@');
  if (at == std::string_view::npos) return is_plain(key, state_key_bytes_max);
  constexpr std::size_t tenant_bytes_max = 241;
  constexpr std::size_t system_bytes_max = 14;
  return is_plain(key.substr(0, at), tenant_bytes_max) && is_plain(key.substr(at + 1), system_bytes_max);
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

bool is_state(std::string_view text) {
  if (text.size() > trace_text_bytes_max) return false;
  std::vector<std::string_view> keys;
  const bool is_list = each_part(text, ',', [&](std::string_view member) {
    const std::size_t equals = member.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view key = member.substr(0, equals);
    const std::string_view value = member.substr(equals + 1);
    if (!is_state_key(key) || std::ranges::find(keys, key) != keys.end()) return false;
    keys.push_back(key);
    return !value.empty() && value.size() <= state_value_bytes_max && is_printable(value) &&
           value.find('=') == std::string_view::npos;
  });
  return is_list && !keys.empty() && keys.size() <= state_member_count_max;
}

/// What an X-Ray header says. The ids in small letters, as W3C has them.
struct AwsHeader {
  std::string trace_id{};
  std::string parent_id{};  ///< Empty where it has none.
  bool is_sampled = false;
};

/// "1-5759e988-bd862e3fe1be46a994272793": the digits alone, empty where it is anything else.
std::string trace_id_of_root(std::string_view root) {
  constexpr std::string_view version = "1-";
  constexpr std::size_t rest_at = version.size() + root_epoch_digits + 1;
  const bool has_form =
      root.size() == rest_at + root_rest_digits && root.starts_with(version) && root[rest_at - 1] == '-';
  if (!has_form) return {};
  std::string id = in_small_letters(root.substr(version.size(), root_epoch_digits));
  id += in_small_letters(root.substr(rest_at));
  return is_id(id, trace_id_digits) ? id : std::string();
}

/// Fields may come in any order; of others than these three nothing is known but that there are some (Lineage, Self).
std::optional<AwsHeader> read_aws_header(std::string_view text) {
  if (text.size() > trace_text_bytes_max || !is_printable(text)) return std::nullopt;
  AwsHeader header;
  bool has_sampled = false;
  const bool is_list = each_part(text, ';', [&](std::string_view field) {
    const std::size_t equals = field.find('=');
    if (equals == 0 || equals == std::string_view::npos) return false;
    const std::string_view name = field.substr(0, equals);
    const std::string_view value = field.substr(equals + 1);
    if (name == "Root") {
      if (!header.trace_id.empty()) return false;
      header.trace_id = trace_id_of_root(value);
      return !header.trace_id.empty();
    }
    if (name == "Parent") {
      if (!header.parent_id.empty()) return false;
      header.parent_id = in_small_letters(value);
      return is_id(header.parent_id, span_id_digits);
    }
    if (name == "Sampled") {
      header.is_sampled = value == "1";
      return !std::exchange(has_sampled, true) && (value == "0" || value == "1" || value == "?");
    }
    return true;
  });
  if (!is_list || header.trace_id.empty()) return std::nullopt;
  return header;
}

std::string parent_of(const AwsHeader& header) {
  if (header.parent_id.empty()) return {};
  return "00-" + header.trace_id + "-" + header.parent_id + (header.is_sampled ? "-01" : "-00");
}

Error wrong(std::string_view member, std::string_view expected) {
  return {ErrorCode::invalid_argument, "trace." + std::string(member) + ": expected " + std::string(expected), {}};
}

}  // namespace

Result<TraceContext> checked_trace(const TraceContext& given) {
  TraceContext trace = given;
  if (!given.parent.empty()) {
    auto parent = parent_of(given.parent);
    if (!parent)
      return wrong("parent", "a W3C traceparent such as 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    trace.parent = *std::move(parent);
  }
  if (!given.state.empty()) {
    if (given.parent.empty()) return wrong("state", "trace.parent beside it (one of aws_header's has no state)");
    if (!is_state(given.state))
      return wrong("state", "a W3C tracestate: up to 32 members key=value with commas between, 512 bytes");
  }
  if (!given.aws_header.empty()) {
    const auto header = read_aws_header(given.aws_header);
    if (!header)
      return wrong(
          "aws_header",
          "an X-Ray header such as Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1");
    if (trace.parent.empty()) trace.parent = parent_of(*header);
  }
  return trace;
}

TraceContext tolerated_trace(TraceContext found) {
  if (!found.parent.empty()) found.parent = parent_of(found.parent).value_or(std::string());
  if (found.parent.empty() || !is_state(found.state)) found.state.clear();
  if (found.aws_header.empty()) return found;
  const auto header = read_aws_header(found.aws_header);
  if (!header)
    found.aws_header.clear();
  else if (found.parent.empty())
    found.parent = parent_of(*header);
  return found;
}

std::string stored_trace(const TraceContext& trace) {
  if (trace.state.empty() && trace.aws_header.empty()) return trace.parent;
  return trace.parent + stored_separator + trace.state + stored_separator + trace.aws_header;
}

TraceContext found_trace(std::string_view stored) {
  TraceContext trace;
  const std::size_t first = stored.find(stored_separator);
  trace.parent = stored.substr(0, first);
  if (first == std::string_view::npos) return trace;
  const std::size_t second = stored.find(stored_separator, first + 1);
  trace.state = stored.substr(first + 1, second - first - 1);
  if (second != std::string_view::npos) trace.aws_header = stored.substr(second + 1);
  return trace;
}

}  // namespace fanfold::support

namespace fanfold {

std::string TraceContext::trace_id() const {
  if (parent.size() == support::parent_bytes) return parent.substr(support::trace_id_at, support::trace_id_digits);
  const auto header = support::read_aws_header(aws_header);
  return header ? header->trace_id : std::string();
}

TraceContext TraceContext::from_environment() {
  const auto variable = [](const char* name) -> std::string {
    const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): said in the contract.
    return value != nullptr ? value : "";
  };
  return support::tolerated_trace(
      {.parent = variable("TRACEPARENT"), .state = variable("TRACESTATE"), .aws_header = variable("_X_AMZN_TRACE_ID")});
}

}  // namespace fanfold
