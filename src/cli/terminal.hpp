#pragma once

#include <cstddef>

namespace fanfold::cli {

/// What an output stream can show.
struct Terminal {
  bool is_terminal = false;
  bool color = false;    ///< False with NO_COLOR set (to anything), TERM=dumb, or no terminal.
  bool unicode = false;  ///< The locale's characters are UTF-8.
  std::size_t columns = 80;
};

/// Of a descriptor, now: its size may change while we run.
[[nodiscard]] Terminal inspect_terminal(int descriptor);

}  // namespace fanfold::cli
