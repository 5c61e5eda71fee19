#include "engine/records.hpp"

#include "engine/scene_for_tests.hpp"

#include <thread>

namespace fanfold::engine {
namespace {

using namespace std::chrono_literals;

TEST(MessageRecord, IsThereBeforeItsMessageIs) {
  Scene scene;
  const MessageKey key = scene.client->send_message("work", std::string("hello"), {.meta = 7}).value();
  const auto record = scene.client->get_message_record<int, std::string>(key).value();
  EXPECT_EQ(record.body, "hello");
  EXPECT_EQ(record.meta, 7);
  EXPECT_EQ(record.status, Status::pre_flight);
  EXPECT_EQ(record.url, "work");
  EXPECT_EQ(record.key(), key);
}

TEST(MessageRecord, ChangesItsMetaThroughAFunction) {
  Scene scene;
  const MessageKey key = scene.client->send_message("work", 1, {.meta = 7}).value();
  scene.client
      ->update_message_record<int>(key,
                                   [](MessageRecord<int, Json> record) {
                                     record.meta = record.meta.value_or(0) + 1;
                                     return record;
                                   })
      .value();
  EXPECT_EQ(scene.client->get_message_record<int>(key).value().meta, 8);
}

TEST(MessageRecord, OfATaskChangesItsMetaToo) {
  Scene scene;
  const Cluster cluster =
      scene.client->create_message_cluster("work", std::vector<NewTask<int, int>>{{1, 10}, {2, 20}}).value();
  const MessageKey key = MessageKey::of_task(id_of(cluster), 1);
  scene.client
      ->update_message_record<int>(key,
                                   [](MessageRecord<int, Json> record) {
                                     record.meta = *record.meta + 1;
                                     return record;
                                   })
      .value();
  EXPECT_EQ(scene.client->get_message_record<int>(key).value().meta, 21);
  EXPECT_EQ(scene.client->get_message_record<int>(MessageKey::of_task(id_of(cluster), 0)).value().meta, 10);
}

TEST(MessageRecord, RefusesChangesOfAllElseByName) {
  Scene scene;
  const MessageKey key = scene.client->send_message("work", 1).value();
  using Record = MessageRecord<Json, Json>;
  const std::pair<std::function<void(Record&)>, std::string> rows[] = {
      {[](Record& record) { record.p_key = "SQSMessage$x"; }, "pKey cannot be changed here"},
      {[](Record& record) { record.r_key = "SQSMessage$x"; }, "rKey cannot be changed here"},
      {[](Record& record) { record.status = Status::complete; },
       "status cannot be changed here: mark_complete, mark_failed or fail_task end a record; retry_failed sends it "
       "again"},
      {[](Record& record) { record.status_code = StatusCode::complete; },
       "statusCode cannot be changed here: mark_complete"},
      {[](Record& record) { record.completed_at = Time{}; }, "completedAt cannot be changed here: mark_complete"},
      {[](Record& record) { record.error.push_back({}); }, "error cannot be changed here: mark_complete"},
      {[](Record& record) { record.consumption_count = 0xffff; }, "consumtion_count cannot be changed here"},
      {[](Record& record) { record.body = Json::from_valid_text("2"); }, "body cannot be changed here"},
      {[](Record& record) { record.expires_at = Time{}; }, "expiresAt cannot be changed here"},
      {[](Record& record) { record.url = "x"; }, "url cannot be changed here"},
  };
  for (const auto& [change, message] : rows) {
    auto updated = scene.client->update_message_record(key, [&change = change](Record record) {
      change(record);
      return record;
    });
    ASSERT_FALSE(updated.has_value()) << message;
    EXPECT_EQ(updated.error().code, ErrorCode::invalid_argument);
    EXPECT_TRUE(updated.error().message.starts_with(message)) << updated.error().message;
  }
}

TEST(MessageRecord, OfAFinishMessageIsFoundUnderItsClustersKey) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", std::vector<int>()).value();
  const auto records = scene.client->receive("work").value();
  const auto message = scene.client->read_sqs_record(records.front()).value();
  EXPECT_EQ(message.type, RecordType::cluster);
  EXPECT_EQ(message.message_record().value().type, RecordType::cluster);
  EXPECT_EQ(message.message_cluster().value().key, cluster.key);
}

TEST(MessageRecord, OfNobodyIsNotFound) {
  Scene scene;
  EXPECT_EQ(code_of(scene.client->get_message_record("SQSMessage$nobody")), ErrorCode::not_found);
  EXPECT_EQ(code_of(scene.client->get_message_record("")), ErrorCode::bad_input);
}

TEST(ClusterRecord, ShowsStateAndChangesItsMeta) {
  Scene scene;
  const Cluster cluster =
      scene.client->create_message_cluster("work", numbers(2), {.name = "n", .meta = std::string("a")}).value();
  scene.client
      ->update_message_cluster<std::string>(cluster,
                                            [](MessageClusterRecord<std::string, Json> record) {
                                              *record.meta += "b";
                                              return record;
                                            })
      .value();
  const auto record = scene.client->get_message_cluster<std::string>(cluster).value().record;
  EXPECT_EQ(record.meta, "ab");
  EXPECT_EQ(record.name, "n");
  EXPECT_EQ(record.status, Status::in_progress);
  EXPECT_EQ(record.status_code, StatusCode::in_progress);
  EXPECT_EQ(record.bucket_params->key, cluster.key.p_key + "-globals.json");
}

TEST(ClusterRecord, LosesNoUpdateOfAnotherWriterInBetween) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(2), {.meta = 0}).value();
  const Client other = make_client(scene.memory.backend());
  bool first = true;
  scene.client
      ->update_message_cluster<int>(cluster,
                                    [&](MessageClusterRecord<int, Json> record) {
                                      if (std::exchange(first, false)) {
                                        // As another process would, on a thread of its own; and a task ends at the same
                                        // time.
                                        std::jthread([&] {
                                          scene.work();
                                          other
                                              .update_message_cluster<int>(cluster,
                                                                           [](MessageClusterRecord<int, Json> theirs) {
                                                                             *theirs.meta += 10;
                                                                             return theirs;
                                                                           })
                                              .value();
                                        });
                                      }
                                      *record.meta += 1;
                                      return record;
                                    })
      .value();
  EXPECT_EQ(scene.client->get_message_cluster<int>(cluster).value().record.meta, 11);
  EXPECT_TRUE(scene.progress(cluster).finished) << "the finish is not overwritten";
}

