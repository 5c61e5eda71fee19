#include "contract.hpp"

namespace fanfold::conformance {
namespace {

class RecordContract : public Contract {
 protected:
  [[nodiscard]] NewMessage message(const std::string& id) const {
    return {.id = id,
            .url = "work",
            .type = RecordType::message,
            .body = Json::from_valid_text(R"({"a":1})"),
            .meta = Json::from_valid_text(R"({"m":1})"),
            .created_at = now_,
            .expires_at = now_ + 24h};
  }
  void put(const NewMessage& message) const {
    for (const auto& answer : ledger().put_messages(std::span(&message, 1)).value()) EXPECT_TRUE(answer.has_value());
  }
  [[nodiscard]] Ledger::VersionedRecord read_record(const KeyParts& key) const {
    return ledger().read_record(key, Consistency::strong).value();
  }
};

TEST_P(RecordContract, OfAMessageIsReadAsItWasPut) {
  const std::string id = fresh_id();
  put(message(id));
  const auto record = read_record({id, std::nullopt}).record;
  EXPECT_EQ(record.p_key, "SQSMessage$" + id);
  EXPECT_EQ(record.r_key, "SQSMessage$" + id);
  EXPECT_EQ(record.id, id);
  EXPECT_EQ(record.url, "work");
  EXPECT_EQ(record.body.text(), R"({"a":1})");
  ASSERT_TRUE(record.meta.has_value());
  EXPECT_EQ(record.meta->text(), R"({"m":1})");
  EXPECT_EQ(record.type, RecordType::message);
  EXPECT_EQ(record.status, Status::pre_flight);
  EXPECT_EQ(record.status_code, StatusCode::pre_flight);
  EXPECT_EQ(record.started_at, now_);
  EXPECT_EQ(record.expires_at, now_ + 24h);
  EXPECT_FALSE(record.completed_at.has_value());
  EXPECT_EQ(record.consumption_count, 0U);
  EXPECT_TRUE(record.error.empty());
}

TEST_P(RecordContract, IsPutOnce) {
  const std::string id = fresh_id();
  put(message(id));
  NewMessage other = message(id);
  other.body = Json::from_valid_text("2");
  put(other);
  EXPECT_EQ(read_record({id, std::nullopt}).record.body.text(), R"({"a":1})");
}

TEST_P(RecordContract, OfATaskShowsItsClusterItsStateAndItsBody) {
  const ClusterHeader cluster = make_cluster(2);
  claimed(task(cluster, 1));
  const auto record = read_record({cluster.id, 1}).record;
  EXPECT_EQ(record.p_key, "SQSMessage$" + cluster.id);
  EXPECT_EQ(record.r_key, MessageKey::of_task(cluster.id, 1).r_key);
  EXPECT_EQ(record.type, RecordType::task);
  EXPECT_EQ(record.url, "work");
  EXPECT_EQ(record.body.text(), R"({"task":1})");
  EXPECT_EQ(record.status, Status::in_progress);
  EXPECT_EQ(record.consumption_count, 1U);
}

TEST_P(RecordContract, ThatNobodyPutIsNotFound) {
  EXPECT_EQ(ledger().read_record({fresh_id(), std::nullopt}, Consistency::strong).error().code, ErrorCode::not_found);
  EXPECT_EQ(ledger().read_record({fresh_id(), 0}, Consistency::strong).error().code, ErrorCode::not_found);
  const ClusterHeader cluster = make_cluster(2);
  EXPECT_EQ(ledger().read_record({cluster.id, 2}, Consistency::strong).error().code, ErrorCode::not_found);
  EXPECT_EQ(ledger().update_record_meta({fresh_id(), std::nullopt}, std::nullopt, 1, now_).error().code,
            ErrorCode::not_found);
}

TEST_P(RecordContract, MetaIsSwappedOnTheVersionRead) {
  const std::string id = fresh_id();
  put(message(id));
  const ClusterHeader cluster = make_cluster(1);
  for (const KeyParts& key : {KeyParts{id, std::nullopt}, KeyParts{cluster.id, 0}}) {
    const std::uint64_t version = read_record(key).version;
    ledger().update_record_meta(key, Json::from_valid_text("\"new\""), version, now_ + 1s).value();
    const auto changed = read_record(key);
    EXPECT_EQ(changed.record.meta->text(), "\"new\"");
    EXPECT_EQ(changed.record.updated_at, now_ + 1s);
    EXPECT_EQ(ledger().update_record_meta(key, Json::from_valid_text("\"lost\""), version, now_).error().code,
              ErrorCode::conflict);
    ledger().update_record_meta(key, std::nullopt, changed.version, now_).value();
    EXPECT_FALSE(read_record(key).record.meta.has_value());
  }
}

TEST_P(RecordContract, MetaOutlivesClaimAndEnd) {
  const ClusterHeader cluster = make_cluster(1);
  const KeyParts key{cluster.id, 0};
  const std::uint64_t token = claimed(task(cluster, 0));
  ledger().update_record_meta(key, Json::from_valid_text("1"), read_record(key).version, now_).value();
  EXPECT_EQ(end_outcome(end_request(task(cluster, 0), token, Verdict::done)), EndOutcome::ended)
      << "the token holds on";
  EXPECT_EQ(read_record(key).record.meta->text(), "1");
}

TEST_P(RecordContract, AnswersEachOfManyMessages) {
  const std::string id = fresh_id();
  const std::vector<NewMessage> messages{message(id + "a"), message(id + "b"), message(id + "a")};
  const auto answers = ledger().put_messages(messages).value();
  ASSERT_EQ(answers.size(), 3U);
  for (const auto& answer : answers) EXPECT_TRUE(answer.has_value());
}

FANFOLD_CONTRACT(RecordContract);

class GlobalsContract : public Contract {
 protected:
  [[nodiscard]] static StoredGlobals value(const std::string& text, std::vector<std::string> write_ids = {}) {
    return {Json::from_valid_text(text), {}, std::move(write_ids)};
  }
};

TEST_P(GlobalsContract, LocationIsThePKeysOwnObject) {
  const std::string id = fresh_id();
  EXPECT_EQ(globals().location(id).key, "SQSMessage$" + id + "-globals.json");
}

TEST_P(GlobalsContract, ThatNobodyWroteAreNotFound) {
  EXPECT_EQ(globals().read(globals().location(fresh_id())).error().code, ErrorCode::not_found);
}

TEST_P(GlobalsContract, AreReadAsTheyWereWritten) {
  const BucketParams where = globals().location(fresh_id());
  const std::string version = globals().write(where, value(R"({"a":[1,2]})", {"w1", "w2"}), "").value();
  EXPECT_FALSE(version.empty());
  const StoredGlobals stored = globals().read(where).value();
  EXPECT_EQ(stored.value.text(), R"({"a":[1,2]})");
  EXPECT_EQ(stored.version, version);
  EXPECT_THAT(stored.write_ids, ::testing::ElementsAre("w1", "w2"));
}

TEST_P(GlobalsContract, CreationNeverOverwrites) {
  const BucketParams where = globals().location(fresh_id());
  globals().write(where, value("1"), "").value();
  EXPECT_EQ(globals().write(where, value("2"), "").error().code, ErrorCode::conflict);
  EXPECT_EQ(globals().read(where).value().value.text(), "1");
}

TEST_P(GlobalsContract, AreSwappedOnTheVersionRead) {
  const BucketParams where = globals().location(fresh_id());
  const std::string first = globals().write(where, value("1"), "").value();
  const std::string second = globals().write(where, value("2"), first).value();
  EXPECT_NE(first, second);
  EXPECT_EQ(globals().write(where, value("3"), first).error().code, ErrorCode::conflict);
  EXPECT_EQ(globals().read(where).value().value.text(), "2");
}

TEST_P(GlobalsContract, AVersionOfNothingIsAConflict) {
  const BucketParams where = globals().location(fresh_id());
  const std::string version = globals().write(where, value("1"), "").value();
  globals().remove(where).value();
  EXPECT_EQ(globals().write(where, value("2"), version).error().code, ErrorCode::conflict);
}

TEST_P(GlobalsContract, WritingTheSameValueChangesTheVersion) {
  const BucketParams where = globals().location(fresh_id());
  const std::string first = globals().write(where, value("1", {"a"}), "").value();
  const std::string second = globals().write(where, value("1", {"a", "b"}), first).value();
  EXPECT_NE(first, second);
}

TEST_P(GlobalsContract, RemovingIsIdempotent) {
  const BucketParams where = globals().location(fresh_id());
  globals().write(where, value("1"), "").value();
  globals().remove(where).value();
  globals().remove(where).value();
  EXPECT_EQ(globals().read(where).error().code, ErrorCode::not_found);
}

TEST_P(GlobalsContract, KeepAsManyWriteIdsAsPromised) {
  const BucketParams where = globals().location(fresh_id());
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < global_write_id_count_max; ++i) ids.push_back("write-" + std::to_string(1000 + i));
  globals().write(where, value("1", ids), "").value();
  EXPECT_EQ(globals().read(where).value().write_ids, ids);
}

FANFOLD_CONTRACT(GlobalsContract);

}  // namespace
}  // namespace fanfold::conformance
