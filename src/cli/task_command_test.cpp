#include "cli/task_command.hpp"

#include <fanfold/ports/ledger.hpp>

#include <gtest/gtest.h>

#include <csignal>

namespace fanfold::cli {
namespace {

using namespace std::chrono_literals;

ChildEnd ended(ChildEnd::Kind kind, int code, std::string error = {}) {
  ChildEnd end;
  end.kind = kind;
  end.code = code;
  end.error_tail = std::move(error);
  return end;
}

TEST(TaskOutcome, OfExitCodeZeroIsDone) {
  EXPECT_EQ(outcome_of(ended(ChildEnd::Kind::exited, 0), 0ms).kind(), Outcome::Kind::done);
}

TEST(TaskOutcome, OfExitCode65IsFailureForGood) {
  const Outcome outcome = outcome_of(ended(ChildEnd::Kind::exited, 65, "reading\nnot a picture\n"), 0ms);
  EXPECT_EQ(outcome.kind(), Outcome::Kind::fail);
  EXPECT_EQ(outcome.code(), "exit 65");
  EXPECT_EQ(outcome.reason(), "not a picture");
}

TEST(TaskOutcome, OfAnyOtherExitCodeIsTryAgain) {
  for (const int code : {1, 75, 127, 255})
    EXPECT_EQ(outcome_of(ended(ChildEnd::Kind::exited, code), 0ms).kind(), Outcome::Kind::retry);
}

TEST(TaskOutcome, OfASignalNamesIt) {
  const Outcome outcome = outcome_of(ended(ChildEnd::Kind::signalled, SIGKILL), 0ms);
  EXPECT_EQ(outcome.kind(), Outcome::Kind::retry);
  EXPECT_EQ(outcome.code(), "signal 9");
}

TEST(TaskOutcome, KeepsWhatWasPrintedAndSaysWhatWasNot) {
  ChildEnd end = ended(ChildEnd::Kind::exited, 1);
  end.output = std::string(output_bytes_max, 'x');
  end.dropped_bytes = 1'234;
  const Outcome outcome = outcome_of(std::move(end), 0ms);
  EXPECT_EQ(outcome.output().size(), output_bytes_max);
  EXPECT_TRUE(outcome.output().ends_with("\n[1,234 more bytes were not kept]\n"));
}

TEST(TaskResult, HoldsWhatWasPrinted) {
  EXPECT_EQ(result_of("small\n", 6).value().text(), R"({"exit":0,"stdout":"small\n"})");
  EXPECT_EQ(printed_text(result_of("small\n", 6).value()).value().text, "small\n");
  EXPECT_FALSE(printed_text(result_of("small\n", 6).value()).value().is_cut);
  EXPECT_FALSE(result_of("", 0).has_value());
}

TEST(TaskResult, OfBytesComesBackByteForByte) {
  const std::string bytes("\xff\x00\x01", 3);
  EXPECT_EQ(printed_text(result_of(bytes, 3).value()).value().text, bytes);
}

TEST(TaskResult, OfALongOutputIsCutWithinTheLimitAndSaysSo) {
  const std::string text(200'000, '\x01');
  const Json result = result_of(text, text.size()).value();
  EXPECT_LE(result.text().size(), result_bytes_max);
  EXPECT_NE(result.text().find(R"("stdout_bytes":200000)"), std::string::npos);
  EXPECT_TRUE(printed_text(result).value().is_cut);
}

TEST(TaskResult, HoldsTheFirst48KBWhateverBytesTheyAre) {
  static_assert(printed_bytes_min >= 48'000);
  std::string lines;
  while (lines.size() < printed_bytes_min) lines += "y\n";
  std::string odd(printed_bytes_min, '\xff');
  odd[17] = '\0';
  for (const std::string& bytes : {lines, odd, std::string(printed_bytes_min, '\0'),
                                   std::string(printed_bytes_min, '\x80'), std::string(printed_bytes_min, '"')}) {
    const Json whole = result_of(bytes, bytes.size()).value();
    EXPECT_LE(whole.text().size(), result_bytes_max);
    EXPECT_TRUE(printed_text(whole).value().text == bytes);
    EXPECT_FALSE(printed_text(whole).value().is_cut);
    const std::string more = bytes + bytes;
    const Json result = result_of(more, more.size()).value();
    EXPECT_LE(result.text().size(), result_bytes_max);
    const PrintedText cut = printed_text(result).value();
    EXPECT_GE(cut.text.size(), printed_bytes_min - 3);
    EXPECT_TRUE(more.starts_with(cut.text));
    EXPECT_TRUE(cut.is_cut);
  }
}

TEST(TaskResult, HoldsMoreOfATextThatNeedsNoEscapes) {
  const std::string text(65'000, 'x');
  EXPECT_EQ(printed_text(result_of(text, text.size()).value()).value().text, text);
  const std::string more(200'000, 'x');
  const Json result = result_of(more, more.size()).value();
  EXPECT_EQ(result.text().size(), result_bytes_max);
  EXPECT_TRUE(printed_text(result).value().is_cut);
}

TEST(TaskResult, IsCutBetweenCharacters) {
  std::string text;
  while (text.size() < 100'000) text += "ä";
  EXPECT_EQ(result_of(text, text.size()).value().text().find("base64"), std::string::npos);
}

}  // namespace
}  // namespace fanfold::cli
