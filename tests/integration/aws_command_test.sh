# ctest: labels=slow timeout=900
# The command on AWS, against servers of other people's making: set-up, every command, wrong inputs, Ctrl-C and kill -9.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
source "$SOURCE_DIR/tests/support/aws_server.sh"
unset FANFOLD_STORE FANFOLD_TABLE FANFOLD_BUCKET
code=0
start_aws_server ministack || code=$?
[ $code -eq 0 ] || exit $code
kill_hard() { { kill -9 "$1" && wait "$1"; } 2>/dev/null || true; }

# --- what is missing is named
expect 2 fanfold --store aws cluster ls
complains 'there is no table fanfold in this account and region; fanfold setup aws makes it'
expect 2 env -u AWS_REGION "$FANFOLD_BIN" --store aws cluster ls
complains 'no region is configured'
expect 5 env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY "$FANFOLD_BIN" --store aws cluster ls
complains 'no credentials are configured'
expect 2 fanfold --store aws --profile nobody cluster ls
complains "nobody"
expect 5 env AWS_ENDPOINT_URL=http://127.0.0.1:1 "$FANFOLD_BIN" --store aws cluster ls
complains 'no connection'

# --- set-up, twice
echo 'store = "aws"' >fanfold.toml
expect 0 fanfold queue ls
complains 'there are no queues; fanfold setup aws --queue NAME makes one'
expect 0 fanfold queue ls --json
same '' "$(cat out err)"
expect 0 fanfold setup aws --table jobs --bucket jobs-of-the-test --queue resize --warm 5000
for made in 'table jobs' 'time to live of table jobs' 'bucket jobs-of-the-test' 'lifecycle of bucket' 'queue resize' 'dead-letter queue resize-dead'; do
  grep -q "^made  *$made" out || failed "not made: $made"
done
expect 0 fanfold setup aws --table jobs --bucket jobs-of-the-test --queue resize --json
same 6 "$(grep -c '"state":"there"' out)"
expect 0 fanfold cluster ls --table jobs
complains 'there are no clusters; fanfold run and fanfold cluster create make one'
expect 0 fanfold setup aws --table jobs
complains 'no bucket'
expect 0 fanfold setup aws --table jobs --warm 5000
says 'warning  warm throughput of table jobs: is for a new table'
expect 0 fanfold setup aws --table jobs --queue resize --visibility 5m --max-receives 12
says 'warning  queue resize: its visibility is 30 s, not 300 s: a queue that is there is left alone'
says 'warning  queue resize: its messages go to the dead-letter queue after 10 receives, not 12'
expect 0 fanfold queue create bare
expect 0 fanfold setup aws --table jobs --queue bare
says 'warning  queue bare: it has no dead-letter queue'
expect 2 fanfold setup aws --table jobs --queue 'no name'
# What a service would refuse is refused before anything is made.
for wrong in '--retention 15d' '--visibility 13h' '--bucket No'; do
  expect 2 fanfold setup aws --table never --queue other $wrong
done
expect 2 fanfold setup aws --table never --queue "$(printf 'q%.0s' {1..76})"
complains "the dead-letter queue's name would be"
expect 2 fanfold cluster ls --table never
complains 'there is no table never'
expect 2 fanfold setup aws --table wd
complains "table: expected 3 to 255 letters, digits, '_', '-' and '.', got 'wd'"
expect 2 fanfold cluster ls --table /x
complains "got '/x'"
expect 0 fanfold setup aws --table jobs --queue hasty --max-receives 2
says 'made     queue hasty'
says 'warning  queue hasty: its messages go to the dead-letter queue after 2 receives; receives are no attempts, at least 10 are advised'
expect 2 fanfold setup
printf 'store = "aws"\ntable = "jobs"\nbucket = "jobs-of-the-test"\n' >fanfold.toml
expect 2 fanfold --bucket nobody-has-it cluster create --queue resize --tasks fanfold.toml --globals 1
complains 'there is no bucket nobody-has-it'
echo 'tabel = "jobs"' >wrong.toml
mkdir -p elsewhere && cp wrong.toml elsewhere/fanfold.toml
expect 2 env -C elsewhere "$FANFOLD_BIN" cluster ls
complains "'tabel' is no key of it"

