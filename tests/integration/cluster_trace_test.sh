# ctest: timeout=120
# fanfold trace: a timeline of a cluster, made afterwards, that agrees with what the cluster says of itself, whatever became of it.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
# check FILE [SHOWN]: its counts go into the file out.
check() { python3 "$SOURCE_DIR/tests/python/cluster_trace_check.py" "$@" >out 2>err || failed "$1: $(cat err)"; }
counted() {
  local each
  for each in "$@"; do grep -qE "(^| )$each( |\$)" out || failed "expected $each"; done
}
show() { "$FANFOLD_BIN" cluster show "$1" --json >shown; }

# --- a job that is killed in the middle: what had ended, what runs, and no end
seq -f 'secret-%g' 1 60 >list.txt
program=(sh -c '[ ! -e hold ] || case $1 in secret-3?) while [ -e hold ]; do sleep 0.02; done;; esac
  case $1 in secret-7) [ -e mended ] || exit 65;; secret-8) test "$FANFOLD_ATTEMPT" -gt 1 || exit 75;; secret-9) echo "no \"room\"" >&2; exit 1;; esac; echo "$1" >>ran' sh {task})
job() { echo "$FANFOLD_BIN" run --json --jobs 4 --retries 1 --tasks list.txt --name "$1" --; }
touch hold ran
$(job killed) "${program[@]}" >w.out 2>w.err &
until [ "$(wc -l <ran)" -ge 26 ]; do kill -0 $! || failed "$(cat w.err)"; sleep 0.02; done
expect 0 fanfold trace killed --output running.json
check running.json
counted 'open=[1-9][0-9]*' goes-on=1
grep -q '"state":"running"' running.json || failed 'it does not say what runs'
kill -9 $!
wait $! 2>/dev/null || true
expect 0 fanfold trace killed --output killed.json --json
same killed.json "$(field file)"
same "$(wc -c <killed.json)" "$(field bytes)"
same 60 "$(field tasks)"
complete=$(field complete) events=$(field events)
show killed
open=$(fanfold tasks killed --status running --json | wc -l)
check killed.json shown
counted "complete=$complete" "events=$events" "open=$open" goes-on=1 rounds=1 finishes=0
grep -q '"state":"abandoned"' killed.json || failed 'it does not say what was abandoned'
rm hold

# --- to its end: every end and every failure, and no payload
expect 1 $(job photos) "${program[@]}"
expect 0 fanfold trace photos --output photos.json
says ' kB, '
says ' events of 60 tasks; https://ui.perfetto.dev shows it'
show photos
check photos.json shown
counted complete=58 failed=2 rounds=1 finishes=1 ends=60 open=0 goes-on=0 failed-attempts=4 failures=4
! grep -q secret photos.json || failed 'a payload is in the trace'
grep -q '"name":"exit 1","ph":"i".*"reason":"no \\"room\\""' photos.json || failed 'a reason is not in the trace'
expect 0 fanfold trace photos
cmp -s out photos.json || failed 'standard output gets another one'
expect 0 fanfold trace photos --json
cmp -s out photos.json || failed 'with --json, standard output gets another one'

# --- the rounds of what failed: it is failed no more where it is tried again
touch mended
expect 1 $(job photos) "${program[@]}"
expect 1 $(job photos) "${program[@]}"
show photos
expect 0 fanfold trace photos --output photos.json
check photos.json shown
counted complete=59 failed=1 failed-at-most=2 rounds=3 finishes=3 ends=60 failed-attempts=8

# --- clusters that tasks wait for, and whose tasks wait
(FANFOLD_STORE= "$BUILD_DIR/examples/example_07_fan_out_further" >out) || failed 'the example failed'
root=$(fanfold --store 07.db cluster ls --json | grep '"total":1,' | sed 's/.*SQSMessage\$\([^"]*\)".*/\1/')
leaf=$(fanfold --store 07.db cluster ls --json | head -n 1 | sed 's/.*SQSMessage\$\([^"]*\)".*/\1/')
expect 0 fanfold --store 07.db trace "$root" --output tree.json
check tree.json
counted complete=1 children=6 parents=0
expect 0 fanfold --store 07.db trace "$root" --limit 2 --output tree.json
complains 'child clusters, 4 are not shown'
check tree.json
counted children=2
grep -q 'child clusters of .* (2 of 6)' tree.json || failed 'it does not say that there are more children'
expect 0 fanfold --store 07.db trace "$leaf" --output leaf.json
check leaf.json
counted children=0 'parents=[1-9]'

