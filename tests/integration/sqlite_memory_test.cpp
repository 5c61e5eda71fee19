// Memory that runs out inside SQLite, at each of its allocations in turn.
#include "support/test_directory.hpp"

#include <fanfold/backends/sqlite.hpp>
#include <fanfold/ports/backend.hpp>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <map>

#include <unistd.h>

namespace fanfold::sqlite {
namespace {

using namespace std::chrono_literals;

/// SQLite's allocator, which can be told to fail once.
class FailingMemory {
 public:
  /// Before the process uses SQLite.
  static void install() {
    ASSERT_EQ(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_), SQLITE_OK);
    sqlite3_mem_methods failing = real_;
    failing.xMalloc = [](int size) { return is_failing() ? nullptr : real_.xMalloc(size); };
    failing.xRealloc = [](void* memory, int size) { return is_failing() ? nullptr : real_.xRealloc(memory, size); };
    ASSERT_EQ(sqlite3_config(SQLITE_CONFIG_MALLOC, &failing), SQLITE_OK);
    // So that every allocation comes to these.
    ASSERT_EQ(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
  }
  /// The `number`th allocation from now on fails, counted from 1.
  static void fail_at(int number) {
    has_failed_ = false;
    left_ = number;
  }
  /// From now on none fails. Answers whether one has.
  static bool stop() {
    left_ = 0;
    return has_failed_;
  }

 private:
  static bool is_failing() {
    if (left_ <= 0 || left_.fetch_sub(1) != 1) return false;
    has_failed_ = true;
    return true;
  }
  static sqlite3_mem_methods real_;
  static std::atomic<int> left_;
  static std::atomic<bool> has_failed_;
};
sqlite3_mem_methods FailingMemory::real_{};
std::atomic<int> FailingMemory::left_{0};
std::atomic<bool> FailingMemory::has_failed_{false};

class SqliteMemory : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { FailingMemory::install(); }

  SqliteMemory() { open(); }
  void open() {
    backend_ = {};
    backend_ = open_backend({.file = folder_ / "store.db", .durability = Durability::normal}).value();
    static_cast<void>(backend_.queue->counts("work").value());  // Reads the schema, which takes thousands.
  }

  /// Calls `run(number)` with the `number`th allocation failing, on a store that was opened anew, until none fails any
  /// more.
  template <class Run>
  void fail_each(Run run) {
    constexpr int number_max = 20'000;
    int number = 1;
    for (; number < number_max; ++number) {
      open();
      FailingMemory::fail_at(number);
      run(number);
      if (!FailingMemory::stop()) break;
      if (HasFailure()) FAIL() << "at allocation " << number;
    }
    EXPECT_LT(number, number_max);
    EXPECT_GT(number, 50) << "hardly anything failed, so that this shows nothing";
  }

  const support::TestDirectory folder_;
  Backend backend_;
};

std::string name_of(int number) { return "message-with-a-name-of-some-length-" + std::to_string(number); }

TEST_F(SqliteMemory, LosesNoMessageThatWasAcknowledgedAndGarblesNone) {
  std::map<std::string, std::string> acknowledged;
  std::map<std::string, std::string> sent;
  fail_each([&](int number) {
    const auto send = [&](const std::string& id) -> Result<void> {
      OutgoingMessage message;
      message.content.id = id;
      message.content.body = Json::from_valid_text('"' + std::string(3'000, 'x') + std::to_string(number) + '"');
      sent[id] = message.content.body.text();
      const auto answer = backend_.queue->send("work", std::span(&message, 1));
      if (!answer) return answer.error();
      acknowledged[id] = message.content.body.text();
      return {};
    };
    const auto answer = send(name_of(number));
    if (!answer) {
      EXPECT_EQ(answer.error().code, ErrorCode::unavailable) << to_string(answer.error());
    }
    FailingMemory::stop();
    const auto later = send("after-" + name_of(number));
    if (!later) ADD_FAILURE() << to_string(later.error());
  });
  std::map<std::string, std::string> received;
  while (true) {
    const auto deliveries = backend_.queue->receive("work", {.count_max = 100, .wait = 0ms}, {}).value();
    if (deliveries.empty()) break;
    for (const Delivery& delivery : deliveries) {
      ASSERT_TRUE(delivery.content.has_value());
      EXPECT_TRUE(received.emplace(delivery.content->id, delivery.content->body.text()).second) << "twice";
    }
  }
  for (const auto& [id, body] : received) {
    ASSERT_TRUE(sent.contains(id)) << id;
    EXPECT_EQ(body, sent[id]);
  }
  for (const auto& [id, body] : acknowledged) EXPECT_TRUE(received.contains(id)) << id;
}

TEST_F(SqliteMemory, KeepsEveryRecordThatWasAcknowledged) {
  fail_each([&](int number) {
    NewMessage message;
    message.id = name_of(number);
    message.url = "work";
    message.created_at = backend_.clock->now();
    message.expires_at = message.created_at + std::chrono::days(30);
    message.meta = Json::from_valid_text("\"" + std::string(2'000, 'm') + "\"");
    message.body = Json::from_valid_text("\"" + std::string(2'000, 'b') + "\"");
    const auto put = backend_.ledger->put_messages(std::span(&message, 1));
    if (!put) {
      EXPECT_EQ(put.error().code, ErrorCode::unavailable) << to_string(put.error());
    }
    const KeyParts key{message.id, {}};
    const auto while_failing = backend_.ledger->read_record(key, Consistency::strong);
    if (put && put->front() && !while_failing) {
      EXPECT_EQ(while_failing.error().code, ErrorCode::unavailable) << to_string(while_failing.error());
    }
    FailingMemory::stop();
    const auto there = backend_.ledger->read_record(key, Consistency::strong);
    if (put && put->front()) {
      ASSERT_TRUE(there.has_value()) << to_string(there.error());
      EXPECT_EQ(there->record.body.text(), message.body.text());
      ASSERT_TRUE(there->record.meta.has_value());
      EXPECT_EQ(there->record.meta->text(), message.meta->text());
    }
  });
}

TEST_F(SqliteMemory, KeepsGlobalsWholeAndSaysNothingUntrueOfTheirVersions) {
  const BucketParams where = backend_.globals->location(name_of(0));
  std::string version;
  std::string value;
  fail_each([&](int number) {
    const StoredGlobals next{
        Json::from_valid_text('"' + std::string(5'000, 'g') + std::to_string(number) + '"'), {}, {}};
    const auto written = backend_.globals->write(where, next, version);
    if (written) {
      version = *written;
      value = next.value.text();
    } else {
      EXPECT_EQ(written.error().code, ErrorCode::unavailable) << to_string(written.error());
    }
    const auto read = backend_.globals->read(where);
    if (read) {
      EXPECT_EQ(read->version, version);
      EXPECT_EQ(read->value.text(), value);
    } else if (!version.empty()) {
      EXPECT_EQ(read.error().code, ErrorCode::unavailable) << to_string(read.error());
    }
  });
}

}  // namespace
}  // namespace fanfold::sqlite
