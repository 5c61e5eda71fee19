#include "backends/sqlite/store.hpp"
#include "support/test_directory.hpp"

#include <fanfold/backends/sqlite.hpp>

#include <gtest/gtest.h>

#include <unistd.h>

namespace fanfold::sqlite {
namespace {

using namespace std::chrono_literals;

/// A cluster of one task that has ended, so that its finish message is what is left of it.
class VoidMessages : public ::testing::Test {
 protected:
  VoidMessages() {
    Options options;
    options.file = folder_ / "store.db";
    options.durability = Durability::normal;
    backend_.emplace(open_backend(options).value());
  }

  ClusterHeader finished_cluster(const std::string& id, const std::string& finish_queue = "work") {
    const Time now = backend_->clock->now();
    ClusterHeader header;
    header.id = id;
    header.queue_url = "work";
    header.finish_queue_url = finish_queue;
    header.created_at = header.updated_at = now;
    header.expires_at = now + std::chrono::days(30);
    header.parent_ended = true;
    header.task_count = 1;
    header.round_size = 1;
    const TaskData task{"{}", {}};
    backend_->ledger->put_tasks(id, 0, std::span(&task, 1)).value();
    backend_->ledger->create_cluster(header).value();
    backend_->ledger->seal(id, now).value();
    const TaskMessage message{};
    TaskRangeMessage range;
    range.common = {.type = RecordType::task, .id = id, .expires_at = header.expires_at};
    EXPECT_TRUE(backend_->queue->send_tasks("work", range, std::span(&message, 1)).value().empty());
    EndRequest end;
    end.ref = {.type = RecordType::task, .id = id};
    end.condition = NotEnded{};
    return backend_->ledger->end(std::span(&end, 1), now).value().finished.at(0);
  }

  void send(const ClusterHeader& header, bool first_failure = false, std::uint32_t round = 0) {
    OutgoingMessage message;
    message.content.type = RecordType::cluster;
    message.content.id = header.id;
    message.content.round = round;
    message.content.first_failure = first_failure;
    message.content.expires_at = header.expires_at;
    if (header.finish_queue_url.ends_with(".fifo")) {
      message.group_id = header.id;
      message.deduplication_id = std::to_string(++sent_count_);
    }
    EXPECT_TRUE(backend_->queue->send(header.finish_queue_url, std::span(&message, 1)).value().at(0));
  }

  void mark_done(ClusterHeader header) {
    header.finish_sent_at = backend_->clock->now();
    header.finish_done = true;
    backend_->ledger->update_cluster(header).value();
  }

  [[nodiscard]] std::uint64_t count_in(const std::string& queue) {
    const QueueCounts counts = backend_->queue->counts(queue).value();
    return counts.visible_count + counts.in_flight_count + counts.delayed_count;
  }

  const support::TestDirectory folder_;
  std::optional<Backend> backend_;
  int sent_count_ = 0;
};

TEST_F(VoidMessages, GoWithTheEndOfTheFinishMessage) {
  const ClusterHeader cluster = finished_cluster("one");
  const ClusterHeader other = finished_cluster("other");
  send(cluster);
  send(cluster);
  send(other);
  ASSERT_EQ(count_in("work"), 5U) << "and the two tasks' messages, whose deletion a crash cut off";
  backend_->queue->receive("work", {.count_max = 1, .wait = 0ms, .visibility = 30s}, {}).value();
  mark_done(cluster);
  EXPECT_EQ(count_in("work"), 2U) << "received or not; what the other cluster has is its own";
  mark_done(other);
  EXPECT_EQ(count_in("work"), 0U);
}

TEST_F(VoidMessages, AreNotKeptWhereTheirSenderIsLate) {
  const ClusterHeader cluster = finished_cluster("one");
  mark_done(cluster);
  send(cluster);
  EXPECT_EQ(count_in("work"), 0U);
}

TEST_F(VoidMessages, AreNeverThoseOfALaterRoundOrAnEarlyNotice) {
  const ClusterHeader cluster = finished_cluster("one");
  send(cluster, true);
  mark_done(cluster);
  send(cluster, false, 1);
  EXPECT_EQ(count_in("work"), 2U);
}

TEST_F(VoidMessages, LeaveTheirFifoGroupFree) {
  const ClusterHeader cluster = finished_cluster("one", "folded.fifo");
  send(cluster);
  send(cluster, true);
  backend_->queue->receive("folded.fifo", {.count_max = 1, .wait = 0ms, .visibility = 30s}, {}).value();
  mark_done(cluster);
  const auto next = backend_->queue->receive("folded.fifo", {.count_max = 1, .wait = 0ms}, {}).value();
  ASSERT_EQ(next.size(), 1U);
  EXPECT_TRUE(next[0].content->first_failure);
}

TEST_F(VoidMessages, AreAllThatADeletedClusterSent) {
  const ClusterHeader cluster = finished_cluster("one");
  send(cluster);
  send(cluster, true);
  ClusterHeader over = backend_->ledger->read_cluster(cluster.id, Consistency::strong).value();
  over.finish_done = true;
  backend_->ledger->update_cluster(over).value();
  backend_->ledger->remove_cluster(cluster.id, backend_->clock->now()).value();
  EXPECT_EQ(count_in("work"), 0U);
}

TEST_F(VoidMessages, AreFoundInAFileOfTheFirstSchema) {
  const ClusterHeader cluster = finished_cluster("one");
  send(cluster);
  backend_.reset();
  const std::filesystem::path file = folder_ / "store.db";
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database,
                         "DROP INDEX message_of_cluster; ALTER TABLE output DROP COLUMN round; PRAGMA user_version = 1",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(database);
  Options options;
  options.file = file;
  options.read_only = true;
  EXPECT_EQ(open_backend(options).error().code, ErrorCode::unsupported_version) << "reading changes no file";
  options.read_only = false;
  backend_.emplace(open_backend(options).value());
  mark_done(cluster);
  EXPECT_EQ(count_in("work"), 0U);
}

}  // namespace
}  // namespace fanfold::sqlite
