#include "backends/sqlite/new_file.hpp"

#include "backends/sqlite/schema.hpp"
#include "backends/sqlite/schema_image.hpp"
#include "backends/sqlite/store.hpp"
#include "support/test_directory.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include <unistd.h>

namespace fanfold::sqlite {
namespace {

class NewFile : public ::testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path file() const { return folder_ / "store.db"; }
  void write(const std::string& bytes, const std::string& suffix = {}) const {
    folder_.clear();
    std::ofstream(file().string() + suffix, std::ios::binary) << bytes;
  }
  [[nodiscard]] Result<Backend> open(bool read_only = false) const {
    return open_backend({.file = file(), .read_only = read_only});
  }
  [[nodiscard]] std::string text(const char* sql) const {
    Connection connection(file(), Access::read_write);
    Rows rows(connection, sql);
    return rows.next() ? rows.text(0) : "nothing";
  }
  [[nodiscard]] static std::string whole() {
    const PackedImage image = schema_image();
    return image.unpacked(0, image.size_bytes);
  }
  /// As it is where the power went while it was written.
  [[nodiscard]] static std::string without(std::size_t begin, std::size_t end) {
    std::string bytes = whole();
    return bytes.replace(begin, end - begin, end - begin, '\0');
  }
  void expect_to_be_made(const std::string& what) const {
    const auto looked = open(true);
    ASSERT_FALSE(looked.has_value()) << what;
    EXPECT_NE(looked.error().message.find("no store yet"), std::string::npos) << what << looked.error().message;
    {
      auto made = open();
      ASSERT_TRUE(made.has_value()) << what << ": " << to_string(made.error()) << made.error().remote_detail;
      ASSERT_TRUE(made->queue->create("work", {}).has_value()) << what;
    }
    EXPECT_EQ(text("PRAGMA integrity_check"), "ok") << what;
    EXPECT_EQ(text("SELECT name FROM queue"), "work") << what;
    EXPECT_EQ(text("PRAGMA journal_mode"), "wal") << what;
  }

  const support::TestDirectory folder_;
};

TEST_F(NewFile, BeginsWithWhatTheSqlOfTheSchemaMakes) {
  // The version of SQLite that wrote last stands there; a program may run with another than it was built with.
  constexpr std::size_t version_offset = 96;
  std::string built = built_image().unpacked(0, built_image().size_bytes);
  std::string made = make_image();
  ASSERT_GT(built.size(), version_offset) << "the build made none";
  built.replace(version_offset, 4, "");
  made.replace(version_offset, 4, "");
  EXPECT_EQ(built.size(), made.size());
  EXPECT_TRUE(built == made);
}

TEST_F(NewFile, HasTheSchemaThatMigratingAnEmptyFileGives) {
  static_cast<void>(open().value());
  const std::filesystem::path other = folder_ / "other.db";
  Connection migrated(other, Access::create);
  migrate(migrated, 0);
  Connection made(file(), Access::read_write);
  constexpr const char* schema = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid";
  Rows expected(migrated, schema);
  Rows found(made, schema);
  int count = 0;
  while (expected.next()) {
    ASSERT_TRUE(found.next());
    for (int column = 0; column < 4; ++column) EXPECT_EQ(found.text(column), expected.text(column));
    ++count;
  }
  EXPECT_FALSE(found.next());
  EXPECT_GT(count, 60);
  EXPECT_EQ(query_number(made, "PRAGMA page_size"), database_page_bytes);
  EXPECT_EQ(query_number(made, "PRAGMA auto_vacuum"), 2);
}

TEST_F(NewFile, IsMadeAnewWhereItsMakerWasCutOff) {
  const std::size_t page = database_page_bytes;
  const std::string all = whole();
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100}, std::size_t{4'096}, page, 3 * page,
                                 all.size() - 1, all.size()}) {
    write(all.substr(0, size));
    expect_to_be_made("the first " + std::to_string(size) + " bytes");
    write(std::string(size, '\0'));
    expect_to_be_made(std::to_string(size) + " zeros");
  }
  for (std::size_t begin = 0; begin < all.size(); begin += page) {
    write(without(begin + 512, begin + page));
    expect_to_be_made("all but what follows the first sector of page " + std::to_string(begin / page));
  }
  write(without(0, page));
  expect_to_be_made("all but the first page");
  write(without(0, page / 2));
  expect_to_be_made("all but the first half of the first page");
}

