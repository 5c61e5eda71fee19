# ctest: timeout=120
# fanfold run: one program per task, resumed by content, with documented exit codes.
source "$SOURCE_DIR/tests/integration/support/checks.sh"

# --- every task runs once, and its number, text and cluster are known to it
printf 'alpha\n\nbeta gamma\n{"n": 1}\n' >tasks.txt
expect 0 fanfold run --json --tasks tasks.txt -- sh -c 'echo "$1|$FANFOLD_TASK|$FANFOLD_INDEX|$FANFOLD_ATTEMPT|$(cat)"; test -n "$FANFOLD_CLUSTER"' sh {task}
same 3 "$(field total)"
same 3 "$(field complete)"
same 0 "$(field failed)"
same 0 "$(field skipped)"
[[ $(field cluster) == 'SQSMessage$'* ]] || failed "no cluster's key"
grep -q '"seconds":[0-9.]*}$' out || failed "no seconds"
expect 0 fanfold results tasks --text
same $'alpha|alpha|0|1|alpha\nbeta gamma|beta gamma|1|1|beta gamma\n{"n": 1}|{"n": 1}|2|1|{"n": 1}' "$(cat out)"
expect 0 fanfold logs tasks#1
says 'beta gamma|beta gamma|1|1|beta gamma'

# --- the same command again runs nothing
expect 0 fanfold run --json --tasks tasks.txt -- sh -c 'echo "$1|$FANFOLD_TASK|$FANFOLD_INDEX|$FANFOLD_ATTEMPT|$(cat)"; test -n "$FANFOLD_CLUSTER"' sh {task}
same 3 "$(field skipped)"
same 0 "$(field attempts)"
complains '3 complete before (skipped)'

# --- another list of the same job runs what is new: by content, not by line, equal lines counted
count='echo x >>runs.$(printf %s "$1" | tr -c a-z0-9 _)'
runs() { if [ -e "runs.$1" ]; then wc -l <"runs.$1"; else echo 0; fi; }
printf 'a\nb\nb\n' >list.txt
expect 0 fanfold run --json --tasks list.txt -- sh -c "$count" sh {task}
printf 'new\nb\nb\nb\na\n' >list.txt
expect 0 fanfold run --json -v --tasks list.txt -- sh -c "$count" sh {task}
same 5 "$(field total)"
same 5 "$(field complete)"
same 3 "$(field skipped)"
same 2 "$(field attempts)"
same '1 3 1' "$(runs a) $(runs b) $(runs new)"
complains 'skip  a  (complete as SQSMessage$'
complains 'run   new  (new)'
complains '3 complete in earlier lists (skipped)'
# the first list again: its cluster is complete, nothing runs
printf 'a\nb\nb\n' >list.txt
expect 0 fanfold run --json --tasks list.txt -- sh -c "$count" sh {task}
same 3 "$(field skipped)"
expect 0 fanfold run --json --again --tasks list.txt -- sh -c "$count" sh {task}
same 0 "$(field skipped)"
same '2 5 1' "$(runs a) $(runs b) $(runs new)"
# another program is another job
expect 0 fanfold run --json --tasks list.txt -- true {task}
same 0 "$(field skipped)"

# --- results of skipped tasks are the new list's too, also in the folder of results
seq 1 3 >numbers.txt
expect 0 fanfold run --tasks numbers.txt -- echo value {task}
seq 0 3 >numbers.txt
expect 0 fanfold run --json --results all --tasks numbers.txt -- echo value {task}
same 3 "$(field skipped)"
same 'value 0,value 1,value 2,value 3,' "$(cat all/0 all/1 all/2 all/3 | tr '\n' ,)"
expect 0 fanfold results numbers --text
same 'value 0,value 1,value 2,value 3,' "$(tr '\n' , <out)"
same '0 1 2 3' "$(ls all | tr '\n' ' ' | sed 's/ $//')"

# --- exit codes of the program: 0 done, 75 and others again, 65 for good, signals by name
printf '0\n1\n65\n75\nkill\n' >codes.txt
expect 1 fanfold run --json --retries 1 --tasks codes.txt -- sh -c 'echo tried >>tries.$1; echo "no $1" >&2; test "$1" != kill || kill -9 $$; exit $1' sh {task}
same 1 "$(field complete)"
same 4 "$(field failed)"
complains 'see why:  fanfold errors codes'
same '1 2 1 2 2' "$(for code in 0 1 65 75 kill; do wc -l <tries.$code; done | tr '\n' ' ' | sed 's/ $//')"
expect 0 fanfold errors codes
says 'exit 1'
says 'exit 65'
says 'signal 9'
says '"no 1"'
expect 0 fanfold tasks codes --status failed --json
same 4 "$(wc -l <out)"
says '"code":"exit 65"'
# what failed is tried again by the same command, what was complete is not
expect 1 fanfold run --json --retries 0 --tasks codes.txt -- sh -c 'echo tried >>tries.$1; echo "no $1" >&2; test "$1" != kill || kill -9 $$; exit $1' sh {task}
same '1 3 2 3 3' "$(for code in 0 1 65 75 kill; do wc -l <tries.$code; done | tr '\n' ' ' | sed 's/ $//')"
complains '4 failed before (tried again)'
expect 0 fanfold logs codes#1
says 'no 1'

