#pragma once

#include "backends/sqlite/store.hpp"
#include "support/test_directory.hpp"

#include <gtest/gtest.h>

#include <cstdio>

namespace fanfold::sqlite {

/// A store's file in a directory of its own, not made yet.
class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    options_.file = folder_ / "store.db";
    options_.durability = Durability::normal;
  }

  [[nodiscard]] Backend open() const { return open_backend(options_).value(); }
  [[nodiscard]] ErrorCode open_error() const {
    auto opened = open_backend(options_);
    return opened ? ErrorCode::internal : opened.error().code;
  }

  /// As the sqlite3 shell would: answers what went wrong, empty where nothing did.
  [[nodiscard]] std::string in_shell(const std::string& sql) const {
    sqlite3* database = nullptr;
    char* message = nullptr;
    std::string error;
    if (sqlite3_open(options_.file.c_str(), &database) != SQLITE_OK) error = sqlite3_errmsg(database);
    if (sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &message) != SQLITE_OK)
      error = message != nullptr ? message : "refused";
    sqlite3_free(message);
    sqlite3_close(database);
    return error;
  }
  [[nodiscard]] std::vector<std::string> row_in_shell(const std::string& sql) const {
    sqlite3* database = nullptr;
    std::vector<std::string> row;
    sqlite3_open(options_.file.c_str(), &database);
    const auto keep = [](void* to, int count, char** values, char**) {
      auto& texts = *static_cast<std::vector<std::string>*>(to);
      texts.clear();
      for (int i = 0; i < count; ++i) texts.emplace_back(values[i] != nullptr ? values[i] : "NULL");
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), keep, &row, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
    sqlite3_close(database);
    return row;
  }

  [[nodiscard]] static ClusterHeader header_of(Backend& backend, const std::string& id, std::uint64_t count) {
    ClusterHeader header;
    header.id = id;
    header.name = "nightly";
    header.queue_url = "work";
    header.finish_queue_url = "work";
    header.created_at = backend.clock->now();
    header.updated_at = header.created_at;
    header.expires_at = header.created_at + std::chrono::days(30);
    header.parent_ended = true;
    header.task_count = count;
    header.round_size = count;
    return header;
  }
  static void make_cluster(Backend& backend, const std::string& id, std::uint64_t count) {
    const std::vector<TaskData> tasks(count, TaskData{"{}", {}});
    const ClusterHeader header = header_of(backend, id, count);
    backend.ledger->put_tasks(id, 0, tasks).value();
    backend.ledger->create_cluster(header).value();
    backend.ledger->seal(id, header.created_at).value();
    std::vector<TaskMessage> messages;
    for (std::uint64_t i = 0; i < count; ++i) messages.push_back({.position = i, .index = i});
    TaskRangeMessage range;
    range.common = {.type = RecordType::task, .id = id, .expires_at = header.expires_at};
    EXPECT_TRUE(backend.queue->send_tasks("work", range, messages).value().empty());
  }

  static void send_messages(Backend& backend, std::size_t count) {
    std::vector<OutgoingMessage> messages(count);
    for (std::size_t i = 0; i < count; ++i) messages[i].content.id = "m" + std::to_string(i);
    for (const auto& sent : backend.queue->send("work", messages).value()) EXPECT_TRUE(sent.has_value());
  }
  /// Claims a single message that was received, and says how to end it.
  static EndRequest claim(Backend& backend, const Delivery& delivery) {
    ClaimRequest request;
    request.ref = RecordRef::of(*delivery.content);
    request.token = backend.ledger->new_token();
    request.lease_end = backend.clock->now() + std::chrono::hours(1);
    request.record = NewMessage{.id = delivery.content->id, .url = "work"};
    EXPECT_EQ(backend.ledger->claim(std::span(&request, 1), backend.clock->now()).value().at(0).outcome,
              ClaimOutcome::claimed);
    EndRequest end;
    end.ref = request.ref;
    end.condition = request.token;
    end.attempt = 1;
    end.message = DeliveredMessage{"work", delivery.receipt_handle};
    return end;
  }
  static std::uint64_t message_count(Backend& backend) {
    const QueueCounts counts = backend.queue->counts("work").value();
    return counts.visible_count + counts.in_flight_count + counts.delayed_count;
  }

  const support::TestDirectory folder_;
  Options options_;
};

}  // namespace fanfold::sqlite
