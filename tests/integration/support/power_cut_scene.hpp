#pragma once

#include <fanfold/backends/sqlite.hpp>
#include <fanfold/fanfold.hpp>
#include <fanfold/ports/backend.hpp>

#include "../../support/power_cut_disk.hpp"
#include "backends/sqlite/store.hpp"

#include <gtest/gtest.h>

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <set>

/// In place of the C library's, for the folder that the store syncs by itself. Included by one file of a test.
// NOLINTNEXTLINE(misc-definitions-in-headers)
extern "C" int fsync(int descriptor) {
  if (fanfold::test::PowerCutDisk::sync_folder(descriptor)) return 0;
  errno = EIO;
  return -1;
}

namespace fanfold::sqlite {

/// How many seeds a loop runs: FANFOLD_DISK_SEEDS times as many as it does by itself.
inline std::uint64_t seed_count(std::uint64_t count) {
  const char* factor = std::getenv("FANFOLD_DISK_SEEDS");
  return factor == nullptr ? count : count * std::max<std::uint64_t>(1, std::strtoull(factor, nullptr, 10));
}

/// Does not wait: nothing comes back on a disk without power.
class ImpatientClock final : public Clock {
 public:
  Time now() override { return SystemClock().now(); }
  void sleep_until(Time, std::stop_token) override { std::this_thread::yield(); }
};

/// A machine with one disk, that is started again after each cut with what the disk kept.
class PowerCutScene : public ::testing::Test {
 public:
  PowerCutScene() {
    const std::filesystem::path memory = "/dev/shm";
    const auto base = ::access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
    root_ = base / ("fanfold-power-" + std::to_string(::getpid()));
  }
  ~PowerCutScene() override {
    std::error_code code;
    std::filesystem::remove_all(root_, code);
  }
  PowerCutScene(const PowerCutScene&) = delete;
  PowerCutScene& operator=(const PowerCutScene&) = delete;

  [[nodiscard]] Result<Backend> open(Durability durability) const {
    return open_backend_with_clock({.file = folder_ / "store.db", .durability = durability},
                                   std::make_shared<ImpatientClock>());
  }
  void start_empty() {
    disk_.reset();
    std::error_code code;
    std::filesystem::remove_all(root_, code);
    folder_ = root_ / "0";
    std::filesystem::create_directories(folder_);
  }
  void start_again(std::uint64_t seed) {
    constexpr std::array survivals{0.0, 0.1, 0.5, 0.9, 1.0};
    folder_ = root_ / "1";
    std::filesystem::create_directories(folder_);
    disk_.restore(folder_, survivals[seed % survivals.size()], seed);
  }
  [[nodiscard]] std::string integrity() const {
    sqlite3* database = nullptr;
    std::string answer = "unreadable";
    sqlite3_open((folder_ / "store.db").c_str(), &database);
    const auto keep = [](void* to, int, char** values, char**) {
      *static_cast<std::string*>(to) = values[0];
      return 0;
    };
    sqlite3_exec(database, "PRAGMA integrity_check", keep, &answer, nullptr);
    sqlite3_close(database);
    return answer;
  }
  /// How many changes `work` makes of the disk without a cut; a cut is then somewhere among them.
  template <class Work>
  [[nodiscard]] std::uint64_t count_changes(const Work& work) {
    start_empty();
    const std::uint64_t before = disk_.change_count();
    work();
    const std::uint64_t count = disk_.change_count() - before;
    start_again(0);
    return count;
  }

  test::PowerCutDisk disk_;
  std::filesystem::path root_;
  std::filesystem::path folder_;
};

/// Messages that several threads send one by one, and when each began and was acknowledged, by one count for all.
class Senders {
 public:
  static constexpr std::size_t thread_count = 4;
  static constexpr std::size_t each_count = 25;
  static constexpr std::size_t count = thread_count * each_count;

  /// The messages are numbered from `first_id` on.
  explicit Senders(std::size_t body_bytes, std::size_t first_id = 0) : body_bytes_(body_bytes), first_id_(first_id) {}

  void run(Backend& backend) {
    std::vector<std::jthread> threads;
    for (std::size_t thread = 0; thread < thread_count; ++thread)
      threads.emplace_back([&, thread] {
        for (std::size_t i = thread * each_count; i < (thread + 1) * each_count; ++i) {
          if (!send(backend, i)) return;
        }
      });
  }
  [[nodiscard]] bool acknowledged(std::size_t i) const { return acknowledged_at_[i] > 0; }
  [[nodiscard]] std::size_t acknowledged_count() const {
    return static_cast<std::size_t>(std::ranges::count_if(acknowledged_at_, [](std::uint64_t at) { return at > 0; }));
  }
  /// What the threads ended with; only after run().
  [[nodiscard]] const std::vector<Error>& errors() const { return errors_; }
  [[nodiscard]] bool has_all_acknowledged(const std::set<std::size_t>& there) const {
    for (std::size_t i = 0; i < count; ++i) {
      if (acknowledged(i) && !there.contains(first_id_ + i)) return false;
    }
    return true;
  }
  /// True where what is there is all that was sent before some moment: whatever was acknowledged before something that
  /// is there began, is there.
  [[nodiscard]] bool is_prefix(const std::set<std::size_t>& there) const {
    std::uint64_t last_begun = 0;
    for (const std::size_t i : there) last_begun = std::max(last_begun, began_at_[i - first_id_]);
    for (std::size_t i = 0; i < count; ++i) {
      if (acknowledged(i) && acknowledged_at_[i] < last_begun && !there.contains(first_id_ + i)) return false;
    }
    return true;
  }
  [[nodiscard]] static std::set<std::size_t> found(Backend& backend) {
    std::set<std::size_t> there;
    const auto deliveries =
        backend.queue->receive("work", {.count_max = backend.queue->receive_count_max(), .wait = {}}, {}).value();
    for (const Delivery& delivery : deliveries)
      EXPECT_TRUE(there.insert(std::stoul(delivery.content.value().id)).second) << "delivered twice";
    return there;
  }

 private:
  bool send(Backend& backend, std::size_t i) {
    OutgoingMessage message;
    message.content.id = std::to_string(first_id_ + i);
    message.content.body = Json::from_valid_text('"' + std::string(body_bytes_, 'x') + '"');
    message.content.expires_at = backend.clock->now() + std::chrono::days(30);
    began_at_[i] = ++clock_;
    const auto sent = backend.queue->send("work", std::span(&message, 1));
    if (!sent || !sent->front()) {
      const std::scoped_lock lock(mutex_);
      errors_.push_back(sent ? sent->front().error() : sent.error());
      return false;
    }
    acknowledged_at_[i] = ++clock_;
    return true;
  }

  std::size_t body_bytes_;
  std::size_t first_id_;
  std::mutex mutex_;
  std::vector<Error> errors_;  // Guarded by mutex_.
  std::atomic<std::uint64_t> clock_{0};
  std::array<std::uint64_t, count> began_at_{};  // Each written by one thread.
  std::array<std::uint64_t, count> acknowledged_at_{};
};

}  // namespace fanfold::sqlite
