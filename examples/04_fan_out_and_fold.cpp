#include <fanfold/fanfold.hpp>
#include <fanfold/json.hpp>

#include <iostream>

struct Word {
  std::string text;
};
struct Length {
  std::size_t letters;
};
BOOST_DESCRIBE_STRUCT(Word, (), (text))
BOOST_DESCRIBE_STRUCT(Length, (), (letters))

fanfold::Outcome measure(const fanfold::Message<Word>& task, const fanfold::Context&) {
  if (task.body.text.empty())
    return fanfold::fail("an empty word");  // For good; retry(reason) would try again, and so does a throw.
  return fanfold::done(Length{task.body.text.size()});
}

fanfold::Outcome sum_up(const fanfold::MessageCluster<>& cluster, const fanfold::Context&) {
  std::size_t letters = 0;
  for (const auto& task : cluster.results<Length>())
    letters += task.value().result.letters;  // In task order, page by page.
  std::cout << cluster.record.name << ": " << letters << " letters\n";
  return fanfold::done();
}

int main() {
  const auto client = fanfold::open("words.db").value();
  const auto words = std::vector<Word>{{"fan"}, {"out"}, {"and"}, {"fold"}};
  const auto cluster =
      client.create_message_cluster("words", words, {.name = "slogan", .idempotency_key = "slogan-1"}).value();

  fanfold::Worker worker{client, {.on_message = measure, .on_cluster_complete = sum_up}, {.queue = "words", .jobs = 4}};
  const auto progress = worker.run_until(cluster).value();
  return progress.failed_count == 0 && !progress.finish_failed ? 0 : 1;
}
