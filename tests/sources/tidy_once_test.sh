#!/usr/bin/env bash
# ctest: labels=sources timeout=120
# tools/tidy-once.sh forgets neither what a source includes nor its comments, and remembers no source that has a defect.
set -euo pipefail
for program in clang-tidy-14 clang++-14; do
  command -v $program >/dev/null || { echo "NOT RUN: there is no $program; ./dev lint installs it" >&2; exit 77; }
done

export XDG_CACHE_HOME=$PWD/cache
cp "$SOURCE_DIR/.clang-tidy" .
mkdir build src
cat >build/compile_commands.json <<END
[
{
  "directory": "$PWD",
  "command": "clang++-14 -std=c++20 -DNAME=\\\\\\"a\\\\\\" -o a.o -c $PWD/src/a.cpp",
  "file": "$PWD/src/a.cpp"
}
]
END
tidy() { "$SOURCE_DIR/tools/tidy-once.sh" build --checks=-*,modernize-use-nullptr src/a.cpp >said 2>&1; }
remembered() { find cache -type f 2>/dev/null | wc -l; }
failed() { echo "$1" >&2; cat said >&2; exit 1; }

echo 'inline int* nothing() { return nullptr; }' >src/a.hpp
printf '#include "a.hpp"\nconst char* name() { return NAME; }\n' >src/a.cpp
tidy || failed "a clean source is refused"
[ "$(remembered)" -eq 1 ] || failed "a clean source is not remembered"
tidy || failed "a clean source is refused the second time"
[ "$(remembered)" -eq 1 ] || failed "the same source is taken for another"
echo "# other settings" >>.clang-tidy
tidy || failed "a clean source is refused with other settings"
[ "$(remembered)" -eq 2 ] || failed "other settings are taken for the same"

echo 'inline int* nothing() { return 0; } // NOLINT' >src/a.hpp
tidy || failed "a defect that is excused is refused"
echo 'inline int* nothing() { return 0; }' >src/a.hpp
for turn in first second; do
  tidy && failed "a defect in a header is not seen the $turn time"
  grep -q nullptr said || failed "the defect is not named the $turn time"
done
echo "ok"
