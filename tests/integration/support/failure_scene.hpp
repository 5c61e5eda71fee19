#pragma once

#include <fanfold/backends/aws.hpp>
#include <fanfold/fanfold.hpp>
#include <fanfold/json.hpp>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <random>
#include <sstream>
#include <thread>

/// What the processes of a failure test do: creator, workers, counters. They meet in the store and in one log, to which
/// each writes what it saw, a line at a time.
namespace fanfold::test {

using namespace std::chrono_literals;

inline constexpr int scene_task_count = 80;
inline constexpr int scene_child_task_count = 5;
inline constexpr int scene_single_count = 12;
/// So many that no task fails by having been killed too often.
inline constexpr std::uint32_t scene_attempts_max = 1'000;
inline constexpr int scene_child_body = 1'000;
inline constexpr int scene_single_body = 2'000;
inline constexpr std::size_t scene_counter_process_count = 2;
inline constexpr std::size_t scene_counter_thread_count = 32;
inline constexpr int scene_counter_step_count = 100;

/// What a task of this number does, so that each kind of end occurs.
enum class TaskKind : std::uint8_t { done, fails, retries_once, has_children, slow };
inline TaskKind kind_of(int body) {
  switch (body % 16) {
    case 3: return TaskKind::fails;
    case 7: return TaskKind::retries_once;
    case 11: return body < scene_child_body ? TaskKind::has_children : TaskKind::done;
    case 5: return TaskKind::slow;
    default: return TaskKind::done;
  }
}

/// Lines that processes add to a file, each whole, in the order in which they were written, whoever dies.
class SceneLog {
 public:
  explicit SceneLog(std::filesystem::path file) : file_(std::move(file)) {}

