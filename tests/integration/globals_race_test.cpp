#include <fanfold/fanfold.hpp>
#include <fanfold/json.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

namespace {

struct Counter {
  std::uint64_t value = 0;
  std::vector<std::uint64_t> by_process = std::vector<std::uint64_t>(8);
};
BOOST_DESCRIBE_STRUCT(Counter, (), (value, by_process))

constexpr std::size_t process_count = 8;
constexpr std::size_t threads_per_process = 8;
constexpr std::uint64_t increments_per_writer = 100;

/// One process of writers; its exit code is how many updates failed, at most 100.
int count_up(const std::filesystem::path& file, const fanfold::MessageKey& key, std::size_t process) {
  auto client = fanfold::sqlite::open({.file = file});
  if (!client) return 101;
  std::atomic<int> failed = 0;
  std::vector<std::thread> writers;
  for (std::size_t writer = 0; writer < threads_per_process; ++writer) {
    writers.emplace_back([&] {
      for (std::uint64_t i = 0; i < increments_per_writer; ++i) {
        const auto updated = client->update_cluster_globals(key, [process](Counter counter) {
          ++counter.value;
          ++counter.by_process.at(process);
          return counter;
        });
        if (!updated) {
          std::fprintf(stderr, "%s\n", to_string(updated.error()).c_str());
          if (failed < 100) ++failed;
        }
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  return failed;
}

TEST(Globals, LoseNoUpdateOf64WritersInSeveralProcesses) {
  const std::filesystem::path file = testing::TempDir() + "globals-race-" + std::to_string(getpid()) + ".db";
  fanfold::MessageKey key;
  {
    auto client = fanfold::sqlite::open({.file = file}).value();
    key = client.open_message_cluster("counting", {.name = "counting", .globals = Counter{}}).value().key;
  }
  std::vector<pid_t> processes;
  for (std::size_t process = 0; process < process_count; ++process) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) _exit(count_up(file, key, process));
    processes.push_back(child);
  }
  for (const pid_t process : processes) {
    int status = 0;
    ASSERT_EQ(waitpid(process, &status, 0), process);
    EXPECT_EQ(status, 0);
  }
  auto client = fanfold::sqlite::open({.file = file}).value();
  const auto counter = client.get_cluster_globals<Counter>(key).value();
  EXPECT_EQ(counter.value, 6'400u);
  EXPECT_EQ(counter.by_process, std::vector<std::uint64_t>(process_count, threads_per_process * increments_per_writer));
  for (const char* suffix : {"", "-wal", "-shm", "-next", "-write", "-holders", "-wake"})
    std::filesystem::remove(file.string() + suffix);
}

}  // namespace