# --- many tasks: the counts are of all, the marks of the latest
seq 3000 >many.txt
expect 1 fanfold run --json --jobs 8 --retries 0 --tasks many.txt -- sh -c 'case $1 in *00) exit 65;; esac' sh {task}
expect 0 fanfold trace many --output many.json
complains '(of ends of tasks, failures, begun tasks and child clusters, 1,000 are not shown; a larger --limit shows more)'
show many
check many.json shown
counted complete=2970 failed=30 failed-attempts=30 ends=2000 failures=30 'events=[23][0-9]{3}'
expect 0 fanfold trace many --limit 10 --output many.json --json
same 3010 "$(field left_out)"
check many.json shown
counted complete=2970 failed=30 ends=10 failures=10
expect 0 fanfold trace many --limit 3000 --output many.json
same '' "$(cat err)"
check many.json
counted ends=3000

# --- clusters that have not begun, are open, were stopped, are empty, were deleted
expect 0 fanfold cluster create --queue q --tasks list.txt --name waiting
expect 0 fanfold trace waiting --output t.json
check t.json
counted complete=0 ends=0 open=0 goes-on=1
expect 0 fanfold cluster stop waiting --reason 'wrong list'
expect 0 fanfold trace waiting --output t.json
grep -q '"name":"wrong list","ph":"i"' t.json || failed 'it does not say why it was stopped'
grep -q '"stopped":true' t.json || failed 'it does not say that it was stopped'
expect 0 fanfold cluster open --queue q --name empty
expect 0 fanfold trace empty --output t.json
check t.json
id=$(fanfold cluster ls --name waiting --json | sed 's/.*SQSMessage\$\([^"]*\)".*/\1/')
expect 0 fanfold cluster rm --force waiting
expect 4 fanfold trace "$id" --output t.json
complains 'was deleted'
check t.json # is the one before

# --- what is not there, is no file of ours, or cannot be written
expect 3 fanfold trace photo
complains "there is no cluster 'photo'; fanfold cluster ls shows all"
expect 3 fanfold trace photo --output never.json
[ ! -e never.json ] || failed 'a file was left'
cp list.txt before.txt
expect 2 fanfold trace photos --output list.txt
complains "--output: list.txt is there and no trace of fanfold's; it is left alone"
cmp -s list.txt before.txt || failed 'the list was overwritten'
expect 2 fanfold trace photos --output no/such/folder.json
complains '--output: no/such/folder.json: No such file or directory'
expect 4 flock photos.json "$FANFOLD_BIN" trace photos --output photos.json
complains '--output: another process writes photos.json now'
expect 5 fanfold trace photos --output /dev/full
complains '--output: /dev/full: No space left on device'
code=0
fanfold trace photos >/dev/full 2>err || code=$?
same 5 $code
expect 0 fanfold trace photos --output /dev/null
for place in there.txt "$(mktemp -u pipe.XXXXXX)"; do
  code=0
  fanfold trace photos --output /dev/stdout >$place 2>err || code=$?
  same 2 $code
  complains "--output: /dev/stdout is standard output, where this command's own lines go"
done
expect 2 fanfold trace photos --limit 100001
if [ "$(id -u)" -eq 0 ] && mkdir full && mount -t tmpfs -o size=64k tmpfs full 2>/dev/null; then
  trap 'umount full' EXIT
  expect 5 fanfold trace many --output full/trace.json --json
  complains '"code":"disk_full"'
  [ ! -e full/trace.json ] || failed 'a half file was left'
  expect 0 fanfold trace photos --output full/trace.json
  expect 5 fanfold trace many --output full/trace.json
  [ ! -e full/trace.json ] || failed 'a half file was left in place of an earlier one'
else
  echo "skipped: a full disk (needs root, for a tmpfs of its own)" >&2
fi
if script -qec true /dev/null >/dev/null 2>&1; then
  code=0
  script -qec "\"$FANFOLD_BIN\" trace photos" /dev/null >out 2>&1 </dev/null || code=$?
  same 2 $code
  says 'write it with --output FILE'
fi

# --- kill -9 while it is written: there is a whole array, if a shorter one, or none
for ((round = 0; round < 10; round++)); do
  rm -f killed.json
  "$FANFOLD_BIN" trace many --limit 3000 --output killed.json >w.out 2>&1 &
  sleep 0.0$round
  kill -9 $! 2>/dev/null || true
  wait $! 2>/dev/null || true
  [ ! -s killed.json ] || python3 -c 'import json; json.load(open("killed.json"))' || failed 'what was killed left half a file'
done

# --- Ctrl-C: there is an earlier one, or the whole new one
expect 0 fanfold trace many --limit 0 --output whole.json
cp whole.json earlier.json
bytes=$(fanfold trace many --limit 3000 --output whole.json --json | sed 's/.*"bytes":\([0-9]*\).*/\1/')
for ((round = 0; round < 20; round++)); do
  cp earlier.json stopped.json
  "$FANFOLD_BIN" trace many --limit 3000 --output stopped.json >w.out 2>&1 &
  sleep "0.0$(printf '%02d' $round)"
  kill -TERM $! 2>/dev/null || true
  wait $! 2>/dev/null || true
  cmp -s earlier.json stopped.json || [ "$(stat -c %s stopped.json)" = "$bytes" ] || failed 'Ctrl-C left a part of it'
done
echo ok
