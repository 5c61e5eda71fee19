#include "backends/aws/blobs.hpp"

#include "backends/aws/keys.hpp"
#include "support/hash.hpp"

#include <algorithm>

namespace fanfold::aws {
namespace {

/// How often a put that meets another one under way, or an object that goes at the same moment, is tried.
constexpr std::size_t put_try_count_max = 8;
constexpr std::chrono::milliseconds put_pause_initial{20};
constexpr std::chrono::milliseconds put_pause_most{1'000};

class ObjectBlobs final : public Blobs {
 public:
  ObjectBlobs(ObjectStore& objects, std::string bucket, Clock& clock)
      : objects_(objects), bucket_(std::move(bucket)), clock_(clock) {}

  Result<std::optional<std::string>> put(const std::string& name, std::string_view bytes, std::uint64_t) override {
    PutObject object;
    object.where = {bucket_, name};
    object.body = bytes;
    object.if_absent = true;
    for (std::size_t tries = 1;; ++tries) {
      auto written = objects_.put(object);
      if (written) return std::optional<std::string>();
      const bool may_be_there =
          written.error().code == ErrorCode::conflict || written.error().code == ErrorCode::outcome_unknown;
      if (!may_be_there) return std::move(written).error();
      // An object that is there; or a copy of this very request came first, and then it is the same.
      auto there = get(std::span(&name, 1));
      if (!there) return std::move(there).error();
      if (there->front()) return std::move(there->front());
      if (tries == put_try_count_max) return std::move(written).error();
      pause_with_jitter(clock_, tries, put_pause_initial, put_pause_most);
    }
  }

  Result<std::vector<std::optional<std::string>>> get(std::span<const std::string> names) override {
    std::vector<ObjectRef> refs;
    for (const std::string& name : names) refs.push_back({bucket_, name});
    auto objects = objects_.get(refs);
    std::vector<std::optional<std::string>> texts;
    for (Result<StoredObject>& object : objects) {
      if (object) {
        texts.emplace_back(std::move(object->body));
      } else if (object.error().code == ErrorCode::not_found) {
        texts.emplace_back();
      } else {
        return std::move(object).error();
      }
    }
    return texts;
  }

  Result<void> remove(std::span<const std::string> names) override {
    for (const std::string& name : names) {
      if (auto removed = objects_.remove({bucket_, name}); !removed) return removed;
    }
    return {};
  }

 private:
  ObjectStore& objects_;
  std::string bucket_;
  Clock& clock_;
};

/// What does not fit the head goes before it, into items named by the text's digest, so that the head decides whose
/// text it is.
class ItemBlobs final : public Blobs {
 public:
  ItemBlobs(Table& table, Clock& clock) : table_(table), clock_(clock) {}

  Result<std::optional<std::string>> put(const std::string& name, std::string_view bytes, std::uint64_t ttl) override {
    Item head{{name, std::string(head_sort)}, {}};
    head.set(ttl_name, Value::of_number(ttl));
    head.set("bytes", Value::of(bytes.substr(0, part_bytes)));
    if (bytes.size() > part_bytes) {
      const std::string digest = digest_text(bytes);
      std::vector<Item> parts;
      for (std::size_t begin = part_bytes; begin < bytes.size(); begin += part_bytes) {
        Item part{{name, part_sort(digest, parts.size())}, {}};
        part.set(ttl_name, Value::of_number(ttl));
        part.set("bytes", Value::of_binary(std::string(bytes.substr(begin, part_bytes))));
        parts.push_back(std::move(part));
      }
      if (auto written = write_items(table_, clock_, parts, {}); !written) return std::move(written).error();
      head.set("bytes", Value::of_binary(std::string(bytes.substr(0, part_bytes))));
      head.set("digest", Value::of(digest));
      head.set("parts", Value::of_number(parts.size()));
    }
    const PutRequest request{std::move(head), {Clause::absent(partition_name)}};
    auto answer = std::move(table_.put(std::span(&request, 1)).front());
    if (!answer) return std::move(answer).error();
    if (!answer->refused) return std::optional<std::string>();
    auto there = get(std::span(&name, 1));
    if (!there) return std::move(there).error();
    if (!there->front()) return Error{ErrorCode::conflict, name + " was removed while it was being written", {}};
    return std::move(there->front());
  }

  Result<std::vector<std::optional<std::string>>> get(std::span<const std::string> names) override {
    std::vector<ItemKey> keys;
    for (const std::string& name : names) keys.push_back({name, std::string(head_sort)});
    auto heads = read_items(table_, clock_, keys, Consistency::strong, read_count_max);
    if (!heads) return std::move(heads).error();
    std::vector<std::optional<std::string>> texts;
    for (const std::optional<Item>& head : *heads) {
      auto text = text_of(head);
      if (!text) return std::move(text).error();
      texts.push_back(std::move(*text));
    }
    return texts;
  }

  Result<void> remove(std::span<const std::string> names) override {
    std::vector<QueryRequest> queries;
    for (const std::string& name : names) {
      QueryRequest& query = queries.emplace_back();
      query.partition = name;
    }
    auto found = query_items(table_, queries);
    if (!found) return std::move(found).error();
    std::vector<ItemKey> keys;
    for (std::vector<Item>& items : *found) {
      // The head goes last: without it nobody would find the others.
      for (const Item& item : items) keys.insert(item.key.sort == head_sort ? keys.end() : keys.begin(), item.key);
    }
    return write_items(table_, clock_, {}, keys);
  }

 private:
  static constexpr std::string_view head_sort = "page";
  static constexpr std::size_t read_count_max = 16;  ///< At once, since each may have 400 KB.
  static constexpr std::size_t part_bytes = std::size_t{380} * 1024;

  static std::string part_sort(std::string_view digest, std::size_t number) {
    return "part#" + std::string(digest) + "#" + padded(number, 6);
  }

  Result<std::optional<std::string>> text_of(const std::optional<Item>& head) {
    if (!head) return std::optional<std::string>();
    std::string text(head->text("bytes"));
    const std::uint64_t part_count = head->number("parts");
    std::vector<ItemKey> keys;
    for (std::uint64_t i = 0; i < part_count; ++i)
      keys.push_back({head->key.partition, part_sort(head->text("digest"), i)});
    if (keys.empty()) return std::optional<std::string>(std::move(text));
    auto parts = read_items(table_, clock_, keys, Consistency::strong, read_count_max);
    if (!parts) return std::move(parts).error();
    for (const std::optional<Item>& part : *parts) {
      if (!part) return Error{ErrorCode::damaged, head->key.partition + " has lost a part", {}};
      text.append(part->text("bytes"));
    }
    return std::optional<std::string>(std::move(text));
  }

  Table& table_;
  Clock& clock_;
};

}  // namespace

std::unique_ptr<Blobs> make_object_blobs(ObjectStore& objects, std::string bucket, Clock& clock) {
  return std::make_unique<ObjectBlobs>(objects, std::move(bucket), clock);
}

std::unique_ptr<Blobs> make_item_blobs(Table& table, Clock& clock) { return std::make_unique<ItemBlobs>(table, clock); }

}  // namespace fanfold::aws
