#include <fanfold/testing/memory_store.hpp>

#include "contract.hpp"

namespace fanfold::conformance {
namespace {

class MemoryUnderTest final : public StoreUnderTest {
 public:
  Backend open() override { return store_.backend(); }
  void pass(milliseconds time) override { store_.clock().advance(time); }

 private:
  testing::MemoryStore store_{{.frees_dead_holders = true, .notes_begins = true}};
};

}  // namespace

std::vector<BackendUnderTest> backends_under_test() {
  return {{.name = "Memory", .make = [] { return std::make_unique<MemoryUnderTest>(); }, .capabilities = {}}};
}

}  // namespace fanfold::conformance
