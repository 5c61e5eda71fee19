# ctest: timeout=120
# --trace of run and work: a timeline that tells every attempt once, in lanes that never overlap, and is whole however the command ends.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
# check FILE [--cut]: its counts go into the file out.
check() { python3 "$SOURCE_DIR/tests/python/trace_check.py" "$@" >out 2>err || failed "$1: $(cat err)"; }
counted() { grep -qE "(^| )$1( |\$)" out || failed "expected $1"; }

# --- every attempt is a span, with what came of it, and no payload
seq -f 'secret-%g' 1 60 >list.txt
program=(sh -c 'case $1 in secret-7) exit 65;; secret-8) test "$FANFOLD_ATTEMPT" -gt 1 || exit 75;; secret-9) echo "no \"room\"" >&2; exit 1;; esac; echo "$1"' sh {task})
expect 1 fanfold run --json --jobs 4 --retries 1 --tasks list.txt --trace trace.json --on-finish 'exit 0' -- "${program[@]}"
attempts=$(field attempts)
same 62 "$attempts"
check trace.json
counted name=fanfold-run-list
counted spans=63
counted "task=$attempts"
counted finish=1
counted done=59 # 58 tasks, and the finish command
counted retried=2
counted failed=2
counted instant-finish-handled=1
counted 'lanes=[1-4]'
counted running-at-the-end=0
! grep -q secret trace.json || failed 'a payload is in the trace'
grep -q '"outcome":"failed","reason":"no \\"room\\""' trace.json || failed 'the reason is not in the trace'

# --- a trace is replaced, and nothing else: neither a list nor a store
expect 1 fanfold run --json --jobs 2 --retries 0 --tasks list.txt --trace trace.json --on-finish 'exit 0' -- "${program[@]}"
same 2 "$(field attempts)"
check trace.json
counted task=2
: >empty.json
expect 1 fanfold run --tasks list.txt --retries 0 --trace empty.json --on-finish 'exit 0' -- "${program[@]}"
check empty.json
cp list.txt before.txt
expect 2 fanfold run --tasks list.txt --trace list.txt -- touch ran
complains '--trace: list.txt is there and no trace of fanfold'
cmp -s list.txt before.txt || failed 'the list was overwritten'
expect 2 fanfold run --tasks list.txt --trace "$FANFOLD_STORE" -- touch ran
expect 0 fanfold cluster ls

# --- what cannot be written is an error before anything runs
expect 2 fanfold run --name never --tasks list.txt --trace no/such/folder.json -- touch ran
complains '--trace: no/such/folder.json: No such file or directory'
expect 2 fanfold work --queue never --until-empty --trace . -- touch ran
complains '--trace: .: Is a directory'
[ ! -e ran ] || failed 'something ran'

# --- a disk that is full takes no task with it
expect 5 fanfold run --json --name full --tasks list.txt --trace /dev/full -- echo {task}
says '"complete":60'
complains '--trace: /dev/full: No space left on device; the timeline ends here, and the tasks go on'
complains '"code":"disk_full"'
same 1 "$(grep -c 'the timeline ends' err)"
expect 1 fanfold run --name full-too --retries 0 --tasks list.txt --trace /dev/full -- false
if [ "$(id -u)" -eq 0 ] && mkdir full && mount -t tmpfs -o size=20k tmpfs full 2>/dev/null; then
  trap 'umount full' EXIT
  seq 1 400 >many.txt
  expect 5 fanfold run --json --tasks many.txt --trace full/trace.json -- true {task}
  says '"complete":400'
  complains '--trace: full/trace.json: No space left on device'
  check full/trace.json
  counted 'task=[1-9][0-9]+'
else
  echo "skipped: a full disk (needs root, for a tmpfs of its own)" >&2
fi

# --- a pipe gets it whole
mkfifo pipe
cat pipe >copy.json &
copy=$!
expect 0 fanfold run --json --name piped --tasks list.txt --trace pipe -- echo {task}
wait $copy
check copy.json
counted task=60

# --- two processes do not share a file
worker() { "$FANFOLD_BIN" work --queue "$1" --jobs 2 --backoff 10ms --trace "$2" -- sh -c 'echo begun >>begun; while [ -e hold ]; do sleep 0.02; done' >w.out 2>w.err & }
begin_held() {
  touch hold
  : >begun
  expect 0 fanfold send --queue "$1" --tasks list.txt
  worker "$1" "$2"
  until [ "$(wc -l <begun)" -ge 2 ]; do kill -0 $! || failed "$(cat w.err)"; sleep 0.02; done
}
begin_held two shared.json
expect 4 fanfold work --queue two --until-empty --trace shared.json -- touch ran
complains '--trace: another process writes shared.json now'
check shared.json # whole while it is written, too

# --- Ctrl-C drains: what ran is in it, and that it drained
kill -TERM $!
until grep -q draining w.err; do sleep 0.02; done
rm hold
wait $! || failed "a drained worker exited with $?: $(cat w.err)"
check shared.json
counted name=fanfold-work-two
counted instant-draining=1
counted message=2
counted running-at-the-end=0

# --- a pipe that nobody reads is refused; one whose reader stands still ends the timeline, and no task
mkfifo unread still
expect 2 fanfold run --name unread --tasks list.txt --trace unread -- echo {task}
complains 'unread: nobody reads this pipe'
seq 2000 >many.txt
sleep 300 <still &
reader=$!
expect 5 fanfold run --json --name still --tasks many.txt --trace still -- true
complains 'whoever reads it has taken nothing for 5 s'
kill "$reader"
expect 0 fanfold cluster show still
says '2,000 of 2,000 complete'

# --- a second one stops at once, kill -9 sooner: it is whole all the same
begin_held twice twice.json
kill -TERM $!
until grep -q draining w.err; do sleep 0.02; done
sleep 0.3
kill -TERM $!
wait $! || same 143 $?
check twice.json
counted instant-draining=1
rm hold
for ((round = 0; round < 5; round++)); do
  expect 0 fanfold send --queue killed --tasks list.txt
  "$FANFOLD_BIN" work --queue killed --jobs 4 --trace killed.json -- true >w.out 2>w.err &
  until grep -q '"ph":"X"' killed.json 2>/dev/null; do kill -0 $! || failed "$(cat w.err)"; sleep 0.02; done
  kill -9 $!
  wait $! 2>/dev/null || true
  check killed.json --cut
  counted 'message=[1-9][0-9]*'
  rm killed.json
done

# --- a task whose attempts died with their process is told where it is failed, without a run
program=(sh -c 'if mkdir crashed 2>/dev/null; then kill -9 $PPID; sleep 5; fi' sh {task})
echo one >one.txt
{ "$FANFOLD_BIN" run --retries 0 --tasks one.txt -- "${program[@]}" && failed 'it was not killed'; } >out 2>err || same 137 $?
expect 1 fanfold run --json --retries 0 --tasks one.txt --trace crashed.json -- "${program[@]}"
check crashed.json
counted spans=0
counted instant-failed=1
echo ok
