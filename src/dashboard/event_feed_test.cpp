#include "dashboard/event_feed.hpp"
#include "dashboard/attention.hpp"
#include "dashboard/router.hpp"
#include "dashboard/scene_for_tests.hpp"

namespace fanfold::dashboard {
namespace {

TEST(EventFeed, TellsOfAClusterAtOnceAndWhenItChanged) {
  Scene scene;
  const Cluster cluster = scene.create({"good", "bad"});
  const serve::Answer events = scene.get("/api/events", {{"cluster", cluster.key.p_key.substr(key_prefix.size())}});
  EXPECT_EQ(events.content_type, "text/event-stream");
  const std::string first = events.stream.next();
  EXPECT_TRUE(first.starts_with("event: cluster\ndata: {\"at\":\"")) << first;
  EXPECT_TRUE(first.ends_with("}\n\n"));
  EXPECT_EQ(events.stream.next(), "");
  scene.handle_all();
  const std::string second = events.stream.next();
  EXPECT_NE(second.find(R"("complete":1,"failed":1)"), std::string::npos) << second;
  EXPECT_EQ(events.stream.next(), "");
}

TEST(EventFeed, TellsOfTheNewestClusters) {
  Scene scene;
  const serve::Answer events = scene.get("/api/events");
  EXPECT_NE(events.stream.next().find(R"("clusters":[])"), std::string::npos);
  scene.create({"good"}, {.name = "photos"});
  EXPECT_NE(events.stream.next().find("photos"), std::string::npos);
}

TEST(EventFeed, SaysThatAClusterIsGone) {
  Scene scene;
  const serve::Answer events = scene.get("/api/events", {{"cluster", "none"}});
  EXPECT_TRUE(events.stream.next().starts_with("event: gone\ndata: {\"error\":{\"code\":\"not_found\""));
}

/// A feed with a clock of its own, over a store that can be taken away.
struct Feed {
  Scene scene{};
  EventFeed::Steady at{};
  Result<void> here{};
  EventFeed feed{std::make_shared<const ClusterReads>(
                     *scene.world.client, Options{.now = [this] { return scene.world.store.clock().now(); }}),
                 std::chrono::seconds(1), [this] { return here; }, [this] { return at; }};
};

TEST(EventFeed, LooksAtTheStoreOnceAnIntervalForAllStreams) {
  Feed world;
  const serve::Answer first = world.feed.clusters();
  const serve::Answer second = world.feed.clusters();
  EXPECT_NE(first.stream.next(), "");
  world.scene.create({"good"}, {.name = "photos"});
  // What the first one saw is what the second one is told.
  EXPECT_NE(second.stream.next().find(R"("clusters":[])"), std::string::npos);
  world.at += std::chrono::milliseconds(899);
  EXPECT_EQ(first.stream.next(), "");
  world.at += std::chrono::milliseconds(1);
  EXPECT_NE(first.stream.next().find("photos"), std::string::npos);
  EXPECT_NE(second.stream.next().find("photos"), std::string::npos);
}

TEST(EventFeed, ShowsThatItIsThereWhereNothingChanges) {
  Feed world;
  const serve::Answer events = world.feed.clusters();
  EXPECT_NE(events.stream.next(), "");
  world.at += std::chrono::seconds(14);
  EXPECT_EQ(events.stream.next(), "");
  world.at += std::chrono::seconds(1);
  EXPECT_EQ(events.stream.next(), ": still here\n\n");
  EXPECT_EQ(events.stream.next(), "");
}

TEST(EventFeed, TellsOfTroubleAndGoesOnAfterIt) {
  Feed world;
  const serve::Answer events = world.feed.clusters();
  const std::string before = events.stream.next();
  EXPECT_TRUE(before.starts_with("event: clusters\n"));
  world.here = Error{ErrorCode::damaged, "was replaced", {}};
  world.at += std::chrono::seconds(1);
  EXPECT_TRUE(events.stream.next().starts_with("event: trouble\ndata: {\"error\":{\"code\":\"damaged\""));
  world.at += std::chrono::seconds(1);
  EXPECT_EQ(events.stream.next(), "");
  world.here = {};
  world.at += std::chrono::seconds(1);
  EXPECT_EQ(events.stream.next(), before);
}

TEST(Attention, IsDrawnToWhatStandsStill) {
  const Time now{};
  ClusterHeader header;
  Progress progress{.total_count = 10, .done_count = 3, .in_progress_count = 2, .sealed = true};
  EXPECT_EQ(attention(header, progress, now), "");
  progress.in_progress_count = 0;
  EXPECT_EQ(attention(header, progress, now), "no task is running: is there a worker?");
  progress.abandoned_count = 1;
  EXPECT_EQ(attention(header, progress, now), "1 task held by a worker that died, and no other works on it");
  progress.paused = true;
  EXPECT_EQ(attention(header, progress, now), "");
  header.deadline = now;
  EXPECT_EQ(attention(header, progress, now), "its deadline has passed");
  const Progress open{.total_count = 3, .done_count = 3};
  EXPECT_EQ(attention({}, open, now), "waits for more tasks, or to be sealed");
  const Progress finished{.total_count = 1, .done_count = 1, .sealed = true, .finished = true};
  ClusterHeader sent;
  sent.finish_sent_at = now;
  EXPECT_EQ(attention(sent, finished, now + std::chrono::minutes(1)), "");
  EXPECT_EQ(attention(sent, finished, now + std::chrono::minutes(1) + std::chrono::milliseconds(1)),
            "its finish message waits: is there a worker with a finish handler?");
  const Progress finish_failed{
      .total_count = 1, .done_count = 1, .sealed = true, .finished = true, .finish_failed = true};
  EXPECT_EQ(attention({}, finish_failed, now), "its finish handler has failed for good");
}

TEST(Router, TakesWhatStandsForTheStars) {
  EXPECT_EQ(match("/api/clusters/*/tasks/*", "/api/clusters/a/tasks/7"), (std::vector<std::string>{"a", "7"}));
  EXPECT_EQ(match("/api/clusters", "/api/clusters"), std::vector<std::string>{});
  for (const char* other : {"/api/clusters/a/tasks", "/api/clusters/a/tasks/", "/api/clusters//tasks/7",
                            "/api/clusters/a/tasks/7/", "/api/clusters/a/tasks/7/more", "", "/"})
    EXPECT_EQ(match("/api/clusters/*/tasks/*", other), std::nullopt) << other;
}

}  // namespace
}  // namespace fanfold::dashboard
