#include "support/identifier.hpp"
#include "support/hash.hpp"

#include <gtest/gtest.h>

#include <set>

#include <sys/wait.h>
#include <unistd.h>

namespace fanfold {
namespace {

using Milliseconds = std::chrono::sys_time<std::chrono::milliseconds>;

TEST(Identifier, SortsByTheTimeItWasMade) {
  const Milliseconds early{std::chrono::milliseconds(1'795'512'600'000)};
  EXPECT_LT(make_identifier(early), make_identifier(early + std::chrono::milliseconds(1)));
  EXPECT_LT(make_identifier(early), make_identifier(early + std::chrono::hours(24 * 365 * 100)));
}

TEST(Identifier, IsNeverTheSameTwice) {
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) {
    const std::string id = make_identifier(Milliseconds{});
    EXPECT_EQ(id.size(), 26U);
    seen.insert(id);
  }
  EXPECT_EQ(seen.size(), 10'000U);
}

TEST(RandomBits, OfAForkedChildDifferFromItsParents) {
  static_cast<void>(random_bits());
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const std::uint64_t bits = random_bits();
    _exit(write(ends[1], &bits, sizeof(bits)) == static_cast<ssize_t>(sizeof(bits)) ? 0 : 1);
  }
  std::uint64_t theirs = 0;
  ASSERT_EQ(read(ends[0], &theirs, sizeof(theirs)), static_cast<ssize_t>(sizeof(theirs)));
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  close(ends[0]);
  close(ends[1]);
  EXPECT_NE(random_bits(), theirs);
}

TEST(DigestText, IsTheStartOfSha1InBase32) {
  // SHA-1 of "abc" is a9993e364706816aba3e25717850c26c9cd0d89d (FIPS 180-4).
  EXPECT_EQ(digest_text("abc"), "l6cjsdi70q0mlehu4longk62dg");
  EXPECT_NE(digest_text("abc"), digest_text("abd"));
}

TEST(RandomBits, AreTheSourcesWhileOneIsInPlace) {
  std::uint64_t count = 0;
  {
    const RandomSourceScope scope([&] { return ++count; });
    EXPECT_EQ(random_bits(), 1U);
    EXPECT_EQ(random_bits(), 2U);
  }
  static_cast<void>(random_bits());
  EXPECT_EQ(count, 2U);
}

}  // namespace
}  // namespace fanfold
