// What comes from outside and is wrong: the exact error that each input gets, and where the message is afterwards.
#include <fanfold/fanfold.hpp>
#include <fanfold/json.hpp>
#include <fanfold/testing/memory_store.hpp>

#include "backends/sqlite/store.hpp"
#include "support/test_directory.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include <unistd.h>

namespace fanfold {

struct OrderRow {
  std::string name;
  std::int64_t qty = 0;
};
BOOST_DESCRIBE_STRUCT(OrderRow, (), (name, qty))
struct Order {
  std::vector<OrderRow> rows;
};
BOOST_DESCRIBE_STRUCT(Order, (), (rows))

namespace {

using namespace std::chrono_literals;

/// A store and its clock.
struct Ground {
  std::function<Backend()> open;
  std::shared_ptr<testing::ManualClock> clock;  // Shared with the store.
};

Ground in_memory() {
  auto clock = std::make_shared<testing::ManualClock>();
  testing::MemoryStore store({.clock = clock});
  return {.open = [store] { return store.backend(); }, .clock = clock};
}

/// A file in a folder that goes with the last who holds it.
Ground in_sqlite() {
  const auto folder = std::make_shared<const support::TestDirectory>();
  auto clock = std::make_shared<testing::ManualClock>();
  return {.open =
              [clock, folder] {
                return sqlite::open_backend_with_clock(
                           {.file = *folder / "store.db", .durability = sqlite::Durability::normal}, clock)
                    .value();
              },
          .clock = clock};
}

struct GroundUnderTest {
  std::string name;
  std::function<Ground()> make;
};

enum class After : std::uint8_t {
  failed,    ///< Its record says why and keeps it; the message is deleted.
  returned,  ///< It is in its queue again, hidden for a while; there is no record, and no attempt was counted.
  removed    ///< Deleted without a record: nothing of it can ever run.
};

struct Row {
  std::string name;
  std::string text;  ///< On the wire.
  After after = After::failed;
  std::string code{};     ///< Of the record's error.
  std::string message{};  ///< Likewise.
  std::string body{};     ///< What the record keeps.
  std::string id{};       ///< Of the record, where the message names it; else the queue's id of the message.
};

/// A message of ours; `members` come behind the version.
std::string ours(const std::string& members) { return "{\"fanfold\":1," + members + "}"; }
std::string message_with(const std::string& members) {
  return ours(R"("type":"message","pKey":"SQSMessage$m1","expiresAt":"2999-01-01T00:00:00.000Z",)" + members);
}
std::string task_with(const std::string& members) {
  return ours(R"("type":"task","pKey":"SQSMessage$gone","expiresAt":"2999-01-01T00:00:00.000Z",)" + members);
}

/// A foreign text: the record keeps what came.
Row foreign(std::string name, std::string text, std::string message) {
  return {.name = std::move(name), .text = text, .code = "bad_input", .message = std::move(message), .body = text};
}
/// One that is not JSON is kept as a JSON string.
Row no_json(std::string name, std::string text, std::string message, std::string body) {
  return {.name = std::move(name),
          .text = std::move(text),
          .code = "bad_input",
          .message = std::move(message),
          .body = std::move(body)};
}

std::vector<Row> table() {
  const std::string bom = "\xEF\xBB\xBF{}";
  return {
      // Not JSON at all.
      no_json("NoJson", "<order/>", "byte 0: unexpected character", R"("<order/>")"),
      no_json("CutShort", R"({"rows":[)", "byte 9: the text ends too early", R"("{\"rows\":[")"),
      no_json("TrailingText", "{} x", "byte 3: text behind the value", R"("{} x")"),
      no_json("TrailingComma", R"({"rows":[],})", "byte 11: unexpected character", R"("{\"rows\":[],}")"),
      no_json("DuplicateKey", R"({"rows":[{"qty":1,"qty":2}]})", "/rows/0/qty: duplicate key",
              R"("{\"rows\":[{\"qty\":1,\"qty\":2}]}")"),
      no_json("NotUtf8", "{\"rows\":\"\xFF\"}", "byte 9: not valid UTF-8", "\"{\\\"rows\\\":\\\"\uFFFD\\\"}\""),
      no_json("HalfASurrogatePair", R"(["\udc00"])", "byte 8: half of a surrogate pair", R"("[\"\\udc00\"]")"),
      no_json("ByteOrderMark", bom, "byte 0: unexpected character", "\"" + bom + "\""),
      // JSON that the handler's type does not take.
      foreign("AnotherKind", "[]", "/: expected object, got array"),
      foreign("MissingField", R"({"other":1})", "/rows: missing"),
      foreign("WrongTypeAtAPath", R"({"rows":[{"name":"a","qty":1},{"name":"b","qty":"two"}]})",
              "/rows/1/qty: expected integer, got string"),
      foreign("MissingFieldAtAPath", R"({"rows":[{"qty":1}]})", "/rows/0/name: missing"),
      foreign("Overflow64Bits", R"({"rows":[{"name":"a","qty":9223372036854775808}]})",
              "/rows/0/qty: expected integer from -9223372036854775808 to 9223372036854775807, got one out of range"),
      foreign("DecimalForAnInteger", R"({"rows":[{"name":"a","qty":1.5}]})",
              "/rows/0/qty: expected integer, got number"),
      foreign("NullForAValue", R"({"rows":null})", "/rows: expected array, got null"),
      {.name = "OursWithAWrongBody",
       .text = message_with(R"("body":{"rows":[{"name":7,"qty":1}]})"),
       .code = "bad_input",
       .message = "/rows/0/name: expected string, got integer",
       .body = R"({"rows":[{"name":7,"qty":1}]})",
       .id = "m1"},
      // Messages of ours that are not what they should be.
      foreign("VersionThatIsNoNumber", R"({"fanfold":"1"})", "/fanfold: expected integer, got string"),
      foreign("OursWithoutType", R"({"fanfold":1})", "/type: missing"),
      foreign("OursWithoutBody", message_with(R"("name":"n")"), "/body: missing"),
      foreign("OursOfUnknownType", ours(R"("type":"job")"),
              R"(/type: expected one of "cluster", "task", "message"; got another string)"),
      foreign("OursWithoutKey", ours(R"("type":"message")"), "/pKey: missing"),
      foreign("OursWithAnotherKey", ours(R"("type":"message","pKey":"m1")"),
              "/pKey: expected a key such as SQSMessage$<id>"),
      foreign("TaskWithoutIndex", task_with(R"("round":0,"position":0,"body":1)"), "/index: missing"),
      foreign("TaskOfANegativeIndex", task_with(R"("round":0,"position":0,"index":-1,"body":1)"),
              "/index: expected an integer from 0 to 18446744073709551615, got one out of range"),
      foreign("RoundBeyond32Bits", task_with(R"("round":4294967296,"position":0,"index":0,"body":1)"),
              "/round: expected an integer from 0 to 4294967295, got one out of range"),
      foreign("BucketParamsCutShort", message_with(R"("body":1,"bucketParams":{"Bucket":"b"})"),
              "/bucketParams/Key: missing"),
      foreign("EndOfLifeThatIsNoTime",
              ours(R"("type":"message","pKey":"SQSMessage$m1","body":1,"expiresAt":"tomorrow")"),
              "/expiresAt: expected a UTC time such as 2026-11-24T09:30:00.000Z"),
      {.name = "Expired",
       .text = ours(
           R"("type":"message","pKey":"SQSMessage$old","body":{"rows":[]},"expiresAt":"2001-01-01T00:00:00.000Z")"),
       .code = "expired",
       .message = "the message's life ended before it was handled",
       .body = R"({"rows":[]})",
       .id = "old"},
      // What somebody else may know what to do with, or nobody any more.
      {.name = "NewerVersion", .text = R"({"fanfold":2,"type":"message"})", .after = After::returned},
      {.name = "TaskOfAnUnknownCluster",
       .text = task_with(R"("round":0,"position":0,"index":0,"body":1)"),
       .after = After::returned},
      {.name = "FinishMessageOfAnUnknownCluster",
       .text = ours(R"("type":"cluster","pKey":"SQSMessage$gone","round":0,"expiresAt":"2999-01-01T00:00:00.000Z")"),
       .after = After::returned},
  };
}

class BadInput : public ::testing::TestWithParam<GroundUnderTest> {
 protected:
  void send(std::string text) {
    OutgoingMessage message;
    message.text = std::move(text);
    ASSERT_TRUE(client_.queue_port().send("work", std::span(&message, 1)).value().front().has_value());
  }
  [[nodiscard]] SqsEvent receive() const {
    return {client_.receive("work", {.count_max = 10, .wait = 0ms, .visibility = 31s}).value()};
  }
  [[nodiscard]] std::uint64_t message_count() const {
    const QueueCounts counts = client_.queue_port().counts("work").value();
    return counts.visible_count + counts.in_flight_count + counts.delayed_count;
  }
  [[nodiscard]] Result<MessageRecord<Json, Json>> record(const std::string& id) const {
    return client_.get_message_record<Json, Json>(MessageKey::of_message(id), Consistency::strong);
  }
  [[nodiscard]] Handlers handlers() {
    return {.on_message = [this](const Message<Order>&, const Context&) {
      ++handled_count_;
      return done();
    }};
  }
  void expect_failed(const Row& row, const std::string& id) const {
    const auto kept = record(row.id.empty() ? id : row.id);
    ASSERT_TRUE(kept.has_value()) << to_string(kept.error());
    EXPECT_EQ(kept->status, Status::error);
    EXPECT_EQ(kept->status_code, StatusCode::error);
    EXPECT_EQ(kept->body.text(), row.body);
    EXPECT_EQ(kept->consumption_count, 1U);
    ASSERT_EQ(kept->error.size(), 1U);
    EXPECT_EQ(kept->error.front().code, row.code);
    EXPECT_EQ(kept->error.front().message, row.message);
    EXPECT_TRUE(kept->error.front().final);
    EXPECT_EQ(message_count(), 0U);
  }
  void expect_returned(const std::string& id, const BatchResponse& response) const {
    EXPECT_EQ(response.batch_item_failures, std::vector<std::string>{id});
    EXPECT_FALSE(record(id).has_value());
    EXPECT_TRUE(receive().records.empty());
    ground_.clock->advance(11s);
    EXPECT_EQ(receive().records.size(), 1U) << "another worker gets it";
  }

  Ground ground_ = GetParam().make();
  Client client_ = make_client(ground_.open());
  int handled_count_ = 0;
};

class BadMessage : public BadInput {};

TEST_P(BadMessage, GetsItsExactErrorAndCostsNoNeighbour) {
  for (const Row& row : table()) {
    SCOPED_TRACE(row.name);
    ground_ = GetParam().make();
    client_ = make_client(ground_.open());
    handled_count_ = 0;
    send(row.text);
    const SqsEvent bad = receive();
    ASSERT_EQ(bad.records.size(), 1U);
    const std::string id = bad.records.front().message_id;
    send(R"({"rows":[{"name":"good","qty":9223372036854775807}]})");
    SqsEvent both = receive();
    ASSERT_EQ(both.records.size(), 1U);
    both.records.insert(both.records.begin(), bad.records.front());

    const auto response = client_.process_batch(both, handlers());
    ASSERT_TRUE(response.has_value()) << to_string(response.error());
    EXPECT_EQ(handled_count_, 1) << "the neighbour is handled, and nothing else";
    switch (row.after) {
      case After::failed:
        EXPECT_TRUE(response->batch_item_failures.empty());
        expect_failed(row, id);
        break;
      case After::returned: expect_returned(id, *response); break;
      case After::removed:
        EXPECT_TRUE(response->batch_item_failures.empty());
        EXPECT_FALSE(record(id).has_value());
        EXPECT_EQ(message_count(), 0U);
        break;
    }
  }
}

TEST_P(BadMessage, ThatIsTooDeepNamesTheLimit) {
  send(std::string(json_depth_max + 1, '[') + std::string(json_depth_max + 1, ']'));
  const SqsEvent event = receive();
  ASSERT_EQ(event.records.size(), 1U);
  EXPECT_TRUE(client_.process_batch(event, handlers()).value().batch_item_failures.empty());
  const auto kept = record(event.records.front().message_id).value();
  EXPECT_EQ(kept.status, Status::error);
  EXPECT_EQ(kept.error.front().code, "bad_input");
  EXPECT_TRUE(kept.error.front().message.starts_with("/0/0/0/")) << kept.error.front().message;
  EXPECT_TRUE(kept.error.front().message.ends_with("deeper than 64 levels")) << kept.error.front().message;
  EXPECT_EQ(message_count(), 0U);
}

TEST_P(BadMessage, ThatIsTooBigNamesTheLimit) {
  OutgoingMessage large;
  large.text = '"' + std::string(1'024 * 1'024, 'x') + '"';
  const auto sent = client_.queue_port().send("work", std::span(&large, 1)).value();
  ASSERT_FALSE(sent.front().has_value());
  EXPECT_EQ(sent.front().error().code, ErrorCode::too_large);
  EXPECT_EQ(sent.front().error().message, "a message holds at most 1 MiB");

  // From elsewhere it may come all the same.
  send("1");
  SqsEvent event = receive();
  ASSERT_EQ(event.records.size(), 1U);
  event.records.front().body = '"' + std::string(json_size_bytes_max, 'x') + '"';
  EXPECT_TRUE(client_.process_batch(event, handlers()).value().batch_item_failures.empty());
  const auto kept = record(event.records.front().message_id).value();
  EXPECT_EQ(kept.status, Status::error);
  EXPECT_EQ(kept.error.front().code, "too_large");
  EXPECT_EQ(kept.error.front().message, "a JSON text has at most 16777216 bytes");
  EXPECT_EQ(message_count(), 0U);
}

TEST_P(BadMessage, OfATypeWithoutHandlerIsReturned) {
  send(R"({"rows":[]})");
  const SqsEvent event = receive();
  ASSERT_EQ(event.records.size(), 1U);
  const auto response = client_.process_batch(event, Handlers{}).value();
  expect_returned(event.records.front().message_id, response);
}

class BadTask : public BadInput {
 protected:
  [[nodiscard]] Cluster create(std::vector<Json> bodies, ClusterOptions options = {}) const {
    return client_.create_message_cluster("work", std::move(bodies), std::move(options)).value();
  }
  [[nodiscard]] static Json json(const char* text) { return Json::parse(text).value(); }
  /// The wire text of a task's message, of a cluster that is there, with another place in it.
  [[nodiscard]] static std::string task_text(const Cluster& cluster, const std::string& place) {
    return ours(R"("type":"task","pKey":")" + cluster.key.p_key +
                R"(","expiresAt":"2999-01-01T00:00:00.000Z","body":{"rows":[]},)" + place);
  }
  void remove_all() const { client_.queue_port().purge("work").value(); }
};

TEST_P(BadTask, FailsAloneWithThePathInItsRecordAndTheClusterSaysSo) {
  const Cluster cluster = create({json(R"({"rows":[]})"), json(R"({"rows":[{"name":"a","qty":"many"}]})"),
                                  json(R"({"rows":[{"name":"a","qty":2}]})")});
  EXPECT_TRUE(client_.process_batch(receive(), handlers()).value().batch_item_failures.empty());
  EXPECT_EQ(handled_count_, 2);
  const Progress progress = client_.progress(cluster).value();
  EXPECT_EQ(progress.done_count, 2U);
  EXPECT_EQ(progress.failed_count, 1U);
  EXPECT_EQ(progress.status, Status::error);
  const auto tasks = client_.list_tasks(cluster, {.status = Status::error}).value().tasks;
  ASSERT_EQ(tasks.size(), 1U);
  EXPECT_EQ(tasks.front().index, 1U);
  EXPECT_EQ(tasks.front().body.text(), R"({"rows":[{"name":"a","qty":"many"}]})");
  EXPECT_EQ(tasks.front().attempt_count, 1U);
  ASSERT_EQ(tasks.front().error.size(), 1U);
  EXPECT_EQ(tasks.front().error.front().code, "bad_input");
  EXPECT_EQ(tasks.front().error.front().message, "/rows/0/qty: expected integer, got string");
}

TEST_P(BadTask, OfALaterRoundIsReturned) {
  const Cluster cluster = create({json(R"({"rows":[]})")});
  remove_all();
  send(task_text(cluster, R"("round":7,"position":0,"index":0)"));
  const SqsEvent event = receive();
  ASSERT_EQ(event.records.size(), 1U);
  expect_returned(event.records.front().message_id, client_.process_batch(event, handlers()).value());
  EXPECT_EQ(client_.progress(cluster).value().in_progress_count, 0U);
}

TEST_P(BadTask, OfAnIndexThatItsClusterDoesNotHaveIsReturnedAndChangesNothing) {
  const Cluster cluster = create({json(R"({"rows":[]})")});
  remove_all();
  send(task_text(cluster, R"("round":0,"position":5,"index":5)"));
  const SqsEvent event = receive();
  ASSERT_EQ(event.records.size(), 1U);
  expect_returned(event.records.front().message_id, client_.process_batch(event, handlers()).value());
  const Progress progress = client_.progress(cluster).value();
  EXPECT_EQ(progress.total_count, 1U);
  EXPECT_EQ(progress.done_count + progress.failed_count + progress.in_progress_count, 0U);
}

TEST_P(BadTask, OfADeletedClusterIsRemoved) {
  const Cluster cluster = create({json(R"({"rows":[]})")});
  Handlers all = handlers();
  all.on_cluster_complete = [](const MessageCluster<>&, const Context&) { return done(); };
  client_.process_batch(receive(), all).value();
  client_.process_batch(receive(), all).value();  // The finish message.
  ASSERT_TRUE(client_.delete_cluster(cluster).has_value());
  send(task_text(cluster, R"("round":0,"position":0,"index":0)"));
  EXPECT_TRUE(client_.process_batch(receive(), all).value().batch_item_failures.empty());
  EXPECT_EQ(handled_count_, 1);
  EXPECT_EQ(message_count(), 0U);
}

TEST_P(BadTask, WhoseLifeIsOverIsFailedInItsRecord) {
  const Cluster cluster = create({json(R"({"rows":[]})")}, {.expires_after = std::chrono::days(10)});
  const SqsEvent event = receive();
  ASSERT_EQ(event.records.size(), 1U);
  ground_.clock->advance(std::chrono::days(10) + 1s);
  client_.process_batch(event, handlers()).value();
  EXPECT_EQ(handled_count_, 0);
  const auto task = client_.get_message_record<Json, Json>(MessageKey::of_task(parse_key(cluster.key).value().id, 0),
                                                           Consistency::strong);
  ASSERT_TRUE(task.has_value()) << to_string(task.error());
  EXPECT_EQ(task->status, Status::error);
  EXPECT_EQ(task->error.front().code, "expired");
  EXPECT_EQ(task->error.front().message, "the task's life ended before it was handled");
}

std::string name_of(const ::testing::TestParamInfo<GroundUnderTest>& info) { return info.param.name; }
const auto grounds = ::testing::Values(GroundUnderTest{"Memory", in_memory}, GroundUnderTest{"Sqlite", in_sqlite});
INSTANTIATE_TEST_SUITE_P(Ports, BadMessage, grounds, name_of);
INSTANTIATE_TEST_SUITE_P(Ports, BadTask, grounds, name_of);

}  // namespace
}  // namespace fanfold
