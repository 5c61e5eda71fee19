#include "engine/store.hpp"

#include "engine/scene_for_tests.hpp"

#include <fanfold/testing/faults.hpp>

#include <atomic>
#include <thread>
#include <vector>

namespace fanfold::engine {
namespace {

constexpr int thread_count = 8;

/// A cluster, and a store of another process that reads its header by the fewest calls it can.
class HeaderScene {
 public:
  HeaderScene() : id_(id_of(client_.create_message_cluster("work", std::vector{1, 2}).value())) {
    testing::FaultyOptions options;
    options.plan = plan;
    options.on_call = [this](std::string_view call) {
      if (call != "ledger.read_cluster") return;
      ++read_count;
      while (started.load() < thread_count) std::this_thread::yield();
    };
    store_ = std::make_unique<Store>(testing::with_faults(memory_.backend(), options));
  }

  /// Each read waits until all threads look. Answers how many found the header.
  int look_with_all_threads() {
    std::atomic<int> found{0};
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < thread_count; ++i) {
        threads.emplace_back([&] {
          ++started;
          found += store_->header(id_).has_value() ? 1 : 0;
        });
      }
    }
    return found;
  }

  std::shared_ptr<testing::FaultPlan> plan = std::make_shared<testing::FaultPlan>(1, testing::Chaos::nothing());
  std::atomic<int> started{0};
  std::atomic<int> read_count{0};

 private:
  testing::MemoryStore memory_;
  Client client_ = make_client(memory_.backend());
  std::string id_;
  std::unique_ptr<Store> store_;
};

TEST(Header, IsReadOnceForAllThreadsThatLookAtTheSameTime) {
  HeaderScene scene;
  EXPECT_EQ(scene.look_with_all_threads(), thread_count);
  EXPECT_EQ(scene.read_count, 1);
}

}  // namespace
}  // namespace fanfold::engine
