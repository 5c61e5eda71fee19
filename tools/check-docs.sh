#!/usr/bin/env bash
# C++ in the documents is quoted from files that are compiled: check-docs.sh [ROOT]
# Each block of it follows a line `<!-- examples/01_hello.cpp -->` and stands in that file, line by line.
set -euo pipefail
cd "${1:-.}"

mapfile -t documents < <(find README.md docs -name '*.md' 2>/dev/null | LC_ALL=C sort)
[ ${#documents[@]} -gt 0 ] || exit 0

awk '
function complain(why) {
  printf "%s:%d: %s\n", FILENAME, begin, why
  bad = 1
}
# The whole file as one text that begins and ends with a line break.
function text_of(path,    line, text) {
  text = "\n"
  while ((getline line < path) > 0) text = text line "\n"
  close(path)
  return text
}
/^<!-- [^ ]+\.[ch]pp -->$/ {
  source = $2
  source_line = FNR
}
/^```cpp/ {
  inside = 1
  begin = FNR
  block = "\n"
  next
}
inside && /^```/ {
  inside = 0
  if (source == "" || source_line != begin - 1) complain("C++ that is quoted from no file")
  else if (index(text_of(source), block) == 0) complain("is not what " source " says")
  source = ""
  next
}
inside { block = block $0 "\n" }
END { exit bad }
' "${documents[@]}"
