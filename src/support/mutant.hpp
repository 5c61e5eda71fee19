#pragma once

#include <string_view>
#ifdef FANFOLD_MUTANTS
#include <cstdlib>
#endif

namespace fanfold::support {

/// A place where the code goes wrong on purpose, so that a test can show that the simulation would notice. Only in the
/// build of tests/simulation that is made for it, and there only for the name in the environment variable
/// FANFOLD_MUTANT.
#ifdef FANFOLD_MUTANTS
[[nodiscard]] inline bool mutant(std::string_view name) noexcept {
  static const char* const chosen = std::getenv("FANFOLD_MUTANT");
  return chosen != nullptr && name == chosen;
}
#else
[[nodiscard]] constexpr bool mutant(std::string_view) noexcept { return false; }
#endif

}  // namespace fanfold::support
