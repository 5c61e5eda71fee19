#!/usr/bin/env bash
# ctest: labels=package timeout=300
# Every public header compiles on its own, first in a file, without a warning.
set -euo pipefail
failed=0
while read -r header; do
  printf '#include <%s>\n' "$header" >alone.cpp
  g++ -std=c++20 -fsyntax-only -Wall -Wextra -Wconversion -Wshadow -Werror -I "$SOURCE_DIR/include" alone.cpp || {
    echo "$header does not compile on its own"
    failed=1
  }
done < <(cd "$SOURCE_DIR/include" && find fanfold -name '*.hpp' | sort)
exit "$failed"
