#include "net/secret.hpp"

#include <gtest/gtest.h>

#include <concepts>
#include <sstream>

namespace fanfold::net {
namespace {

template <class T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};

static_assert(Printable<std::string>);
static_assert(!Printable<Secret>);
static_assert(!std::convertible_to<Secret, std::string> && !std::convertible_to<Secret, std::string_view>);
static_assert(!std::convertible_to<std::string, Secret>);

TEST(Secret, IsRevealedOnlyWhenAsked) {
  const Secret secret("wJalrXUtnFEMI");
  EXPECT_EQ(secret.reveal(), "wJalrXUtnFEMI");
  EXPECT_TRUE(Secret().empty());
  EXPECT_TRUE(secret == Secret("wJalrXUtnFEMI"));
  EXPECT_FALSE(secret == Secret("other"));
}

TEST(Secret, LeavesNothingBehindWhenMovedFrom) {
  Secret from("a text long enough to live on the heap, as session tokens do");
  const Secret to(std::move(from));
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_EQ(to.reveal().size(), 60U);
}

TEST(Secret, IsTakenOutOfWhatARemoteSideSaid) {
  const Secret token("TOKEN");
  EXPECT_EQ(redacted("x-amz-security-token:TOKEN\nTOKEN", token), "x-amz-security-token:[redacted]\n[redacted]");
  EXPECT_EQ(redacted("nothing here", token), "nothing here");
  EXPECT_EQ(redacted("nothing to hide", Secret()), "nothing to hide");
}

}  // namespace
}  // namespace fanfold::net
