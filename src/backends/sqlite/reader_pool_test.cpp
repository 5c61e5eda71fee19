#include "backends/sqlite/store.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace fanfold::sqlite {
namespace {

TEST(ReaderPool, LeavesNobodyWaitingWhereConnectionsCannotBeOpened) {
  ReaderPool pool("/nowhere/store.db", Access::read_only);
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < 4 * reader_count_max; ++i) {
    threads.emplace_back([&pool] {
      for (int round = 0; round < 200; ++round)
        EXPECT_FALSE(pool.run([](Connection&) -> Result<void> { return {}; }).has_value());
    });
  }
}

}  // namespace
}  // namespace fanfold::sqlite
