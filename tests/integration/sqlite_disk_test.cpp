// Disks that are full or cannot be written. Each test has a small file system of its own, which takes the right to
// mount one.
#include <fanfold/backends/sqlite.hpp>
#include <fanfold/ports/backend.hpp>

#include <gtest/gtest.h>

#include <fstream>

#include <sys/mount.h>
#include <unistd.h>

namespace fanfold::sqlite {
namespace {

class SqliteDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("fanfold-disk-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    is_mounted_ = ::mount("fanfold-test", folder_.c_str(), "tmpfs", 0, "size=6m") == 0;
    if (!is_mounted_) GTEST_SKIP() << "SKIPPED: mounting a small file system takes root";
    options_.file = folder_ / "store.db";
  }
  void TearDown() override {
    if (is_mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
    std::error_code code;
    std::filesystem::remove_all(folder_, code);
  }
  [[nodiscard]] bool remount_read_only() const {
    return ::mount(nullptr, folder_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0;
  }

  std::filesystem::path folder_;
  Options options_;
  bool is_mounted_ = false;
};

std::vector<TaskData> tasks_of(std::uint64_t page) {
  return std::vector<TaskData>(16, TaskData{'"' + std::string(4'000, static_cast<char>('a' + page % 26)) + '"', {}});
}

TEST_F(SqliteDisk, ThatIsFullLosesNothingThatWasAcknowledged) {
  std::uint64_t acknowledged = 0;
  {
    Backend backend = open_backend(options_).value();
    Result<void> put;
    while (put && acknowledged < 10'000) {
      put = backend.ledger->put_tasks("c", acknowledged * 16, tasks_of(acknowledged));
      if (put) ++acknowledged;
    }
    ASSERT_FALSE(put.has_value());
    EXPECT_EQ(put.error().code, ErrorCode::disk_full) << put.error().remote_detail;
    EXPECT_GT(acknowledged, 10U);
    // Reads go on, and what is known to be there is there.
    EXPECT_EQ(backend.ledger->read_tasks("c", 0, 16).value().size(), 16U);
    EXPECT_FALSE(backend.ledger->put_tasks("c", 1'000'000, tasks_of(0)).has_value());
  }
  ASSERT_EQ(::mount(nullptr, folder_.c_str(), nullptr, MS_REMOUNT, "size=32m"), 0);
  Backend backend = open_backend(options_).value();
  for (std::uint64_t page = 0; page < acknowledged; ++page) {
    const auto tasks = backend.ledger->read_tasks("c", page * 16, 16).value();
    ASSERT_EQ(tasks.size(), 16U) << page;
    EXPECT_EQ(tasks.front().body, tasks_of(page).front().body);
  }
  EXPECT_TRUE(backend.ledger->put_tasks("c", acknowledged * 16, tasks_of(acknowledged)).has_value());
}

TEST_F(SqliteDisk, ThatIsFullFromTheStartIsSaidSo) {
  std::ofstream filler(folder_ / "filler");
  const std::string megabyte(1'024 * 1'024, 'x');
  while (filler.write(megabyte.data(), static_cast<std::streamsize>(megabyte.size())).flush()) {
  }
  auto opened = open_backend(options_);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::disk_full) << to_string(opened.error()) << opened.error().remote_detail;
}

TEST_F(SqliteDisk, ThatCannotBeWrittenIsSaidSoAndCanBeLookedAt) {
  {
    Backend backend = open_backend(options_).value();
    backend.ledger->put_tasks("c", 0, tasks_of(0)).value();
  }
  ASSERT_TRUE(remount_read_only());
  auto opened = open_backend(options_);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::read_only) << opened.error().remote_detail;
  options_.read_only = true;
  Backend backend = open_backend(options_).value();
  EXPECT_EQ(backend.ledger->read_tasks("c", 0, 100).value().size(), 16U);
}

TEST_F(SqliteDisk, ThatCannotBeWrittenTakesNoNewStore) {
  ASSERT_TRUE(remount_read_only());
  auto opened = open_backend(options_);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::read_only) << opened.error().remote_detail;
}

}  // namespace
}  // namespace fanfold::sqlite
