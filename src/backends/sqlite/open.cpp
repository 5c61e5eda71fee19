#include "backends/sqlite/store.hpp"

#include <fanfold/backends/sqlite.hpp>
#include <fanfold/ports/backend.hpp>

namespace fanfold::sqlite {

namespace {

/// Headers are read from memory for so long: reading one costs microseconds, so it may be short.
constexpr std::chrono::milliseconds header_age_max{100};
constexpr std::size_t batch_count_max = 1'024;

/// The clock port hands calls on to the clock that the store shares.
class SharedClock final : public Clock {
 public:
  explicit SharedClock(std::shared_ptr<Clock> clock) : clock_(std::move(clock)) {}
  [[nodiscard]] Time now() override { return clock_->now(); }
  void sleep_until(Time time, std::stop_token stop) override { clock_->sleep_until(time, std::move(stop)); }

 private:
  std::shared_ptr<Clock> clock_;  // Shared with the store.
};

}  // namespace

Result<Backend> open_backend_with_clock(const Options& options, std::shared_ptr<Clock> machine) {
  auto store = Store::open(options, std::move(machine));
  if (!store) return std::move(store).error();
  Backend backend;
  backend.queue = make_queue(*store);
  backend.ledger = make_ledger(*store);
  backend.globals = make_global_store(*store);
  backend.clock = std::make_unique<SharedClock>((*store)->shared_clock());
  backend.name = "sqlite";
  backend.header_age_max = header_age_max;
  backend.queue_knows_payloads = true;
  backend.batch_count_max = batch_count_max;
  return backend;
}

Result<Backend> open_backend(const Options& options) {
  return open_backend_with_clock(options, std::make_shared<SystemClock>());
}

}  // namespace fanfold::sqlite
