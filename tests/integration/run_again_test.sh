# ctest: timeout=120
# fanfold run --again: what counts after it, and how it is gone on with where it was interrupted.
source "$SOURCE_DIR/tests/integration/support/checks.sh"

# Each takes a while, so that none is claimed together with the one that waits: those are run to their end, too.
program=(sh -c 'sleep 0.05; echo "$1" >>"$RAN"; while [ -e hold ] && [ "$1" -ge "$(cat hold)" ]; do sleep 0.02; done' sh {task})
# start NAME OPTIONS...: what ran is noted in the file NAME; tasks from the number in the file "hold" on wait while it is there.
start() {
  export RAN=$1
  shift
  exec "$FANFOLD_BIN" run --json --jobs 1 "$@" --tasks list.txt -- "${program[@]}"
}
started() { (start "$@"); }
# interrupt SIGNAL NAME OPTIONS...: begins, and is sent the signal when task 3 runs.
interrupt() {
  local signal=$1 code=0
  echo 3 >hold
  (start "${@:2}" >out 2>err) &
  local run=$!
  until grep -qx 3 "$2" 2>/dev/null; do sleep 0.02; done
  kill "-$signal" $run
  [ "$signal" = KILL ] || until grep -q draining err; do sleep 0.02; done
  sleep 0.3 # it says so just before it does
  rm hold
  wait $run || code=$?
  [ "$signal" = KILL ] || same 130 "$code"
}
ran() { tr '\n' ' ' <"$1" | sed 's/ $//'; }

# --- interrupted, it is gone on with by the same command without --again, which it says
seq 1 5 >list.txt
expect 0 started first
interrupt INT again --again
complains 'Run the same command without --again to go on.'
expect 0 fanfold why list
says 'run the same fanfold run command again, without --again'
expect 0 started rest
same '1 2 3' "$(ran again)"
same '4 5' "$(ran rest)"
same '5 3' "$(field complete) $(field skipped)"
expect 0 started nothing
same 5 "$(field skipped)"
[ ! -e nothing ] || failed "something ran once more"

# --- killed too; and what a start before it had completed and left open does not count for the rest
printf 'other\n' >>list.txt
sed -i 1d list.txt # a list of its own: 2 3 4 5 other
program=(sh -c 'sleep 0.05; echo "$1" >>"$RAN"; while [ -e hold ] && [ "$1" = "$(cat hold)" ]; do sleep 0.02; done' sh {task})
interrupt INT open.1
same '2 3' "$(ran open.1)"
interrupt KILL open.2 --again
complains 'list: an earlier start is not finished, 2 of 5 complete: --again leaves it and runs the whole list anew; without --again it goes on'
expect 0 started open.3
same '3 4 5 other' "$(grep -vx 2 open.3 | sort | tr '\n' ' ' | sed 's/ $//')" # 2 ended just before the kill
same 5 "$(field complete)"

# --- --again itself always begins anew
interrupt INT anew.1 --again
expect 0 started anew.2 --again
complains 'an earlier start is not finished, 2 of 5 complete'
same '2 3 4 5 other' "$(ran anew.2)"

# --- nor does it count for another list of the same job: of that, what was completed since is skipped
interrupt INT since.1 --again
echo more >>list.txt
expect 0 started since.2
same '2 3' "$(ran since.1)"
same '4 5 other more' "$(ran since.2)"
same 2 "$(field skipped)"
complains '2 complete in earlier lists (skipped)'