TEST(ClusterRecord, RefusesChangesOfItsStatusByName) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(2)).value();
  auto updated = scene.client->update_message_cluster(cluster, [](MessageClusterRecord<Json, Json> record) {
    record.status = Status::complete;
    return record;
  });
  ASSERT_FALSE(updated.has_value());
  EXPECT_EQ(updated.error().message,
            "status cannot be changed here: stop_cluster, pause_cluster, resume_cluster and retry_failed steer a "
            "cluster; it finishes by itself");
}

TEST(ClusterRecord, ListsItsTasksWholeWhereTheyAreFew) {
  Scene scene;
  const Cluster cluster =
      scene.client->create_message_cluster("work", std::vector<NewTask<int, int>>{{1, 10}, {2, 20}, {3, 30}}).value();
  const auto records = scene.client->receive("work", {.count_max = 1}).value();
  scene.work_on(records.front(), {});
  const auto record =
      scene.client->get_message_cluster<Json, Json, int>(cluster, Consistency::strong, Client::TaskLists::whole)
          .value()
          .record;
  ASSERT_EQ(record.completed_tasks.size(), 1U);
  EXPECT_EQ(record.completed_tasks.front().id, id_of(cluster) + "#0");
  EXPECT_EQ(record.completed_tasks.front().meta, 10);
  ASSERT_EQ(record.incomplete_tasks.size(), 2U);
  EXPECT_EQ(record.incomplete_tasks.back().meta, 30);
}

TEST(ClusterRecord, RefusesTaskListsOfManyTasks) {
  Scene scene({.batch_count_max = 1'000});
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(10'001)).value();
  EXPECT_EQ(code_of(scene.client->get_message_cluster(cluster, Consistency::strong, Client::TaskLists::whole)),
            ErrorCode::too_large);
}

TEST(ReadSqsRecord, SaysThatAFinishMessageHasNoBody) {
  Scene scene;
  const Cluster cluster = scene.client->create_message_cluster("work", numbers(1)).value();
  const auto task = scene.client->receive("work", {.wait = 0ms}).value();
  scene.client->mark_complete(scene.client->is_complete(task.at(0)).value()).value();
  const auto finish = scene.client->receive("work", {.wait = 0ms}).value();
  const auto refused = scene.client->read_sqs_record<int>(finish.at(0));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::bad_input);
  EXPECT_NE(refused.error().message.find("finish message"), std::string::npos) << refused.error().message;
  EXPECT_EQ(scene.client->read_sqs_record(finish.at(0)).value().type, RecordType::cluster);
}

}  // namespace
}  // namespace fanfold::engine
