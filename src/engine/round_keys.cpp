#include "engine/round_keys.hpp"

#include <charconv>
#include <vector>

namespace fanfold::engine {

namespace {

struct Entry {
  std::string_view hash{};
  KeyedRound round{};
};

template <class Number>
Number number_of(std::string_view text) noexcept {
  Number number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Entry entry_of(std::string_view text, const KeyedRound& latest) noexcept {
  const std::size_t first = text.find('/');
  if (first == std::string_view::npos) return {text, latest};
  const std::size_t second = text.find('/', first + 1);
  Entry entry{text.substr(0, first), {number_of<std::uint32_t>(text.substr(first + 1)), 0}};
  if (second != std::string_view::npos) entry.round.task_count = number_of<std::uint64_t>(text.substr(second + 1));
  return entry;
}

std::vector<Entry> entries_of(std::string_view keys, const KeyedRound& latest) {
  std::vector<Entry> entries;
  while (!keys.empty()) {
    const std::size_t end = keys.find(' ');
    entries.push_back(entry_of(keys.substr(0, end), latest));
    keys.remove_prefix(end == std::string_view::npos ? keys.size() : end + 1);
  }
  return entries;
}

std::string text_of(const Entry& entry) {
  return std::string(entry.hash) + '/' + std::to_string(entry.round.round) + '/' +
         std::to_string(entry.round.task_count);
}

}  // namespace

std::string with_round_key(std::string_view keys, std::string_view hash, const KeyedRound& next,
                           const KeyedRound& latest) {
  std::vector<Entry> entries = entries_of(keys, latest);
  if (!hash.empty()) entries.insert(entries.begin(), {hash, next});
  if (entries.size() > round_key_count_max) entries.resize(round_key_count_max);
  std::string text;
  for (const Entry& entry : entries) text.append(text.empty() ? "" : " ").append(text_of(entry));
  return text;
}

std::optional<KeyedRound> round_with_key(std::string_view keys, std::string_view hash, const KeyedRound& latest) {
  for (const Entry& entry : entries_of(keys, latest)) {
    if (!hash.empty() && entry.hash == hash) return entry.round;
  }
  return std::nullopt;
}

}  // namespace fanfold::engine
