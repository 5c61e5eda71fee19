#pragma once

#include <fanfold/testing/faults.hpp>
#include <fanfold/testing/memory_store.hpp>

#include <memory>

namespace fanfold::engine {

/// The ports of a process that dies when `calls_left` calls of them, clock aside, were made: by SimulatedCrash. The
/// count may be shared by several backends.
inline Backend dying_backend(const testing::MemoryStore& store, std::shared_ptr<std::size_t> calls_left) {
  testing::FaultyOptions options;
  options.plan = std::make_shared<testing::FaultPlan>(1, testing::Chaos::nothing());
  options.on_call = [left = std::move(calls_left)](std::string_view call) {
    if (call.starts_with("clock.")) return;
    if (*left == 0) throw testing::SimulatedCrash{call};
    --*left;
  };
  return with_faults(store.backend(), std::move(options));
}

}  // namespace fanfold::engine
