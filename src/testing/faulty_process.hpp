#pragma once

#include <fanfold/testing/faults.hpp>

#include <atomic>

namespace fanfold::testing {

/// What the four faulty ports of one process share.
class FaultyProcess {
 public:
  explicit FaultyProcess(FaultyOptions options) : options_(std::move(options)) {}

  [[nodiscard]] FaultPlan& plan() const { return *options_.plan; }

  [[nodiscard]] static Error unavailable() { return {ErrorCode::unavailable, "the answer was lost on the way", {}}; }

  /// Makes one call of a port, with whatever befalls it. `name` is a literal.
  template <class Call>
  auto call(std::string_view name, Call&& make) -> decltype(make()) {
    if (auto error = before(name)) return *std::move(error);
    auto answer = make();
    if (plan().strikes(Fault::crash_after, name)) crash(name);
    if (plan().strikes(Fault::lost_answer, name)) return unavailable();
    return answer;
  }

  /// The same for a call over a batch that a service takes apart: sometimes only a part of it is made, and nobody knows
  /// which.
  template <class T, class Call>
  auto call_in_part(std::string_view name, std::span<const T> batch, Call&& make) -> decltype(make(batch)) {
    if (batch.size() > 1 && !dead_ && plan().strikes(Fault::partial, name)) {
      const std::size_t count = 1 + plan().below(batch.size() - 1);
      return call(name, [&]() -> decltype(make(batch)) {
        auto answer = make(batch.first(count));
        if (!answer) return answer;
        return unavailable();
      });
    }
    return call(name, [&] { return make(batch); });
  }

  /// The same where the service answers entry by entry: some are refused and the others are made.
  template <class T, class Answer, class Call>
  Result<std::vector<Result<Answer>>> call_entries(std::string_view name, std::span<const T> batch, Call&& make) {
    if (batch.empty() || dead_ || !plan().strikes(Fault::partial, name)) return call(name, [&] { return make(batch); });
    const std::size_t refused = plan().below(batch.size());
    std::vector<T> rest;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (i != refused) rest.push_back(batch[i]);
    }
    return call(name, [&]() -> Result<std::vector<Result<Answer>>> {
      auto answers = rest.empty() ? Result<std::vector<Result<Answer>>>(std::vector<Result<Answer>>())
                                  : make(std::span<const T>(rest));
      if (!answers) return answers;
      answers->insert(answers->begin() + static_cast<std::ptrdiff_t>(refused),
                      Result<Answer>(Error{ErrorCode::throttled, "this entry was refused", {}}));
      return answers;
    });
  }

  [[nodiscard]] bool dead() const noexcept { return dead_; }

 private:
  std::optional<Error> before(std::string_view name) {
    if (dead_) return unavailable();
    if (options_.on_call) options_.on_call(name);
    if (options_.clock && plan().strikes(Fault::clock_forward, name)) options_.clock->advance(plan().clock_jump_by());
    if (options_.clock && plan().strikes(Fault::clock_back, name)) options_.clock->advance(-plan().clock_jump_by());
    if (plan().strikes(Fault::crash_before, name)) crash(name);
    if (!plan().strikes(Fault::refused, name)) return std::nullopt;
    if (plan().below(2) == 0) return Error{ErrorCode::throttled, "slow down", {}};
    return unavailable();
  }

  [[noreturn]] void crash(std::string_view name) {
    dead_ = true;
    throw SimulatedCrash{name};
  }

  FaultyOptions options_;
  std::atomic<bool> dead_ = false;
};

[[nodiscard]] std::unique_ptr<Queue> make_faulty_queue(std::unique_ptr<Queue> queue,
                                                       std::shared_ptr<FaultyProcess> process);
[[nodiscard]] std::unique_ptr<Ledger> make_faulty_ledger(std::unique_ptr<Ledger> ledger,
                                                         std::shared_ptr<FaultyProcess> process,
                                                         std::function<Time()> now);
[[nodiscard]] std::unique_ptr<GlobalStore> make_faulty_global_store(std::unique_ptr<GlobalStore> globals,
                                                                    std::shared_ptr<FaultyProcess> process);

}  // namespace fanfold::testing
