#!/usr/bin/env bash
# Runs a test script in an empty directory of its own: run-script-test.sh DIRECTORY SCRIPT
set -euo pipefail
directory=$1 script=$2
# What a run that was killed left mounted.
while read -r _ mounted _; do
  [[ $mounted != "$directory"/* ]] || umount "$mounted"
done </proc/mounts
rm -rf "$directory"
mkdir -p "$directory"
cd "$directory"
# Behind nohup(1), or in the background of a script, signals are ignored that the tests send.
exec env --default-signal=HUP,INT,QUIT bash -euo pipefail "$script"
