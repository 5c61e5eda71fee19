#include "backends/aws/keys.hpp"

#include "support/hash.hpp"
#include "support/mutant.hpp"

#include <array>
#include <charconv>

namespace fanfold::aws {
namespace {

constexpr std::size_t slot_width = 2;
constexpr std::size_t attempt_width = 4;
constexpr std::size_t token_width = 16;
constexpr std::size_t index_width = 12;
constexpr std::size_t round_width = 10;
constexpr int hexadecimal = 16;

using Names = std::array<std::array<char, 4>, tree_radix>;

constexpr Names make_names(char letter) {
  Names names{};
  for (unsigned slot = 0; slot < tree_radix; ++slot) {
    std::size_t at = 0;
    names[slot][at++] = letter;
    if (slot >= 10) names[slot][at++] = static_cast<char>('0' + slot / 10);
    names[slot][at] = static_cast<char>('0' + slot % 10);
  }
  return names;
}

constexpr Names cell_names = make_names('t');
constexpr Names count_names = make_names('c');
constexpr Names child_names = make_names('w');

std::string_view text_of(const Names& names, unsigned slot) noexcept {
  return {names[slot].data(), slot < 10 ? std::size_t{2} : std::size_t{3}};
}

template <class T>
bool parse(std::string_view text, T& number, int base = 10) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return code == std::errc{} && end == text.data() + text.size();
}

std::string hexadecimal_of(std::uint64_t number) {
  std::string text(token_width, '0');
  constexpr std::string_view digits = "0123456789abcdef";
  for (std::size_t i = token_width; i > 0; --i, number >>= 4U) text[i - 1] = digits[number & 0xfU];
  return text;
}

}  // namespace

std::string_view cell_name(unsigned slot) noexcept { return text_of(cell_names, slot); }
std::string_view count_name(unsigned slot) noexcept { return text_of(count_names, slot); }
std::string_view child_name(unsigned slot) noexcept { return text_of(child_names, slot); }

std::optional<unsigned> slot_of(std::string_view name, char letter) noexcept {
  if (name.size() < 2 || name.size() > 3 || name.front() != letter) return std::nullopt;
  unsigned slot = 0;
  if (!parse(name.substr(1), slot) || slot >= tree_radix) return std::nullopt;
  return slot;
}

std::string padded(std::uint64_t number, std::size_t width) {
  std::string text = std::to_string(number);
  if (text.size() < width) text.insert(0, width - text.size(), '0');
  return text;
}

std::string partition_of(std::string_view id) {
  std::string text;
  text.reserve(key_prefix.size() + id.size() + 24);
  text.append(key_prefix).append(id);
  return text;
}

ItemKey record_key(std::string_view id) {
  std::string text = partition_of(id);
  return {text, text};
}

ItemKey body_key(std::string_view id) { return {partition_of(id), std::string(body_sort)}; }

ItemKey sweep_key() { return {"fanfold-sweep", "fanfold-sweep"}; }

std::string node_partition(const NodeRef& node) {
  std::string text = partition_of(node.cluster_id);
  const std::uint32_t round = support::mutant("rounds_share_a_tree") ? 0 : node.round;
  text.append("#").append(std::to_string(round)).append(".");
  text.append(std::to_string(node.level)).append(".").append(std::to_string(node.number));
  return text;
}

ItemKey node_key(const NodeRef& node) { return {node_partition(node), std::string(node_sort)}; }

NodeRef leaf_of(std::string_view cluster_id, std::uint32_t round, std::uint64_t position) {
  return {std::string(cluster_id), round, 0, position / tree_radix};
}

std::string record_id(const RecordRef& ref) {
  if (ref.type != RecordType::cluster) return ref.id;
  return ref.id + "." + std::to_string(ref.round) + (ref.first_failure ? ".first-failure" : ".finish");
}

std::string data_prefix(DataKind kind, unsigned slot) {
  std::string text(1, static_cast<char>(kind));
  text.append("#").append(padded(slot, slot_width)).append("#");
  return text;
}

std::string data_sort(DataKind kind, unsigned slot, std::uint32_t attempt, std::uint64_t token) {
  std::string text = data_prefix(kind, slot);
  text.append(padded(attempt, attempt_width)).append("#").append(hexadecimal_of(token));
  return text;
}

std::optional<DataName> parse_data_sort(std::string_view sort) {
  constexpr std::size_t slot_at = 2;
  constexpr std::size_t attempt_at = slot_at + slot_width + 1;
  constexpr std::size_t token_at = attempt_at + attempt_width + 1;
  if (sort.size() != token_at + token_width) return std::nullopt;
  DataName name;
  const bool is_read = parse(sort.substr(slot_at, slot_width), name.slot) &&
                       parse(sort.substr(attempt_at, attempt_width), name.attempt) &&
                       parse(sort.substr(token_at), name.token, hexadecimal);
  if (!is_read || name.slot >= tree_radix) return std::nullopt;
  return name;
}

std::string adds_partition(std::string_view cluster_id) { return partition_of(cluster_id) + "#adds"; }
std::string add_by_key_sort(std::string_view add_key) { return "k#" + digest_text(add_key); }
std::string add_by_index_sort(std::uint64_t first_index) { return "f#" + padded(first_index, index_width); }
std::string rounds_partition(std::string_view cluster_id) { return partition_of(cluster_id) + "#rounds"; }
std::string round_sort(std::uint32_t round) { return padded(round, round_width); }

std::string round_partition(std::string_view cluster_id, std::uint32_t round, std::string_view hash) {
  std::string text = partition_of(cluster_id);
  text.append("#").append(std::to_string(round)).append(".").append(hash);
  return text;
}

std::string payload_name_of_task(std::string_view cluster_id, std::uint64_t index) {
  return partition_of(cluster_id) + "/payloads/" + padded(index, index_width);
}

std::string round_page_sort(std::uint64_t page) { return "p#" + padded(page, index_width); }

}  // namespace fanfold::aws
