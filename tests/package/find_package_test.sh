#!/usr/bin/env bash
# ctest: labels=package timeout=300
# A project outside of this one finds the installed package with find_package and with pkg-config.
set -euo pipefail
package=$SOURCE_DIR/tests/package
prefix=$PWD/prefix

cmake --install "$BUILD_DIR" --prefix "$prefix" >install.log
cmake -S "$package/find_package" -B build -G Ninja -DCMAKE_PREFIX_PATH="$prefix"
cmake --build build
(mkdir find_package && cd find_package && ../build/consumer)

export PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name fanfold.pc)")
# shellcheck disable=SC2046  # the flags are meant to be split
g++ -std=c++20 "$package/consumer/main.cpp" -o consumer $(pkg-config --cflags --libs fanfold)
(mkdir pkg_config && cd pkg_config && ../consumer)

# A newer or older minor version than the one asked for is refused.
sed 's/fanfold 0.1/fanfold 0.2/' "$package/find_package/CMakeLists.txt" >CMakeLists.txt
if cmake -S . -B build-newer -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >newer.log 2>&1; then
  echo "version 0.2 was asked for and $(cat "$BUILD_DIR/fanfold-config-version.cmake") answered"
  exit 1
fi
grep -q 'compatible with requested version "0.2"' newer.log

# The command brings its manual page and its completions along.
grep -q '^\.TH FANFOLD 1' "$prefix/share/man/man1/fanfold.1"
# shellcheck disable=SC1091  # it was installed just now
(source "$prefix/share/bash-completion/completions/fanfold" && complete -p fanfold) | grep -q -- '-F _fanfold fanfold'
