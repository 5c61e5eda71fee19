#include "cli/trace_file.hpp"

#include "support/test_directory.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <thread>
#include <vector>

namespace {

using fanfold::Error;
using fanfold::ErrorCode;
using fanfold::cli::TraceFile;

constexpr std::string_view trace_begin = R"({"a":)";

class TraceFileOnDisk : public ::testing::Test {
 public:
  TraceFile::Options options(const std::string& name) {
    return {.path = directory / name, .first_object_begin = trace_begin, .failed = [this](const Error& error) {
              failures.push_back(error);
            }};
  }
  [[nodiscard]] std::string text(const std::string& name) const {
    std::ostringstream all;
    all << std::ifstream(directory / name).rdbuf();
    return all.str();
  }

  fanfold::support::TestDirectory directory;
  std::vector<Error> failures;
};

TEST_F(TraceFileOnDisk, IsAWholeArrayAfterEveryWrite) {
  auto file = TraceFile::open(options("t")).value();
  EXPECT_EQ(text("t"), "");
  file.write(R"({"a":1})");
  EXPECT_EQ(text("t"), "[\n{\"a\":1}\n]\n");
  file.write(R"({"b":2})");
  EXPECT_EQ(text("t"), "[\n{\"a\":1},\n{\"b\":2}\n]\n");
}

TEST_F(TraceFileOnDisk, ReplacesWhatBeginsLikeItAndWhatIsEmptyOrWasCutInItsFirstWrite) {
  for (const std::string before : {"", "[\n", "[\n{\"a\"", "[\n{\"a\":1},\n{\"long\":\"er than what comes\"}\n]\n"}) {
    directory.write("t", before);
    auto file = TraceFile::open(options("t"));
    ASSERT_TRUE(file.has_value()) << before;
    file->write(R"({"a":1})");
    EXPECT_EQ(text("t"), "[\n{\"a\":1}\n]\n") << before;
  }
}

TEST_F(TraceFileOnDisk, LeavesEveryOtherFileAlone) {
  for (const std::string before : {"1\n2\n", "[\n{\"b\":1}\n]\n", "{\"a\":1}", "\n"}) {
    directory.write("t", before);
    const auto file = TraceFile::open(options("t"));
    ASSERT_FALSE(file.has_value()) << before;
    EXPECT_EQ(file.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(text("t"), before);
  }
}

TEST_F(TraceFileOnDisk, LeavesATraceThatIsThereUntilTheFirstWrite) {
  directory.write("t", "[\n{\"a\":0}\n]\n");
  { const auto file = TraceFile::open(options("t")).value(); }
  EXPECT_EQ(text("t"), "[\n{\"a\":0}\n]\n");
}

TEST_F(TraceFileOnDisk, IsNotThereOnceItIsDiscarded) {
  for (const std::string before : {"", "[\n{\"a\":0},\n{\"a\":1},\n{\"a\":2}\n]\n"}) {
    if (!before.empty()) directory.write("t", before);
    auto file = TraceFile::open(options("t")).value();
    file.write(R"({"a":1})");
    EXPECT_EQ(file.bytes(), 9U);
    file.discard();
    EXPECT_FALSE(std::filesystem::exists(directory / "t"));
  }
}

TEST_F(TraceFileOnDisk, LeavesATraceThatIsThereWhereItIsDiscardedBeforeTheFirstWrite) {
  directory.write("t", "[\n{\"a\":0}\n]\n");
  TraceFile::open(options("t")).value().discard();
  EXPECT_EQ(text("t"), "[\n{\"a\":0}\n]\n");
  TraceFile::open(options("new")).value().discard();
  EXPECT_FALSE(std::filesystem::exists(directory / "new"));
}

TEST_F(TraceFileOnDisk, NamesTheOptionThatNamedIt) {
  auto named = options("missing/t");
  named.option = "--output";
  EXPECT_TRUE(TraceFile::open(named).error().message.starts_with("--output: "));
}

TEST_F(TraceFileOnDisk, EndsAtItsLimitWholeAndSaysSoOnce) {
  auto limited = options("t");
  limited.bytes_max = 30;
  auto file = TraceFile::open(limited).value();
  for (int i = 0; i < 10; ++i) file.write(R"({"a":1})");
  EXPECT_EQ(text("t"), "[\n{\"a\":1},\n{\"a\":1},\n{\"a\":1}\n]\n");
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures.front().code, ErrorCode::too_large);
}

TEST_F(TraceFileOnDisk, BelongsToOneAtATime) {
  {
    const auto first = TraceFile::open(options("t")).value();
    EXPECT_EQ(TraceFile::open(options("t")).error().code, ErrorCode::conflict);
  }
  EXPECT_TRUE(TraceFile::open(options("t")).has_value());
}

TEST_F(TraceFileOnDisk, TakesObjectsFromManyThreads) {
  constexpr int thread_count = 4;
  constexpr int object_count = 200;
  auto file = TraceFile::open(options("t")).value();
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < thread_count; ++thread) {
      threads.emplace_back([&file] {
        for (int i = 0; i < object_count; ++i) file.write(R"({"a":1})");
      });
    }
  }
  std::string expected = "[\n{\"a\":1}";
  for (int i = 1; i < thread_count * object_count; ++i) expected += ",\n{\"a\":1}";
  EXPECT_EQ(text("t"), expected + "\n]\n");
}

}  // namespace
