#include <fanfold/fanfold.hpp>
#include <fanfold/json.hpp>

#include <iostream>
#include <vector>

// A stranger's program against the installed package: squares numbers in a cluster, adds the squares up when it is
// complete.
struct Number {
  int value;
};
BOOST_DESCRIBE_STRUCT(Number, (), (value))

int main() {
  const auto client = fanfold::sqlite::open({.file = "numbers.db"}).value();
  std::vector<Number> numbers;
  for (int i = 1; i <= 9; ++i) numbers.push_back({i});
  const auto cluster = client.create_message_cluster("numbers", numbers, {.name = "squares"}).value();

  int sum = 0;
  const auto square = [](const fanfold::Message<Number>& task, const fanfold::Context&) {
    return fanfold::done(Number{task.body.value * task.body.value});
  };
  const auto add_up = [&sum](const fanfold::MessageCluster<>& squares, const fanfold::Context&) {
    for (const auto& task : squares.results<Number>()) sum += task.value().result.value;
    return fanfold::done();
  };
  fanfold::Worker worker{
      client, {.on_message = square, .on_cluster_complete = add_up}, {.queue = "numbers", .jobs = 2}};
  const auto progress = worker.run_until(cluster).value();

  std::cout << "fanfold " << fanfold::version() << ": " << progress.done_count << " squares add up to " << sum << '\n';
  return progress.done_count == 9 && sum == 285 ? 0 : 1;
}
