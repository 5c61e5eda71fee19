#include "cli/content_hash.hpp"

#include <gtest/gtest.h>

#include <string>

namespace fanfold::cli {
namespace {

constexpr std::uint64_t key_low = 0x0706050403020100U;
constexpr std::uint64_t key_high = 0x0f0e0d0c0b0a0908U;

TEST(ContentHash, IsTheReferenceSipHashOfTheEmptyText) {
  const ContentHash hash = hash_content("", key_low, key_high);
  EXPECT_EQ(hash.low, 0xe6a825ba047f81a3U);
  EXPECT_EQ(hash.high, 0x930255c71472f66dU);
}

TEST(ContentHash, TellsLengthsApart) {
  EXPECT_NE(hash_content(std::string(7, '\0')), hash_content(std::string(8, '\0')));
  EXPECT_NE(hash_content("abcdefgh"), hash_content("abcdefghi"));
}

TEST(ListHash, DependsOnContentOrderAndBorders) {
  const auto hash_of = [](std::initializer_list<std::string_view> tasks) {
    ListHash hash;
    for (const std::string_view task : tasks) hash.add(task);
    return hash.text();
  };
  EXPECT_EQ(hash_of({"a", "b"}), hash_of({"a", "b"}));
  EXPECT_NE(hash_of({"a", "b"}), hash_of({"b", "a"}));
  EXPECT_NE(hash_of({"a", "b"}), hash_of({"ab"}));
  EXPECT_NE(hash_of({}), hash_of({""}));
}

TEST(ListHash, OfALongListDependsOnItsFirstTask) {
  ListHash one;
  ListHash other;
  one.add("first");
  other.add("other");
  const std::string filler(1000, 'x');
  for (int i = 0; i < 5'000; ++i) {
    one.add(filler);
    other.add(filler);
  }
  EXPECT_NE(one.text(), other.text());
}

TEST(ContentMap, KeepsEveryValueWhileItGrows) {
  ContentMap map;
  for (std::uint64_t i = 0; i < 50'000; ++i) map[hash_content(std::to_string(i))] = i + 1;
  EXPECT_EQ(map.size(), 50'000u);
  for (std::uint64_t i = 0; i < 50'000; ++i) ASSERT_EQ(*map.find(hash_content(std::to_string(i))), i + 1);
  EXPECT_EQ(map.find(hash_content("absent")), nullptr);
}

}  // namespace
}  // namespace fanfold::cli
