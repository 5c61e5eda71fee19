#!/usr/bin/env bash
# Compiles fanfold for arm64 on another machine, and runs that under qemu:
#   arm64.sh                  the release build in build/arm64, its units, contracts and integration tests in C++, and a
#                             piece of the simulation
#   arm64.sh in COMMAND...    a command in the Debian 12 that this happens in, at the project's folder
#   arm64.sh lambda [WHAT]    the zip of a Lambda function for arm64 (package-lambda.sh)
# That Debian is build/arm64-root, made by debootstrap: arm64's libraries would have to stand beside this machine's. Its
# programs for arm64 start by themselves: the kernel is told of qemu in a user namespace of our own (Linux 6.7), so that this
# machine stays as it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
jobs=${FANFOLD_JOBS:-$(nproc)}
root=$PWD/build/arm64-root
mirror=${FANFOLD_DEBIAN_MIRROR:-} # Debootstrap's own without it.
# qemu 7.2 of Debian 12 itself refuses the clone(2) that starts a task's program, with CLONE_PIDFD.
packages=(qemu-user/bookworm-backports crossbuild-essential-arm64 cmake ninja-build ccache git openssl python3 procps sqlite3 patch
  xz-utils libcli11-dev lib{sqlite3,boost1.81,fmt,curl4-openssl,ssl,gtest,gmock}-dev:arm64)
qemu=$root/usr/bin/qemu-aarch64

say() { printf '==> %s\n' "$*" >&2; }
die() { printf './dev arm64: %s\n' "$*" >&2; exit 1; }

make_root() {
  [ "$(id -u)" -eq 0 ] || die "making the Debian in build/arm64-root needs root"
  command -v debootstrap >/dev/null || die "debootstrap is missing: apt-get install debootstrap"
  say "making a Debian 12 with the cross compiler in build/arm64-root"
  mkdir -p build
  rm -rf --one-file-system "$root"
  local log=build/arm64-root.log
  fill_root >"$log" 2>&1 || { tail -n 20 "$log" >&2; die "failed; the whole log is $log"; }
  printf '%s' "${packages[*]}" >"$root/packages"
}

fill_root() {
  debootstrap --variant=minbase --include=ca-certificates bookworm "$root" ${mirror:+"$mirror"} || return
  read -r _ mirror _ <"$root/etc/apt/sources.list"
  printf "deb $mirror %s main\n" bookworm bookworm-updates bookworm-backports >"$root/etc/apt/sources.list"
  printf 'deb %s-security bookworm-security main\n' "${mirror%/}" >>"$root/etc/apt/sources.list"
  if [ -d /etc/apt/apt.conf.d ]; then cp -a /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"; fi # A proxy, for one.
  cp -L /etc/resolv.conf /etc/hosts "$root/etc/" || return
  chroot "$root" dpkg --add-architecture arm64 || return
  chroot "$root" apt-get -o Acquire::Retries=3 update || return
  DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get -o Acquire::Retries=3 install -y --no-install-recommends "${packages[@]}"
}

# Runs a command that may start programs for arm64.
with_qemu() {
  unshare --user --map-root-user --mount --pid --fork --kill-child --mount-proc bash -euc '
    magic="\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    mask="\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
    mount -t binfmt_misc none /proc/sys/fs/binfmt_misc &&
      printf %s ":fanfold-arm64:M::$magic:$mask:$1:F" >/proc/sys/fs/binfmt_misc/register ||
      { echo "./dev arm64: the kernel lets no user namespace say how programs for arm64 start (Linux 6.7 does)" >&2; exit 1; }
    shift
    exec "$@"' with_qemu "$qemu" "$@"
}

# Runs a command in that Debian.
inside() {
  mkdir -p "$root$PWD"
  with_qemu bash -euc '
    for folder in /proc /dev /sys "$PWD"; do mount --rbind "$folder" "$1$folder"; done
    exec env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TERM="${TERM:-dumb}" \
      CCACHE_DIR="$PWD/build/arm64-ccache" CCACHE_NOHASHDIR=1 FANFOLD_JOBS="${FANFOLD_JOBS:-}" \
      chroot "$1" sh -c "cd \"\$1\"; shift; exec \"\$@\"" sh "$PWD" "${@:2}"' inside "$root" "$@"
}

verb_check() {
  say "building build/arm64"
  inside cmake --preset arm64 >build/arm64.log || { cat build/arm64.log >&2; die "cmake failed"; }
  inside nice cmake --build build/arm64 --parallel "$jobs" --target all fanfold_simulation
  say "testing under qemu, which takes several times as long as a processor"
  # Left out: qemu makes a fork(2) of vfork(2), so that the parent does not learn the child's error, nor wait until the child
  # is in a group of its own; loading libcurl takes it longer than a test's 50 ms; a script asks for a native compiler.
  inside ctest --test-dir build/arm64 --output-on-failure --no-tests=error --parallel "$jobs" --repeat until-pass:3 \
    -E 'SaysWhyItCouldNotStart|EndsACredentialProcessWithAllItStarted|TellsASlowServerFromTheCallersDeadline|json_reasons_test'
  inside build/arm64/tests/simulation/fanfold_simulation 200
  inside build/arm64/tests/simulation/fanfold_simulation --aws 100
}

# The zip is made in there, and checked out here, where Python and what plays AWS are.
verb_lambda() {
  local what=${1:-examples/09_lambda.cpp} zip flags=() code
  [ -e "$what" ] || { echo "./dev package lambda: there is no $what" >&2; exit 2; }
  what=$(realpath --relative-to=. "$what")
  [[ $what != ../* ]] || die "$what: expected something below $PWD, which is all that the other Debian sees"
  [ "$what" != examples/09_lambda.cpp ] || flags=(--example)
  inside env FANFOLD_ARCH=arm64 tools/package-lambda.sh "$what" | while read -r zip; do
    code=0
    with_qemu tools/lambda/check.sh "$zip" "${flags[@]}" </dev/null >&2 || code=$?
    [ $code -eq 0 ] || [ $code -eq 77 ] || exit $code # 77: it said that it could not check.
    printf '%s\n' "$zip"
  done
}

[ "$(uname -m)" != aarch64 ] || die "this machine is one: ./dev test, and ./dev package lambda"
[ "$(cat "$root/packages" 2>/dev/null)" = "${packages[*]}" ] || make_root
verb=${1:-check}
[ $# -eq 0 ] || shift
case $verb in
  check | lambda) "verb_$verb" "$@" ;;
  in) inside "$@" ;;
  *) die "no such verb: $verb" ;;
esac