# --- what makes no sense there says so
expect 2 fanfold backup copy.db
complains 'embedded engine only'
expect 2 fanfold prune
complains 'embedded engine only'

# --- queues
expect 0 fanfold queue create mail --visibility 45s
expect 4 fanfold queue create mail --visibility 46s
expect 0 fanfold queue ls
says 'resize-dead'
expect 0 fanfold queue stats resize --json
same resize-dead "$(field dead_letter_queue)"
same 10 "$(field max_receives)"
expect 0 fanfold queue create letters-dead
expect 0 fanfold queue create letters --dead-letter letters-dead
expect 0 fanfold send --queue letters-dead letter
letter=$(cat out)
for look in 1 2 3; do # what is received is given back at once
  expect 0 fanfold queue dead letters --json
  same "$letter" "$(field message)"
  same 'dead letter' "$(field state)"
  same letter "$(field body)"
  complains 'on AWS no list leads to single messages that failed'
done
expect 0 fanfold queue dead bare
complains 'bare: no message is a dead letter'
expect 3 fanfold queue stats resise
complains "there is no queue 'resise'"
expect 3 fanfold cluster create --queue resise --tasks fanfold.toml
complains 'fanfold setup aws --queue resise makes it'
expect 3 fanfold work --queue resise -- true

# --- a cluster shared by two workers, one of which is killed while it holds tasks
seq 1 200 >tasks.txt
expect 0 fanfold cluster create --queue resize --tasks tasks.txt --name photos --key monday --globals '{"width":200}' --meta '"m"' --json
key=$(field cluster)
same 200 "$(field total)"
expect 0 fanfold cluster create --queue resize --tasks tasks.txt --name photos --key monday --json
same "$key" "$(field cluster)"
seq 1 201 >other.txt
expect 4 fanfold cluster create --queue resize --tasks other.txt --name photos --key monday
expect 0 fanfold why photos
says '200 tasks'
expect 0 fanfold cluster ls --json
same 200 "$(field total)"
expect 0 fanfold globals get photos
same '{"width":200}' "$(cat out)"
expect 0 fanfold globals put photos '{"width":100}'
EDITOR="sed -i s/100/300/" expect 0 fanfold globals edit photos
expect 0 fanfold globals get "${key:0:20}"
same '{"width":300}' "$(cat out)"
# The finish command and the programs find the same store by their environment alone.
worker() {
  exec "$FANFOLD_BIN" work --queue resize --jobs 2 --lease 3s --until photos --json \
    --on-finish 'here=$PWD; cd / && "$COMMAND" results "$FANFOLD_CLUSTER" --text | LC_ALL=C sort -n >"$here/fold"; echo "$FANFOLD_CLUSTER $FANFOLD_STATUS" >>"$here/finish"' \
    -- sh -c 'echo "$1" >>ran; sleep 0.02; echo "$1"' sh {task}
}
export COMMAND=$FANFOLD_BIN
worker >w1 2>w1.err &
first=$!
worker >w2 2>w2.err &
second=$!
until [ -e ran ] && [ "$(wc -l <ran)" -ge 40 ]; do sleep 0.02; done
kill_hard $first
wait $second || failed "the worker that was left failed: $(cat w2.err)"
same 200 "$(LC_ALL=C sort -u ran | wc -l)"
[ "$(wc -l <ran)" -le 204 ] || failed "$(wc -l <ran) attempts of 200 tasks, of which one killed worker held at most 4"
same "$key COMPLETE" "$(cat finish)"
cmp -s fold tasks.txt || failed "the fold differs from the tasks"
expect 0 fanfold verify photos
says 'every check holds'
expect 0 fanfold cluster show photos --json
says '"status":"COMPLETE","statusCode":200'
says '"meta":"m"'
expect 0 fanfold cluster watch photos
expect 0 fanfold results photos
says $'199\t{"exit":0,"stdout":"200\\n"}'
expect 0 fanfold logs photos#199
says '200'
expect 0 fanfold cost photos
says 'photos: 200 tasks, 200 of them ended'
says ' so far, $0 to come'
complains 'results of '
complains ', a bucket'
expect 0 fanfold cluster rm photos
expect 4 fanfold cluster create --queue resize --tasks tasks.txt --name photos --key monday
expect 0 fanfold cluster show "$key"
says 'deleted'

