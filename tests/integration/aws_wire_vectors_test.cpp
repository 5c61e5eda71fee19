// The vectors of docs/wire-vectors.json, as fanfold reads and writes them; tests/python/wire_vectors_test.py does the
// same in Python.
#include "aws/base64.hpp"
#include "backends/aws/cell.hpp"
#include "backends/aws/dynamodb_json.hpp"
#include "backends/aws/global_store.hpp"
#include "backends/aws/header_item.hpp"
#include "backends/aws/headers.hpp"
#include "backends/aws/keys.hpp"
#include "backends/aws/node.hpp"
#include "backends/aws/object_store.hpp"
#include "backends/aws/pointer.hpp"
#include "backends/aws/rounds.hpp"
#include "support/hash.hpp"
#include "testing_aws/memory_table.hpp"
#include "wire/envelope_text.hpp"

#include <fanfold/detail/json_reader.hpp>
#include <fanfold/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <charconv>
#include <fstream>
#include <sstream>

namespace fanfold::aws {
namespace {

using detail::JsonValue;

std::string hexadecimal(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    text += digits[value >> 4U];
    text += digits[value & 15U];
  }
  return text;
}

std::uint64_t token_of(std::string_view text) {
  std::uint64_t token = 0;
  std::from_chars(text.data(), text.data() + text.size(), token, 16);
  return token;
}

class WireVectors : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(std::string(FANFOLD_SOURCE_DIR) + "/docs/wire-vectors.json");
    std::stringstream text;
    text << file.rdbuf();
    text_ = text.str();
    const auto read = document_.read(text_);
    ASSERT_TRUE(read.has_value()) << read.error().message;
  }

  /// The vectors of one kind; there are some.
  [[nodiscard]] JsonValue all(std::string_view kind) const {
    const JsonValue vectors = document_.root().find(kind).value();
    EXPECT_GT(vectors.size(), 0U) << kind;
    return vectors;
  }
  static std::string text(const JsonValue& vector, std::string_view name) {
    return std::string(vector.find(name).value().string());
  }
  static std::uint64_t number(const JsonValue& vector, std::string_view name) {
    return vector.find(name).value().uint64().value();
  }
  static std::vector<std::uint64_t> numbers(const JsonValue& list) {
    std::vector<std::uint64_t> values;
    for (const JsonValue value : list.elements()) values.push_back(value.uint64().value());
    return values;
  }
  static Item item(const JsonValue& vector) { return read_item(vector.find("item").value()).value(); }

  std::string text_;
  detail::JsonDocument document_;
};

std::string member_text(const JsonValue& members, std::string_view name) {
  const auto value = members.find(name);
  return value ? std::string(value->kind() == detail::JsonKind::string ? value->string() : value->text()) : "";
}

TEST_F(WireVectors, MessagesAreReadAndWrittenAgainByteByByte) {
  for (const JsonValue vector : all("messages").elements()) {
    SCOPED_TRACE(text(vector, "what"));
    const auto read = wire::read_envelope(text(vector, "text"));
    ASSERT_TRUE(read.has_value()) << read.error().message;
    ASSERT_TRUE(read->has_value());
    const Envelope& content = **read;
    EXPECT_EQ(wire::write_envelope(content), text(vector, "text"));
    const JsonValue members = vector.find("members").value();
    EXPECT_EQ(to_string(content.type), member_text(members, "type"));
    EXPECT_EQ("SQSMessage$" + content.id, member_text(members, "pKey"));
    EXPECT_EQ(content.name, member_text(members, "name"));
    EXPECT_EQ(to_iso8601(content.expires_at), member_text(members, "expiresAt"));
    EXPECT_EQ(content.trace->parent, member_text(members, "traceparent"));
    EXPECT_EQ(content.first_failure, members.find("firstFailure").has_value());
    EXPECT_EQ(content.bucket_params.has_value(), members.find("bucketParams").has_value());
    if (content.type == RecordType::task) {
      EXPECT_EQ(content.index, number(members, "index"));
    }
    if (content.type != RecordType::message) {
      EXPECT_EQ(content.round, number(members, "round"));
    }
  }
  for (const JsonValue foreign : all("foreign").elements()) {
    EXPECT_FALSE(wire::read_envelope(foreign.string()).value().has_value()) << foreign.string();
    EXPECT_FALSE(read_pointer(foreign.string()).has_value()) << foreign.string();
  }
  const auto newer = wire::read_envelope(all("newer").string());
  ASSERT_FALSE(newer.has_value());
  EXPECT_EQ(newer.error().code, ErrorCode::unsupported_version);
}

TEST_F(WireVectors, KeysAreMade) {
  const JsonValue keys = all("keys");
  for (const JsonValue vector : keys.find("record")->elements())
    EXPECT_EQ(record_key(text(vector, "id")), (ItemKey{text(vector, "pKey"), text(vector, "rKey")}));
  for (const JsonValue vector : keys.find("node")->elements()) {
    const NodeRef node{text(vector, "cluster"), static_cast<std::uint32_t>(number(vector, "round")),
                       static_cast<unsigned>(number(vector, "level")), number(vector, "number")};
    EXPECT_EQ(node_key(node), (ItemKey{text(vector, "pKey"), text(vector, "rKey")}));
  }
  for (const JsonValue vector : keys.find("data")->elements()) {
    const auto kind = static_cast<DataKind>(text(vector, "kind").front());
    EXPECT_EQ(data_sort(kind, static_cast<unsigned>(number(vector, "slot")),
                        static_cast<std::uint32_t>(number(vector, "attempt")), token_of(text(vector, "token"))),
              text(vector, "rKey"));
  }
  for (const JsonValue vector : keys.find("payload")->elements())
    EXPECT_EQ(payload_name_of_task(text(vector, "cluster"), number(vector, "index")), text(vector, "name"));
}

