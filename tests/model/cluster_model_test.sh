#!/usr/bin/env bash
# ctest: labels=model timeout=600
# The model of one cluster (cluster.pml): every state of each configuration keeps every promise, every step is taken in one of
# them, no run goes on for ever, each wrong variant breaks the promise that it should, and each promise has such a variant.
# `cluster_model_test.sh variant NAME`, by hand, leaves the trail of a wrong variant in this directory; docs/hacking.md says how
# to read it.
set -euo pipefail
depth_max=2000 # Steps of the longest run. A search that is deeper fails.

# name | what may happen
configurations='
workers|-DCRASHES=2 -DONLY_WORKERS_DIE=1 -DDUPLICATES=1 -DEXPIRIES=1
creator|-DTASKS=3 -DLEAF_WIDTH=2 -DCRASHES=2
open|-DTASKS=3 -DOPEN=1 -DCRASHES=1
retention|-DRETENTIONS=1 -DCRASHES=1 -DFAILURES=1
early-sweeps|-DEARLY_SWEEPS=1 -DCRASHES=1
open-early|-DEARLY_SWEEPS=1 -DOPEN=1
'
# Of these it is also shown that no run goes on for ever, so that each comes to where nothing moves, and is judged there.
endless='retention'

# The one promise that is no assertion: its variants are searched for a cycle.
no_cycle='no run goes on for ever'

# name | where | the promise that it breaks
variants='
CLAIM_WITHOUT_CONDITION|-DDUPLICATES=1|no handler starts for what has ended
IGNORE_LIVE_LEASE|-DDUPLICATES=1|no two handlers of one record run at a time
ATTEMPTS_COUNTED_AT_END|-DCRASHES=2 -DONLY_WORKERS_DIE=1|there are no more starts than attempts
END_WITHOUT_TOKEN|-DEXPIRIES=1 -DDUPLICATES=1 -DFAILURES=1 -DATTEMPTS_MAX=3|no two handlers of one record run at a time
FAIL_WITHOUT_CONDITION|-DEXPIRIES=1 -DATTEMPTS_MAX=1|an ended record is never written again
DELETE_BEFORE_END|-DCRASHES=1|the finish is handled
DELETE_BEFORE_FOLLOWING|-DCRASHES=1|the finish is handled
REDELIVERY_REPEATS_NOTHING|-DCRASHES=1|a cluster whose tasks have ended is finished
REDELIVERY_PUT_BACK|-DDUPLICATES=1|no run goes on for ever
FULL_BEFORE_THE_WRITE||a cluster whose tasks have ended is finished
COUNT_BEFORE_FULL|-DTASKS=3 -DLEAF_WIDTH=2|a cluster finishes when all its tasks have ended
LEAF_FULL_BY_ITS_LAST_TASK|-DTASKS=3 -DLEAF_WIDTH=2 -DFAILURES=1 -DATTEMPTS_MAX=1|a count in the tree is final
COUNT_THE_HAND_UPS|-DDUPLICATES=1|a cluster finishes when all its tasks have ended
FAILURES_ADDED_AGAIN|-DFAILURES=1 -DATTEMPTS_MAX=1|a failed task is counted once
FINISH_WITHOUT_SWAP|-DDUPLICATES=1|the finish is decided once
FINISH_SENT_BEFORE_THE_SWAP||the finish is handled when the cluster is finished
FINISH_NOT_CLAIMED|-DDUPLICATES=1|no two handlers of one record run at a time
SEAL_WITHOUT_SIZES|-DTASKS=3|a cluster whose tasks have ended is finished
SEALER_LEAVES_FULL_NODES|-DTASKS=3 -DLEAF_WIDTH=2 -DOPEN=1|a cluster whose tasks have ended is finished
MARKED_BEFORE_THE_SIZES|-DCRASHES=1|a cluster whose tasks have ended is finished
CREATED_WITHOUT_MARK|-DCRASHES=1|no task is lost
SWEEP_HANDS_UP_NOTHING|-DCRASHES=1 -DRETENTIONS=1|a cluster whose tasks have ended is finished
SWEEP_FORGETS_THE_FINISH|-DCRASHES=1 -DRETENTIONS=1|the finish is handled
'