# --- a stopped cluster that no worker will ever meet can be removed
expect 0 fanfold cluster create --queue resize --tasks tasks.txt --name nobody
expect 0 fanfold cluster stop nobody
expect 4 fanfold cluster rm nobody
complains 'fanfold cluster rm --force nobody'
expect 0 fanfold cluster rm --force nobody --json
same false "$(field finish_handled)"
expect 3 fanfold cluster show nobody
expect 0 fanfold queue purge resize

# --- failures: grouped, tried again, ended by hand
printf 'ok\nbad 17\nbad 18\nworse\n' >some.txt
expect 0 fanfold cluster create --queue resize --tasks some.txt --name mixed
expect 1 fanfold work --queue resize --lease 3s --until mixed --max-attempts 1 -- sh -c 'case $1 in ok) ;; bad*) echo "no picture ${1#bad }" >&2; exit 65 ;; *) echo worse >&2; exit 3 ;; esac' sh {task}
expect 0 fanfold errors mixed --json
same 2 "$(wc -l <out)"
fingerprint=$(grep 'no picture' out | sed 's/.*"fingerprint":"\([0-9a-f]*\)".*/\1/')
expect 0 fanfold tasks mixed --status failed
says 'no picture 17'
expect 0 fanfold retry mixed --where "fingerprint=${fingerprint:0:4}" --json
same 2 "$(field sent)"
expect 1 fanfold work --queue resize --lease 3s --until mixed -- true
expect 0 fanfold cluster retry mixed
expect 0 fanfold work --queue resize --lease 3s --until mixed -- true
expect 0 fanfold verify mixed
expect 0 fanfold cluster watch mixed

# --- the timeline of it, with its three rounds
expect 0 fanfold trace mixed --output mixed.json
"$FANFOLD_BIN" cluster show mixed --json >shown
python3 "$SOURCE_DIR/tests/python/cluster_trace_check.py" mixed.json shown >out 2>err || failed "$(cat err)"
for counted in complete=4 failed=0 failed-at-most=3 failed-attempts=3 rounds=3 finishes=3 ends=4 goes-on=0; do says "$counted "; done

# --- the rounds of a task, in their order; a finish handler that fails for good, and what it printed
expect 0 fanfold cluster create --queue resize --tasks some.txt --name rounds
for _ in 1 2; do
  expect 1 fanfold work --queue resize --lease 3s --until rounds --max-attempts 1 -- sh -c 'echo "$FANFOLD_TASK"; exit 65'
  [ -e again ] || expect 0 fanfold cluster retry rounds
  touch again
done
expect 0 fanfold logs rounds#1
same '--- attempt 1 --- round 1, attempt 1' "$(sed -n 's/^\(--- .*attempt 1\),.*/\1/p' out | paste -sd' ')"
expect 0 fanfold cluster create --queue resize --tasks some.txt --name fold
expect 1 fanfold work --queue resize --lease 3s --until fold --max-attempts 1 --on-finish 'echo from the hook; echo no printer >&2; exit 1' -- true
expect 0 fanfold why fold
says 'its finish handler failed for good, after attempt 1: no printer'
expect 0 fanfold logs fold
says 'from the hook'
expect 0 fanfold retry --finish fold
expect 0 fanfold work --queue resize --lease 3s --until fold --on-finish 'echo "$FANFOLD_NAME" >>folded' -- false
same 1 "$(grep -cx fold folded)"
expect 3 fanfold retry --finish fold
expect 4 fanfold cluster stop fold
expect 3 fanfold work --queue resise -- true
complains "there is no queue 'resise'; there are "

# --- an open cluster: pause, resume, stop
expect 0 fanfold cluster open --queue resize --name album
expect 0 fanfold cluster add album page-1 --tasks some.txt --json
expect 0 fanfold cluster add album page-1 --tasks some.txt --json
same true "$(field existed)"
expect 0 fanfold cluster pause album
expect 0 fanfold cluster resume album --json
same 4 "$(field sent)"
expect 0 fanfold tasks fail album#3 --reason 'no such page'
expect 0 fanfold cluster seal album
expect 0 fanfold cluster stop album --reason 'wrong album'
expect 1 fanfold cluster watch album
expect 0 fanfold queue purge resize

