#include "cli/creation_notice.hpp"

#include <gtest/gtest.h>

#include <future>

namespace fanfold::cli {
namespace {

using namespace std::chrono_literals;

TEST(CreationNotice, TellsHowFarACreationIs) {
  std::atomic<std::uint64_t> read_count = 12'410;
  std::promise<std::string> told;
  const CreationNotice notice(
      read_count, {.first = 0ms, .interval = 1h, .say = [&](const std::string& line) { told.set_value(line); }});
  EXPECT_EQ(told.get_future().get(), "fanfold: still creating the cluster; 12,410 tasks read so far");
}

TEST(CreationNotice, SaysWhomAKeyMayWaitFor) {
  std::atomic<std::uint64_t> read_count = 1;
  std::promise<std::string> told;
  const CreationNotice notice(
      read_count,
      {.has_key = true, .first = 0ms, .interval = 1h, .say = [&](const std::string& line) { told.set_value(line); }});
  EXPECT_EQ(
      told.get_future().get(),
      "fanfold: still creating the cluster; 1 task read so far; where another command with the same key was cut off, "
      "its last sign has to be a minute old");
}

TEST(CreationNotice, SaysNothingOfAQuickOne) {
  const std::atomic<std::uint64_t> read_count = 0;
  bool told = false;
  {
    const CreationNotice notice(read_count, {.first = 1h, .say = [&](const std::string&) { told = true; }});
  }
  EXPECT_FALSE(told);
}

}  // namespace
}  // namespace fanfold::cli