# --- a task that takes too long is ended with its group
printf 'x\n' >slow.txt
expect 1 fanfold run --json --retries 0 --timeout 300ms --tasks slow.txt -- sh -c 'sleep 60 & echo $! >child; wait'
sleep 0.2
[[ $(ps -o stat= -p "$(cat child)" || true) =~ ^(Z.*)?$ ]] || failed "a child of a task that was ended lives"
expect 0 fanfold errors slow
says 'timeout'

# --- file names may be any bytes
mkdir names
(cd names && touch -- ' lead' $'new\nline' $'\xff\xfe' '-dash' "quote'" 'back\slash' '[2020] x')
find names -type f -print0 >names.list
expect 0 fanfold run --json -0 --tasks names.list -- bash -c 'test -f "$1" && cmp -s - <(printf %s "$1")' bash {task}
same 7 "$(field complete)"

# --- output is read to the end whatever its size, and kept up to its limit
printf 'x\n' >big.txt
expect 0 fanfold run --tasks big.txt -- head -c 3000000 /dev/zero
expect 0 fanfold logs big#0 --attempt 1
[ "$(wc -c <out)" -le 262144 ] || failed "more than 256 KiB kept"
grep -qa 'more bytes were not kept' out || failed "the cut is not said"
expect 0 fanfold run --results big --name bigfile --tasks big.txt -- head -c 3000000 /dev/zero
same 3000000 "$(wc -c <big/0)"

# --- standard input, and nothing to do
expect_with_input 0 fanfold run --json -- true 'a\nb\n'
same 2 "$(field complete)"
same run "$(field name)"
expect 0 fanfold run --json --name none -- true
same 0 "$(field total)"

# --- bad input names its place, before anything ran
printf 'fine\n{broken\n' >bad.txt
expect 2 fanfold run --tasks bad.txt -- touch ran
complains 'bad.txt:2: '
complains '--text'
[ ! -e ran ] || failed "something ran"
expect 0 fanfold run --text --tasks bad.txt -- true
expect 2 fanfold run --tasks bad.txt
complains 'the program to run is missing'
expect 2 fanfold run --tasks bad.txt -- no-such-program {task}
complains "there is no program 'no-such-program' on the PATH"
expect 2 fanfold run --tasks nowhere.txt -- true
complains 'nowhere.txt: No such file or directory'
expect 2 fanfold run --timeout 5x --tasks bad.txt -- true
complains "--timeout: '5x' is no duration"
complains 'See fanfold run --help.'
expect 2 fanfold run --jobs 5000 --tasks bad.txt -- true
expect 2 fanfold run --no-such-option -- true
expect 2 env -u AWS_REGION -u AWS_DEFAULT_REGION -u AWS_PROFILE AWS_CONFIG_FILE=/dev/null "$FANFOLD_BIN" --store aws run --tasks list.txt -- true
complains 'no region is configured'

# --- Ctrl-C drains: what runs ends, nothing else starts, the same command goes on
seq 1 6 >drain.txt
"$FANFOLD_BIN" run --json --jobs 2 --tasks drain.txt -- sh -c 'echo begun >>begun; sleep 1; echo ended >>ended' >out 2>err &
run=$!
until [ -s begun ]; do sleep 0.02; done
kill -INT $run
code=0
wait $run || code=$?
same 130 "$code"
complains 'draining: what runs may end'
complains 'cut off. Run the same command to go on.'
same "$(wc -l <begun)" "$(wc -l <ended)"
[ "$(wc -l <ended)" -lt 6 ] || failed "all ran in spite of the signal"
expect 0 fanfold why drain
says 'run the same fanfold run command again'
expect 0 fanfold run --json --jobs 6 --tasks drain.txt -- sh -c 'echo begun >>begun; sleep 1; echo ended >>ended'
same 6 "$(field complete)"
same 6 "$(wc -l <ended)"

# --- another program under the same name is another job, and it is said
expect 0 fanfold run --tasks list.txt --name other -- echo one
expect 0 fanfold run --tasks list.txt --name other -- echo two
complains 'other: the job of this name ran another program or other arguments: nothing is skipped'
expect 0 fanfold run --tasks list.txt --name other -- echo two
same '' "$(grep 'another program' err || true)"

# --- killed: why says when the same command goes on
echo 1 >killed.txt
"$FANFOLD_BIN" run --tasks killed.txt -- sh -c 'echo begun >killed; sleep 2' >out 2>err &
until [ -s killed ]; do sleep 0.02; done
{ kill -KILL $! && wait $!; } 2>/dev/null || true # Until it is gone, it holds the task.
expect 0 fanfold why killed
says 'its worker died while it had it'
says 'run the same fanfold run command again: it goes on at once'

# --- nobody reads the standard error stream: the work goes on, and errors keep their exit code
seq 1 20 >unread.txt
"$FANFOLD_BIN" run -v --json --tasks unread.txt --name unread -- true >out 2>/dev/full || failed "a full device for messages stopped the work"
same 20 "$(field complete)"
code=0
"$FANFOLD_BIN" tasks nobody 2>/dev/full || code=$?
same 3 "$code"

# --- the fencing number grows where attempts are counted from 1 again
echo 1 >fence.txt
for run in first second; do
  expect 1 fanfold run --name fence --tasks fence.txt --retries 0 -- sh -c 'echo "$FANFOLD_ATTEMPT $FANFOLD_FENCE" >>fences; exit 65'
done
same '1 1 1 4294967297' "$(tr '\n' ' ' <fences | sed 's/ $//')"
