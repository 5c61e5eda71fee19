#include "cli/cluster_argument.hpp"

#include "cli/text.hpp"

#include <fmt/format.h>

#include <charconv>

namespace fanfold::cli {
namespace {

constexpr std::size_t prefix_bytes_min = 4;
constexpr std::size_t page_clusters = 1000;
constexpr std::size_t named_in_error_max = 5;

Result<ClusterHeader> not_found(const std::string& argument) {
  const std::size_t mark = argument.rfind('#');
  const bool is_task = mark != std::string::npos && mark > 0 && mark + 1 < argument.size() &&
                       argument.find_first_not_of("0123456789", mark + 1) == std::string::npos;
  const std::string hint =
      is_task ? fmt::format("for all of a cluster write '{}'", printable(argument.substr(0, mark), Newlines::escape))
              : "fanfold cluster ls shows all";
  return Error{ErrorCode::not_found,
               fmt::format("there is no cluster '{}'; {}", printable(argument, Newlines::escape), hint),
               {}};
}

Result<ClusterHeader> find_by_prefix(const Client& client, const std::string& argument) {
  std::vector<ClusterHeader> found;
  ClusterQuery query{.unfinished_only = false, .name = {}, .cursor = {}, .count_max = page_clusters};
  do {
    auto page = client.list_clusters(query);
    if (!page) return std::move(page).error();
    for (ClusterHeader& header : page->clusters) {
      if (header.id.starts_with(argument)) found.push_back(std::move(header));
    }
    query.cursor = page->next_cursor;
  } while (!query.cursor.empty());
  if (found.empty()) return not_found(argument);
  if (found.size() == 1) return std::move(found.front());
  std::string names;
  for (std::size_t i = 0; i < std::min(found.size(), named_in_error_max); ++i) names += " " + found[i].id;
  return Error{ErrorCode::invalid_argument,
               fmt::format("'{}' begins the id of {} clusters:{}", argument, found.size(), names),
               {}};
}

}  // namespace

Result<ClusterHeader> find_cluster(const Client& client, const std::string& argument) {
  if (argument.empty()) return Error{ErrorCode::invalid_argument, "the cluster's name is empty", {}};
  const MessageKey key{argument};
  const auto parts = parse_key(key);
  if (parts && !parts->index) {
    auto header = client.cluster_header(key);
    if (header || header.error().code != ErrorCode::not_found) return header;
  }
  auto named = client.list_clusters({.unfinished_only = false, .name = argument, .cursor = {}, .count_max = 1});
  if (!named) return std::move(named).error();
  if (!named->clusters.empty()) return std::move(named->clusters.front());
  std::string prefix = argument;
  if (prefix.starts_with(key_prefix)) prefix.erase(0, key_prefix.size());
  if (prefix.size() < prefix_bytes_min) return not_found(argument);
  return find_by_prefix(client, prefix);
}

Error no_task(const ClusterHeader& header, std::uint64_t index) {
  const std::string label = label_of(header);
  const std::string there = header.task_count == 0
                                ? fmt::format("{} has no tasks", label)
                                : fmt::format("the tasks of {} are #0 to #{}", label, header.task_count - 1);
  return {ErrorCode::not_found, fmt::format("there is no task {}#{}; {}", label, index, there), {}};
}

Result<FoundRecord> find_record(const Client& client, const std::string& argument) {
  const std::size_t mark = argument.rfind('#');
  if (mark == std::string::npos) {
    const MessageKey key{argument};
    if (parse_key(key).has_value()) {
      auto message = client.get_message_record<>(key);
      const bool is_message = message && message->type != RecordType::cluster;
      if (is_message) return FoundRecord{key, std::nullopt, std::nullopt};
      if (!message && message.error().code != ErrorCode::not_found) return std::move(message).error();
    }
    auto header = find_cluster(client, argument);
    if (!header && header.error().code == ErrorCode::not_found && argument.starts_with(key_prefix)) {
      return Error{
          ErrorCode::not_found,
          fmt::format("neither a message nor a cluster has the key '{}'", printable(argument, Newlines::escape)),
          {}};
    }
    if (!header) return std::move(header).error();
    MessageKey own = key_of(*header);
    return FoundRecord{std::move(own), std::move(*header), std::nullopt};
  }
  std::uint64_t index = 0;
  const char* end = argument.data() + argument.size();
  const auto [stop, code] = std::from_chars(argument.data() + mark + 1, end, index);
  if (code != std::errc{} || stop != end) {
    return Error{
        ErrorCode::bad_input,
        fmt::format("'{}' names no task: write CLUSTER#INDEX, as in photos#17", printable(argument, Newlines::escape)),
        {}};
  }
  auto header = find_cluster(client, argument.substr(0, mark));
  if (!header) return std::move(header).error();
  if (index >= header->task_count) return no_task(*header, index);
  MessageKey key = MessageKey::of_task(header->id, index);
  return FoundRecord{std::move(key), std::move(*header), index};
}

MessageKey key_of(const ClusterHeader& header) { return MessageKey::of_message(header.id); }

std::string label_of(const ClusterHeader& header) {
  return header.name.empty() ? header.id : printable(header.name, Newlines::escape);
}

std::string word_of(const ClusterHeader& header) {
  const bool can_be_typed = !header.name.empty() && printable(header.name, Newlines::escape) == header.name;
  return shell_word(can_be_typed ? header.name : header.id);
}

void add_cluster_argument(Command app, std::string& target, bool required) {
  app.option("cluster", target, "Key, id, the beginning of an id, or name (the newest of that name)",
             {.value = "CLUSTER", .required = required});
}

}  // namespace fanfold::cli
