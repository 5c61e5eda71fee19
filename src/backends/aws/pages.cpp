#include "backends/aws/pages.hpp"

#include "backends/aws/keys.hpp"
#include "support/hash.hpp"

#include <fanfold/detail/json_reader.hpp>
#include <fanfold/detail/json_writer.hpp>

#include <algorithm>

namespace fanfold::aws {
namespace {

constexpr std::uint64_t page_format = 1;
constexpr std::size_t page_index_width = 12;
/// Bodies longer than this may have made their messages too long.
constexpr std::size_t long_body_bytes = std::size_t{512} * 1024;
/// An add of the greatest size, in one page.
constexpr detail::JsonLimits page_limits{.depth = json_depth_max + 3, .size_bytes = std::size_t{256} * 1024 * 1024};

std::string page_name(std::string_view cluster_id, std::uint64_t first_index) {
  return partition_of(cluster_id) + "/tasks/" + padded(first_index, page_index_width);
}

std::string add_name(std::string_view cluster_id, std::string_view digest) {
  return partition_of(cluster_id) + "/adds/" + std::string(digest);
}

Error different_tasks(std::string_view what) {
  return {ErrorCode::different_tasks, "other tasks are stored under " + std::string(what), {}};
}

bool is_same(const TaskData& a, const TaskData& b) { return a.body == b.body && a.meta == b.meta; }

std::string write_page(std::span<const TaskData> tasks) {
  std::string list;
  detail::JsonWriter writer(list);
  writer.begin_array();
  for (const TaskData& task : tasks) {
    writer.begin_object();
    writer.plain_key("body");
    writer.json_unchecked(task.body);
    if (!task.meta.empty()) {
      writer.plain_key("meta");
      writer.json_unchecked(task.meta);
    }
    writer.end_object();
  }
  writer.end_array();
  std::string text;
  text.reserve(list.size() + 64);
  detail::JsonWriter page(text);
  page.begin_object();
  page.plain_key("fanfold");
  page.unsigned_integer(page_format);
  page.plain_key("hash");
  page.plain_string(digest_text(list));
  page.plain_key("tasks");
  page.json_unchecked(list);
  page.end_object();
  return text;
}

Result<std::vector<TaskData>> parse_page(std::string_view name, std::string_view text) {
  const auto damaged = [&](const std::string& why) -> Error {
    return {ErrorCode::damaged, std::string(name) + " is no page of tasks: " + why, {}};
  };
  detail::JsonDocument document;
  if (auto read = document.read(text, page_limits); !read) return damaged(read.error().message);
  if (document.root().kind() != detail::JsonKind::object) return damaged("it is no object");
  const auto format = document.root().find("fanfold");
  if (!format || !format->uint64()) return damaged("it has no version");
  if (*format->uint64() > page_format)
    return Error{ErrorCode::unsupported_version, std::string(name) + " was written by a newer fanfold", {}};
  const auto tasks = document.root().find("tasks");
  if (!tasks || tasks->kind() != detail::JsonKind::array) return damaged("it has no tasks");
  const auto hash = document.root().find("hash");
  const bool is_whole =
      hash && hash->kind() == detail::JsonKind::string && hash->string() == digest_text(tasks->text());
  if (!is_whole) return damaged("its hash is wrong");
  std::vector<TaskData> result;
  result.reserve(tasks->size());
  for (const detail::JsonValue task : tasks->elements()) {
    if (task.kind() != detail::JsonKind::object) return damaged("a task is no object");
    const auto body = task.find("body");
    if (!body) return damaged("a task has no body");
    const auto meta = task.find("meta");
    result.push_back({std::string(body->text()), meta ? std::string(meta->text()) : std::string()});
  }
  return result;
}

}  // namespace

Pages::Page Pages::keep(const std::string& name, std::vector<TaskData> tasks) {
  auto page = std::make_shared<const std::vector<TaskData>>(std::move(tasks));
  const std::scoped_lock lock(mutex_);
  if (known_.size() >= known_count_max) known_.clear();
  known_[name] = page->size();
  std::erase_if(cache_, [&](const auto& entry) { return entry.first == name; });
  if (cache_.size() >= cached_count_max) cache_.erase(cache_.begin());
  cache_.emplace_back(name, page);
  return page;
}

Result<Pages::Page> Pages::read_page(const std::string& name) {
  {
    const std::scoped_lock lock(mutex_);
    const auto found = std::ranges::find(cache_, name, &std::pair<std::string, Page>::first);
    if (found != cache_.end()) return found->second;
  }
  auto text = blobs_.get(std::span(&name, 1));
  if (!text) return std::move(text).error();
  if (!text->front()) return Page();
  auto tasks = parse_page(name, *text->front());
  if (!tasks) return std::move(tasks).error();
  return keep(name, std::move(*tasks));
}

Result<std::uint64_t> Pages::find_page(std::string_view cluster_id, std::uint64_t index) {
  std::uint64_t first = index / page_count_max * page_count_max;
  while (first < index) {
    const std::string name = page_name(cluster_id, first);
    std::uint64_t count = 0;
    {
      const std::scoped_lock lock(mutex_);
      const auto found = known_.find(name);
      if (found != known_.end()) count = found->second;
    }
    if (count == 0) {
      auto page = read_page(name);
      if (!page) return std::move(page).error();
      if (!*page || (*page)->empty()) return first;
      count = (*page)->size();
    }
    if (index < first + count) return first;
    first += count;
  }
  return first;
}

Result<void> Pages::put(std::string_view cluster_id, std::uint64_t first_index, std::span<const TaskData> tasks,
                        std::uint64_t ttl) {
  for (std::size_t stored = 0; stored < tasks.size();) {
    auto count = put_page(cluster_id, first_index + stored, tasks.subspan(stored), ttl);
    if (!count) return std::move(count).error();
    stored += *count;
  }
  return {};
}

Result<std::size_t> Pages::put_page(std::string_view cluster_id, std::uint64_t index, std::span<const TaskData> tasks,
                                    std::uint64_t ttl) {
  auto first = find_page(cluster_id, index);
  if (!first) return std::move(first).error();
  const std::string name = page_name(cluster_id, *first);
  Page there;
  if (*first == index) {
    const std::uint64_t room = page_count_max - index % page_count_max;
    std::size_t count = 0;
    std::size_t bytes = 0;
    while (count < std::min<std::uint64_t>(room, tasks.size()) && (count == 0 || bytes < page_bytes_max)) {
      bytes += tasks[count].body.size() + tasks[count].meta.size();
      ++count;
    }
    auto before = blobs_.put(name, write_page(tasks.first(count)), ttl);
    if (!before) return std::move(before).error();
    if (!*before) {
      const std::scoped_lock lock(mutex_);
      known_[name] = count;
      return count;
    }
    auto parsed = parse_page(name, **before);
    if (!parsed) return std::move(parsed).error();
    there = keep(name, std::move(*parsed));
  } else {
    auto page = read_page(name);
    if (!page) return std::move(page).error();
    if (!*page)
      return Error{
          ErrorCode::invalid_argument,
          "payloads are stored in the order of their indexes; those before " + std::to_string(index) + " are missing",
          {}};
    there = std::move(*page);
  }
  const std::size_t offset = index - *first;
  if (there->size() <= offset) return Error{ErrorCode::damaged, name + " holds fewer tasks than it did", {}};
  const std::size_t count = std::min(tasks.size(), there->size() - offset);
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_same((*there)[offset + i], tasks[i])) return different_tasks("cluster " + std::string(cluster_id));
  }
  return count;
}

