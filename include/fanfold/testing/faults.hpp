#pragma once

#include <fanfold/detail/process_end.hpp>
#include <fanfold/testing/memory_store.hpp>

#include <map>
#include <mutex>
#include <random>

namespace fanfold::testing {

/// Thrown out of a port's call where the process "dies". Not derived from std::exception, so that nothing that handles
/// errors takes it for one: whoever runs the process catches it and begins a new one.
struct SimulatedCrash : detail::ProcessEnd {
  explicit SimulatedCrash(std::string_view of) noexcept : call(of) {}
  std::string_view call{};  ///< The port's function, e.g. "ledger.end".
};

enum class Fault : std::uint8_t {
  crash_before,   ///< SimulatedCrash; the call was not made.
  crash_after,    ///< SimulatedCrash; the call was made.
  lost_answer,    ///< The call was made; its answer is `unavailable`.
  refused,        ///< The call was not made; its answer is `unavailable` or `throttled`.
  partial,        ///< A batch was made in part: the rest is answered with errors, or the whole is.
  duplicate,      ///< What was received is visible to others at once, or what is sent is sent twice.
  reordered,      ///< Deliveries come in another order; FIFO queues excepted.
  delayed,        ///< A receive comes back empty, or lacks deliveries that it took, which reappear later. A write
                  ///< is answered `unavailable` and made later, when nobody expects it any more.
  stale_read,     ///< An eventual read answers what was there up to a second ago.
  clock_forward,  ///< Time jumps by a lease before the call, as if the process was suspended.
  clock_back,     ///< Time jumps back by a lease before the call.
  conflict        ///< Another write was under way: the call was not made, and says so.
};
[[nodiscard]] std::string_view to_string(Fault fault) noexcept;

/// How likely each fault is at each call where it is possible, 0 to 1.
struct Chaos {
  double crash = 0;  ///< Before, and as likely after.
  double lost_answer = 0;
  double refused = 0;
  double partial = 0;
  double duplicate = 0;
  double reordered = 0;
  double delayed = 0;
  double stale_read = 0;
  double conflict = 0;
  double clock_jump = 0;  ///< Forward; back a quarter as often.
  std::chrono::milliseconds clock_jump_by{31'000};

  [[nodiscard]] static Chaos nothing() { return {}; }
  /// Every kind, often enough to meet each of them in a short run and rare enough that work gets done.
  [[nodiscard]] static Chaos everything();
};

/// Numbers that are the same for the same seed on every machine. Not thread-safe.
class SeededRandom {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  [[nodiscard]] std::uint64_t bits() noexcept;
  /// 0 to `bound` - 1; `bound` is at least 1.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept { return bits() % bound; }
  [[nodiscard]] bool chance(double probability) noexcept {
    return static_cast<double>(bits() >> 11) * 0x1.0p-53 < probability;
  }

 private:
  std::uint64_t state_;
};

/// Decides by its seed which call of a port meets which fault, and counts them. Thread-safe.
class FaultPlan {
 public:
  FaultPlan(std::uint64_t seed, Chaos chaos) : random_(seed), chaos_(chaos) {}

  /// From now on; nothing() ends the faults.
  void set_chaos(Chaos chaos);

  /// Told of every fault that strikes, under a lock: it must not ask the plan.
  void set_trace(std::function<void(Fault, std::string_view)> trace);

  /// The next call of this function where this fault is possible meets it, whatever the chances; called again, one more
  /// does.
  void strike_next(Fault fault, std::string call);

  /// Whether this call meets this fault now. Counted both ways.
  [[nodiscard]] bool strikes(Fault fault, std::string_view call);
  [[nodiscard]] std::uint64_t below(std::uint64_t bound);
  [[nodiscard]] std::chrono::milliseconds clock_jump_by() const;

  struct Count {
    std::uint64_t possible = 0;  ///< How often the call could have met it.
    std::uint64_t struck = 0;
  };
  /// By the port's function and the fault.
  using Coverage = std::map<std::pair<std::string, Fault>, Count, std::less<>>;
  [[nodiscard]] Coverage coverage() const;

 private:
  [[nodiscard]] double chance_of(Fault fault) const;
  [[nodiscard]] bool is_ordered(Fault fault, std::string_view call);

  mutable std::mutex mutex_;
  SeededRandom random_;  // Guarded by mutex_, as all below.
  Chaos chaos_;
  std::function<void(Fault, std::string_view)> trace_;
  std::map<std::pair<std::string_view, Fault>, Count> counts_;
  std::map<std::pair<std::string, Fault>, std::uint64_t> ordered_;  // Strikes that were asked for.
};

struct FaultyOptions {
  std::shared_ptr<FaultPlan> plan{};                ///< Shared by all processes of one world.
  std::shared_ptr<ManualClock> clock{};             ///< For clock jumps; none without one.
  std::function<void(std::string_view)> on_call{};  ///< Before every call, e.g. to let another process run.
};

/// The same ports with faults. After a SimulatedCrash every further call of these four answers `unavailable`
/// and does nothing: the process is dead, and what its destructors do must not matter.
[[nodiscard]] Backend with_faults(Backend backend, FaultyOptions options);

}  // namespace fanfold::testing
