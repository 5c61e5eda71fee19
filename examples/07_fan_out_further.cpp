// A task that finds more work creates a child cluster, and ends when that does: a tree of any depth, without counting.
#include <fanfold/fanfold.hpp>
#include <fanfold/json.hpp>

#include <atomic>
#include <iostream>

std::atomic<int> leaves = 0;

fanfold::Outcome split(const fanfold::Message<std::string>& task, const fanfold::Context& context) {
  const std::string& text = task.body;
  if (text.size() == 1) {
    ++leaves;
    return fanfold::done();
  }
  const auto half = text.size() / 2;
  return context.create_child_cluster("texts", std::vector{text.substr(0, half), text.substr(half)});
}

int main() {
  const auto client = fanfold::open("07.db").value();
  const auto cluster = client.create_message_cluster("texts", std::vector<std::string>{"fanfold"}).value();

  fanfold::Worker worker{client, {.on_message = split}, {.queue = "texts", .jobs = 2}};
  const auto progress = worker.run_until(cluster).value();
  std::cout << progress.done_count << " task of " << leaves << " leaves: " << to_string(progress.status) << "\n";
}
