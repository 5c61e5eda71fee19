// A Lambda function whose effects a test can count: lines of the file EFFECTS. A task waits as long as the file
// EFFECTS.hold-<its number> exists, and fails once where EFFECTS.retry-<its number> does.
#include <fanfold/backends/aws.hpp>
#include <fanfold/json.hpp>
#include <fanfold/lambda.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

struct Task {
  int number;
};
BOOST_DESCRIBE_STRUCT(Task, (), (number))

namespace {

/// One line in one write, so that a process that is killed leaves it or does not.
void note(const std::string& line) {
  const int file = ::open(std::getenv("EFFECTS"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const std::string text = line + "\n";
  if (::write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
  ::close(file);
}

fanfold::Outcome work(const fanfold::Message<Task>& task, const fanfold::Context& context) {
  const std::string number = std::to_string(task.body.number);
  note("begin " + number + " " + std::to_string(context.attempt));
  const std::string effects = std::getenv("EFFECTS");
  if (::unlink((effects + ".retry-" + number).c_str()) == 0) return fanfold::retry("not yet");
  const std::string hold = effects + ".hold-" + number;
  while (::access(hold.c_str(), F_OK) == 0) {
    if (context.stop.stop_requested()) return fanfold::retry("stopped");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  note("end " + number + " " + std::to_string(context.attempt));
  return fanfold::done();
}

fanfold::Outcome finish(const fanfold::MessageCluster<>& cluster, const fanfold::Context&) {
  note("finish " + cluster.record.name);
  return fanfold::done();
}

}  // namespace

int main() {
  const fanfold::Handlers handlers{.on_message = work, .on_cluster_complete = finish};
  const fanfold::lambda::Options options{.backoff_initial = std::chrono::milliseconds(10)};
  return fanfold::lambda::run(fanfold::aws::open(), handlers, options).has_value() ? 0 : 1;
}
