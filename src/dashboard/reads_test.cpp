#include "dashboard/scene_for_tests.hpp"

namespace fanfold::dashboard {
namespace {

TEST(DashboardReads, ListsClustersWithTheirProgress) {
  Scene scene;
  scene.create({"good", "bad"}, {.name = "photos"});
  scene.handle_all();
  const serve::Answer answer = scene.get("/api/clusters");
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(has(answer, R"("name":"photos")")) << answer.body;
  EXPECT_TRUE(has(answer, R"("complete":1,"failed":1)")) << answer.body;
  EXPECT_TRUE(has(answer, R"("attention":"")")) << answer.body;  // Its counts say it.
  EXPECT_TRUE(Json::parse(answer.body).has_value());
}

TEST(DashboardReads, ShowsPagesOfClusters) {
  Scene scene;
  for (int i = 0; i < 3; ++i) {
    scene.create({"good"}, {.name = "number " + std::to_string(i)});
    scene.world.advance(std::chrono::milliseconds(1));
  }
  const serve::Answer first = scene.get("/api/clusters", {{"limit", "2"}});
  EXPECT_TRUE(has(first, "number 2") && has(first, "number 1") && !has(first, "number 0")) << first.body;
  const std::string mark = R"("next_cursor":")";
  const std::size_t at = first.body.find(mark) + mark.size();
  const std::string cursor = first.body.substr(at, first.body.find('"', at) - at);
  ASSERT_NE(cursor, "");
  EXPECT_TRUE(has(scene.get("/api/clusters", {{"cursor", cursor}}), "number 0"));
  for (const char* limit : {"0", "201", "2x", "-1"})
    EXPECT_EQ(scene.get("/api/clusters", {{"limit", limit}}).status, 400) << limit;
  EXPECT_EQ(scene.get("/api/clusters", {{"unfinished", "true"}}).status, 400);
}

TEST(DashboardReads, ShowsOneClusterAndWhyItIsOpen) {
  Scene scene;
  const Cluster cluster = scene.create({"good"}, {.meta = std::string("for whom"), .attempts_max = 7});
  const serve::Answer answer = scene.get(path_of(cluster));
  EXPECT_TRUE(has(answer, R"("attempts_max":7)")) << answer.body;
  EXPECT_TRUE(has(answer, R"("meta":"\"for whom\"")")) << answer.body;
  EXPECT_TRUE(has(answer, R"("finish":null)")) << answer.body;
  EXPECT_TRUE(has(answer, R"("attention":"no task is running: is there a worker?")")) << answer.body;
  EXPECT_TRUE(has(scene.get(path_of(cluster, "/why")), R"("count":1,"cause":)"));
  EXPECT_EQ(scene.get("/api/clusters/00000000000000000000000000").status, 404);
}

TEST(DashboardReads, GroupsErrorsByFingerprint) {
  Scene scene;
  const Cluster cluster = scene.create({"bad", "good", "bad"});
  scene.handle_all();
  const serve::Answer answer = scene.get(path_of(cluster, "/errors"));
  EXPECT_TRUE(has(answer, R"("message":"bad luck","count":2,"first_index":0)")) << answer.body;
  EXPECT_TRUE(has(answer, R"("looked_at":2,"tasks":3,"complete":true)")) << answer.body;
}

TEST(DashboardReads, FiltersTasksAndHidesTheirPayloads) {
  Scene scene;
  const Cluster cluster = scene.create({"secret", "bad"});
  scene.handle_all();
  const serve::Answer all = scene.get(path_of(cluster, "/tasks"));
  EXPECT_TRUE(has(all, R"("index":0)") && has(all, R"("index":1)") && has(all, R"("next":null)")) << all.body;
  EXPECT_FALSE(has(all, "secret"));
  const serve::Answer failed = scene.get(path_of(cluster, "/tasks"), {{"state", "failed"}});
  EXPECT_TRUE(!has(failed, R"("index":0)") && has(failed, R"("index":1)")) << failed.body;
  EXPECT_TRUE(has(failed, R"("last_error":{"attempt":1,)")) << failed.body;
  EXPECT_EQ(scene.get(path_of(cluster, "/tasks"), {{"state", "lost"}}).status, 400);
  EXPECT_EQ(scene.get(path_of(cluster, "/tasks/2")).status, 404);
  EXPECT_FALSE(has(scene.get(path_of(cluster, "/tasks/0")), "secret"));
}

TEST(DashboardReads, ShowsWhatAFinishHandlerPrinted) {
  Scene scene;
  const Cluster cluster = scene.create({"good"});
  EXPECT_EQ(scene.get(path_of(cluster, "/finish-output")).body, R"({"attempts":[]})");
  Handlers handlers = engine::messages([](const Message<Json>&, const Context&) { return done(); });
  handlers.on_cluster_complete = [](const MessageCluster<>&, const Context&) {
    return done().with_output("all summed up\n");
  };
  while (scene.world.counts().visible_count > 0) scene.world.process(handlers);
  EXPECT_TRUE(has(scene.get(path_of(cluster, "/finish-output")), R"("output":"all summed up\n")"));
  EXPECT_EQ(scene.get("/api/clusters/00000000000000000000000000/finish-output").status, 404);
}

TEST(DashboardReads, KeepsEveryDigitOfAPayload) {
  Scene scene;
  const auto bodies = std::vector<std::uint64_t>{9'007'199'254'740'993};
  const Cluster cluster = scene.world.client->create_message_cluster(scene.world.queue, bodies).value();
  scene.handle_all();
  const serve::Answer answer = scene.get(path_of(cluster, "/tasks/0/payload"));
  EXPECT_EQ(answer.body, R"({"body":"9007199254740993","meta":null,"result":"9007199254740993"})");
}

TEST(DashboardReads, SaysTheSizeOfWhatIsTooLongToShow) {
  Scene scene;
  const Cluster cluster = scene.create({std::string(300'000, 'x')});
  EXPECT_TRUE(has(scene.get(path_of(cluster, "/tasks/0/payload")), R"("body":{"too_large":300002})"));
  scene.world.client->update_cluster_globals(cluster.key, std::string("shared")).value();
  EXPECT_EQ(scene.get(path_of(cluster, "/globals")).body, R"({"globals":"\"shared\""})");
  scene.world.client->update_cluster_globals(cluster.key, std::string(300'000, 'x')).value();
  EXPECT_EQ(scene.get(path_of(cluster, "/globals")).body, R"({"too_large":300002})");
}

TEST(DashboardReads, CountsWhenTasksEnded) {
  Scene scene;
  const Cluster cluster = scene.create({"good", "bad"});
  scene.world.advance(std::chrono::seconds(59));
  scene.handle_all();
  const serve::Answer answer = scene.get(path_of(cluster, "/timeline"));
  EXPECT_TRUE(has(answer, R"("bucket_ms":984)")) << answer.body;  // 59.001 s in 60 parts.
  EXPECT_TRUE(has(answer, R"(,1],"failed":[)") && has(answer, R"(,1],"sampled":2,"of":2)")) << answer.body;
  EXPECT_TRUE(has(answer, R"("what":"created")") && has(answer, R"("what":"finished")")) << answer.body;
}

TEST(DashboardReads, ShowsQueues) {
  Scene scene;
  scene.world.create_queue_with_dead_letters(3);
  scene.create({"good"});
  const serve::Answer answer = scene.get("/api/queues");
  EXPECT_TRUE(has(answer, R"("queue":"work","visible":1)")) << answer.body;
  EXPECT_TRUE(has(answer, R"("dead_letter_queue":"dead","max_receives":3)")) << answer.body;
}

TEST(DashboardReads, MeasuresWhatTheStoreHolds) {
  Scene scene;
  scene.create({"good", "good"});
  const Cluster paused = scene.create({"good"});
  scene.post(path_of(paused, "/pause"));
  const serve::Answer answer = scene.get("/metrics");
  EXPECT_EQ(answer.content_type, "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line :
       {"fanfold_unfinished_clusters{state=\"paused\"} 1\n", "fanfold_unfinished_clusters{state=\"running\"} 1\n",
        "fanfold_unfinished_clusters_tasks{state=\"open\"} 3\n", "fanfold_unfinished_clusters_truncated 0\n",
        "fanfold_queue_messages{queue=\"work\",state=\"visible\"} 3\n"})
    EXPECT_TRUE(has(answer, line)) << line << answer.body;
}

TEST(DashboardReads, MeasuresItsOwnProcessToo) {
  engine::World world;
  const auto handler = make_handler(*world.client, {.write_process = [](metrics::PrometheusText& text) {
    text.family("own_total", metrics::MetricType::counter, "Own.");
    text.sample(std::uint64_t{7});
  }});
  const serve::Answer answer = handler({.method = "GET", .path = "/metrics", .query = {}, .headers = {}, .body = {}});
  EXPECT_TRUE(has(answer, "own_total 7\n")) << answer.body;
}

TEST(DashboardReads, SaysWhatItIsAndWhereThereIsNothing) {
  Scene scene;
  EXPECT_TRUE(has(scene.get("/api/store"), R"("store":"jobs","engine":"sqlite","read_only":false)"));
  EXPECT_EQ(scene.get("/api/nothing").status, 404);
  EXPECT_EQ(scene.get("/nothing").status, 404);
  EXPECT_EQ(scene.post("/api/store").status, 405);
  EXPECT_EQ(scene.post("/").status, 405);
}

TEST(DashboardReads, AnswersNoPageOfAnotherSite) {
  Scene scene;
  const auto status_of = [&](const char* site) {
    return scene
        .handler(
            {.method = "GET", .path = "/api/queues", .query = {}, .headers = {{"sec-fetch-site", site}}, .body = {}})
        .status;
  };
  EXPECT_EQ(status_of("cross-site"), 403);
  EXPECT_EQ(status_of("same-origin"), 200);
}

TEST(DashboardReads, ServesThePageWithNothingOfOthersInIt) {
  Scene scene;
  const serve::Answer page = scene.get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_TRUE(page.headers.at("Content-Security-Policy").starts_with("default-src 'none'"));
  EXPECT_FALSE(has(page, "http://") || has(page, "https://")) << page.body;
}

}  // namespace
}  // namespace fanfold::dashboard
