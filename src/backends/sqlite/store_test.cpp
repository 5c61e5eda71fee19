#include "backends/sqlite/store_for_tests.hpp"

#include <fanfold/testing/manual_clock.hpp>

#include <fstream>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fanfold::sqlite {
namespace {

using namespace std::chrono_literals;

TEST_F(StoreTest, RefusesAFileThatIsNoDatabase) {
  std::ofstream(options_.file)
      << "This is a shopping list, and a long one at that: milk, bread, butter, cheese, eggs and so on and so forth.";
  EXPECT_EQ(open_error(), ErrorCode::damaged);
  EXPECT_FALSE(std::filesystem::exists(options_.file.string() + "-write"));
}

TEST_F(StoreTest, RefusesTheDatabaseOfAnotherProgram) {
  ASSERT_EQ(in_shell("CREATE TABLE recipe (name)"), "");
  const auto opened = open_backend(options_);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::damaged);
  EXPECT_NE(opened.error().message.find("not one of fanfold's"), std::string::npos);
}

TEST_F(StoreTest, RefusesANewerSchemaAndNamesBothVersions) {
  static_cast<void>(open());
  ASSERT_EQ(in_shell("PRAGMA user_version = 99"), "");
  const auto opened = open_backend(options_);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::unsupported_version);
  EXPECT_NE(opened.error().message.find("99"), std::string::npos);
  EXPECT_NE(opened.error().message.find("up to 2"), std::string::npos);
}

