#include "cli/cluster_argument.hpp"
#include "cli/missing_results.hpp"

#include <fanfold/client.hpp>
#include <fanfold/testing/memory_store.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <sstream>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

/// What this thread asked of the disk while this lives, in order: "sync <inode>", "rename <inode>", "all".
class DiskCalls {
 public:
  DiskCalls() { noting() = this; }
  DiskCalls(const DiskCalls&) = delete;
  DiskCalls& operator=(const DiskCalls&) = delete;
  ~DiskCalls() { noting() = nullptr; }

  /// Of the tests that share this process, others ask for much besides, which nobody notes.
  static void note(const std::string& call) {
    if (noting() != nullptr) noting()->calls_.push_back(call);
  }
  [[nodiscard]] const std::vector<std::string>& calls() const { return calls_; }
  /// What happens at this thread's next rename, once.
  static void at_rename(std::function<void()> what) { waiting() = std::move(what); }
  static void come_to_rename() {
    if (waiting()) std::exchange(waiting(), nullptr)();
  }

 private:
  static DiskCalls*& noting() {
    thread_local DiskCalls* noting = nullptr;
    return noting;
  }
  static std::function<void()>& waiting() {
    thread_local std::function<void()> waiting;
    return waiting;
  }
  std::vector<std::string> calls_;
};

std::string inode_of(int descriptor) {
  struct stat status {};
  return fstat(descriptor, &status) == 0 ? std::to_string(status.st_ino) : "";
}

std::string inode_of(const char* path) {
  struct stat status {};
  return stat(path, &status) == 0 ? std::to_string(status.st_ino) : "";
}

}  // namespace

// In place of the library's: they note the call, and do it.
extern "C" int fsync(int descriptor) {
  DiskCalls::note("sync " + inode_of(descriptor));
  return static_cast<int>(syscall(SYS_fsync, descriptor));
}
extern "C" int syncfs(int descriptor) noexcept {
  DiskCalls::note("all");
  return static_cast<int>(syscall(SYS_syncfs, descriptor));
}
extern "C" int rename(const char* from, const char* to) noexcept {
  DiskCalls::note("rename " + inode_of(from));
  DiskCalls::come_to_rename();
  return static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));  // arm64 has no other.
}

