#pragma once

#include <fanfold/ports/clock.hpp>
#include <fanfold/ports/global_store.hpp>
#include <fanfold/ports/ledger.hpp>
#include <fanfold/ports/queue.hpp>

namespace fanfold {

/// The four ports of one store, and what the engine has to know about it. `make_client` takes it over.
struct Backend {
  std::unique_ptr<Queue> queue{};
  std::unique_ptr<Ledger> ledger{};
  std::unique_ptr<GlobalStore> globals{};
  std::unique_ptr<Clock> clock{};

  std::string name{};  ///< "sqlite", "aws", "memory"; shown to people.
  /// How old a cached cluster header may be when it decides that a task may start. Docs say 5 s on AWS.
  std::chrono::milliseconds header_age_max{5'000};
  /// The queue finds payloads in the ledger: `TaskMessage::body` may be left empty.
  bool queue_knows_payloads = false;
  /// Most tasks worth handing to one call of put_tasks, send_tasks, claim, end.
  std::size_t batch_count_max = 10;
  /// The same for put_tasks, send_tasks and propagate alone, where those take more at once. 0: no more than the others.
  std::size_t bulk_count_max = 0;
  [[nodiscard]] std::size_t bulk_count() const noexcept {
    return bulk_count_max == 0 ? batch_count_max : bulk_count_max;
  }
};

}  // namespace fanfold