TEST_F(StoreTest, SaysThatAFileIsDamaged) {
  {
    Backend backend = open();
    make_cluster(backend, "c", 1'000);
  }
  const auto size = std::filesystem::file_size(options_.file);
  std::fstream file(options_.file, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(8'192);
  file << std::string(size - 8'192, '\x5a');
  file.close();
  Options looking = options_;
  looking.read_only = true;
  auto opened = open_backend(looking);
  const Error error = opened ? opened->queue->counts("work").error() : opened.error();
  EXPECT_EQ(error.code, ErrorCode::damaged);
}

TEST_F(StoreTest, SaysThatTheFolderIsMissing) {
  options_.file = folder_ / "nowhere" / "store.db";
  EXPECT_EQ(open_error(), ErrorCode::not_found);
}

TEST_F(StoreTest, OpensOnlyWhatIsThereForReading) {
  options_.read_only = true;
  EXPECT_EQ(open_error(), ErrorCode::not_found);
  EXPECT_FALSE(std::filesystem::exists(options_.file));
}

TEST_F(StoreTest, ForReadingLooksButDoesNotTouch) {
  Backend backend = open();
  make_cluster(backend, "c", 3);
  Options looking = options_;
  looking.read_only = true;
  Backend reader = open_backend(looking).value();
  EXPECT_EQ(reader.ledger->progress("c").value().total_count, 3U);
  EXPECT_EQ(reader.queue->counts("work").value().visible_count, 3U);
  EXPECT_EQ(reader.ledger->seal("c", {}).error().code, ErrorCode::read_only);
  EXPECT_EQ(reader.queue->receive("work", {}, {}).error().code, ErrorCode::read_only);
}

TEST_F(StoreTest, LetsAShellReadTheViewsAndNothingElse) {
  Backend backend = open();
  make_cluster(backend, "c", 4);
  static_cast<void>(backend.queue->receive("work", {.count_max = 1}, {}).value());
  EXPECT_EQ(row_in_shell("SELECT key, name, status, total, complete, failed, in_progress, completed_at FROM clusters"),
            (std::vector<std::string>{"SQSMessage$c", "nightly", "IN PROGRESS", "4", "0", "0", "0", "NULL"}));
  EXPECT_EQ(row_in_shell("SELECT name, visible, in_flight, delayed, dead FROM queues"),
            (std::vector<std::string>{"work", "3", "1", "0", "0"}));
  EXPECT_EQ(row_in_shell("SELECT started_at FROM clusters").at(0).size(),
            std::string("2026-11-24T09:30:00.000Z").size());
  for (const char* sql :
       {"DELETE FROM cluster", "UPDATE page SET present = 0", "INSERT INTO setting VALUES ('x', 1)"}) {
    EXPECT_EQ(in_shell(sql), "only fanfold writes this file; others may read it") << sql;
  }
  EXPECT_EQ(backend.queue->receive("work", {.count_max = 10}, {}).value().size(), 3U);
}

TEST_F(StoreTest, GuardsEveryTable) {
  static_cast<void>(open());
  EXPECT_EQ(
      row_in_shell("SELECT count(*) FROM sqlite_schema AS t WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND "
                   "(SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = t.name) <> 3"),
      (std::vector<std::string>{"0"}));
}

TEST_F(StoreTest, IsOneFileAfterTheLastCleanClose) {
  {
    Backend first = open();
    Backend second = open();
    make_cluster(first, "c", 10);
  }
  const std::filesystem::path wal = options_.file.string() + "-wal";
  EXPECT_TRUE(!std::filesystem::exists(wal) || std::filesystem::file_size(wal) == 0);
  const std::filesystem::path copy = folder_ / "copy.db";
  std::filesystem::copy_file(options_.file, copy);
  options_.file = copy;
  EXPECT_EQ(open().ledger->progress("c").value().total_count, 10U);
}

TEST_F(StoreTest, GivesBackWhatItHeldWhenItIsClosed) {
  Backend stays = open();
  make_cluster(stays, "c", 2);
  {
    Backend goes = open();
    ASSERT_EQ(goes.queue->receive("work", {.count_max = 2}, {}).value().size(), 2U);
    EXPECT_EQ(stays.queue->counts("work").value().visible_count, 0U);
  }
  EXPECT_EQ(stays.queue->counts("work").value().visible_count, 2U);
}

TEST_F(StoreTest, BacksUpAFileThatIsInUse) {
  Backend backend = open();
  make_cluster(backend, "c", 300);
  const std::filesystem::path copy = folder_ / "copy.db";
  ASSERT_TRUE(backup(options_, copy).has_value());
  EXPECT_EQ(backup(options_, copy).error().code, ErrorCode::already_exists);
  EXPECT_FALSE(std::filesystem::exists(copy.string() + "-wal"));
  Options other = options_;
  other.file = copy;
  Backend restored = open_backend(other).value();
  EXPECT_EQ(restored.ledger->progress("c").value().total_count, 300U);
  EXPECT_EQ(restored.queue->counts("work").value().visible_count, 300U);
}

TEST_F(StoreTest, TakesABackupForAStoreLikeAnyOther) {
  const std::filesystem::path copy = folder_ / "copy.db";
  {
    Backend backend = open();
    make_cluster(backend, "c", 300);
    ASSERT_TRUE(backup(options_, copy).has_value());
  }
  options_.file = copy;
  options_.durability = Durability::full;
  for (const char* id : {"d", "e"}) {
    Backend restored = open();
    make_cluster(restored, id, 10);  // Each call is told that the disk has it.
    EXPECT_EQ(row_in_shell("PRAGMA journal_mode"), std::vector<std::string>{"wal"});
  }
  EXPECT_EQ(open().queue->counts("work").value().visible_count, 320U);
}

TEST_F(StoreTest, LetsAGroupWriteWhereTheUmaskDoes) {
  const mode_t before = ::umask(0002);
  Backend backend = open();
  make_cluster(backend, "c", 1);
  ::umask(before);
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    const auto permissions = entry.status().permissions();
    EXPECT_NE(permissions & std::filesystem::perms::group_write, std::filesystem::perms::none) << entry.path();
    EXPECT_EQ(permissions & std::filesystem::perms::others_write, std::filesystem::perms::none) << entry.path();
  }
}

TEST_F(StoreTest, RefusesToWriteAFileThatHasAnotherNameToo) {
  static_cast<void>(open());
  const std::filesystem::path other_name = folder_ / "other.db";
  std::filesystem::create_hard_link(options_.file, other_name);
  EXPECT_EQ(open_error(), ErrorCode::invalid_argument);
  options_.read_only = true;
  EXPECT_TRUE(open_backend(options_).has_value());
  options_.read_only = false;
  std::filesystem::remove(other_name);
  EXPECT_TRUE(open_backend(options_).has_value());
}

TEST_F(StoreTest, IsMadeWhereASymbolicLinkLeads) {
  const std::filesystem::path file = std::exchange(options_.file, folder_ / "link.db");
  std::filesystem::create_symlink("store.db", options_.file);
  options_.durability = Durability::full;
  {
    Backend backend = open();
    make_cluster(backend, "c", 10);
    EXPECT_TRUE(std::filesystem::exists(file.string() + "-wal"));
  }
  EXPECT_TRUE(std::filesystem::is_regular_file(file));
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
    EXPECT_FALSE(entry.path().filename().string().starts_with("link.db-")) << entry.path();
}

TEST_F(StoreTest, RefusesToWorkInAChildOfForkAndLeavesItsParentAlone) {
  Backend backend = open();
  make_cluster(backend, "c", 10);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    int refused_count = 0;
    const auto count = [&](const auto& answer) {
      if (!answer && answer.error().code == ErrorCode::invalid_argument) ++refused_count;
    };
    count(backend.ledger->read_cluster("c", Consistency::strong));
    count(backend.queue->receive("work", {.count_max = 1, .wait = 0ms}, {}));
    count(backend.queue->counts("work"));
    count(open_backend(options_));
    backend = {};
    count(open_backend(options_));
    ::_exit(refused_count);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 5) << "nor may it open one: SQLite would take its parent's locks for its own";
  make_cluster(backend, "d", 10);
  EXPECT_EQ(backend.queue->counts("work").value().visible_count, 20U);
}

TEST_F(StoreTest, WorksInAChildThatWasForkedAfterItWasClosed) {
  {
    Backend backend = open();
    make_cluster(backend, "c", 10);
  }
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    Backend backend = open();
    make_cluster(backend, "d", 10);
    backend = {};
    ::_exit(7);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_EQ(open().queue->counts("work").value().visible_count, 20U);
}

TEST_F(StoreTest, PrunesWhatEndedBeforeAndGivesItsRoomBack) {
  const Time later = SystemClock().now() + 1h;
  {
    Backend backend = open();
    make_cluster(backend, "over", 5'000);
    make_cluster(backend, "open", 5'000);
    ClusterHeader header = backend.ledger->read_cluster("over", Consistency::strong).value();
    header.status = Status::error;
    header.status_code = StatusCode::stopped;
    header.completed_at = backend.clock->now();
    header.finish_done = true;
    backend.ledger->update_cluster(header).value();
    const NewMessage message{
        .id = "m", .url = "work", .body = {}, .created_at = header.created_at, .expires_at = header.expires_at};
    backend.ledger->put_messages(std::span(&message, 1)).value();
  }
  const auto before = std::filesystem::file_size(options_.file);
  const PruneReport report = prune(options_, later).value();
  EXPECT_EQ(report.cluster_count, 1U);
  EXPECT_EQ(report.message_count, 0U);
  EXPECT_GT(report.freed_bytes, 0U);
  EXPECT_LT(std::filesystem::file_size(options_.file), before);
  Backend backend = open();
  EXPECT_TRUE(backend.ledger->read_cluster("over", Consistency::strong).value().tombstone);
  EXPECT_EQ(backend.ledger->progress("open").value().total_count, 5'000U);
  EXPECT_TRUE(backend.ledger->read_record({"m", std::nullopt}, Consistency::strong).has_value());
}

TEST_F(StoreTest, PrunesThePayloadsOfACreationThatWasCutOffLongAgo) {
  const std::vector<TaskData> tasks(5'000, TaskData{'"' + std::string(100, 'x') + '"', {}});
  {
    auto months_ago = std::make_shared<testing::ManualClock>(SystemClock().now() - std::chrono::days(60));
    Backend backend = open_backend_with_clock(options_, months_ago).value();
    backend.ledger->put_tasks("cut-off", 0, tasks).value();
    make_cluster(backend, "open", 10);
  }
  Backend backend = open();
  backend.ledger->put_tasks("under-way", 0, tasks).value();
  const PruneReport report = prune(options_, SystemClock().now()).value();
  EXPECT_EQ(report.creation_count, 1U);
  EXPECT_GT(report.freed_bytes, 5'000U * 100);
  EXPECT_EQ(row_in_shell("SELECT group_concat(id) FROM (SELECT id FROM cluster ORDER BY id)"),
            std::vector<std::string>{"open,under-way"});
  EXPECT_EQ(backend.ledger->read_tasks("open", 0, 100).value().size(), 10U);
  backend.ledger->create_cluster(header_of(backend, "under-way", 5'000)).value();
  EXPECT_EQ(backend.ledger->read_tasks("under-way", 0, 10'000).value().size(), 5'000U);
  EXPECT_EQ(prune(options_, SystemClock().now()).value().creation_count, 0U);
}

}  // namespace
}  // namespace fanfold::sqlite
