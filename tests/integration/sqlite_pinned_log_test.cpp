// ctest: labels=slow
// A shell that was left open in the middle of a read.
#include "support/test_directory.hpp"

#include <fanfold/backends/sqlite.hpp>
#include <fanfold/ports/backend.hpp>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <thread>

#include <unistd.h>

namespace fanfold::sqlite {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

TEST(SqliteLog, ThatAReaderKeepsFromShrinkingIsToldOfAndShrinksAfterwards) {
  const support::TestDirectory folder;
  const std::filesystem::path file = folder / "store.db";
  const auto log_bytes = [&] { return std::filesystem::file_size(file.string() + "-wal"); };
  std::string warning;
  {
    Backend backend =
        open_backend(
            {.file = file, .durability = Durability::normal, .warn = [&](const std::string& text) { warning = text; }})
            .value();
    const std::vector<TaskData> tasks(256, TaskData{'"' + std::string(4'000, 'x') + '"', {}});
    std::uint64_t index = 0;
    const auto write = [&] {
      EXPECT_TRUE(backend.ledger->put_tasks("c", index, tasks).has_value());
      index += tasks.size();
    };
    write();

    sqlite3* reader = nullptr;
    ASSERT_EQ(sqlite3_open_v2(file.c_str(), &reader, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM clusters", nullptr, nullptr, nullptr), SQLITE_OK);
    const auto end = steady_clock::now() + 40s;
    while (warning.empty() && steady_clock::now() < end) {
      write();
      std::this_thread::sleep_for(100ms);
    }
    EXPECT_NE(warning.find("has kept the WAL of " + file.string()), std::string::npos) << warning;
    sqlite3_close(reader);

    const auto pinned_bytes = log_bytes();
    for (int i = 0; i < 100; ++i) write();
    EXPECT_LT(log_bytes(), pinned_bytes + 32U * 1'024 * 1'024);
    EXPECT_EQ(backend.ledger->read_tasks("c", 0, 1'000).value().size(), 1'000U);
  }
  EXPECT_EQ(log_bytes(), 0U);
}

}  // namespace
}  // namespace fanfold::sqlite
