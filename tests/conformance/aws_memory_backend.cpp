#include <fanfold/testing/memory_store.hpp>

#include "backends/aws/ledger.hpp"
#include "contract.hpp"
#include "testing_aws/memory_table.hpp"

namespace fanfold::conformance {
namespace {

/// The ledger over a table in memory; queues and globals are those of the kit.
class AwsMemoryUnderTest final : public StoreUnderTest {
 public:
  Backend open() override {
    Backend backend = store_.backend();
    backend.ledger = std::make_unique<aws::AwsLedger>(*table_, *blobs_, store_.clock());
    return backend;
  }
  void pass(milliseconds time) override { store_.clock().advance(time); }

 private:
  testing::MemoryStore store_;
  std::unique_ptr<testing_aws::MemoryTable> table_ = std::make_unique<testing_aws::MemoryTable>();
  std::unique_ptr<aws::Blobs> blobs_ = aws::make_item_blobs(*table_, store_.clock());
};

}  // namespace

std::vector<BackendUnderTest> backends_under_test() {
  return {{.name = "AwsMemory", .make = [] { return std::make_unique<AwsMemoryUnderTest>(); }, .capabilities = {}}};
}

}  // namespace fanfold::conformance
