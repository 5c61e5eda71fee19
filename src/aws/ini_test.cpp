#include "aws/ini.hpp"

#include <gtest/gtest.h>

namespace fanfold::aws {
namespace {

TEST(Ini, IsReadAsAwsToolsWriteIt) {
  const IniFile file = parse_ini(
                           "# comment\r\n"
                           "[default]\r\n"
                           "Region = eu-west-1\r\n"
                           "  ; an indented comment\r\n"
                           "\r\n"
                           "[profile  \"my  work\"] # a note\n"
                           "credential_process=/bin/tool --a=b # not a comment\n"
                           "s3 =\n"
                           "  Addressing_Style = path\n"
                           "\tmax_queue_size=10\n"
                           "[default]\n"
                           "output = json\n",
                           "config")
                           .value();
  EXPECT_EQ(file.at("default").at("region").text, "eu-west-1");
  EXPECT_EQ(file.at("default").at("output").place(), "config:12");
  const IniSection& work = file.at("profile my  work");
  EXPECT_EQ(work.at("credential_process").text, "/bin/tool --a=b # not a comment");
  EXPECT_EQ(work.at("s3").nested.at("addressing_style"), "path");
  EXPECT_EQ(work.at("s3").nested.at("max_queue_size"), "10");
}

TEST(Ini, JoinsContinuedLines) {
  const IniFile file = parse_ini("[a]\nlong = first\n  second\n", "f").value();
  EXPECT_EQ(file.at("a").at("long").text, "first\nsecond");
}

TEST(Ini, TakesALaterValueOfTheSameKey) {
  EXPECT_EQ(parse_ini("[a]\nk = 1\nk = 2\n", "f").value().at("a").at("k").text, "2");
}

TEST(Ini, IsEmptyForAnEmptyFile) {
  EXPECT_TRUE(parse_ini("", "f").value().empty());
  EXPECT_TRUE(parse_ini("\xef\xbb\xbf# only a comment", "f").value().empty());
}

TEST(Ini, NamesFileAndLineOfWhatIsWrong) {
  const auto message = [](std::string_view text) { return parse_ini(text, "/home/u/.aws/config").error().message; };
  EXPECT_EQ(message("key = value\n"), "/home/u/.aws/config:1: a line before the first [section]");
  EXPECT_EQ(message("\n[default\n"), "/home/u/.aws/config:2: the section's name is not closed with ']'");
  EXPECT_EQ(message("[]\n"), "/home/u/.aws/config:1: a section without a name");
  EXPECT_EQ(message("[a]\n\n\nregion\n"), "/home/u/.aws/config:4: expected 'key = value'");
  EXPECT_EQ(message("[a]\n= x\n"), "/home/u/.aws/config:2: expected 'key = value'");
  EXPECT_EQ(message("[a]\n  x = y\n"), "/home/u/.aws/config:2: an indented line that belongs to no key");
  EXPECT_EQ(message("[a]\ns3 =\n  what\n"), "/home/u/.aws/config:3: expected 'key = value'");
  EXPECT_EQ(parse_ini("x", "f").error().code, ErrorCode::bad_input);
}

}  // namespace
}  // namespace fanfold::aws
