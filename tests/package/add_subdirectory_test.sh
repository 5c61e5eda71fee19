#!/usr/bin/env bash
# ctest: labels=package timeout=900
# A project outside of this one builds fanfold among its own sources: the smallest build there is, without AWS.
set -euo pipefail

cmake -S "$SOURCE_DIR/tests/package/add_subdirectory" -B build -G Ninja -DFANFOLD_SOURCE_DIR="$SOURCE_DIR" \
  -DFANFOLD_AWS=OFF -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=0 -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O0 \
  -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)"
cmake --build build
./build/consumer

# What only fanfold's own developers need stays out of a user's build.
for option in TESTS BENCH EXAMPLES CLI; do
  grep -q "^FANFOLD_BUILD_$option:BOOL=OFF" build/CMakeCache.txt || { echo "FANFOLD_BUILD_$option is not off"; exit 1; }
done