TEST_F(WireVectors, CellsAreWrittenAndRead) {
  for (const JsonValue vector : all("cells").elements()) {
    SCOPED_TRACE(text(vector, "what"));
    const Cell cell{static_cast<Cell::State>(number(vector, "state")),
                    static_cast<std::uint32_t>(number(vector, "attempts")),
                    Time(std::chrono::milliseconds(number(vector, "milliseconds"))), token_of(text(vector, "token"))};
    const std::string bytes = encode_cell(cell);
    EXPECT_EQ(hexadecimal(bytes), text(vector, "hex"));
    std::string base64;
    append_base64(base64, bytes);
    EXPECT_EQ(base64, text(vector, "base64"));
    EXPECT_EQ(decode_cell(bytes), cell);
  }
}

TEST_F(WireVectors, LeavesAndNodesSayWhetherTheyAreFull) {
  for (const JsonValue vector : all("leaves").elements()) {
    SCOPED_TRACE(text(vector, "what"));
    const Item stored = item(vector);
    const Leaf leaf = read_leaf(&stored).value();
    EXPECT_EQ(leaf.is_full(), vector.find("full")->boolean());
    EXPECT_EQ(leaf.failed_count(), number(vector, "failed"));
  }
  for (const JsonValue vector : all("nodes").elements()) {
    SCOPED_TRACE(text(vector, "what"));
    const Item stored = item(vector);
    const InnerNode node = read_inner_node(&stored).value();
    EXPECT_EQ(node.is_full(), vector.find("full")->boolean());
    EXPECT_EQ(node.failed_count(), number(vector, "failed"));
    EXPECT_TRUE(node.root);
  }
}

TEST_F(WireVectors, HeadersAreReadAndWrittenAgainWithEveryAttribute) {
  for (const JsonValue vector : all("headers").elements()) {
    SCOPED_TRACE(text(vector, "what"));
    const Item stored = item(vector);
    const auto header = read_header(stored);
    ASSERT_TRUE(header.has_value());
    Item written = write_header(*header);
    EXPECT_EQ(written.key, stored.key);
    EXPECT_EQ(written.attributes.size(), stored.attributes.size());
    for (const Member& member : stored.attributes) {
      const Value* value = written.find(member.name);
      ASSERT_NE(value, nullptr) << member.name;
      if (value->kind != Value::Kind::map) {
        EXPECT_EQ(*value, member.value) << member.name;
      }
      EXPECT_EQ(value->members.size(), member.value.members.size()) << member.name;
    }
  }
}

TEST_F(WireVectors, PointersAreWrittenAndRead) {
  for (const JsonValue vector : all("pointers").elements()) {
    const auto object = read_pointer(text(vector, "text"));
    ASSERT_TRUE(object.has_value()) << text(vector, "what");
    EXPECT_EQ(object->bucket, text(vector, "bucket"));
    EXPECT_EQ(object->key, text(vector, "key"));
    if (vector.find("written")->boolean()) {
      EXPECT_EQ(write_pointer(*object), text(vector, "text"));
    }
  }
}

/// Keeps what is put.
class OneObject final : public ObjectStore {
 public:
  std::vector<Result<StoredObject>> get(std::span<const ObjectRef>) override { return {StoredObject(object)}; }
  Result<std::string> put(const PutObject& put) override {
    where = put.where;
    object = {.body = put.body, .etag = "\"e\"", .metadata = put.metadata};
    return std::string("\"e\"");
  }
  Result<void> remove(const ObjectRef&) override { return {}; }

  ObjectRef where{};
  StoredObject object{};
};

TEST_F(WireVectors, GlobalsCarryTheIdsOfTheirWrites) {
  const JsonValue vector = all("globals");
  OneObject objects;
  AwsGlobalStore store(objects, "photos");
  const BucketParams where = store.location("04g3v1q0bm9qk2s1i8l5n7d0ea");
  EXPECT_EQ(where.key, text(vector, "key"));
  StoredGlobals globals;
  globals.value = Json::parse("1").value();
  for (const JsonValue id : vector.find("ids")->elements()) globals.write_ids.emplace_back(id.string());
  ASSERT_TRUE(store.write(where, globals, "").has_value());
  EXPECT_EQ(objects.object.metadata.front(), std::pair(text(vector, "metadata"), text(vector, "text")));
  EXPECT_EQ(store.read(where).value().write_ids, globals.write_ids);
}

TEST_F(WireVectors, ListsOfLaterRoundsAreStoredPacked) {
  std::uint32_t round = 0;
  for (const JsonValue vector : all("numbers").elements()) {
    testing::ManualClock clock;
    testing_aws::MemoryTable table;
    Rounds rounds(table, clock);
    const std::vector<std::uint64_t> indexes = numbers(vector.find("numbers").value());
    ASSERT_TRUE(rounds.put("c", ++round, "hash", indexes, 1).has_value());
    const auto page = table.get({round_partition("c", round, "hash"), round_page_sort(0)}, Consistency::strong).value();
    ASSERT_TRUE(page.has_value());
    EXPECT_EQ(hexadecimal(page->text("indexes")), text(vector, "hex"));
    ClusterHeader header;
    header.id = "c";
    header.round = round;
    header.round_hash = "hash";
    EXPECT_EQ(rounds.read("c", rounds.list(header, round).value(), 0, indexes.size()).value(), indexes);
  }
}

TEST_F(WireVectors, DigestsAreMade) {
  for (const JsonValue vector : all("digests").elements())
    EXPECT_EQ(digest_text(text(vector, "text")), text(vector, "digest"));
}

}  // namespace
}  // namespace fanfold::aws
