#pragma once

#include <fanfold/testing/simulation.hpp>

#include <set>

namespace fanfold::simulation {

/// Looks at everything that happens in one world, from outside all of its processes, and notes every breach of a
/// promise. What it reads comes from ports that never fail. Used by one process at a time, as the world runs them.
class Recorder {
 public:
  Recorder(testing::Simulation& world, bool deduplicates)
      : world_(world), look_(world.backend()), deduplicates_(deduplicates) {}

  /// One handler that runs; gone when it returns, throws, or its process dies.
  class Run {
   public:
    Run(Run&& other) noexcept : recorder_(std::exchange(other.recorder_, nullptr)), number_(other.number_) {}
    ~Run();

   private:
    friend class Recorder;
    Run(Recorder* recorder, std::uint64_t number) : recorder_(recorder), number_(number) {}
    Recorder* recorder_;
    std::uint64_t number_;
  };

  [[nodiscard]] Run task_starts(const RecordRef& task, std::uint64_t index, std::uint32_t attempt, Time lease_end);
  [[nodiscard]] Run message_starts(const std::string& id, std::uint32_t attempt, Time lease_end);
  [[nodiscard]] Run finish_starts(const std::string& cluster_id, std::uint32_t attempt, Time lease_end);

  /// When the lease of a task ends as the ledger has it; nothing where it has none.
  [[nodiscard]] Time lease_end_of(const std::string& cluster_id, std::uint64_t index);

  /// What the outside world does and knows.
  void said_fail(const std::string& cluster_id, std::uint64_t index) { said_fail_.insert({cluster_id, index}); }
  void failed_by_hand(const std::string& cluster_id, std::uint64_t index) { by_hand_.insert({cluster_id, index}); }
  /// Its handler returns a result, whoever runs it.
  void gives_result(const std::string& cluster_id, std::uint64_t index) { gives_result_.insert({cluster_id, index}); }
  /// So many tasks its producer asked for, each once.
  void expects_tasks(const std::string& cluster_id, std::uint64_t count) { expected_counts_[cluster_id] = count; }
  /// Its producer was told that it takes no more tasks.
  void sealed(const std::string& cluster_id) { sealed_at_[cluster_id] = world_.clock().latest(); }
  /// No message is lost in this world: what is delivered again is enough to finish a cluster.
  void loses_no_messages() { loses_no_messages_ = true; }
  void message_acknowledged(const std::string& id) { messages_.push_back(id); }
  void globals_asked(const std::string& cluster_id, const std::string& update_id) {
    globals_[cluster_id].asked.insert(update_id);
  }
  void globals_acknowledged(const std::string& cluster_id, const std::string& update_id) {
    globals_[cluster_id].acknowledged.insert(update_id);
  }
  void calm_from_the_start() { calm_ = true; }
  [[nodiscard]] bool is_calm() const { return calm_; }
  /// Somebody was told that it is stopped, which is final.
  void stopped_by_hand(const std::string& cluster_id) { stopped_by_hand_.insert(cluster_id); }
  /// It may be deleted while its tasks run, as asked for.
  void deleted_by_force(const std::string& cluster_id) { deleted_by_force_.insert(cluster_id); }

  /// A cluster whose finish message is done: everything about it has to fit. `ids` of globals are what it holds.
  void check_cluster(const std::string& id);
  /// Whatever is open has to be explained, task by task, at any moment.
  void check_explained();
  /// Whether everything that was begun has come to its end.
  [[nodiscard]] bool all_is_over();
  /// All clusters, all messages.
  void check_all();
  /// Why it is not over; empty where there is no cluster to ask.
  [[nodiscard]] std::string why();

  void violation(const std::string& what);
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  [[nodiscard]] std::uint64_t run_count() const { return run_count_; }

 private:
  using TaskPlace = std::pair<std::string, std::uint64_t>;  ///< Cluster and index.
  struct Active {
    std::string what{};
    Time lease_end{};
    std::optional<TaskPlace> task{};
  };
  struct Globals {
    std::set<std::string> asked{};
    std::set<std::string> acknowledged{};
  };

  Run start(const std::string& what, Time lease_end, std::optional<TaskPlace> task = {});
  [[nodiscard]] bool is_live(Time lease_end) const { return lease_end > world_.clock().latest(); }
  void note_attempt(const std::string& what, std::uint32_t attempt);
  void check_tasks(const ClusterHeader& header);
  void check_task(const ClusterHeader& header, const TaskState& task);
  void check_finish(const ClusterHeader& header);
  void check_counts(const ClusterHeader& header);
  void check_stop(const ClusterHeader& header, const Recount& recount);
  void check_delay(const ClusterHeader& header, const TaskPage& page);
  void check_globals(const ClusterHeader& header);
  void check_message(const std::string& id);

  testing::Simulation& world_;
  Backend look_;
  bool deduplicates_;
  bool calm_ = false;
  std::map<std::uint64_t, Active> active_;
  std::uint64_t run_count_ = 0;
  std::set<std::string> attempts_;             // "what @ attempt", each at most once.
  std::map<std::string, std::uint64_t> runs_;  // By what.
  std::set<TaskPlace> said_fail_;
  std::set<TaskPlace> by_hand_;
  std::set<TaskPlace> gives_result_;
  std::set<std::string> stopped_by_hand_;
  std::set<std::string> deleted_by_force_;
  std::map<std::string, std::uint64_t> expected_counts_;
  std::map<std::string, Time> sealed_at_;
  bool loses_no_messages_ = false;
  std::vector<std::string> messages_;
  std::map<std::string, Globals> globals_;
  std::map<std::string, std::string> outcomes_;  // Of each round, as its finish handlers saw it.
  std::vector<std::string> violations_;
};

}  // namespace fanfold::simulation
