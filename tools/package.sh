#!/usr/bin/env bash
# Makes the Debian packages of the library (shared), its headers and the command in build/package.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cmake -S . -B build/package -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr -DBUILD_SHARED_LIBS=ON \
  -DCMAKE_CXX_FLAGS_RELEASE="-O2 -g1 -DNDEBUG -ffile-prefix-map=$PWD=." \
  -DFANFOLD_BUILD_TESTS=OFF -DFANFOLD_BUILD_BENCH=OFF -DFANFOLD_BUILD_EXAMPLES=OFF >build/package.log
cmake --build build/package --parallel "${FANFOLD_JOBS:-$(nproc)}"
rm -f build/package/*.deb
(cd build/package && cpack -G DEB)
