#include <fanfold/testing/memory_store.hpp>

#include "backends/aws/global_store.hpp"
#include "backends/aws/ledger.hpp"
#include "contract.hpp"
#include "testing_aws/memory_objects.hpp"
#include "testing_aws/memory_table.hpp"

namespace fanfold::conformance {
namespace {

/// The ledger over a table, and globals over a bucket, in memory; queues are those of the kit.
class AwsMemoryUnderTest final : public StoreUnderTest {
 public:
  explicit AwsMemoryUnderTest(bool with_bucket) {
    if (with_bucket) {
      blobs_ = aws::make_object_blobs(objects_, "bucket", store_.clock());
    } else {
      blobs_ = aws::make_item_blobs(table_, store_.clock());
    }
  }
  Backend open() override {
    Backend backend = store_.backend();
    backend.ledger = std::make_unique<aws::AwsLedger>(table_, *blobs_, store_.clock());
    backend.globals = std::make_unique<aws::AwsGlobalStore>(objects_, "bucket");
    return backend;
  }
  void pass(milliseconds time) override { store_.clock().advance(time); }

 private:
  testing::MemoryStore store_;
  testing_aws::MemoryTable table_;
  testing_aws::MemoryObjects objects_;
  std::unique_ptr<aws::Blobs> blobs_;
};

}  // namespace

std::vector<BackendUnderTest> backends_under_test() {
  return {
      {.name = "TableAlone", .make = [] { return std::make_unique<AwsMemoryUnderTest>(false); }, .capabilities = {}},
      {.name = "TableAndBucket",
       .make = [] { return std::make_unique<AwsMemoryUnderTest>(true); },
       .capabilities = {}}};
}

}  // namespace fanfold::conformance
