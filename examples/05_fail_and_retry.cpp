// A task that fails, what is known of it, and a second round of only what failed.
#include <fanfold/fanfold.hpp>
#include <fanfold/json.hpp>

#include <atomic>
#include <iostream>

std::atomic<bool> mended = false;

fanfold::Outcome divide(const fanfold::Message<int>& task, const fanfold::Context&) {
  if (task.body == 0 && !mended) return fanfold::fail("division by zero");
  return fanfold::done(task.body == 0 ? 0 : 100 / task.body);
}

int main() {
  const auto client = fanfold::open("05.db").value();
  const auto cluster = client.create_message_cluster("division", std::vector{1, 0, 5, 0}).value();
  fanfold::Worker worker{client, {.on_message = divide}, {.queue = "division", .jobs = 2}};

  auto progress = worker.run_until(cluster).value();
  std::cout << progress.done_count << " done, " << progress.failed_count << " failed: " << to_string(progress.status)
            << "\n";
  for (const auto& group : client.errors(cluster).value()) std::cout << group.count << " x " << group.message << "\n";

  mended = true;
  std::cout << client.retry_failed(cluster).value() << " tried again\n";
  progress = worker.run_until(cluster).value();
  std::cout << progress.done_count << " done, " << progress.failed_count << " failed: " << to_string(progress.status)
            << "\n";
}
