#pragma once

#include <fanfold/ports/clock.hpp>

#include <atomic>
#include <memory>

namespace fanfold::sqlite {

/// What all processes of a file know of its clock; zeros in a new file. Milliseconds since 1970.
struct ClockWords {
  std::atomic<std::int64_t> latest{0};     ///< A time that the clock has shown, at most a moment behind the latest.
  std::atomic<std::int64_t> agrees_at{0};  ///< From this time of the machine on, the file's clock shows the same.
};

/// The clock of one file: the machine's, but never set back (docs/adr/0102). Where the machine's clock was set back,
/// the file's goes on from where it was, a tenth slower, until both show the same; so whatever waits for a time waits
/// for as long as was meant, and not until the machine's clock shows that time again. All processes of a file show the
/// same time. Steps forward are followed at once. Thread-safe; does not block but in sleep_until.
class FileClock final : public Clock {
 public:
  /// `words` is shared by all clocks of the file. Both outlive it.
  FileClock(std::shared_ptr<Clock> machine, std::shared_ptr<ClockWords> words)
      : machine_(std::move(machine)), words_(std::move(words)) {}

  [[nodiscard]] Time now() override;
  void sleep_until(Time time, std::stop_token stop) override;

  /// From now on the clock shows no time before this one, which it has shown once.
  void remember(Time shown);

 private:
  std::shared_ptr<Clock> machine_;  // Shared with whoever made it: tests set it.
  std::shared_ptr<ClockWords>
      words_;  // Shared with the other clocks of the file, in a mapping that all processes have.
};

}  // namespace fanfold::sqlite
