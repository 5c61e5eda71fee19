#include "dashboard/scene_for_tests.hpp"

namespace fanfold::dashboard {
namespace {

TEST(DashboardActions, RetryWhatFailed) {
  Scene scene;
  const Cluster cluster = scene.create({"bad", "good", "bad"});
  scene.handle_all();
  EXPECT_EQ(scene.post(path_of(cluster, "/retry"), R"({"fingerprint":"ffffffff"})").status, 404);
  // Neither a slip of the pen nor an error without a fingerprint is all that failed.
  EXPECT_EQ(scene.post(path_of(cluster, "/retry"), R"({"fingerprint":""})").status, 400);
  EXPECT_TRUE(
      has(scene.post(path_of(cluster, "/retry"), R"({"fingerprnt":"ff"})"), "/fingerprnt: expected nothing but"));
  EXPECT_EQ(scene.post(path_of(cluster, "/retry")).body, R"({"tasks":2})");
  EXPECT_EQ(scene.world.client->progress(cluster).value().round, 1U);
}

TEST(DashboardActions, PauseResumeAndStop) {
  Scene scene;
  const Cluster cluster = scene.create({"good", "good"});
  EXPECT_EQ(scene.post(path_of(cluster, "/pause")).body, "{}");
  EXPECT_TRUE(scene.world.client->progress(cluster).value().paused);
  EXPECT_EQ(scene.post(path_of(cluster, "/resume")).body, R"({"sent":2})");
  EXPECT_EQ(scene.post(path_of(cluster, "/stop"), R"({"reason":"wrong list"})").body, "{}");
  const ClusterHeader header = scene.world.client->cluster_header(cluster).value();
  EXPECT_TRUE(header.stopped());
  EXPECT_EQ(header.error.back().message, "wrong list");
}

TEST(DashboardActions, SayWhyTheyCannot) {
  Scene scene;
  const Cluster cluster = scene.create({"good"});
  const serve::Answer early = scene.post(path_of(cluster, "/retry"));
  EXPECT_EQ(early.status, 409);
  EXPECT_TRUE(has(early, R"("code":"not_finished")")) << early.body;
  EXPECT_EQ(scene.post(path_of(cluster, "/retry"), R"({"fingerprint":3})").status, 400);
  EXPECT_EQ(scene.post(path_of(cluster, "/stop"), "{").status, 400);
  EXPECT_EQ(scene.post("/api/queues/none/redrive").status, 404);
  EXPECT_FALSE(scene.world.client->cluster_header(cluster).value().finished());
}

TEST(DashboardActions, NeedWhatNoFormOfAnotherPageCanSend) {
  Scene scene;
  const std::string path = path_of(scene.create({"good"}), "/pause");
  const auto post = [&](std::map<std::string, std::string> headers) {
    return scene.handler({.method = "POST", .path = path, .query = {}, .headers = std::move(headers), .body = "{}"})
        .status;
  };
  EXPECT_EQ(post({{"content-type", "application/json"}}), 403);
  EXPECT_EQ(post({{"x-fanfold", "1"}, {"content-type", "text/plain"}}), 403);
  EXPECT_EQ(post({{"x-fanfold", "1"}, {"content-type", "application/jsonfoo"}}), 403);
  EXPECT_EQ(post({{"x-fanfold", "0"}, {"content-type", "application/json"}}), 403);
  EXPECT_EQ(post({{"x-fanfold", "1"}, {"content-type", "Application/JSON ; charset=utf-8"}}), 200);
}

TEST(DashboardActions, AreRefusedWhereOneOnlyLooks) {
  Scene scene(true);
  const Cluster cluster = scene.create({"good"});
  for (const char* action : {"/stop", "/pause", "/resume", "/retry", "/retry-finish"})
    EXPECT_EQ(scene.post(path_of(cluster, action)).status, 403) << action;
  EXPECT_EQ(scene.post("/api/queues/" + scene.world.queue + "/redrive").status, 403);
  EXPECT_FALSE(scene.world.client->progress(cluster).value().paused);
}

}  // namespace
}  // namespace fanfold::dashboard
