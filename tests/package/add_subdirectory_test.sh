#!/usr/bin/env bash
# ctest: labels=package timeout=600
# A project outside of this one builds fanfold among its own sources. With the release build's own flags, the
# compiler cache answers for the library's files.
set -euo pipefail
export CCACHE_NOHASHDIR=1
value() { sed -n "s/^$1:[A-Z]*=//p" "$BUILD_DIR/CMakeCache.txt"; }

cmake -S "$SOURCE_DIR/tests/package/add_subdirectory" -B build -G Ninja -DFANFOLD_SOURCE_DIR="$SOURCE_DIR" \
  -DCMAKE_BUILD_TYPE="$(value CMAKE_BUILD_TYPE)" -DCMAKE_CXX_FLAGS_RELEASE="$(value CMAKE_CXX_FLAGS_RELEASE)" \
  -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" -DFANFOLD_WERROR="$(value FANFOLD_WERROR)" \
  -DFANFOLD_AWS="$(value FANFOLD_AWS)" -DCMAKE_COLOR_DIAGNOSTICS=ON
cmake --build build
./build/consumer

# What only fanfold's own developers need stays out of a user's build.
for option in TESTS BENCH EXAMPLES CLI; do
  grep -q "^FANFOLD_BUILD_$option:BOOL=OFF" build/CMakeCache.txt || { echo "FANFOLD_BUILD_$option is not off"; exit 1; }
done