namespace fanfold::cli {
namespace {

using Safety = ResultFile::Safety;

class ResultFolder : public ::testing::Test {
 protected:
  const std::filesystem::path folder_ =
      ::testing::TempDir() + "results-" + ::testing::UnitTest::GetInstance()->current_test_info()->name();
  void SetUp() override { ASSERT_TRUE(make_result_folder(folder_).has_value()); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string content(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(folder_ / name).rdbuf();
    return text.str();
  }
};

TEST_F(ResultFolder, HoldsOnlyWholeFilesUnderATasksName) {
  auto file = ResultFile::open(folder_, {.index = 7, .round = 0, .attempt = 1}).value();
  ASSERT_EQ(write(file.descriptor(), "half", 4), 4);
  EXPECT_FALSE(has_result(folder_, 7));
  ASSERT_TRUE(file.keep(Safety::later).has_value());
  EXPECT_EQ(content("7"), "half");
}

TEST_F(ResultFolder, LosesWhatAnAttemptDidNotKeep) {
  { auto file = ResultFile::open(folder_, {.index = 7, .round = 0, .attempt = 1}).value(); }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(ResultFolder, HasOnTheDiskWhatIsKeptNowBeforeItsName) {
  auto file = ResultFile::open(folder_, {.index = 7, .round = 0, .attempt = 1}).value();
  const std::string inode = inode_of(file.descriptor());
  const DiskCalls asked;
  ASSERT_TRUE(file.keep(Safety::now).has_value());
  EXPECT_EQ(asked.calls(),
            (std::vector<std::string>{"sync " + inode, "rename " + inode, "sync " + inode_of(folder_.c_str())}));
}

TEST_F(ResultFolder, WaitsForNoDiskWhereTheStoreHasAResult) {
  auto file = ResultFile::open(folder_, {.index = 7, .round = 0, .attempt = 1}).value();
  const DiskCalls asked;
  ASSERT_TRUE(file.keep(Safety::later).has_value());
  EXPECT_EQ(asked.calls(), std::vector<std::string>{"rename " + inode_of((folder_ / "7").c_str())});
}

TEST_F(ResultFolder, TakesNothingFromAHolderWhoseSuccessorHasBegun) {
  auto late = ResultFile::open(folder_, {.index = 7, .round = 0, .attempt = 1}).value();
  ASSERT_EQ(write(late.descriptor(), "late", 4), 4);
  auto successor = ResultFile::open(folder_, {.index = 7, .round = 0, .attempt = 3}).value();
  ASSERT_EQ(write(successor.descriptor(), "right", 5), 5);
  ASSERT_TRUE(successor.keep(Safety::later).has_value());
  const auto kept = late.keep(Safety::later);
  ASSERT_FALSE(kept.has_value());
  EXPECT_EQ(kept.error().code, ErrorCode::not_found);
  EXPECT_EQ(content("7"), "right");
}

TEST_F(ResultFolder, TakesNothingFromAHolderOfAnEarlierRound) {
  auto late = ResultFile::open(folder_, {.index = 7, .round = 0, .attempt = 2}).value();
  remove_unfinished_results(folder_, 1);
  auto successor = ResultFile::open(folder_, {.index = 7, .round = 1, .attempt = 1}).value();
  remove_unfinished_results(folder_, 1);
  EXPECT_FALSE(late.keep(Safety::later).has_value());
  EXPECT_TRUE(successor.keep(Safety::later).has_value());
}

const ResultOwner the_owner{"list", "job", "name"};
const cli::ResultFolder::Repair no_repair = [](const std::string&) -> Result<void> {
  ADD_FAILURE() << "nothing was cut off";
  return {};
};

TEST_F(ResultFolder, IsRepairedByTheFirstToOpenItAfterThePowerCameBack) {
  {
    auto held = cli::ResultFolder::open(folder_, the_owner, no_repair).value();
    EXPECT_TRUE(held.mark().has_value());
    auto beside = cli::ResultFolder::open(folder_, the_owner, no_repair).value();
    EXPECT_TRUE(beside.settle().has_value()) << "but the other one may go on writing";
  }
  ASSERT_TRUE(std::filesystem::exists(folder_ / ".fanfold-unsettled"));
  { static_cast<void>(cli::ResultFolder::open(folder_, the_owner, no_repair).value()); }
  std::ofstream(folder_ / ".fanfold-unsettled") << "another boot";
  std::vector<std::string> repaired;
  const auto repair = [&](const std::string& list) -> Result<void> {
    repaired.push_back(list);
    return {};
  };
  auto held = cli::ResultFolder::open(folder_, {"another list", "job", "name"}, repair).value();
  EXPECT_EQ(repaired, std::vector<std::string>{"list"});
  const DiskCalls asked;
  EXPECT_TRUE(held.settle().has_value());
  EXPECT_EQ(asked.calls(), std::vector<std::string>{"all"});
  EXPECT_FALSE(std::filesystem::exists(folder_ / ".fanfold-unsettled"));
}

TEST_F(ResultFolder, IsRepairedByAStartThatFoundItHeldByOneWhoseRepairFailed) {
  { static_cast<void>(cli::ResultFolder::open(folder_, the_owner, no_repair).value()); }
  std::ofstream(folder_ / ".fanfold-unsettled") << "another boot";
  const int other = ::open((folder_ / ".fanfold-list").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(flock(other, LOCK_SH), 0);
  int repaired_count = 0;
  auto refused = cli::ResultFolder::open(folder_, the_owner, [&](const std::string&) -> Result<void> {
    ++repaired_count;
    return Error{ErrorCode::disk_full, "no room", {}};
  });
  EXPECT_EQ(refused.error().code, ErrorCode::disk_full);
  EXPECT_EQ(content(".fanfold-unsettled"), "another boot") << "it is not whole yet";
  const auto repair = [&](const std::string&) -> Result<void> {
    ++repaired_count;
    return {};
  };
  EXPECT_TRUE(cli::ResultFolder::open(folder_, the_owner, repair).has_value());
  EXPECT_EQ(repaired_count, 2);
  EXPECT_NE(content(".fanfold-unsettled"), "another boot");
  close(other);
}

TEST_F(ResultFolder, HasOnTheDiskWhoseItIsBeforeAnythingIsWritten) {
  const DiskCalls asked;
  { static_cast<void>(cli::ResultFolder::open(folder_, the_owner, no_repair).value()); }
  EXPECT_EQ(asked.calls(), std::vector<std::string>{"sync " + inode_of((folder_ / ".fanfold-list").c_str())});
}

TEST_F(ResultFolder, IsNamedAnewWithoutBeingNobodysInBetween) {
  { static_cast<void>(cli::ResultFolder::open(folder_, {"list", "job", "a longer name"}, no_repair).value()); }
  { static_cast<void>(cli::ResultFolder::open(folder_, {"next", "job", "name"}, no_repair).value()); }
  EXPECT_EQ(content(".fanfold-list"), "next\njob\nname");
}

TEST_F(ResultFolder, HasOnTheDiskWhatAKilledStartLeftBeforeItIsPutAside) {
  {
    auto held = cli::ResultFolder::open(folder_, the_owner, no_repair).value();
    ASSERT_TRUE(held.restore(7, "short").has_value());
  }
  const std::string inode = inode_of((folder_ / "7").c_str());
  const DiskCalls asked;
  { static_cast<void>(cli::ResultFolder::open(folder_, {"another list", "job", "name"}, no_repair).value()); }
  const auto synced = std::ranges::find(asked.calls(), "all");
  EXPECT_LT(synced, std::ranges::find(asked.calls(), "rename " + inode));
  EXPECT_NE(synced, asked.calls().end());
}

TEST_F(ResultFolder, WaitsForNoDiskWhereNothingIsWrittenIntoIt) {
  { static_cast<void>(cli::ResultFolder::open(folder_, the_owner, no_repair).value()); }
  const DiskCalls asked;
  auto held = cli::ResultFolder::open(folder_, the_owner, no_repair).value();
  EXPECT_TRUE(held.settle().has_value());
  EXPECT_EQ(asked.calls(), std::vector<std::string>{});
}

TEST_F(ResultFolder, LeavesAloneWhatAnotherMachineRestoresUnderTheSameProcessNumber) {
  const std::string theirs = ".fanfold-7-restored-" + std::to_string(getpid()) + ".tmp";
  std::ofstream(folder_ / theirs) << "half";
  ASSERT_TRUE(restore_result(folder_, 7, "whole").has_value());
  EXPECT_EQ(content("7"), "whole");
  EXPECT_EQ(content(theirs), "half");
}

TEST_F(ResultFolder, IsFreedOfWhatKilledAttemptsLeft) {
  std::ofstream(folder_ / ".fanfold-7-1-2.tmp") << "half";
  std::ofstream(folder_ / ".fanfold-7-2-1.tmp") << "of a round that goes on";
  std::ofstream(folder_ / "8") << "whole";
  remove_unfinished_results(folder_, 2);
  EXPECT_FALSE(std::filesystem::exists(folder_ / ".fanfold-7-1-2.tmp"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / ".fanfold-7-2-1.tmp"));
  EXPECT_TRUE(has_result(folder_, 8));
}

class ResultsOfACluster : public ResultFolder {
 protected:
  static constexpr std::uint64_t count = 3;
  void SetUp() override {
    ResultFolder::SetUp();
    ClusterHeader header;
    header.id = "c";
    header.name = "job";
    header.queue_url = header.finish_queue_url = "work";
    header.created_at = header.updated_at = backend_.clock->now();
    header.expires_at = header.created_at + std::chrono::days(30);
    header.parent_ended = true;
    header.task_count = count;
    header.round_size = count;
    backend_.ledger->put_tasks("c", 0, std::vector<TaskData>(count, TaskData{"{}", {}})).value();
    header = backend_.ledger->create_cluster(header).value();
    backend_.ledger->seal("c", header.created_at).value();
    key_ = key_of(header);
  }
  /// `json` is what its program returned; empty for nothing.
  void complete(std::uint64_t index, const std::string& json) {
    EndRequest end;
    end.ref = {.type = RecordType::task, .id = "c", .position = index};
    end.index = index;
    end.condition = NotEnded{};
    if (!json.empty()) end.result = Json::from_valid_text(json);
    ASSERT_TRUE(backend_.ledger->end(std::span(&end, 1), backend_.clock->now()).has_value());
  }

  const testing::MemoryStore store_;
  Backend backend_ = store_.backend();
  const Client client_ = make_client(store_.backend());
  MessageKey key_;
};

TEST_F(ResultsOfACluster, AreRepairedFromWhatWasKept) {
  complete(0, R"({"exit":0,"stdout":"first"})");
  complete(1, "");
  std::ofstream(folder_ / "0") << "fir";
  ASSERT_TRUE(repair_results(client_, key_, folder_).has_value());
  EXPECT_EQ(content("0"), "first");
  EXPECT_TRUE(has_result(folder_, 1));
  EXPECT_FALSE(has_result(folder_, 2)) << "it is not complete";
}

TEST_F(ResultsOfACluster, AreNoEmptyFilesOfTasksThatEndElsewhereDuringTheRepair) {
  complete(0, R"({"exit":0,"stdout":"first"})");
  DiskCalls::at_rename([&] { complete(1, R"({"exit":0,"stdout":"second"})"); });
  ASSERT_TRUE(repair_results(client_, key_, folder_).has_value());
  EXPECT_EQ(content("0"), "first");
  EXPECT_FALSE(has_result(folder_, 1));
  EXPECT_EQ(client_.list_tasks(key_, {.status = Status::complete}).value().tasks.size(), 2U);
}

}  // namespace
}  // namespace fanfold::cli
