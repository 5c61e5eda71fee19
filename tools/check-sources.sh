#!/usr/bin/env bash
# What no compiler minds and we do: check-sources.sh [ROOT] prints "file:line: why" for each; exit 1 where there is any.
set -euo pipefail
cd "${1:-.}"

directories=()
for directory in include src tests bench examples; do [ ! -d "$directory" ] || directories+=("$directory"); done
mapfile -t files < <(find "${directories[@]}" -type f \( -name '*.hpp' -o -name '*.cpp' \) | LC_ALL=C sort)
[ ${#files[@]} -gt 0 ] || { echo "check-sources: no sources in $PWD" >&2; exit 2; }

awk -v lines_max=600 '
function complain(why) {
  printf "%s:%d: %s\n", FILENAME, FNR, why
  bad = 1
}
FNR == 1 { unit_test = FILENAME ~ /^src\/.*_test\.cpp$/ }
FNR == 1 && FILENAME ~ /\.hpp$/ && $0 != "#pragma once" { complain("a header begins with #pragma once") }
FNR == lines_max + 1 { complain("more than " lines_max " lines: two ideas in one file") }
/(TODO|FIXME)/ { complain("do it, or leave it out") }
unit_test && /this_thread::sleep|usleep|nanosleep/ { complain("a unit test does not sleep") }
/\r$/ { complain("a line ends in carriage return") }
/using namespace (std|fanfold)/ && FILENAME ~ /^(include|src)\/.*\.hpp$/ { complain("a header opens no namespace for those who include it") }
END { exit bad }
' "${files[@]}"
