#!/usr/bin/env bash
# Runs a Lambda function's zip in an empty root: check.sh ZIP [--example]; exits 77 where it cannot. What it needs of root it
# gets by a user namespace, where the kernel gives one; the network is one of its own, with loopback alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
zip=$(realpath "$1")
python=build/python/bin/python3
[ -x "$python" ] || { echo "check.sh: $python is missing; ./dev makes it" >&2; exit 1; }
spaces=(--net)
[ "$(id -u)" -eq 0 ] || spaces+=(--user --map-root-user)
unshare "${spaces[@]}" true 2>/dev/null || {
  echo "check.sh: NOT CHECKED: the kernel gives $(id -un) no namespaces; try as root" >&2
  exit 77
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
PYTHONDONTWRITEBYTECODE=1 FANFOLD_BIN=${FANFOLD_BIN:-$PWD/build/release/fanfold} \
  unshare "${spaces[@]}" --pid --fork --kill-child "$python" tools/lambda/check.py "$zip" "$folder" "${@:2}"
