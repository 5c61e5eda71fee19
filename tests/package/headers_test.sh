#!/usr/bin/env bash
# ctest: labels=package timeout=300
# Every public header compiles on its own, first in a file, without a warning; with clang too, where it is installed.
set -euo pipefail
failed=0
compilers=(g++)
! command -v clang++-14 >/dev/null || compilers+=(clang++-14)
while read -r header; do
  printf '#include <%s>\n' "$header" >alone.cpp
  for compiler in "${compilers[@]}"; do
    "$compiler" -std=c++20 -fsyntax-only -Wall -Wextra -Wconversion -Wshadow -Werror -I "$SOURCE_DIR/include" alone.cpp || {
      echo "$header does not compile on its own with $compiler"
      failed=1
    }
  done
done < <(cd "$SOURCE_DIR/include" && find fanfold -name '*.hpp' | sort)
exit "$failed"
