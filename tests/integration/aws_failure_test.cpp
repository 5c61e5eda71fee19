// ctest: labels=slow
// Everything at once on a server that speaks as AWS does, behind a proxy that cuts, delays, doubles and garbles, with
// workers that are killed, frozen and drained at random moments. FANFOLD_FAILURE_SEEDS=200 runs so many seeds,
// FANFOLD_FAILURE_FIRST=17 begins at that one.
#include "../support/aws_server.hpp"
#include "../support/failure_proxy.hpp"
#include "support/failure_checks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <memory>

namespace fanfold::test {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::uint64_t seed_count_default = 6;
constexpr std::size_t worker_count = 3;
constexpr int harm_count = 12;
constexpr auto finish_wait_max = 200s;
constexpr auto drain_wait_max = 45s;
/// Longer than the sweep hides what it looks at in a dead-letter queue.
constexpr auto quiet_wait_max = 100s;

std::uint64_t variable(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// One seed: its scene, its processes and what is done to them.
class FailureRun {
 public:
  FailureRun(const AwsServer& server, std::uint64_t seed, const std::filesystem::path& folder)
      : random_(seed),
        proxy_(server.port(), {.seed = seed, .put_time = 30ms}),
        scene_{"seed-" + std::to_string(seed), server.endpoint(), proxy_.endpoint(), seed,
               SceneLog(folder / ("seed-" + std::to_string(seed) + ".log"))} {}
  FailureRun(const FailureRun&) = delete;
  FailureRun& operator=(const FailureRun&) = delete;
  ~FailureRun() {
    for (const pid_t process : workers_) kill_hard(process);
    for (const pid_t process : others_) kill_hard(process);
  }

  [[nodiscard]] const FailureProxy& proxy() const { return proxy_; }
  [[nodiscard]] const Scene& scene() const { return scene_; }
  [[nodiscard]] std::uint64_t dead_letters_seen() const { return dead_letters_seen_; }

  void run() {
    set_up();
    for (std::size_t i = 0; i < worker_count; ++i) workers_.push_back(start_worker());
    others_.push_back(start_process([this] { return run_sender(scene_); }));
    for (std::size_t i = 0; i < scene_counter_process_count; ++i) {
      others_.push_back(start_process([this] { return run_counter(scene_, counted_); }));
    }
    create_with_deaths();
    for (int i = 0; i < harm_count; ++i) harm_one();
    await_the_end();
    for (const pid_t process : std::exchange(others_, {})) EXPECT_EQ(wait_for_process(process, finish_wait_max), 0);
    for (const pid_t process : std::exchange(workers_, {})) drain(process);
    while (proxy_.late_count() > 0) std::this_thread::sleep_for(10ms);
  }

  /// Once the harm is over: the sweep deals with the dead letters and a worker with what is left; then both queues are
  /// empty, and everything has come to what it should.
  void judge() {
    Scene calm = scene_;
    calm.endpoint = scene_.server;
    const pid_t worker = start_process([&] { return run_worker(calm); });
    await_quiet();
    drain(worker);
    judge_scene(scene_, counted_);
  }

 private:
  static bool is_empty(const QueueCounts& counts) {
    return counts.visible_count + counts.in_flight_count + counts.delayed_count == 0;
  }
  static void kill_hard(pid_t process) {
    ::kill(process, SIGKILL);
    ::waitpid(process, nullptr, 0);
  }

  void set_up() {
    aws::SetupOptions setup{.store = scene_.options(scene_.server), .queue = scene_.name};
    setup.receive_count_max = 3;
    setup.visibility = 3s;
    aws::setup(setup).value();
    const Client client = scene_.open_directly();
    queue_url_ = client.queue_port().resolve(scene_.name).value();
    dead_url_ = client.queue_port().resolve(scene_.name + "-dead").value();
    counted_ = client.open_message_cluster(scene_.name, {.name = "counted", .globals = 0}).value().key;
  }

  pid_t start_worker() {
    return start_process([this] { return run_worker(scene_); });
  }

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  void pause_up_to(std::uint64_t milliseconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(below(milliseconds)));
  }

  void create_with_deaths() {
    for (std::uint64_t deaths = below(3); deaths > 0; --deaths) {
      const pid_t creator = start_process([this] { return run_creator(scene_); });
      pause_up_to(150);
      kill_hard(creator);
    }
    others_.push_back(start_process([this] { return run_creator(scene_); }));
  }

  /// A worker dies, or is frozen for longer than its leases last, or drains, and another takes its place.
  void harm_one() {
    pause_up_to(500);
    thaw_those_due();
    look_at_dead_letters();
    pid_t& worker = workers_[below(workers_.size())];
    switch (below(6)) {
      case 0:
        ::kill(worker, SIGSTOP);
        frozen_.emplace_back(worker, Steady::now() + std::chrono::milliseconds(1'000 + below(2'500)));
        return;
      case 1: drain(worker); break;
      default: kill_hard(worker);
    }
    std::erase_if(frozen_, [&](const auto& frozen) { return frozen.first == worker; });
    worker = start_worker();
  }

