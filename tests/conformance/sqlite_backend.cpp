#include <fanfold/testing/manual_clock.hpp>

#include "backends/sqlite/store.hpp"
#include "contract.hpp"
#include "support/test_directory.hpp"

#include <filesystem>

#include <unistd.h>

namespace fanfold::conformance {
namespace {

/// One file in a folder of its own, and a clock that only the test moves.
class SqliteUnderTest final : public StoreUnderTest {
 public:
  Backend open() override {
    return sqlite::open_backend_with_clock({.file = folder_ / "store.db", .durability = sqlite::Durability::normal},
                                           clock_)
        .value();
  }
  void pass(milliseconds time) override { clock_->advance(time); }

 private:
  const support::TestDirectory folder_;
  std::shared_ptr<testing::ManualClock> clock_ =
      std::make_shared<testing::ManualClock>();  // Shared with every open store.
};

}  // namespace

std::vector<BackendUnderTest> backends_under_test() {
  return {{.name = "Sqlite", .make = [] { return std::make_unique<SqliteUnderTest>(); }, .capabilities = {}}};
}

}  // namespace fanfold::conformance
