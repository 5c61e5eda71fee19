#include <fanfold/testing/manual_clock.hpp>

#include "backends/sqlite/store.hpp"
#include "contract.hpp"

#include <filesystem>

#include <unistd.h>

namespace fanfold::conformance {
namespace {

/// One file in a folder of its own, and a clock that only the test moves.
class SqliteUnderTest final : public StoreUnderTest {
 public:
  SqliteUnderTest() {
    static int count = 0;
    folder_ = std::filesystem::temp_directory_path() /
              ("fanfold-conformance-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
    std::filesystem::create_directories(folder_);
  }
  ~SqliteUnderTest() override {
    std::error_code code;
    std::filesystem::remove_all(folder_, code);
  }
  SqliteUnderTest(const SqliteUnderTest&) = delete;
  SqliteUnderTest& operator=(const SqliteUnderTest&) = delete;

  Backend open() override {
    return sqlite::open_backend_with_clock({.file = folder_ / "store.db", .durability = sqlite::Durability::normal},
                                           clock_)
        .value();
  }
  void pass(milliseconds time) override { clock_->advance(time); }

 private:
  std::filesystem::path folder_;
  std::shared_ptr<testing::ManualClock> clock_ =
      std::make_shared<testing::ManualClock>();  // Shared with every open store.
};

}  // namespace

std::vector<BackendUnderTest> backends_under_test() {
  return {{.name = "Sqlite", .make = [] { return std::make_unique<SqliteUnderTest>(); }, .capabilities = {}}};
}

}  // namespace fanfold::conformance
