#include "cli/text.hpp"

#include <gtest/gtest.h>

namespace fanfold::cli {
namespace {

using namespace std::chrono_literals;

TEST(Text, SeparatesThousands) {
  EXPECT_EQ(with_thousands(0), "0");
  EXPECT_EQ(with_thousands(999), "999");
  EXPECT_EQ(with_thousands(12'410), "12,410");
  EXPECT_EQ(with_thousands(1'000'000), "1,000,000");
}

TEST(Text, SpeaksDurationsInTheUnitsThatMatter) {
  EXPECT_EQ(spoken(400ms), "0.4 s");
  EXPECT_EQ(spoken(12s), "12 s");
  EXPECT_EQ(spoken(200s), "3 min 20 s");
  EXPECT_EQ(spoken(125min), "2 h 5 min");
  EXPECT_EQ(spoken(99h), "4 d 3 h");
}

TEST(Text, CountsColumnsNotBytes) {
  EXPECT_EQ(column_count("abc"), 3u);
  EXPECT_EQ(column_count("nä"), 2u);
  EXPECT_EQ(column_count("a\u0301"), 1u);
  EXPECT_EQ(column_count("写真"), 4u);
  EXPECT_EQ(column_count("\xff"), 1u);
}

TEST(Text, ClipsToColumnsWithAnEllipsis) {
  EXPECT_EQ(clipped("photos", 6), "photos");
  EXPECT_EQ(clipped("photographs", 6), "photo…");
  EXPECT_EQ(clipped("写真写真", 5), "写真…");
  EXPECT_EQ(clipped("写真写真", 4), "写…");
  EXPECT_EQ(clipped("abc", 0), "");
}

TEST(Text, ShowsControlCharactersAndBrokenBytesHarmlessly) {
  EXPECT_EQ(printable("a\x1b[31mb", Newlines::escape), "a\\x1b[31mb");
  EXPECT_EQ(printable("a\nb", Newlines::escape), "a\\x0ab");
  EXPECT_EQ(printable("a\nb", Newlines::keep), "a\nb");
  EXPECT_EQ(printable("\xff\xc2\x9b", Newlines::keep), "\\xff\\xc2\\x9b");
}

TEST(Text, TellsUtf8FromOtherBytes) {
  EXPECT_TRUE(is_utf8("0123456789 nä 写"));
  EXPECT_FALSE(is_utf8("01234567\xff"));
  EXPECT_FALSE(is_utf8("01234567\xc3"));
  EXPECT_EQ(as_utf8("a\xff"), "a\uFFFD");
}

TEST(ShellWord, IsQuotedWhereAShellWouldTakeItApart) {
  EXPECT_EQ(shell_word("photos-2026.txt"), "photos-2026.txt");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("my photos"), "'my photos'");
  EXPECT_EQ(shell_word("it's $HOME"), R"('it'\''s $HOME')");
}

}  // namespace
}  // namespace fanfold::cli
