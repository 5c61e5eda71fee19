#include "cli/task_text.hpp"

#include <gtest/gtest.h>

namespace fanfold::cli {
namespace {

std::string there_and_back(std::string_view task) {
  return task_text(Json::from_valid_text(task_body(task, TaskFormat::automatic).value())).value();
}

TEST(TaskText, OfAPlainLineIsAJsonString) {
  EXPECT_EQ(task_body("a \"b\" \\ ä", TaskFormat::automatic).value(), R"("a \"b\" \\ ä")");
}

TEST(TaskText, ComesBackByteForByte) {
  for (const std::string_view task : {"plain", "with \"quotes\" and \\", "tab\tand\rreturn", "naïve 写真",
                                      "\xff\xfe no text", "a\xc3", "x\x7f\x01"}) {
    EXPECT_EQ(there_and_back(task), task);
  }
}

TEST(TaskText, ThatIsNoUtf8IsKeptAsBase64) {
  EXPECT_EQ(task_body("\xff\xfe", TaskFormat::automatic).value(), R"({"$bytes":"//4="})");
}

TEST(TaskText, ThatBeginsLikeJsonIsKeptAsJson) {
  EXPECT_EQ(task_body(R"({"file": "a.jpg"})", TaskFormat::automatic).value(), R"({"file": "a.jpg"})");
  EXPECT_EQ(there_and_back(R"([1, 2])"), "[1, 2]");
}

TEST(TaskText, ThatBeginsLikeJsonAndIsNoneIsRefused) {
  const auto body = task_body("[2020] album.mp3", TaskFormat::automatic);
  ASSERT_FALSE(body.has_value());
  EXPECT_EQ(body.error().code, ErrorCode::bad_input);
  EXPECT_NE(body.error().message.find("--text"), std::string::npos);
}

TEST(TaskText, IsNeverJsonWhereTheListIsText) {
  EXPECT_EQ(task_body("[2020] album.mp3", TaskFormat::text).value(), R"("[2020] album.mp3")");
}

TEST(TaskText, ThatLooksLikeOurFormOfBytesIsRefused) {
  EXPECT_FALSE(task_body(R"({"$bytes":"//4="})", TaskFormat::automatic).has_value());
  EXPECT_EQ(there_and_back(R"({"$bytes":"no base64!"})"), R"({"$bytes":"no base64!"})");
}

TEST(TaskText, WithANulByteIsRefused) {
  EXPECT_FALSE(task_body(std::string_view("a\0b", 3), TaskFormat::text).has_value());
  EXPECT_FALSE(task_text(Json::from_valid_text(R"("a\u0000b")")).has_value());
}

TEST(TaskText, IsLabelledOnOneLine) { EXPECT_EQ(task_label(Json::from_valid_text(R"("a\nb")")), "a\\x0ab"); }

}  // namespace
}  // namespace fanfold::cli
