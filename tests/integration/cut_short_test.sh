# ctest: timeout=120
# What ends a run from outside: signals to the whole group, a second signal, a hang-up, kill -9 before a task began, and
# a system that has no more files, processes or threads.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
seq 20000 >many.txt
seq 4 >four.txt

# --- timeout(1) signals the group as well; programs that are just being started are not hit
# (It sends SIGCONT, too, which can leave the search for leaks at the end of a build with the address sanitizer waiting for
# ever for a thread that it has stopped. What leaks after a signal, messages_test sees.)
time=0.3
start_many() {
  ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 timeout $time "$FANFOLD_BIN" run --tasks many.txt --name many \
    --retries 0 -j4 -- true >out 2>err || true
}
start_many
# As long as a start needs on this machine to get to its tasks.
until "$FANFOLD_BIN" cluster show many >out 2>err; do
  time=$(awk "BEGIN { print 2 * $time }")
  start_many
done
for ((number = 1; number < 12; number++)); do start_many; done
expect 0 fanfold errors many
complains 'many: no task has failed'

# --- the second signal ends what programs started, too, and one object says that it did
cat >wrapper.sh <<'END'
#!/bin/bash
bash -c "echo begun >>begun; sleep 2; echo late >>late"
echo done
END
chmod +x wrapper.sh
code=0
"$FANFOLD_BIN" run --json --tasks four.txt -j2 -- ./wrapper.sh {task} >out 2>err &
until [ -s begun ]; do sleep 0.02; done
kill -INT $!
until grep -q draining err; do sleep 0.02; done
sleep 0.3
kill -INT $!
wait $! || code=$?
same 130 $code
same 1 "$(wc -l <out)"
says '{"cluster":"SQSMessage$'
says '"name":"four","total":4,"interrupted":true,"stopped_at_once":true}'
sleep 2.5
[ ! -e late ] || failed "a program's own child went on after the second signal"

# --- a hang-up drains
code=0
rm begun
"$FANFOLD_BIN" run --tasks four.txt --name hung -j2 -- sh -c 'echo begun >>begun; sleep 0.5' >out 2>err &
until [ -s begun ]; do sleep 0.02; done
kill -HUP $!
wait $! || code=$?
same 130 $code
complains 'draining: what runs may end'

# --- killed: of tasks with one attempt, only those fail that had begun
seq 340 >three.txt
: >began
three=("$FANFOLD_BIN" run --tasks three.txt -j2 --retries 0 -- sh -c 'echo $FANFOLD_TASK >>began; [ $FANFOLD_TASK -le 300 ] || [ -e again ] || sleep 5')
"${three[@]}" >out 2>err &
until [ "$(wc -l <began)" -ge 302 ]; do sleep 0.02; done
kill -KILL $!
wait $! 2>/dev/null || true
touch again
expect 1 "${three[@]}"
same 340 "$(sort -u began | wc -l)"
complains '338 of 340 complete, 2 failed'

# The address sanitizer itself needs files and threads to look at a pointer.
if grep -q __asan_init "$FANFOLD_BIN"; then exit 0; fi

# --- no files left: programs wait for each other
seq 200 >two.txt
(ulimit -n 100; "$FANFOLD_BIN" run --tasks two.txt --jobs 100 --retries 0 -- sleep 0.05 >out 2>err) || failed "tasks failed for want of files"
complains '200 of 200 complete'

# --- no threads left: an error, and no abort
if [ "$(id -u)" = 0 ]; then
  chmod 777 .
  code=0
  su nobody -s /bin/bash -c "ulimit -u 20; FANFOLD_STORE=$PWD/nobody.db '$FANFOLD_BIN' run --tasks $PWD/four.txt --jobs 60 -- true" >out 2>err || code=$?
  if grep -q 'thread' err; then same 5 $code; fi
  [ $code -ne 134 ] || failed "aborted"
fi
echo "ok"
