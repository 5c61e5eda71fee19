// A cluster whose tasks are not known at the start: it is fed while it runs, and finishes only after the seal.
#include <fanfold/fanfold.hpp>
#include <fanfold/json.hpp>

#include <iostream>
#include <thread>

fanfold::Outcome visit(const fanfold::Message<std::string>&, const fanfold::Context&) { return fanfold::done(); }

fanfold::Outcome finished(const fanfold::MessageCluster<>& cluster, const fanfold::Context&) {
  std::cout << cluster.progress().value().done_count << " pages visited\n";
  return fanfold::done();
}

int main() {
  const auto client = fanfold::open("06.db").value();
  const auto site = client.open_message_cluster("pages", {.name = "site"}).value();

  std::jthread producer([&] {
    site.add("index", std::vector<std::string>{"/a", "/b"}).value();
    site.add("news", std::vector<std::string>{"/c"}).value();
    site.add("index", std::vector<std::string>{"/a", "/b"}).value();  // Again: the key makes it once.
    site.seal().value();
  });

  fanfold::Worker worker{client, {.on_message = visit, .on_cluster_complete = finished}, {.queue = "pages", .jobs = 2}};
  return worker.run_until(site).value().done_count == 3 ? 0 : 1;
}
