// A whole Lambda function behind a queue: `./dev package lambda` makes its zip. docs/lambda.md says how to deploy it.
#include <fanfold/backends/aws.hpp>
#include <fanfold/fanfold.hpp>
#include <fanfold/json.hpp>
#include <fanfold/lambda.hpp>

#include <algorithm>
#include <iostream>

struct Picture {
  std::string name;
  std::size_t width;
};
struct Thumbnail {
  std::size_t width;
};
BOOST_DESCRIBE_STRUCT(Picture, (), (name, width))
BOOST_DESCRIBE_STRUCT(Thumbnail, (), (width))

fanfold::Outcome resize(const fanfold::Message<Picture>& task, const fanfold::Context& context) {
  if (context.stop.stop_requested()) return fanfold::retry("no time left");  // Lambda is about to end this process.
  if (task.body.width == 0) return fanfold::fail("not a picture");
  return fanfold::done(Thumbnail{std::min<std::size_t>(task.body.width, 200)});
}

fanfold::Outcome sum_up(const fanfold::MessageCluster<>& cluster, const fanfold::Context&) {
  std::size_t width = 0;
  for (const auto& task : cluster.results<Thumbnail>()) width += task.value().result.width;
  std::cout << cluster.record.name << ": " << width << " pixels side by side\n";  // Goes to the function's log.
  return fanfold::done();
}

int main() {
  const fanfold::Handlers handlers{.on_message = resize, .on_cluster_complete = sum_up};
  const auto ended = fanfold::lambda::run(fanfold::aws::open(), handlers);
  if (!ended.has_value()) std::cerr << to_string(ended.error()) << '\n';  // Outside of Lambda, for one.
  return ended.has_value() ? 0 : 1;
}
