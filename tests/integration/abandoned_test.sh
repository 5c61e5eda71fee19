# ctest: timeout=60
# What a dead worker held is shown as what it is, before anybody frees it, and looking frees nothing.
source "$SOURCE_DIR/tests/integration/support/checks.sh"

seq 1 6 >list.txt
# Each takes a while, so that none is claimed together with others.
program=(sh -c 'sleep 0.05; test "$1" -lt 3 || { echo "$1" >>begun; while [ -e hold ]; do sleep 0.02; done; }' sh {task})
touch hold
"$FANFOLD_BIN" run --jobs 2 --tasks list.txt -- "${program[@]}" >out 2>err &
run=$!
until [ -e begun ] && [ "$(wc -l <begun)" -eq 2 ]; do sleep 0.02; done
expect 0 fanfold tasks list
same 2 "$(grep -c ' running ' out)"
says_not abandoned
expect 0 fanfold cluster show list
says ', 2 running'
kill -KILL $run
wait $run || true

state() { cat test.db test.db-wal 2>/dev/null | sha256sum; }
before=$(state)
expect 0 fanfold tasks list
same 2 "$(grep -c ' abandoned ' out)"
same 2 "$(grep -c ' open ' out)"
says_not running
complains '(abandoned: their worker died; the same fanfold run command goes on with them at once)'
expect 0 fanfold tasks list --json
same 2 "$(grep -c '"status":"IN PROGRESS","state":"abandoned"' out)"
expect 0 fanfold cluster show list
says ', 0 running, 2 abandoned by a worker that died'
expect 0 fanfold cluster ls --json
same '0 2' "$(field in_progress) $(field abandoned)"
expect 0 fanfold why list
says 'its worker died while it had it'
says 'run the same fanfold run command again: it goes on at once'
same "$before" "$(state)"
"$FANFOLD_BIN" cluster watch list >out 2>err &
watch=$!
for try in $(seq 600); do
  ! grep -q 'waiting for ' err || break
  sleep 0.05
done
kill -INT $watch
wait $watch || true
complains 'list: 33%, 2 of 6 complete, waiting for 2 tasks of workers that died: the next worker goes on at once'
same "$before" "$(state)"

# --- whoever writes frees them: nobody runs them then, and they are not said to run
expect 0 fanfold sweep
expect 0 fanfold tasks list
same 2 "$(grep -c ' to be tried again ' out)"
says_not abandoned
rm hold
expect 0 fanfold run --json --jobs 2 --tasks list.txt -- "${program[@]}"
same 6 "$(field complete)"

# --- between two attempts: the time of the next one
echo 1 >once.txt
expect 0 fanfold cluster create --queue once --name once --tasks once.txt
"$FANFOLD_BIN" work --queue once --backoff 60s -- false >out 2>err &
work=$!
for try in $(seq 200); do
  fanfold tasks once >out 2>err
  ! grep -q 'to be tried again in ' out || break
  sleep 0.05
done
says 'to be tried again in '
kill -INT $work
wait $work || true
