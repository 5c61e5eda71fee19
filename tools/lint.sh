#!/usr/bin/env bash
# Format, includes and clang-tidy: lint.sh [--all | --fix]      (--fix only formats, in place)
# clang-tidy looks at the sources that differ from main (on main: at those of the last commit), or at all of them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

jobs=${FANFOLD_JOBS:-$(nproc)}
failed=0
say() { printf '==> %s\n' "$*" >&2; }

tracked() { git ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do [ ! -e "$file" ] || echo "$file"; done; }

# Where this branch left main; on main itself the commit before.
base() {
  local main
  main=$(git rev-parse -q --verify origin/main || git rev-parse -q --verify main || true)
  if [ -n "$main" ] && [ "$main" != "$(git rev-parse HEAD)" ]; then
    git merge-base "$main" HEAD
  else
    git rev-parse -q --verify HEAD^ || git rev-parse HEAD
  fi
}

# The .cpp files to check: those that differ, and beside a header that differs its own .cpp and test.
changed_sources() {
  { git diff --name-only "$(base)" && git ls-files --others --exclude-standard; } | while read -r file; do
    case $file in
      include/fanfold/*.hpp) basename "$file" .hpp | xargs -I{} find src -name '{}.cpp' -o -name '{}_test.cpp' ;;
      *.hpp) printf '%s\n' "${file%.hpp}.cpp" "${file%.hpp}_test.cpp" ;;
      *.cpp) echo "$file" ;;
    esac
  done | sort -u
}

# The sources that a build compiles, as lines `SOURCE UNIT`: UNIT is what the compiler is called for, the source itself or
# the unity source that includes it. The simulation with bugs put in has sources of other folders, which are there before.
units() {
  local unit
  sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "build/$1/compile_commands.json" | grep -v 'fanfold_mutants' | while read -r unit; do
    case $unit in
      */Unity/unity_*) sed -n "s|^#include \"\(.*\)\"|\1 $unit|p" "$unit" ;;
      *) echo "$unit $unit" ;;
    esac
  done | sed "s|^$PWD/||" | sort -u -k1,1
}

if [ "${1:-}" = --fix ]; then
  tracked '*.hpp' '*.cpp' | xargs -r clang-format-14 -i
  exit
fi

say "clang-format"
unformatted() { clang-format-14 --dry-run -Werror "$1" >/dev/null 2>&1 || echo "$1: not formatted; ./dev lint --fix does it"; }
said=$(tracked '*.hpp' '*.cpp' | while read -r file; do unformatted "$file"; done)
[ -z "$said" ] || { echo "$said"; failed=1; }

say "includes, sources, documents"
tools/check-layering.sh || failed=1
tools/check-sources.sh || failed=1
tools/check-docs.sh || failed=1

if [ "${1:-}" = --all ]; then sources=$(units debug | cut -d' ' -f1); else sources=$(comm -12 <(changed_sources) <(units debug | cut -d' ' -f1)); fi
tidy() {
  xargs -r -n 1 -P "$jobs" tools/tidy-once.sh "$@" 2>&1 |
    awk '!/^[0-9]+ warnings? (and [0-9]+ errors? )?(generated|treated)|^Suppressed |^Use -header-filter|^Error while processing/ && !seen[$0]++'
}
# Ten sources together take clang-tidy as long as one alone, most of which are the headers; whether each includes what
# it needs shows only alone.
say "clang over $(wc -w <<<"$sources") of $(units debug | wc -l) files, one by one"
tidy build/debug --checks='-*,misc-definitions-in-headers' <<<"$sources" || failed=1
together=$(join <(echo "$sources") <(units lint) | cut -d' ' -f2 | sort -u)
say "clang-tidy over the $(wc -w <<<"$together") units that these are in"
tidy build/lint <<<"$together" || failed=1

[ "$failed" -eq 0 ] && say "clean"
exit "$failed"
