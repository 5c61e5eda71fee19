#!/usr/bin/env bash
# Builds the fuzzers with clang's address and undefined behaviour sanitizers and runs each: fuzz.sh [SECONDS]
# What they find new is collected in build/fuzz/corpus; an input that fails is written to build/fuzz/failures.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${1:-60}
jobs=${FANFOLD_JOBS:-$(nproc)}
say() { printf '==> %s\n' "$*" >&2; }

say "building build/fuzz"
mkdir -p build/fuzz/failures
cmake -S . -B build/fuzz -G Ninja -DCMAKE_CXX_COMPILER=clang++-14 -DCMAKE_BUILD_TYPE=Fuzz \
  -DCMAKE_CXX_FLAGS_FUZZ="-O1 -g1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all" \
  -DFANFOLD_FUZZERS=ON -DFANFOLD_BUILD_BENCH=OFF -DFANFOLD_BUILD_EXAMPLES=OFF -DFANFOLD_BUILD_CLI=OFF \
  >build/fuzz/configure.log || { cat build/fuzz/configure.log >&2; exit 1; }
cmake --build build/fuzz --parallel "$jobs" --target fanfold_fuzzers >&2

for source in tests/fuzz/*_fuzz.cpp; do
  name=$(basename "$source" .cpp)
  found=build/fuzz/corpus/${name%_fuzz}
  mkdir -p "$found"
  say "$name for $seconds s"
  build/fuzz/tests/fuzz/"$name" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix=build/fuzz/failures/ "$found" "tests/fuzz/corpus/${name%_fuzz}" \
    >"build/fuzz/$name.log" 2>&1 || { tail -n 60 "build/fuzz/$name.log" >&2; exit 1; }
  grep -E '^stat::(number_of_executed_units|peak_rss_mb)' "build/fuzz/$name.log"
done
say "no failures"
