#!/usr/bin/env bash
# clang-tidy over one source, unless the same text was clean before: tidy-once.sh BUILD [OPTION...] SOURCE
# What was clean is remembered by a digest of all that clang-tidy reads, below ~/.cache (XDG_CACHE_HOME).
set -euo pipefail

build=$1
source=${*: -1}
options=("${@:2:$#-2}")
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/fanfold-tidy

# The compiler's command for the source, which the build wrote down, made to print the preprocessed text.
preprocess() {
  local file command
  file=$(readlink -f "$source")
  command=$(awk -v file="$file" '
    /"directory":/ { directory = $0 }
    /"command":/ { command = $0 }
    /"file":/ && index($0, "\"" file "\"") { print directory; print command; exit }' "$build/compile_commands.json" |
    sed -e '1s/^ *"directory": "\(.*\)",$/cd \1 \&\&/' -e '2s/^ *"command": "\(.*\)",\{0,1\}$/\1/' -e 's/\\"/"/g' -e 's/\\\\/\\/g' | tr '\n' ' ')
  [ -n "$command" ] || return 1
  command=${command/ -o * -c / -c }
  bash -c "$command -E -CC -o -" 2>/dev/null
}

digest() {
  { clang-tidy-14 --version && cat .clang-tidy && printf '%s\n' "${options[@]}" && preprocess; } | sed "s|$PWD||g" | sha256sum | cut -c1-64
}

key=$(digest) || key=
if [ -n "$key" ] && [ -e "$cache/$key" ]; then
  touch "$cache/$key"
  exit 0
fi
clang-tidy-14 --quiet -p "$build" "${options[@]}" "$source"
[ -n "$key" ] || exit 0
mkdir -p "$cache" && : >"$cache/$key" || true
find "$cache" -type f -mtime +30 -delete 2>/dev/null || true
