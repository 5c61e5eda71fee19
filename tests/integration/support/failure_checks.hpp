#pragma once

#include "failure_scene.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>

/// What must hold at the end of a failure test, read from the server itself and from what the processes wrote.
namespace fanfold::test {

using TaskName = std::pair<std::string, std::uint64_t>;  ///< The cluster's p_key and the index.

/// The log, taken apart.
struct Story {
  std::map<TaskName, std::map<std::uint32_t, std::string>> attempts{};  ///< Number to mark.
  std::map<TaskName, std::vector<std::uint32_t>> ended{};  ///< By whom; a cluster's id in place of its key.
  std::map<std::string, std::vector<std::uint32_t>> finishes{};
  std::map<std::string, std::vector<std::uint32_t>> decided{};  ///< By the cluster's id.
  std::map<std::string, std::set<std::string>> updated{};       ///< Marks by cluster.
  std::set<std::string> created{};
  std::set<std::string> sent{};
  std::map<std::string, int> singles{};
  std::vector<std::string> faults{};  ///< What must not occur at all.

  static Story read(const SceneLog& log) {
    Story story;
    std::ifstream in(log.file());
    for (std::string line; std::getline(in, line);) story.take(line);
    return story;
  }

 private:
  void take(const std::string& line) {
    std::istringstream words(line);
    std::string what;
    std::string who;
    std::uint64_t index = 0;
    std::uint32_t attempt = 0;
    std::string mark;
    words >> what >> who;
    if (what == "begin") {
      words >> index >> attempt >> mark;
      if (!attempts[{who, index}].emplace(attempt, mark).second) faults.push_back("a second claim of attempt: " + line);
    } else if (what == "ended") {
      words >> index >> attempt;
      ended[{who, index}].push_back(attempt);
    } else if (what == "finish") {
      words >> attempt;
      finishes[who].push_back(attempt);
    } else if (what == "decided") {
      words >> attempt;
      decided[who].push_back(attempt);
    } else if (what == "updated") {
      words >> mark;
      updated[who].insert(mark);
    } else if (what == "created") {
      created.insert(who);
    } else if (what == "sent") {
      sent.insert(who);
    } else if (what == "single") {
      ++singles[who];
    } else if (what == "unknown" || what == "counter-error") {
      faults.push_back(line);
    }
  }
};

/// All clusters of the scene but the counted one, which stays open.
inline std::vector<ClusterHeader> clusters_of(const Client& client) {
  std::vector<ClusterHeader> clusters;
  ClusterQuery query;
  do {
    ClusterPage page = client.list_clusters(query).value();
    for (ClusterHeader& header : page.clusters) {
      if (header.name != "counted") clusters.push_back(std::move(header));
    }
    query.cursor = page.next_cursor;
  } while (!query.cursor.empty());
  return clusters;
}

/// One cluster whose tasks ran: every task ended once, by an attempt that began, whose effect is in the globals once.
class ClusterJudge {
 public:
  ClusterJudge(const Client& client, const Story& story, const ClusterHeader& header)
      : client_(client), story_(story), header_(header), key_(MessageKey::of_message(header.id)) {}

  void judge() {
    const Verification verified = client_.verify(key_).value();
    for (const auto& check : verified.checks) EXPECT_TRUE(check.holds) << check.promise << ": " << check.found;
    EXPECT_TRUE(header_.finish_done);
    EXPECT_TRUE(header_.parent_ended);
    EXPECT_EQ(header_.status, Status::complete);
    judge_finish();
    read_results();
    judge_globals();
    judge_tasks();
  }

 private:
  void judge_finish() {
    const auto finishes = story_.finishes.find(key_.p_key);
    ASSERT_NE(finishes, story_.finishes.end()) << "the callback never ran";
    const std::set<std::uint32_t> distinct(finishes->second.begin(), finishes->second.end());
    EXPECT_EQ(distinct.size(), finishes->second.size()) << "two callbacks had the same claim";
    const auto decided = story_.decided.find(header_.id);
    if (decided == story_.decided.end()) return;  // Its holder was killed before it could say so.
    EXPECT_EQ(decided->second.size(), 1U) << "the callback was decided more than once";
    EXPECT_EQ(decided->second.back(), *distinct.rbegin()) << "a callback began after it was decided";
  }

  void read_results() {
    for (const auto& result : client_.results<std::string>(key_)) {
      ASSERT_TRUE(result.has_value()) << to_string(result.error());
      EXPECT_TRUE(results_.emplace(result->index, result->result).second) << "two results of " << result->index;
    }
  }