# --- single messages, and a worker that ends with its queue
expect 0 fanfold send --queue mail one '{"to":"two"}' --json
message=$(field message)
expect 0 fanfold work --queue mail --until-empty --json -- sh -c 'printf "%s\n" "$(cat)" >>mail-bodies'
same 2 "$(field done)"
grep -qxF '{"to":"two"}' mail-bodies || failed "the program did not get the message"
expect 0 fanfold logs "$message"

# --- run: interrupted, killed while it runs, and gone on with
seq 1 120 >list.txt
run() { exec "$FANFOLD_BIN" run --tasks list.txt --name list --jobs 4 --json -- sh -c 'sleep 0.02; echo "$1" >>run-ran; echo "$1"' sh {task}; }
run >run1 2>run1.err &
runner=$!
until [ -e run-ran ] && [ "$(wc -l <run-ran)" -ge 20 ]; do sleep 0.02; done
kill -INT $runner
code=0
wait $runner || code=$?
same 130 $code
drained=$(wc -l <run-ran)
run >run2 2>run2.err &
runner=$!
until [ "$(wc -l <run-ran)" -ge $((drained + 20)) ]; do sleep 0.02; done
kill_hard $runner
(run) >out 2>err || failed "the third start failed"
same 120 "$(field complete)"
same 120 "$(LC_ALL=C sort -u run-ran | wc -l)"
[ "$(wc -l <run-ran)" -le 124 ] || failed "$(wc -l <run-ran) attempts of 120 tasks, of which one killed run held at most 4"
expect 0 fanfold verify list
says 'every check holds'
(run) >out 2>err || failed "the fourth start failed"
same 120 "$(field skipped)"
same 0 "$(field attempts)"

# --- what workers left by dying is waited for until its leases end, and that is said
seq 6 >left.txt
: >hold
leave() { "$FANFOLD_BIN" run --jobs 2 --tasks left.txt -- sh -c 'test $1 -lt 3 || while [ -e hold ]; do sleep 0.1; done' sh {task}; }
leave >out 2>err &
runner=$!
until fanfold tasks left 2>err | grep -q ' running'; do sleep 0.2; done
kill_hard $runner
"$FANFOLD_BIN" cluster watch left >watched 2>watched.err &
watcher=$!
waited='^left: 33%, 2 of 6 complete, waiting for [1-4] tasks? of workers that run or died: (its|their) leases? ends? in [0-9]+ s$'
until grep -qE "$waited" watched.err; do
  kill -0 $watcher || failed "not said what is waited for: $(cat watched.err)"
  sleep 0.1
done
# A service that does not answer for a while is told once, and waited for.
kill -STOP "$aws_server"
until grep -q 'still waiting' watched.err; do
  kill -0 $watcher || failed "not said that the service does not answer: $(cat watched.err)"
  sleep 0.1
done
kill -CONT "$aws_server"
rm hold
leave >out 2>err || failed "the second start failed"
wait $watcher || failed "cluster watch failed: $(cat watched.err)"
same 1 "$(grep -c '^fanfold: dynamodb .*: no answer for 5 s; still waiting$' watched.err)"
same 'left: 6 of 6 complete' "$(tail -n 1 watched.err)"
same 0 "$(grep -c ' 0.0/min' watched.err)"

# --- the sweep finds nothing left
expect 0 fanfold sweep --json
same 0 "$(field resent)"

# --- the other server: the short way through
stop_aws_server
start_aws_server moto
expect 2 fanfold cluster ls
expect 0 fanfold setup aws --queue resize
expect 0 fanfold setup aws --queue resize --json
same 6 "$(grep -c '"state":"there"' out)"
rm -f run-ran
(run) >out 2>err || failed "run on moto failed"
same 120 "$(field complete)"
expect 0 fanfold cluster create --queue resize --tasks some.txt --name photos --globals 1
expect 0 fanfold work --queue resize --until photos -- echo {task}
expect 0 fanfold globals put photos 2
expect 0 fanfold verify photos
expect 0 fanfold cluster rm photos
echo "ok"
