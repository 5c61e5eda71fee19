#!/usr/bin/env bash
# Runs an example in an empty folder and compares what it prints, line by line; a line of "*" stands for anything.
# usage: check.sh PROGRAM EXPECTED
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"$1" >printed.txt
mapfile -t printed <printed.txt
mapfile -t expected <"$2"
[ "${#printed[@]}" -eq "${#expected[@]}" ] || { echo "expected ${#expected[@]} lines, got:"; cat printed.txt; exit 1; }
for i in "${!expected[@]}"; do
  # shellcheck disable=SC2053
  [[ ${printed[$i]} == ${expected[$i]} ]] || { echo "line $((i + 1)): expected '${expected[$i]}', got '${printed[$i]}'"; exit 1; }
done
