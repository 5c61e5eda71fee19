# ctest: timeout=180 serial
# kill -9 of workers, producers and `fanfold run` at random moments over one file, several at once: nothing acknowledged
# is lost, nothing complete runs again, every cluster finishes once, and the file stays sound.
source "$SOURCE_DIR/tests/integration/support/checks.sh"

kills_of_workers=60 kills_of_producers=30 kills_of_run=20
worker_slots=3
cluster_count=10 cluster_tasks=60 run_tasks=400
RANDOM=${SEED:=$$}
echo "SEED=$SEED"

pause_up_to() { sleep "0.$(printf %03d $((RANDOM % $1)))"; }
kill_hard() { { kill -9 "$1" && wait "$1"; } 2>/dev/null || true; }

# --- workers: killed and replaced all the time
start_worker() {
  "$FANFOLD_BIN" work --queue work --jobs 2 --max-attempts 1000 --backoff 50ms --on-finish 'echo "$FANFOLD_CLUSTER $FANFOLD_STATUS" >>finished' \
    -- sh -c 'echo "$FANFOLD_CLUSTER $FANFOLD_INDEX" >>ran' 2>>worker.err &
  workers[$1]=$!
}
torment_workers() {
  local -a workers=()
  local slot count
  RANDOM=$((SEED + 1))
  for ((slot = 0; slot < worker_slots; slot++)); do start_worker $slot; done
  for ((count = 0; count < kills_of_workers; count++)); do
    pause_up_to 250
    slot=$((RANDOM % worker_slots))
    kill_hard "${workers[$slot]}"
    start_worker $slot
  done
  until [ -e produced ]; do sleep 0.1; done
  for ((slot = 1; slot <= cluster_count; slot++)); do "$FANFOLD_BIN" cluster watch "c$slot" >/dev/null 2>>watch.err || echo "c$slot" >>unhappy; done
  for ((slot = 0; slot < worker_slots; slot++)); do
    kill -TERM "${workers[$slot]}"
    wait "${workers[$slot]}" || echo "a drained worker exited with $?" >>unhappy
  done
}

# --- producers: killed, then the same command again, until it says that it is done
produce() {
  local number killed=0 producer
  RANDOM=$((SEED + 2))
  seq "$cluster_tasks" >list
  for ((number = 1; number <= cluster_count; number++)); do
    while [ $killed -lt $((kills_of_producers * number / cluster_count)) ]; do
      "$FANFOLD_BIN" cluster create --queue work --tasks list --name "c$number" --key "key-$number" --json >/dev/null 2>>producer.err &
      producer=$!
      pause_up_to 40
      kill_hard $producer
      killed=$((killed + 1))
    done
    "$FANFOLD_BIN" cluster create --queue work --tasks list --name "c$number" --key "key-$number" --json >>created 2>>producer.err || echo "create $number" >>unhappy
    pause_up_to 300
  done
  touch produced
}

# --- a job of `fanfold run`: killed, started again
run_job() { exec "$FANFOLD_BIN" run --name job --json --jobs 2 --retries 900 --tasks job.list -- sh -c 'echo "$FANFOLD_INDEX" >>job.ran'; }
torment_run() {
  local count process
  RANDOM=$((SEED + 3))
  seq "$run_tasks" | sed 's/^/task /' >job.list
  : >job.ran
  for ((count = 1; count <= kills_of_run; count++)); do
    run_job >/dev/null 2>>run.err &
    process=$!
    pause_up_to 400
    kill_hard $process
    # What is complete now must not run from here on.
    wc -l <job.ran >"complete.$count.at"
    "$FANFOLD_BIN" tasks job --status complete --limit 1000000 --json 2>/dev/null | sed 's/.*"index":\([0-9]*\).*/\1/' | sort >"complete.$count" || true
  done
  (run_job) >job.out 2>>run.err || echo "run exited with $?" >>unhappy
}

begun=$SECONDS
torment_workers &
tormentor=$!
produce &
producer=$!
torment_run &
runner=$!
wait $tormentor && wait $producer && wait $runner || failed "a part of the test itself failed"
echo "$((kills_of_workers + kills_of_producers + kills_of_run)) kills in $((SECONDS - begun)) s"
[ ! -e unhappy ] || { cat unhappy worker.err producer.err run.err >&2; exit 1; }

# --- every acknowledged cluster: complete, each task begun at least once, verified, finished once
same $cluster_count "$(wc -l <created)"
for ((number = 1; number <= cluster_count; number++)); do
  key=$(sed -n "${number}s/.*\"cluster\":\"\([^\"]*\).*/\1/p" created)
  expect 0 fanfold verify "$key"
  expect 0 fanfold cluster ls --name "c$number" --json
  same "1 $cluster_tasks 0" "$(wc -l <out) $(field complete) $(field failed)"
  same "$cluster_tasks" "$(grep -F "$key " ran | sort -u | wc -l)"
  grep -qF "$key COMPLETE" finished || failed "cluster $number has no finish"
done
same $cluster_count "$(sort -u finished | wc -l)"

# --- the job: complete, and nothing that was complete ran again
cp job.out out
same "$run_tasks 0" "$(field complete) $(field failed)"
expect 0 fanfold verify job
same "$run_tasks" "$(sort -u job.ran | wc -l)"
for ((count = 1; count <= kills_of_run; count++)); do
  again=$(tail -n "+$(($(cat "complete.$count.at") + 1))" job.ran | sort -u | comm -12 - "complete.$count" | wc -l)
  same 0 "$again"
done

# --- the file
expect 0 sqlite3 -readonly "$FANFOLD_STORE" 'pragma integrity_check'
same ok "$(cat out)"
echo "attempts $(($(wc -l <ran) + $(wc -l <job.ran))) for $((cluster_count * cluster_tasks + run_tasks)) tasks; finish commands $(wc -l <finished)"