Result<std::vector<TaskData>> Pages::read(std::string_view cluster_id, std::uint64_t first_index, std::size_t count) {
  std::vector<TaskData> tasks;
  tasks.reserve(std::min<std::size_t>(count, page_count_max));
  while (tasks.size() < count) {
    const std::uint64_t index = first_index + tasks.size();
    auto first = find_page(cluster_id, index);
    if (!first) return std::move(first).error();
    auto page = read_page(page_name(cluster_id, *first));
    if (!page) return std::move(page).error();
    if (!*page || (*page)->size() <= index - *first) break;
    const std::size_t offset = index - *first;
    const std::size_t taken = std::min(count - tasks.size(), (*page)->size() - offset);
    const auto begin = (*page)->begin() + static_cast<std::ptrdiff_t>(offset);
    tasks.insert(tasks.end(), begin, begin + static_cast<std::ptrdiff_t>(taken));
  }
  return tasks;
}

Result<void> Pages::remove(std::string_view cluster_id, std::uint64_t task_count) {
  for (std::uint64_t cell = 0; cell < task_count; cell += page_count_max) {
    std::vector<std::string> names;
    std::vector<std::string> payloads;  // Of messages that were too long for the queue.
    for (std::uint64_t index = cell; index < cell + page_count_max;) {
      std::string name = page_name(cluster_id, index);
      auto page = read_page(name);
      if (!page) return std::move(page).error();
      if (!*page || (*page)->empty()) break;
      for (std::size_t i = 0; i < (*page)->size(); ++i) {
        if ((**page)[i].body.size() > long_body_bytes) payloads.push_back(payload_name_of_task(cluster_id, index + i));
      }
      index += (*page)->size();
      names.push_back(std::move(name));
    }
    if (auto removed = blobs_.remove(payloads); !removed) return removed;
    // The last one first: each is found through those before it, also by a call that repeats this one.
    std::ranges::reverse(names);
    if (auto removed = blobs_.remove(names); !removed) return removed;
    const std::scoped_lock lock(mutex_);
    for (const std::string& name : names) {
      known_.erase(name);
      std::erase_if(cache_, [&](const auto& entry) { return entry.first == name; });
    }
  }
  return {};
}

Result<void> Pages::put_add(std::string_view cluster_id, std::string_view digest, std::span<const TaskData> tasks,
                            std::uint64_t ttl) {
  const std::string name = add_name(cluster_id, digest);
  auto before = blobs_.put(name, write_page(tasks), ttl);
  if (!before) return std::move(before).error();
  if (!*before) return {};
  auto there = parse_page(name, **before);
  if (!there) return std::move(there).error();
  if (!std::ranges::equal(*there, tasks, is_same)) return different_tasks("this add key");
  return {};
}

Result<std::vector<TaskData>> Pages::read_add(std::string_view cluster_id, std::string_view digest) {
  const std::string name = add_name(cluster_id, digest);
  auto page = read_page(name);
  if (!page) return std::move(page).error();
  if (!*page) return Error{ErrorCode::damaged, name + " is missing", {}};
  return **page;
}

Result<void> Pages::remove_add(std::string_view cluster_id, std::string_view digest) {
  const std::string name = add_name(cluster_id, digest);
  {
    const std::scoped_lock lock(mutex_);
    std::erase_if(cache_, [&](const auto& entry) { return entry.first == name; });
  }
  return blobs_.remove(std::span(&name, 1));
}

}  // namespace fanfold::aws
