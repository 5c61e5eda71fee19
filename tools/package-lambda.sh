#!/usr/bin/env bash
# Makes the zip of a Lambda function and checks it in an empty root: package-lambda.sh [FILE.cpp | DIRECTORY]
# FILE is a whole program (examples/09_lambda.cpp where nothing is said); DIRECTORY a CMake project that calls
# fanfold_package_lambda(). All is made in build/lambda; what others find there is build/lambda/root. With FANFOLD_ARCH=arm64
# Debian's cross compiler makes it, in build/lambda-arm64, and the check is the caller's (arm64.sh).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/lambda/curl.sh
jobs=${FANFOLD_JOBS:-$(nproc)}
lambda_build=$PWD/build/lambda${FANFOLD_ARCH:+-$FANFOLD_ARCH}
case ${FANFOLD_ARCH:-} in
  '') ;;
  arm64) export CC=aarch64-linux-gnu-gcc CXX=aarch64-linux-gnu-g++ ;;
  *) echo "./dev package lambda: no architecture called '$FANFOLD_ARCH'" >&2; exit 2 ;;
esac
root=$lambda_build/root
what=$(realpath "${1:-examples/09_lambda.cpp}")
[ -e "$what" ] || { echo "./dev package lambda: there is no $what" >&2; exit 2; }

say() { printf '==> %s\n' "$*" >&2; }
# quietly LOG COMMAND...
quietly() {
  local log=$1
  shift
  "$@" >"$log" 2>&1 || { tail -n 40 "$log" >&2; echo "./dev package lambda: failed; the whole log is $log" >&2; exit 1; }
}

# The library once more, compiled for size: that is a third of what it takes otherwise.
build_fanfold() {
  say "building fanfold, statically"
  quietly "$lambda_build/fanfold.log" cmake -S . -B "$lambda_build/fanfold" -G Ninja -DCMAKE_BUILD_TYPE=MinSizeRel \
    -DCMAKE_TOOLCHAIN_FILE="$PWD/cmake/lambda-toolchain.cmake" -DCMAKE_INSTALL_PREFIX="$root" -DCMAKE_PREFIX_PATH="$root" \
    -DFANFOLD_AWS=ON -DFANFOLD_BUILD_TESTS=OFF -DFANFOLD_BUILD_BENCH=OFF -DFANFOLD_BUILD_EXAMPLES=OFF -DFANFOLD_BUILD_CLI=OFF
  quietly "$lambda_build/fanfold.log" cmake --build "$lambda_build/fanfold" --parallel "$jobs"
  quietly "$lambda_build/fanfold.log" cmake --install "$lambda_build/fanfold" --component development
}

# Leaves the names of the zips in `zips`.
build_function() {
  local name=${what##*/} source=$what arguments=() build
  name=${name%.cpp}
  build=$lambda_build/functions/$name
  [ -d "$what" ] || { source=$PWD/tools/lambda; arguments=("-DHANDLER=$what"); }
  say "building $name"
  rm -f "$build"/*.zip
  quietly "$build.log" cmake --fresh -S "$source" -B "$build" -G Ninja \
    -DCMAKE_BUILD_TYPE=MinSizeRel -DCMAKE_TOOLCHAIN_FILE="$root/lib/cmake/fanfold/lambda-toolchain.cmake" "${arguments[@]}"
  quietly "$build.log" cmake --build "$build" --parallel "$jobs"
  mapfile -t zips < <(find "$build" -name '*.zip')
  [ ${#zips[@]} -gt 0 ] || { echo "./dev package lambda: $what makes no zip: call fanfold_package_lambda()" >&2; exit 1; }
}

mkdir -p "$lambda_build/functions"
build_curl "$root"
build_fanfold
build_function
flags=()
[ "$what" != "$PWD/examples/09_lambda.cpp" ] || flags=(--example)
for zip in "${zips[@]}"; do
  code=0
  [ -n "${FANFOLD_ARCH:-}" ] || tools/lambda/check.sh "$zip" "${flags[@]}" >&2 || code=$?
  [ $code -eq 0 ] || [ $code -eq 77 ] || exit $code # 77: it said that it could not check.
  printf '%s\n' "$zip"
done