  void thaw_those_due() {
    std::erase_if(frozen_, [](const auto& frozen) {
      const bool is_due = Steady::now() >= frozen.second;
      if (is_due) ::kill(frozen.first, SIGCONT);
      return is_due;
    });
  }

  /// It may not have come to where it listens to the signal.
  static void drain(pid_t worker) {
    ::kill(worker, SIGTERM);
    ::kill(worker, SIGCONT);
    const auto code = wait_for_process(worker, drain_wait_max);
    if (!code) {
      kill_hard(worker);
      ADD_FAILURE() << "a worker did not drain within " << drain_wait_max.count() << " s";
    } else {
      EXPECT_TRUE(*code == 0 || *code == -SIGTERM) << "a worker ended with " << *code;
    }
  }

  void look_at_dead_letters() {
    const Client client = scene_.open_directly();
    const auto counts = client.queue_port().counts(dead_url_);
    if (counts && !is_empty(*counts)) ++dead_letters_seen_;
  }

  /// Until every cluster is finished and its callback decided.
  void await_the_end() {
    const Client client = scene_.open_directly();
    const auto until = Steady::now() + finish_wait_max;
    while (Steady::now() < until) {
      thaw_those_due();
      look_at_dead_letters();
      const auto clusters = clusters_of(client);
      const bool is_over = clusters.size() == 1 + scene_task_count / 16 &&
                           std::ranges::all_of(clusters, [](const ClusterHeader& header) {
                             return header.finished() && header.finish_done && header.parent_ended;
                           });
      if (is_over) return;
      std::this_thread::sleep_for(50ms);
    }
    ADD_FAILURE() << "the clusters did not finish within " << finish_wait_max.count() << " s";
    for (const ClusterHeader& header : clusters_of(client)) {
      for (const OpenReason& reason : client.why(MessageKey::of_message(header.id)).value()) {
        ADD_FAILURE() << header.name << " " << header.id << ": " << reason.cause;
      }
    }
  }

  void await_quiet() {
    const Client client = scene_.open_directly();
    const auto until = Steady::now() + quiet_wait_max;
    QueueCounts queue;
    QueueCounts dead;
    while (Steady::now() < until) {
      const auto swept = client.sweep();
      ASSERT_TRUE(swept.has_value()) << to_string(swept.error());
      EXPECT_EQ(swept->failed_count + swept->stopped_count, 0U);
      queue = client.queue_port().counts(queue_url_).value();
      dead = client.queue_port().counts(dead_url_).value();
      if (is_empty(queue) && is_empty(dead)) return;
      std::this_thread::sleep_for(100ms);
    }
    ADD_FAILURE() << "left in the queue: " << queue.visible_count << " visible, " << queue.in_flight_count
                  << " in flight; in the dead-letter queue: " << dead.visible_count << " and " << dead.in_flight_count;
  }

  std::mt19937_64 random_;
  FailureProxy proxy_;
  Scene scene_;
  MessageKey counted_;
  std::string queue_url_;
  std::string dead_url_;
  std::vector<pid_t> workers_;
  std::vector<pid_t> others_;
  std::vector<std::pair<pid_t, Steady::time_point>> frozen_;
  std::uint64_t dead_letters_seen_ = 0;
};

using FaultCounts = std::array<std::array<std::atomic<std::uint64_t>, proxy_fault_count>, proxy_service_names.size()>;

/// What all lanes met, in memory that their processes share.
struct Met {
  FaultCounts faults{};
  std::atomic<std::uint64_t> dead_letters_seen{0};
};

/// Runs several seeds on one server, each judged when its dead letters can be seen again.
class Lane {
 public:
  Lane(const AwsServer& server, const std::filesystem::path& folder, Met& met)
      : server_(server), folder_(folder), met_(met) {}

  void run(std::uint64_t seed) {
    const auto begun = Steady::now();
    runs_.push_back(std::make_unique<FailureRun>(server_, seed, folder_));
    watch(*runs_.back(), [](FailureRun& run) { run.run(); });
    say("seed " + std::to_string(seed) + " ran for " +
        std::to_string(std::chrono::floor<std::chrono::seconds>(Steady::now() - begun).count()) + " s");
    if (runs_.size() > waiting_run_count_max) judge_oldest();
  }
  void judge_all() {
    while (!runs_.empty()) judge_oldest();
  }