variant=${2:-}
names=$(cut -sd'|' -f1 <<<"$variants")
if [ $# -ne 0 ] && ! { [ $# -eq 2 ] && [ "$1" = variant ] && grep -qxF -e "$variant" <<<"$names"; }; then
  printf 'Expected no arguments, or "variant NAME" with a NAME of:\n%s\n' "$names" >&2
  exit 2
fi

for program in spin gcc; do
  command -v $program >/dev/null || { echo "NOT RUN: there is no $program; ./dev test installs it" >&2; exit 77; }
done
model=$(dirname "$(realpath "$0")")/cluster.pml
ulimit -v 1000000 # In KiB. The largest search takes a quarter of it.
cp "$model" cluster.pml # spin looks for the trail beside the model.

failed=0
fail() {
  echo "FAILED: $*"
  failed=1
}

# verifier "SPIN ARGUMENTS" "COMPILER ARGUMENTS": makes ./pan, or ends the test: `set -e` is off where a caller's failure is
# looked at. Half of the test is compiling what changes with the model alone.
compiler=(gcc)
! command -v ccache >/dev/null || compiler=(ccache gcc)
verifier() {
  local said
  rm -f pan pan.o
  # shellcheck disable=SC2086
  if ! said=$(spin -a $1 cluster.pml 2>&1) || [ -n "$said" ]; then
    echo "FAILED: spin -a $1: $said"
    exit 1
  fi
  # shellcheck disable=SC2086
  if ! "${compiler[@]}" -w $2 -c -o pan.o pan.c || ! gcc -o pan pan.o; then
    echo "FAILED: what spin -a $1 made does not compile with $2"
    exit 1
  fi
}

# search NAME ARGUMENTS…: runs ./pan to its end, which has to have seen every state and found nothing.
search() {
  local name=$1
  shift
  ./pan -m$depth_max -w22 "$@" >pan.out 2>&1 || fail "$name: the verifier exits with $?"
  if ! grep -q 'errors: 0$' pan.out || grep -qiE 'not completed|too small|out of memory|violated|invalid end state \(at|cycle \(' pan.out; then
    sed '/^Peg Counts/,$d' pan.out
    fail "$name: the search found something, or did not see everything"
  fi
  printf '%-14s %9s states, depth %s, %s MB\n' "$name" "$(grep -oE '[0-9]+ states, stored' pan.out | cut -d' ' -f1)" \
    "$(grep -oE 'depth reached [0-9]+' pan.out | cut -d' ' -f3)" "$(awk '/total actual memory usage/ { print int($1 + 1) }' pan.out)"
}

# Appends "PROCESS STEP times" for each step of the model to `steps`; those of a place in the source are one.
note_steps() {
  ./pan -d | awk '
    FNR == NR { if ($2 == "trans") times[$3] = $1; next }
    /^proctype/ { process = $2 }
    match($0, /\(tr +[0-9]+\)/) {
      number = substr($0, RSTART + 4, RLENGTH - 5) + 0
      step = $0
      sub(/^.*cluster.pml:[0-9]+ => /, "", step)
      gsub(/ /, "", step)
      if (step == "(0)") next # `dies` without crashes
      if (step !~ /^D_STEP/) gsub(/[0-9]+|timeout/, "#", step) # What a configuration chose.
      print process, step, times[number] + 0
    }' pan.out - >>steps
}

check_configurations() {
  : >steps
  local name arguments
  while IFS='|' read -r name arguments; do
    [ -n "$name" ] || continue
    verifier "-o3 $arguments" "-Og -DSAFETY -DCOLLAPSE -DPEG"
    search "$name"
    note_steps
    [[ " $endless " != *" $name "* ]] && continue
    verifier "$arguments" "-Og -DNP -DCOLLAPSE"
    search "$name, ends" -l
  done <<<"$configurations"
}

# A step that nothing takes shows that a configuration is too small for it, or that the model says something else than meant.
check_steps() {
  local never
  never=$(awk '{ all[$1 " " $2] += $3 } END { for (step in all) if (!all[step]) print step }' steps | sort | grep -v ' -end-$' || true)
  [ -z "$never" ] || fail "no configuration takes these steps (process, line of the model): $never"
  echo "$(cut -d' ' -f1,2 steps | sort -u | wc -l) steps, all taken"
}

# Each promise of the model, once, has a variant that breaks it, and there are no others.
check_promises() {
  local differences
  differences=$(diff <({ grep -oP '"broken: \K[^"\\]+' cluster.pml; echo "$no_cycle"; } | sort) \
    <(awk -F'|' 'NF { print $3 }' <<<"$variants" | sort -u)) ||
    fail "promises of the model (<), and those that a variant breaks (>): $differences"
}

# What broke in the search of ./pan, which left a trail.
what_broke() {
  if grep -q '^pan:1: non-progress cycle' pan.out; then
    echo "$no_cycle"
  else
    spin -t "$@" cluster.pml | sed -n 's/^ *broken: //p' | head -n 1
  fi
}

check_variant() {
  local name=$1 arguments=$2 promise=$3 broken safety=-DSAFETY cycles=
  [ "$promise" != "$no_cycle" ] || { safety=-DNP; cycles=-l; }
  verifier "-D$name $arguments" "-O0 $safety -DNOREDUCE -DNOBOUNDCHECK"
  rm -f cluster.pml.trail
  ./pan -m$depth_max -w20 $cycles >pan.out 2>&1 || true
  if [ ! -e cluster.pml.trail ]; then
    cat pan.out
    return 1
  fi
  # shellcheck disable=SC2086
  broken=$(what_broke -D$name $arguments)
  printf '%-27s breaks "%s" in %s steps\n' "$name" "$broken" "$(($(wc -l <cluster.pml.trail) - 3))"
  [ "$broken" = "$promise" ]
}

check_variants() {
  local name arguments promise
  while IFS='|' read -r name arguments promise; do
    [ -n "$name" ] || continue
    [ -z "$variant" ] || [ "$variant" = "$name" ] || continue
    check_variant "$name" "$arguments" "$promise" || fail "$name should break \"$promise\""
    [ -z "$variant" ] || echo "spin -t -p -g -D$name $arguments cluster.pml"
  done <<<"$variants"
}

if [ -z "$variant" ]; then
  check_promises
  check_configurations
  check_steps
fi
check_variants
exit $failed
