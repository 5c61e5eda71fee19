// The command shown stores that its own commands cannot be brought to make at will.
#include "support/test_directory.hpp"

#include <fanfold/backends/sqlite.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <tuple>

#include <unistd.h>

namespace fanfold {
namespace {

using namespace std::chrono_literals;

/// A file, made by the ports and looked at by the command, which says all to standard output.
class LookCommands : public ::testing::Test {
 protected:
  LookCommands() {
    sqlite::Options options;
    options.file = folder_ / "store.db";
    options.durability = sqlite::Durability::normal;
    backend_.emplace(sqlite::open_backend(options).value());
  }

  [[nodiscard]] std::string fanfold(const std::string& arguments) const {
    const std::string line = std::string(FANFOLD_BIN) + " --store " + (folder_ / "store.db").string() + " " + arguments;
    std::FILE* pipe = ::popen((line + " 2>&1").c_str(), "r");
    std::string said;
    std::array<char, 4096> buffer{};
    while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe))
      said.append(buffer.data(), count);
    EXPECT_EQ(::pclose(pipe), 0) << said;
    return said;
  }

  const support::TestDirectory folder_;
  std::optional<Backend> backend_;
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_F(LookCommands, ShowDeadLettersAsOftenAsOneLikesAndLeaveThemAsTheyAre) {
  Queue& queue = *backend_->queue;
  QueueAttributes attributes;
  attributes.redrive = RedrivePolicy{.dead_letter_queue = "mail-dead", .receive_count_max = 1};
  ASSERT_TRUE(queue.create("mail", attributes));
  OutgoingMessage message;
  message.content.id = "letter";
  message.content.body = Json::from_valid_text(R"({"to":"jane"})");
  message.content.expires_at = backend_->clock->now() + 24h;
  ASSERT_TRUE(queue.send("mail", std::span(&message, 1)).value().front());
  const ReceiveOptions at_once{.count_max = 1, .wait = 0ms, .visibility = 0ms};
  ASSERT_EQ(queue.receive("mail", at_once, {}).value().size(), 1U);
  ASSERT_TRUE(queue.receive("mail", at_once, {}).value().empty());  // Received as often as it may be.

  for (int look = 0; look < 3; ++look) {
    const std::string said = fanfold("queue dead mail --json");
    EXPECT_TRUE(has(said, R"({"message":"SQSMessage$letter","state":"dead letter","queue":"mail-dead","at":"2)"))
        << said;
    EXPECT_TRUE(has(said, R"("receives":1,"body":{"to":"jane"}})")) << said;
  }
  EXPECT_TRUE(has(fanfold("queue dead mail-dead"), "dead letters go back with:  fanfold queue redrive mail-dead"));
  const QueueCounts counts = queue.counts("mail-dead").value();
  EXPECT_EQ(counts.visible_count, 1U);
  EXPECT_EQ(queue.receive("mail-dead", at_once, {}).value().front().receive_count, 2U);

  ASSERT_EQ(queue.redrive("mail-dead").value(), 1U);
  EXPECT_TRUE(has(fanfold("queue dead mail"), "mail: no message has failed or is a dead letter"));
}

/// A cluster whose creator died after its header and before its sends.
ClusterHeader cut_off(const std::string& queue, const std::string& key, Time now) {
  ClusterHeader header;
  header.id = header.name = queue;
  header.queue_url = header.finish_queue_url = queue;
  header.creation_key = key;
  header.task_count = 1;
  header.round_size = 1;
  header.marked = true;
  header.parent_ended = true;
  header.created_at = header.updated_at = now;
  header.expires_at = now + 240h;
  header.due.push_back({.kind = DueMark::Kind::creation, .id = "creator", .round = 0, .since = now});
  return header;
}

TEST_F(LookCommands, WhySaysWhatToTypeWhereACreationWasCutOff) {
  const std::string sweep = "fanfold sweep, or any worker, ends it in time";
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {"run-photos-1", "key", "run the same fanfold run command again; " + sweep},
      {"keyed", "key", "give the same fanfold cluster create command, with its --key, again; " + sweep},
      {"keyless", "", "    " + sweep}};
  const TaskData task{.body = "1", .meta = {}};
  for (const auto& [queue, key, remedy] : cases) {
    ASSERT_TRUE(backend_->ledger->put_tasks(queue, 0, std::span(&task, 1)));
    ASSERT_TRUE(backend_->ledger->create_cluster(cut_off(queue, key, backend_->clock->now())));
    const std::string said = fanfold("why " + queue);
    EXPECT_TRUE(has(said, "its creation is under way, or was cut off")) << said;
    EXPECT_TRUE(has(said, remedy)) << said;
  }
}

}  // namespace
}  // namespace fanfold