  template <class... Words>
  void write(const Words&... words) const {
    std::ostringstream line;
    ((line << words << ' '), ...);
    line << '@' << std::chrono::floor<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun_).count()
         << '\n';
    const std::string text = line.str();
    const int descriptor = ::open(file_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (::write(descriptor, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
    ::close(descriptor);
  }
  [[nodiscard]] const std::filesystem::path& file() const noexcept { return file_; }

 private:
  std::filesystem::path file_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

struct Scene {
  std::string name{};      ///< Of table, bucket and queue.
  std::string server{};    ///< The endpoint itself, for the judge.
  std::string endpoint{};  ///< Through the proxy, for everybody else.
  std::uint64_t seed = 0;
  SceneLog log;

  [[nodiscard]] aws::Options options(const std::string& at) const {
    aws::Options options;
    options.table = name;
    options.bucket = name;
    options.endpoint = at;
    return options;
  }
  [[nodiscard]] Client open() const { return aws::open(options(endpoint)).value(); }
  [[nodiscard]] Client open_directly() const { return aws::open(options(server)).value(); }
};

/// A process of its own, which ends with this one.
template <class Run>
pid_t start_process(Run&& run) {
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  int code = 1;
  try {
    code = run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "a process of the test threw: %s\n", error.what());
  }
  ::_exit(code);
}

/// The exit code, or minus the signal; empty where it has not ended within that time.
inline std::optional<int> wait_for_process(pid_t process, std::chrono::seconds wait_max) {
  const auto until = std::chrono::steady_clock::now() + wait_max;
  int status = 0;
  while (::waitpid(process, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() >= until) return std::nullopt;
    std::this_thread::sleep_for(10ms);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

inline std::string fresh_mark() {
  std::random_device device;
  std::ostringstream text;
  text << std::hex << device() << device();
  return text.str();
}

/// The globals of clusters whose tasks run: the mark of every attempt whose update was applied.
using Marks = std::vector<std::string>;

/// Of clusters whose tasks run, every attempt adds its own mark to the globals; who was refused tries the task again.
inline Outcome handle_task(const Client& client, const Scene& scene, const Message<int>& task, const Context& context) {
  if (!task.task) {
    scene.log.write("single", task.key.p_key);
    return done();
  }
  const std::string mark = fresh_mark();
  scene.log.write("begin", task.key.p_key, *task.task, context.attempt, mark);
  const TaskKind kind = kind_of(task.body);
  for (int i = 0; kind == TaskKind::slow && i < 25 && !context.stop.stop_requested(); ++i) {
    std::this_thread::sleep_for(100ms);
  }
  if (kind == TaskKind::fails) return fail("it always fails");
  if (kind == TaskKind::retries_once && context.attempt == 1) return retry("not at first", 100ms);
  if (kind == TaskKind::has_children) {
    std::vector<int> bodies;
    for (int i = 0; i < scene_child_task_count; ++i) bodies.push_back(scene_child_body + 16 * i);
    ClusterOptions options;
    options.name = "child";
    options.globals = Marks{};
    options.attempts_max = scene_attempts_max;
    return context.create_child_cluster(scene.name, bodies, options);
  }
  const auto updated = client.update_cluster_globals(task.key, [&](Marks marks) {
    marks.push_back(mark);
    return marks;
  });
  if (!updated) {
    scene.log.write(updated.error().code == ErrorCode::outcome_unknown ? "unknown" : "refused", mark);
    return retry(to_string(updated.error()), 100ms);
  }
  scene.log.write("updated", task.key.p_key, mark);
  return done(mark);
}

inline Outcome handle_finish(const Scene& scene, const MessageCluster<>& cluster, const Context& context) {
  scene.log.write("finish", cluster.key.p_key, context.attempt, to_string(cluster.record.status));
  std::this_thread::sleep_for(20ms);
  return done();
}

/// Works until SIGTERM; 0 after a drain without an error.
inline int run_worker(const Scene& scene) {
  const Client client = scene.open();
  Handlers handlers;
  handlers.on_message = [&](const Message<int>& task, const Context& context) {
    return handle_task(client, scene, task, context);
  };
  handlers.on_cluster_complete = [&](const MessageCluster<>& cluster, const Context& context) {
    return handle_finish(scene, cluster, context);
  };
  WorkerOptions options;
  options.queue = scene.name;
  options.jobs = 4;
  options.poll = 1s;
  options.sweep_interval = 500ms;
  options.drain_max = 10s;
  options.attempts.attempts_max = scene_attempts_max;
  options.attempts.lease = 1'500ms;
  options.attempts.backoff_initial = 50ms;
  options.attempts.backoff_max = 500ms;
  options.on_event = [&](const WorkerEvent& event) {
    using Kind = WorkerEvent::Kind;
    const bool has_ended = event.kind == Kind::done || event.kind == Kind::failed;
    if (has_ended && event.task) scene.log.write("ended", event.cluster_id, *event.task, event.attempt, event.detail);
    if (event.kind == Kind::finish_handled) scene.log.write("decided", event.cluster_id, event.attempt);
  };
  Worker worker(client, handlers, options);
  const auto stop = stop_on_signals();
  while (!stop.stop_requested()) {
    const auto report = worker.run(stop);
    if (report) continue;
    scene.log.write("worker-error", to_string(report.error()));
    if (!is_retryable(report.error().code)) return 1;
  }
  return 0;
}

/// Creates the cluster, however often that takes: with the key, all creators make the same one.
inline int run_creator(const Scene& scene) {
  const Client client = scene.open();
  std::vector<int> tasks;
  for (int i = 0; i < scene_task_count; ++i) tasks.push_back(i);
  ClusterOptions options;
  options.name = "main";
  options.idempotency_key = "one";
  options.globals = Marks{};
  options.attempts_max = scene_attempts_max;
  options.failures_allowed_count = scene_task_count;
  while (true) {
    const auto made = client.create_message_cluster(scene.name, tasks, options);
    if (made) {
      scene.log.write("created", made->key.p_key);
      return 0;
    }
    scene.log.write("creator-error", to_string(made.error()));
    if (!is_retryable(made.error().code)) return 1;
  }
}

/// Sends single messages, and says which were accepted.
inline int run_sender(const Scene& scene) {
  const Client client = scene.open();
  for (int i = 0; i < scene_single_count; i += 3) {
    const auto sent = client.send_message_batch(scene.name, std::vector<int>(3, scene_single_body + i));
    if (!sent) continue;
    for (const auto& key : *sent) {
      if (key) scene.log.write("sent", key->p_key);
    }
  }
  return 0;
}

/// One process of those that count the globals of one cluster up together.
inline int run_counter(const Scene& scene, const MessageKey& counted) {
  const Client client = scene.open();
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < scene_counter_thread_count; ++i) {
    threads.emplace_back([&] {
      for (int step = 0; step < scene_counter_step_count;) {
        const auto updated = client.update_cluster_globals(counted, [](int value) { return value + 1; });
        if (updated) {
          ++step;
        } else if (updated.error().code == ErrorCode::outcome_unknown || !is_retryable(updated.error().code)) {
          scene.log.write("counter-error", to_string(updated.error()));
          return;
        }
      }
    });
  }
  threads.clear();
  return 0;
}

}  // namespace fanfold::test
