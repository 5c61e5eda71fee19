#include "support/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace fanfold::support {

void assertion_failed(const char* file, int line, const char* condition, const char* message) noexcept {
  std::fprintf(stderr, "%s:%d: %s (%s)\n", file, line, message, condition);
  std::fflush(stderr);
  std::abort();
}

}  // namespace fanfold::support
