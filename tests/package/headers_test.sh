#!/usr/bin/env bash
# ctest: labels=package timeout=300
# Every public header compiles on its own, first in a file, without a warning; all of them together with clang too, where it is installed.
set -euo pipefail
failed=0
warnings=(-std=c++20 -Wall -Wextra -Wconversion -Wshadow -Werror -I "$SOURCE_DIR/include")
: >together.cpp
while read -r header; do
  printf '#include <%s>\n' "$header" >alone.cpp
  cat alone.cpp >>together.cpp
  g++ "${warnings[@]}" -fsyntax-only alone.cpp || { echo "$header does not compile on its own"; failed=1; }
done < <(cd "$SOURCE_DIR/include" && find fanfold -name '*.hpp' | sort)
if command -v clang++-14 >/dev/null; then
  clang++-14 "${warnings[@]}" -fsyntax-only together.cpp || { echo "the headers do not compile with clang"; failed=1; }
fi
exit "$failed"
