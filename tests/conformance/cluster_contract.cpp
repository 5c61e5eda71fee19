#include "contract.hpp"

#include <set>
#include <thread>

namespace fanfold::conformance {
namespace {

class ClusterContract : public Contract {
 protected:
  /// A header in which every field has a value of its own.
  [[nodiscard]] ClusterHeader full_header() const {
    ClusterHeader header = new_header(7);
    header.name = "thumbnails";
    header.finish_queue_url = "finish";
    header.bucket_params = BucketParams{"bucket", "key"};
    header.parent = ParentTask{
        .cluster_id = "parent", .queue_url = "queue", .round = 2, .position = 3, .index = 4, .fails_with_child = false};
    header.finish_handler_required = true;
    header.first_failure_wanted = true;
    header.fail_fast = true;
    header.failures_allowed_count = 5;
    header.failures_allowed_percent = 12.5;
    header.attempts_max = 9;
    header.deadline = now_ + 1h;
    header.deadline_action = DeadlineAction::stop;
    header.creation_key = "creation";
    header.trace = {.parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                    .state = "congo=t61rcWkgMzE",
                    .aws_header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"};
    header.meta = Json::from_valid_text(R"({"of":"mine"})");
    header.due = {{DueMark::Kind::creation, "a", 0, now_}, {DueMark::Kind::resend, "b", 1, now_ + 1s}};
    header.sender = "me";
    header.sender_until = now_ + 2s;
    header.sent_at = now_ + 3s;
    header.sweeper = "you";
    header.sweeper_until = now_ + 4s;
    header.last_add_at = now_ + 5s;
    header.paused = true;
    header.parent_ended = false;
    return header;
  }
  [[nodiscard]] ClusterHeader header_called(std::string id) const {
    ClusterHeader header = new_header(1);
    header.id = std::move(id);
    return header;
  }
  [[nodiscard]] ClusterHeader finished_cluster() const {
    const ClusterHeader cluster = make_cluster(1);
    EndRequest request = end_request(task(cluster, 0), claimed(task(cluster, 0)), Verdict::done);
    request.result = Json::from_valid_text("1");
    end(request, now_);
    put_an_end_to(cluster.id);
    return read(cluster.id);
  }
  void expect_list(const ClusterQuery& query, const std::vector<std::string>& ids) const {
    std::vector<std::string> found;
    for (const ClusterHeader& header : ledger().list_clusters(query).value().clusters) found.push_back(header.id);
    EXPECT_EQ(found, ids);
  }
};

TEST_P(ClusterContract, IsReadAsItWasCreated) {
  ClusterHeader header = full_header();
  const ClusterHeader created = ledger().create_cluster(header).value();
  header.version = created.version;
  EXPECT_EQ(created, header);
  EXPECT_EQ(read(header.id), header);
}

TEST_P(ClusterContract, IsReadAsItWasUpdated) {
  ClusterHeader header = ledger().create_cluster(full_header()).value();
  header.due.pop_back();
  header.meta.reset();
  header.error.push_back(error_entry(0, "late", "0a1b2c3d"));
  header.error.back().at = now_;
  header.deadline_reported = true;
  header.first_failure_sent = true;
  header.paused = false;
  header.moved_to = "elsewhere";
  header.sender.clear();
  header.finish_sent_at = now_ + 1s;
  const ClusterHeader updated = ledger().update_cluster(header).value();
  EXPECT_NE(updated.version, header.version);
  header.version = updated.version;
  EXPECT_EQ(read(header.id), header);
}

TEST_P(ClusterContract, IsCreatedOnce) {
  const ClusterHeader header = new_header(2);
  ledger().create_cluster(header).value();
  ClusterHeader other = header;
  other.name = "other";
  const auto again = ledger().create_cluster(other);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, ErrorCode::already_exists);
  EXPECT_EQ(read(header.id).name, "");
}

TEST_P(ClusterContract, ThatNobodyCreatedIsNotFound) {
  const std::string id = fresh_id();
  EXPECT_EQ(ledger().read_cluster(id, Consistency::strong).error().code, ErrorCode::not_found);
  EXPECT_EQ(ledger().update_cluster(new_header()).error().code, ErrorCode::not_found);
  EXPECT_EQ(ledger().progress(id).error().code, ErrorCode::not_found);
}

TEST_P(ClusterContract, WithPayloadsAndNoHeaderIsNotFound) {
  const std::string id = fresh_id();
  ledger().put_tasks(id, 0, bodies(2)).value();
  EXPECT_EQ(ledger().read_cluster(id, Consistency::strong).error().code, ErrorCode::not_found);
}

TEST_P(ClusterContract, AnUpdateOfAnOldVersionIsAConflict) {
  ClusterHeader first = make_cluster(1);
  ClusterHeader second = first;
  first.paused = true;
  ledger().update_cluster(first).value();
  second.name = "lost";
  const auto refused = ledger().update_cluster(second);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_TRUE(read(first.id).paused);
  EXPECT_EQ(read(first.id).name, "");
}

TEST_P(ClusterContract, AnUpdateThatMissedTheFinishIsAConflict) {
  ClusterHeader cluster = make_cluster(1);
  run_task(task(cluster, 0));
  cluster.paused = true;
  EXPECT_EQ(ledger().update_cluster(cluster).error().code, ErrorCode::conflict);
  EXPECT_EQ(read(cluster.id).status, Status::complete);
}

TEST_P(ClusterContract, NoConcurrentUpdateIsLost) {
  constexpr int thread_count = 4;
  constexpr int update_count = 10;
  const std::string id = make_cluster(1).id;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < thread_count; ++thread) {
    threads.emplace_back([&] {
      const Backend own = open();
      for (int done = 0; done < update_count;) {
        ClusterHeader header = own.ledger->read_cluster(id, Consistency::strong).value();
        ++header.failures_allowed_count;
        if (own.ledger->update_cluster(header).has_value()) ++done;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(read(id).failures_allowed_count, static_cast<std::uint64_t>(thread_count * update_count));
}

TEST_P(ClusterContract, AreListedNewestFirstAndPaged) {
  std::vector<std::string> newest_first;
  for (int i = 0; i < 5; ++i) {
    ClusterHeader header = new_header(1);
    header.created_at = now_ + std::chrono::seconds(i);
    ledger().create_cluster(header).value();
    newest_first.insert(newest_first.begin(), header.id);
  }
  std::vector<std::string> found;
  ClusterQuery query;
  query.count_max = 2;
  do {
    const ClusterPage page = ledger().list_clusters(query).value();
    EXPECT_LE(page.clusters.size(), 2U);
    for (const ClusterHeader& header : page.clusters) found.push_back(header.id);
    query.cursor = page.next_cursor;
  } while (!query.cursor.empty() && found.size() < 10);
  EXPECT_EQ(found, newest_first);
}

TEST_P(ClusterContract, AreFoundByName) {
  ClusterHeader named = new_header(1);
  named.name = "resize";
  ledger().create_cluster(named).value();
  ClusterHeader other = new_header(1);
  other.name = "resized";
  ledger().create_cluster(other).value();
  ClusterQuery query;
  query.name = "resize";
  expect_list(query, {named.id});
}

TEST_P(ClusterContract, AreUnfinishedUntilTheFinishMessageAndTheParentAreDone) {
  ClusterQuery unfinished;
  unfinished.unfinished_only = true;
  ClusterHeader header = new_header(1);
  header.parent = ParentTask{
      .cluster_id = "parent", .queue_url = "work", .round = 0, .position = 0, .index = 0, .fails_with_child = true};
  header.parent_ended = false;
  const ClusterHeader cluster = make_cluster(header);
  expect_list(unfinished, {cluster.id});
  run_task(task(cluster, 0));
  expect_list(unfinished, {cluster.id});
  ClusterHeader now = read(cluster.id);
  now.finish_sent_at = now_;
  now.finish_done = true;
  now = ledger().update_cluster(now).value();
  expect_list(unfinished, {cluster.id});
  now.parent_ended = true;
  ledger().update_cluster(now).value();
  expect_list(unfinished, {});
  expect_list({}, {cluster.id});
}

TEST_P(ClusterContract, ASweepThatWasNotedIsToldWhereNotesAreKept) {
  const Backend other = open();
  EXPECT_FALSE(ledger().noted_sweep().value().has_value());
  for (const Time began_at : {now_, now_ + 90s}) {
    ledger().note_sweep(began_at).value();
    const auto noted = other.ledger->noted_sweep().value();
    EXPECT_EQ(noted.value_or(began_at), began_at);
  }
}

TEST_P(ClusterContract, ProgressSaysWhereTheTasksStand) {
  const ClusterHeader cluster = make_cluster(6);
  run_task(task(cluster, 0));
  run_task(task(cluster, 1), Verdict::failed);
  claimed(task(cluster, 2));
  EndRequest waiting = end_request(task(cluster, 3), claimed(task(cluster, 3)), Verdict::waiting);
  waiting.child_id = "child";
  EXPECT_EQ(end_outcome(waiting), EndOutcome::ended);

  const Progress progress = ledger().progress(cluster.id).value();
  EXPECT_EQ(progress.total_count, 6U);
  EXPECT_EQ(progress.done_count, 1U);
  EXPECT_EQ(progress.failed_count, 1U);
  EXPECT_EQ(progress.in_progress_count, 2U);
  EXPECT_TRUE(progress.sealed);
  EXPECT_FALSE(progress.paused);
  EXPECT_FALSE(progress.finished);
  EXPECT_FALSE(progress.finish_handled);
  EXPECT_EQ(progress.status, Status::in_progress);

  const Recount recount = ledger().recount(cluster.id, now_).value();
  EXPECT_EQ(recount.free_count, 2U);
  EXPECT_EQ(recount.leased_count, 1U);
  EXPECT_EQ(recount.waiting_count, 1U);
  EXPECT_EQ(recount.done_count, 1U);
  EXPECT_EQ(recount.failed_count, 1U);
  EXPECT_EQ(recount.attempt_count, 4U);
}

TEST_P(ClusterContract, ARecountTakesExpiredLeasesForFree) {
  const ClusterHeader cluster = make_cluster(1);
  claimed(task(cluster, 0));
  const Recount recount = ledger().recount(cluster.id, now_ + lease_).value();
  EXPECT_EQ(recount.leased_count, 0U);
  EXPECT_EQ(recount.free_count, 1U);
}

TEST_P(ClusterContract, DeletingLeavesATombstoneAndNothingElse) {
  const ClusterHeader cluster = finished_cluster();
  ledger().remove_cluster(cluster.id, now_).value();
  ledger().remove_cluster(cluster.id, now_).value();

  const ClusterHeader left = read(cluster.id);
  EXPECT_TRUE(left.tombstone);
  EXPECT_EQ(left.status, Status::complete) << "the outcome is kept";
  EXPECT_EQ(left.task_count, 1U);
  EXPECT_EQ(ledger().create_cluster(header_called(cluster.id)).error().code, ErrorCode::deleted);
  EXPECT_EQ(ledger().add_tasks(cluster.id, "late", bodies(1), now_).error().code, ErrorCode::deleted);
  EXPECT_EQ(ledger().read_record({cluster.id, 0}, Consistency::strong).error().code, ErrorCode::not_found);
  ClusterQuery unfinished;
  unfinished.unfinished_only = true;
  expect_list(unfinished, {});
}

TEST_P(ClusterContract, DeletingTakesTheFinishMessagesRecordToo) {
  const ClusterHeader cluster = finished_cluster();
  const std::string id = cluster.id + ".0.finish";
  const NewMessage message{.id = id,
                           .url = "work",
                           .type = RecordType::cluster,
                           .body = {},
                           .meta = {},
                           .created_at = now_,
                           .expires_at = now_ + 24h};
  EXPECT_TRUE(ledger().put_messages(std::span(&message, 1)).value().at(0).has_value());
  ledger().remove_cluster(cluster.id, now_).value();
  EXPECT_EQ(ledger().read_record({id, std::nullopt}, Consistency::strong).error().code, ErrorCode::not_found);

  ClaimRequest request = claim_request({RecordType::cluster, cluster.id, 0, 0, false});
  request.record = message;
  EXPECT_EQ(claim(request, now_).outcome, ClaimOutcome::missing)
      << "a late finish message must not run its handler again";
}

TEST_P(ClusterContract, DeletingOneLeavesTheOthersAlone) {
  const ClusterHeader cluster = finished_cluster();
  const ClusterHeader other = make_cluster(2);
  ledger().remove_cluster(cluster.id, now_).value();
  EXPECT_FALSE(read(other.id).tombstone);
  EXPECT_EQ(ledger().read_tasks(other.id, 0, 10).value().size(), 2U);
}

TEST_P(ClusterContract, DeletingTakesNothingThatIsNotOver) {
  const ClusterHeader running = make_cluster(1);
  EXPECT_EQ(ledger().remove_cluster(running.id, now_).error().code, ErrorCode::not_finished);
  run_task(task(running, 0));
  EXPECT_EQ(ledger().remove_cluster(running.id, now_).error().code, ErrorCode::not_finished)
      << "its finish is not done";
  EXPECT_FALSE(read(running.id).tombstone);
  EXPECT_EQ(ledger().recount(running.id, now_).value().done_count, 1U);

  ClusterHeader moved = make_cluster(1);
  moved.moved_to = "another store";
  ledger().update_cluster(moved).value();
  ledger().remove_cluster(moved.id, now_).value();
  EXPECT_TRUE(read(moved.id).tombstone);
}

FANFOLD_CONTRACT(ClusterContract);

}  // namespace
}  // namespace fanfold::conformance
