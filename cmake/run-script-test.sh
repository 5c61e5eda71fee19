#!/usr/bin/env bash
# Runs a test script in an empty directory of its own: run-script-test.sh DIRECTORY SCRIPT
set -euo pipefail
directory=$1 script=$2
rm -rf "$directory"
mkdir -p "$directory"
cd "$directory"
exec bash -euo pipefail "$script"