  void judge_globals() {
    const auto marks = client_.get_cluster_globals<Marks>(key_).value();
    marks_.insert(marks.begin(), marks.end());
    EXPECT_EQ(marks_.size(), marks.size()) << "an update was applied twice";
    const auto updated = story_.updated.find(key_.p_key);
    if (updated == story_.updated.end()) return;
    for (const std::string& mark : updated->second)
      EXPECT_TRUE(marks_.contains(mark)) << "an update was lost: " << mark;
  }

  void judge_tasks() {
    std::uint64_t failed_count = 0;
    std::uint64_t count = 0;
    std::optional<std::uint64_t> next = 0;
    while (next) {
      const TaskPage page = client_.list_tasks(key_, {}, *next).value();
      for (const TaskState& task : page.tasks) {
        ++count;
        if (task.status == Status::error) ++failed_count;
        judge_task(task);
      }
      next = page.next_index;
    }
    EXPECT_EQ(count, header_.task_count);
    EXPECT_EQ(failed_count, header_.failed_count);
  }

  void judge_task(const TaskState& task) {
    SCOPED_TRACE("task " + std::to_string(task.index));
    const int body = Codec<int>::decode(task.body).value();
    const TaskKind kind = kind_of(body);
    EXPECT_EQ(task.status, kind == TaskKind::fails ? Status::error : Status::complete);
    const auto attempts = story_.attempts.find({key_.p_key, task.index});
    ASSERT_NE(attempts, story_.attempts.end()) << "it ended without having begun";
    EXPECT_LE(attempts->second.rbegin()->first, task.attempt_count) << "an attempt began after it had ended";
    const auto ended = story_.ended.find({header_.id, task.index});
    if (ended != story_.ended.end()) {
      EXPECT_EQ(ended->second.size(), 1U) << "it ended more than once";
      EXPECT_EQ(ended->second.back(), task.attempt_count) << "another attempt ended it";
    }
    if (kind == TaskKind::fails || kind == TaskKind::has_children) return;
    const auto result = results_.find(task.index);
    ASSERT_NE(result, results_.end()) << "it has no result";
    const auto winner = attempts->second.find(task.attempt_count);
    ASSERT_NE(winner, attempts->second.end()) << "the attempt that ended it never began";
    EXPECT_EQ(result->second, winner->second) << "the result is another attempt's";
    EXPECT_TRUE(marks_.contains(result->second)) << "its effect is missing";
  }

  const Client& client_;
  const Story& story_;
  const ClusterHeader& header_;
  MessageKey key_;
  std::map<std::uint64_t, std::string> results_;
  std::set<std::string> marks_;
};

/// Everything but the queues, once all clusters are finished.
inline void judge_scene(const Scene& scene, const MessageKey& counted) {
  const Client client = scene.open_directly();
  const Story story = Story::read(scene.log);
  for (const std::string& fault : story.faults) ADD_FAILURE() << fault;
  EXPECT_EQ(story.created.size(), 1U) << "creators with one key made several clusters";
  const std::vector<ClusterHeader> clusters = clusters_of(client);
  std::size_t main_count = 0;
  std::size_t child_count = 0;
  for (const ClusterHeader& header : clusters) {
    SCOPED_TRACE("cluster " + header.name + " " + header.id);
    ++(header.name == "main" ? main_count : child_count);
    EXPECT_EQ(header.task_count,
              static_cast<std::uint64_t>(header.name == "main" ? scene_task_count : scene_child_task_count));
    ClusterJudge(client, story, header).judge();
  }
  EXPECT_EQ(main_count, 1U);
  EXPECT_EQ(child_count, static_cast<std::size_t>(scene_task_count / 16))
      << "a task made its child cluster twice, or never";
  constexpr auto steps = scene_counter_process_count * scene_counter_thread_count * scene_counter_step_count;
  static_assert(steps == 6'400, "64 writers of 100 updates each, in two processes");
  EXPECT_EQ(client.get_cluster_globals<int>(counted).value(), static_cast<int>(steps));
  for (const std::string& key : story.sent) {
    const auto record = client.get_message_record<Json, int>(key, Consistency::strong);
    ASSERT_TRUE(record.has_value()) << key << ": " << to_string(record.error());
    EXPECT_EQ(record->status, Status::complete) << key;
    const auto ran = story.singles.find(key);
    EXPECT_TRUE(ran != story.singles.end()) << "an acknowledged message never ran: " << key;
  }
}

}  // namespace fanfold::test