 private:
  static constexpr std::size_t waiting_run_count_max = 5;

  static void say(const std::string& text) {
    std::printf("%s\n", text.c_str());
    std::fflush(stdout);
  }

  void judge_oldest() {
    FailureRun& run = *runs_.front();
    watch(run, [](FailureRun& judged) { judged.judge(); });
    for (std::size_t service = 0; service < met_.faults.size(); ++service) {
      for (std::size_t fault = 0; fault < proxy_fault_count; ++fault) {
        met_.faults[service][fault] +=
            run.proxy().count(static_cast<ProxyService>(service), static_cast<ProxyFault>(fault));
      }
    }
    met_.dead_letters_seen += run.dead_letters_seen();
    runs_.pop_front();
  }

  /// A failure says how to see it again.
  template <class Do>
  static void watch(FailureRun& run, Do&& act) {
    const ::testing::TestResult& result = *::testing::UnitTest::GetInstance()->current_test_info()->result();
    const int before = result.total_part_count();
    act(run);
    if (result.total_part_count() == before) return;
    const std::string seed = std::to_string(run.scene().seed);
    say("seed " + seed + " failed; its log is " + run.scene().log.file().string());
    say("again: FANFOLD_FAILURE_FIRST=" + seed +
        " FANFOLD_FAILURE_SEEDS=1 tests/integration/integration_slow_test '--gtest_filter=AwsFailure.*'");
  }

  const AwsServer& server_;
  const std::filesystem::path& folder_;
  Met& met_;
  std::deque<std::unique_ptr<FailureRun>> runs_;
};

class AwsFailure : public ::testing::Test {
 public:
  AwsFailure() {
    void* memory = ::mmap(nullptr, sizeof(Met), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    met_ = new (memory) Met();
    folder_ = std::filesystem::temp_directory_path() / ("fanfold-failure-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  ~AwsFailure() override {
    ::munmap(met_, sizeof(Met));
    std::error_code code;
    if (!HasFailure()) std::filesystem::remove_all(folder_, code);
  }

  /// A process with a server of its own that runs every `lane_count`-th seed.
  pid_t start_lane(std::uint64_t first, std::uint64_t end) {
    return start_process([=, this] {
      const AwsServer server(AwsServer::Kind::ministack);
      if (!server.is_ready()) return 1;
      Lane lane(server, folder_, *met_);
      for (std::uint64_t seed = first; seed < end; seed += lane_count) lane.run(seed);
      lane.judge_all();
      return HasFailure() ? 1 : 0;
    });
  }

  void print_faults(bool expects_all) const {
    std::printf("%-16s %9s %9s %9s\n", "requests", proxy_service_names[0], proxy_service_names[1],
                proxy_service_names[2]);
    for (std::size_t fault = 0; fault < proxy_fault_count; ++fault) {
      std::printf("%-16s", proxy_fault_names[fault]);
      for (std::size_t service = 0; service < met_->faults.size(); ++service) {
        const std::uint64_t count = met_->faults[service][fault];
        std::printf(" %9llu", static_cast<unsigned long long>(count));
        const bool never_occurs = fault == static_cast<std::size_t>(ProxyFault::stalled) &&
                                  service == static_cast<std::size_t>(ProxyService::s3);
        if (expects_all && !never_occurs) {
          EXPECT_GT(count, 0U) << proxy_service_names[service] << " never met " << proxy_fault_names[fault];
        }
      }
      std::printf("\n");
    }
  }

  static constexpr std::uint64_t lane_count = 3;
  Met* met_ = nullptr;
  std::filesystem::path folder_;
};

TEST_F(AwsFailure, BreaksNothingThatWasPromised) {
  if (!AwsServer::is_installed()) GTEST_SKIP() << "NOT RUN: ./dev test installs the server into build/python";
  AwsServer::set_credentials();
  const std::uint64_t first = variable("FANFOLD_FAILURE_FIRST", 1);
  const std::uint64_t count = variable("FANFOLD_FAILURE_SEEDS", seed_count_default);
  std::vector<pid_t> lanes;
  for (std::uint64_t i = 0; i < std::min(lane_count, count); ++i) lanes.push_back(start_lane(first + i, first + count));
  for (const pid_t lane : lanes) EXPECT_EQ(wait_for_process(lane, std::chrono::hours(24)), 0) << "see its output";
  const bool is_long = count >= seed_count_default;
  print_faults(is_long);
  if (is_long) {
    EXPECT_GT(met_->dead_letters_seen, 0U) << "no dead letter was ever seen";
  }
}

}  // namespace
}  // namespace fanfold::test
