#!/usr/bin/env bash
# The checks of sources and documents: what is right passes, and one fault of each kind is found where it stands.
set -euo pipefail
failed=0

expect() {
  local check=$1 want=$2 said status=0
  said=$("$SOURCE_DIR/tools/check-$check.sh" tree) || status=$?
  if [ "$said" != "$want" ] || { [ -n "$want" ] && [ "$status" -ne 1 ]; } || { [ -z "$want" ] && [ "$status" -ne 0 ]; }; then
    echo "expected \"$want\", got \"$said\" and exit $status"
    failed=1
  fi
}

tree() {
  rm -rf tree
  mkdir -p tree/src/core tree/docs tree/examples
  printf '#pragma once\n' >tree/src/core/a.hpp
  printf 'int main() {\n  return 0;\n}\n' >tree/examples/01_nothing.cpp
  printf '# Nothing\n\n<!-- examples/01_nothing.cpp -->\n```cpp\n  return 0;\n```\n' >tree/README.md
}

tree
expect sources ''
expect docs ''

printf 'int a;\n' >tree/src/core/a.hpp
expect sources 'src/core/a.hpp:1: a header begins with #pragma once'
printf '#pragma once\nusing namespace std;\n' >tree/src/core/a.hpp
expect sources 'src/core/a.hpp:2: a header opens no namespace for those who include it'
tree
for word in TO''DO FIX''ME; do
  printf '\n// %s: later\n' $word >tree/src/core/a.cpp
  expect sources 'src/core/a.cpp:2: do it, or leave it out'
done
printf '\nstd::this_thread::sleep_for(1s);\n' >tree/src/core/a.cpp
expect sources ''
mv tree/src/core/a.cpp tree/src/core/a_test.cpp
expect sources 'src/core/a_test.cpp:2: a unit test does not sleep'
printf '\n\r\n' >tree/src/core/a_test.cpp
expect sources 'src/core/a_test.cpp:2: a line ends in carriage return'
seq 601 >tree/src/core/a_test.cpp
expect sources 'src/core/a_test.cpp:601: more than 600 lines: two ideas in one file'

tree
sed -i 's/return 0/return 1/' tree/examples/01_nothing.cpp
expect docs 'README.md:4: is not what examples/01_nothing.cpp says'
printf '```cpp\n  return 1;\n```\n' >tree/docs/a.md
tree_readme=$(cat tree/README.md) && printf '%s\n' "${tree_readme/return 0/return 1}" >tree/README.md
expect docs 'docs/a.md:1: C++ that is quoted from no file'
printf '<!-- examples/02_missing.cpp -->\n```cpp\n  return 1;\n```\n' >tree/docs/a.md
expect docs 'docs/a.md:2: is not what examples/02_missing.cpp says'
exit "$failed"
