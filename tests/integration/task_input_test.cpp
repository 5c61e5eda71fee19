#include "cli/task_input.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace fanfold::cli {
namespace {

/// A file with some content that goes with the test.
class TaskFile {
 public:
  explicit TaskFile(std::string_view content)
      : path_(::testing::TempDir() + "tasks-" + ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TaskFile() { std::filesystem::remove(path_); }
  TaskFile(const TaskFile&) = delete;
  TaskFile& operator=(const TaskFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::vector<std::string> all_of(TaskInput& input) {
  std::vector<std::string> all;
  for (;;) {
    auto body = input.next().value();
    if (!body) return all;
    all.push_back(std::move(*body));
  }
}

using Bodies = std::vector<std::string>;

TEST(TaskInput, GivesOneTaskPerLineAndSkipsBlankOnes) {
  const TaskFile file("a\n\n  \nb c\n\r\n{\"n\":1}\nlast");
  auto input = TaskInput::open({.file = file.path()}).value();
  EXPECT_EQ(all_of(input), (Bodies{"\"a\"", "\"b c\"", "{\"n\":1}", "\"last\""}));
}

TEST(TaskInput, KeepsBlanksAroundATask) {
  const TaskFile file(" a \n");
  auto input = TaskInput::open({.file = file.path()}).value();
  EXPECT_EQ(all_of(input), (Bodies{"\" a \""}));
}

TEST(TaskInput, SeparatedByNulTakesAnyOtherByte) {
  const TaskFile file(std::string_view("a\nb\0{x\0\0\xff\0", 10));
  auto input = TaskInput::open({.file = file.path(), .nul_separated = true}).value();
  EXPECT_EQ(all_of(input), (Bodies{"\"a\\nb\"", "\"{x\"", "{\"$bytes\":\"/w==\"}"}));
}

TEST(TaskInput, CanBeReadAgain) {
  const TaskFile file("a\nb\n");
  auto input = TaskInput::open({.file = file.path()}).value();
  EXPECT_EQ(all_of(input).size(), 2u);
  ASSERT_TRUE(input.rewind().has_value());
  EXPECT_EQ(all_of(input).size(), 2u);
}

TEST(TaskInput, NamesFileAndLineOfWhatIsWrong) {
  const TaskFile file("fine\n\n[broken\n");
  auto input = TaskInput::open({.file = file.path()}).value();
  ASSERT_TRUE(input.next().has_value());
  const auto broken = input.next();
  ASSERT_FALSE(broken.has_value());
  EXPECT_EQ(broken.error().message.find(file.path() + ":3: "), 0u) << broken.error().message;
}

TEST(TaskInput, ReadsTasksUpToTheirLimitAndRefusesLongerOnes) {
  const TaskFile file(std::string(task_bytes_max, 'x') + "\n" + std::string(task_bytes_max + 1, 'y') + "\n");
  auto input = TaskInput::open({.file = file.path()}).value();
  EXPECT_EQ(input.next().value()->size(), task_bytes_max + 2);
  const auto longer = input.next();
  ASSERT_FALSE(longer.has_value());
  EXPECT_EQ(longer.error().code, ErrorCode::too_large);
  EXPECT_EQ(longer.error().message, file.path() + ":2: a task has at most 1,048,576 bytes");
}

TEST(TaskInput, ReadsMoreThanItBuffers) {
  std::string content;
  for (int i = 0; i < 100'000; ++i) content += "task number " + std::to_string(i) + "\n";
  const TaskFile file(content);
  auto input = TaskInput::open({.file = file.path()}).value();
  const auto all = all_of(input);
  ASSERT_EQ(all.size(), 100'000u);
  EXPECT_EQ(all.back(), "\"task number 99999\"");
}

TEST(TaskInput, SaysWhichFileIsMissing) {
  const auto input = TaskInput::open({.file = "/nowhere/tasks.txt"});
  ASSERT_FALSE(input.has_value());
  EXPECT_EQ(input.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(input.error().message, "/nowhere/tasks.txt: No such file or directory");
}

}  // namespace
}  // namespace fanfold::cli