TEST_F(NewFile, IsNotMadeOfWhatHoldsAnythingElse) {
  std::string bytes = without(0, database_page_bytes);
  bytes[bytes.size() - 1] = 'x';
  write(bytes);
  EXPECT_EQ(open().error().code, ErrorCode::damaged);
  bytes = without(0, database_page_bytes) + std::string(database_page_bytes, '\0');
  write(bytes);
  EXPECT_EQ(open().error().code, ErrorCode::damaged);
  EXPECT_EQ(std::filesystem::file_size(file()), bytes.size()) << "it was written to";
}

TEST_F(NewFile, IsNotMadeOfAStoreWhoseFirstPageIsLost) {
  { ASSERT_TRUE(open().value().queue->create("work", {}).has_value()); }
  {
    std::fstream stream(file(), std::ios::binary | std::ios::in | std::ios::out);
    stream << std::string(database_page_bytes, '\0');
  }
  EXPECT_EQ(open().error().code, ErrorCode::damaged);
}

TEST_F(NewFile, KeepsWhatIsInTheLogOfAStoreThatWasJustMade) {
  const std::filesystem::path aside = folder_ / "aside";
  {
    Backend backend = open().value();
    ASSERT_TRUE(backend.queue->create("work", {}).has_value());
    std::filesystem::create_directories(aside);  // As a kill would leave it.
    for (const char* suffix : {"", "-wal"})
      std::filesystem::copy_file(file().string() + suffix, aside / (std::string("store.db") + suffix));
  }
  std::ifstream copied(aside / "store.db", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(copied), {}};
  EXPECT_TRUE(bytes == whole()) << "the file itself is not written before the log is copied into it";
  { Backend backend = open_backend({.file = aside / "store.db"}).value(); }
  Connection connection(aside / "store.db", Access::read_only);
  EXPECT_EQ(query_number(connection, "SELECT count(*) FROM queue"), 1);
}

TEST_F(NewFile, HasNothingOfTheLogOrJournalOfAFileThatHadItsName) {
  static_cast<void>(open().value());
  std::string log;
  {
    Backend backend = open().value();
    ASSERT_TRUE(backend.queue->create("before", {}).has_value());
    std::ifstream stream(file().string() + "-wal", std::ios::binary);
    log.assign(std::istreambuf_iterator<char>(stream), {});
  }
  ASSERT_GT(log.size(), std::size_t{database_page_bytes});
  for (const char* suffix : {"-wal", "-journal"}) {
    write(log, suffix);
    { ASSERT_TRUE(open().value().queue->create("work", {}).has_value()); }
    EXPECT_EQ(text("SELECT group_concat(name) FROM queue"), "work") << suffix;
    EXPECT_EQ(text("PRAGMA integrity_check"), "ok") << suffix;
  }
}

TEST_F(NewFile, OfAnOlderSchemaIsBroughtUpToDate) {
  {
    Backend backend = open().value();
    ASSERT_TRUE(backend.queue->create("work", {}).has_value());
  }
  {
    Connection connection(file(), Access::read_write);
    connection.run(
        "DROP INDEX message_of_cluster; ALTER TABLE output DROP COLUMN round; PRAGMA user_version = 1; PRAGMA "
        "wal_checkpoint(TRUNCATE)");
  }
  EXPECT_EQ(open(true).error().code, ErrorCode::unsupported_version);
  { ASSERT_TRUE(open().has_value()); }
  EXPECT_EQ(text("PRAGMA user_version"), std::to_string(schema_version));
  EXPECT_EQ(text("SELECT name FROM sqlite_schema WHERE name = 'message_of_cluster'"), "message_of_cluster");
  EXPECT_EQ(text("SELECT name FROM queue"), "work");
}

}  // namespace
}  // namespace fanfold::sqlite
