# ctest: labels=slow timeout=300
# What producers, workers and readers call is what the policies of deploy/fanfold.yaml permit, and nothing else: each command goes through a proxy that
# allows what its policy does. A policy that permits less or more fails here.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
source "$SOURCE_DIR/tests/support/aws_server.sh"
unset FANFOLD_STORE
code=0
start_aws_server ministack || code=$?
[ $code -eq 0 ] || exit $code
python=$SOURCE_DIR/build/python/bin/python3 policies=$SOURCE_DIR/tests/python/deploy_policies.py template=$SOURCE_DIR/deploy/fanfold.yaml
export FANFOLD_STORE=aws FANFOLD_TABLE=jobs FANFOLD_BUCKET=jobs-of-the-test
names=(TableName=jobs BucketName=jobs-of-the-test QueueName=resize)
expect 0 fanfold setup aws --table jobs --bucket jobs-of-the-test --queue resize --visibility 1s
expect 0 fanfold setup aws --table jobs --queue other
operator=$AWS_ENDPOINT_URL proxies=()
declare -A endpoints
stop_all() { [ ${#proxies[@]} -eq 0 ] || kill "${proxies[@]}" 2>/dev/null || true; stop_aws_server; }
trap stop_all EXIT

# as POLICY COMMAND...: by the policy's proxy, which is started at its first use.
begin() {
  rm -f "$1.port"
  : >"$1.log"
  setpriv --pdeathsig KILL "$python" "$policies" serve "$template" "$1" "$operator" "$PWD/$1.log" "${names[@]}" >"$1.port" 2>"$1.err" </dev/null &
  proxies+=($!)
  until [ -s "$1.port" ]; do kill -0 $! || failed "$(cat "$1.err")"; sleep 0.05; done
  endpoints[$1]=http://127.0.0.1:$(cat "$1.port")
}
for policy in ProducerPolicy WorkerPolicy ReaderPolicy; do begin $policy; done
as() { AWS_ENDPOINT_URL=${endpoints[$1]} "${@:2}"; }
export COMMAND=$FANFOLD_BIN
none_denied() { ! grep -h '^denied' "$1.log" >out 2>err || failed "$1 denies what was called"; }

# What was received too often, and what is nobody's.
cat >dead.py <<'PY'
import boto3, os
sqs = boto3.client("sqs", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1")
source, dead = (sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("resize", "resize-dead"))
while sqs.receive_message(QueueUrl=source, VisibilityTimeout=0).get("Messages"):
    pass
for text in ("not json", '{"their":"own"}'):
    sqs.send_message(QueueUrl=dead, MessageBody=text)
PY
expect 0 as ProducerPolicy "$FANFOLD_BIN" send --queue resize hello
message=$(tail -n 1 out)
expect 0 "$python" dead.py

# --- producers: create, feed, steer, look, send
seq 1 40 >tasks.txt
printf 'big %01048500d\n' 1 >big.txt
expect 0 as ProducerPolicy "$FANFOLD_BIN" cluster create --queue resize --name photos --tasks tasks.txt --globals '{"width":1}' --json
photos=$(field cluster)
expect 0 as ProducerPolicy "$FANFOLD_BIN" cluster open --queue resize --name album --json
album=$(field cluster)
expect 0 as ProducerPolicy "$FANFOLD_BIN" cluster add "$album" first --tasks tasks.txt
expect 0 as ProducerPolicy "$FANFOLD_BIN" cluster seal "$album"
expect 0 as ProducerPolicy "$FANFOLD_BIN" cluster pause "$album"
expect 0 as ProducerPolicy "$FANFOLD_BIN" cluster resume "$album"
expect 0 as ProducerPolicy "$FANFOLD_BIN" tasks fail "$photos#0" --reason 'no such photo'
expect 0 as ProducerPolicy "$FANFOLD_BIN" send --queue resize --tasks big.txt
expect 0 as ProducerPolicy "$FANFOLD_BIN" globals put "$photos" '{"width":2}'
expect 0 as ProducerPolicy "$FANFOLD_BIN" cluster create --queue resize --name short --tasks tasks.txt --json
short=$(field cluster)
expect 0 as ProducerPolicy "$FANFOLD_BIN" cluster stop "$short"

# --- workers: tasks, results, failures, attempts, long tasks, a finish command, messages of no cluster, dead letters of both kinds
expect 0 as WorkerPolicy "$FANFOLD_BIN" queue dead resize
says 'not json'
expect 0 as WorkerPolicy "$FANFOLD_BIN" sweep
says '1 dead letters'
says '2 messages that this store has no record of are left in dead-letter queue'
code=0
as WorkerPolicy "$FANFOLD_BIN" work --queue resize --until-empty --jobs 4 --max-attempts 2 --backoff 10ms --lease 2s --on-finish '"$COMMAND" results "$FANFOLD_CLUSTER" --text >>folded' -- \
  sh -c 'case $1 in 7) exit 75;; 8) exit 65;; 9) sleep 3;; esac; echo "$1"' sh {task} >out 2>err </dev/null || code=$?
same 0 "$code"
expect 0 as WorkerPolicy "$FANFOLD_BIN" globals get "$photos"
expect 3 as WorkerPolicy "$FANFOLD_BIN" globals get "$album"
expect 0 as WorkerPolicy "$FANFOLD_BIN" cluster create --queue resize --name child --tasks tasks.txt --globals 1 # As handlers may, and below.
expect 0 as WorkerPolicy "$FANFOLD_BIN" send --queue resize one two
expect 0 as WorkerPolicy "$FANFOLD_BIN" errors "$photos" # As finish handlers may.
expect 0 env -u FANFOLD_BUCKET AWS_ENDPOINT_URL="${endpoints[WorkerPolicy]}" "$FANFOLD_BIN" cluster create --queue resize --name bare --tasks big.txt
expect 0 as WorkerPolicy "$FANFOLD_BIN" globals put "$photos" '{"width":3}'
expect 0 as WorkerPolicy "$FANFOLD_BIN" sweep

# --- producers again: a round, the end
expect 0 as ProducerPolicy "$FANFOLD_BIN" cluster show photos
says "photos  failed"
expect 0 as ProducerPolicy "$FANFOLD_BIN" retry "$photos"
expect 0 as WorkerPolicy "$FANFOLD_BIN" work --queue resize --until-empty --jobs 4 --on-finish 'true' -- sh -c 'echo "$1"' sh {task}

# --- readers: everything that only looks
for look in "cluster ls" "cluster show $photos" "tasks $photos" "errors $photos" "results $photos --text" "why $photos" "verify $photos" "globals get $photos" \
  "queue stats resize" "queue stats resize-dead" "logs $photos#1" "logs $message" "cost $photos" "cluster watch $album"; do
  code=0
  # shellcheck disable=SC2086
  as ReaderPolicy "$FANFOLD_BIN" $look >out 2>err </dev/null || code=$?
  [ $code -le 1 ] || failed "$look: $code"
done
expect 3 as ReaderPolicy "$FANFOLD_BIN" globals get "$album"
expect 0 as ProducerPolicy "$FANFOLD_BIN" cluster rm "$photos"

# --- what needs more than the policies is refused by name
for policy in ProducerPolicy ReaderPolicy; do cp $policy.log $policy.used; done
for policy in ProducerPolicy ReaderPolicy; do
  expect 5 as $policy "$FANFOLD_BIN" queue dead resize
  complains 'ReceiveMessage: the service does not permit it'
done
expect 5 as ReaderPolicy "$FANFOLD_BIN" send --queue resize hello
for policy in ProducerPolicy ReaderPolicy; do mv $policy.used $policy.log; done

for policy in ProducerPolicy WorkerPolicy ReaderPolicy; do
  none_denied $policy
  "$python" "$policies" check "$template" $policy $policy.log "${names[@]}" >out 2>&1 || failed "$policy"
done

# --- a queue of the same table that the policies do not name: said once, and all else goes on
expect 0 fanfold cluster create --queue other --name elsewhere --tasks tasks.txt
expect 0 fanfold cluster create --queue other --name elsewhere2 --tasks tasks.txt
expect 0 fanfold cluster open --queue resize --name here
expect 0 as WorkerPolicy "$FANFOLD_BIN" sweep
says '3 clusters looked at'
same 1 "$(grep -c 'queue .*/other: permission_denied: .*its clusters and dead letters are left' out)"
same 1 "$(grep -c permission_denied out)"
# A command, not the function: what is killed below is the worker then.
AWS_ENDPOINT_URL=${endpoints[WorkerPolicy]} setpriv --pdeathsig KILL "$FANFOLD_BIN" work --queue resize -- true >w 2>w.err </dev/null &
worker=$!
for ((waited = 0; waited < 300; waited++)); do ! grep -q '/other: permission_denied' w.err 2>/dev/null || break; sleep 0.1; done
grep -q '/other: permission_denied' w.err || failed "a worker says nothing of a queue that it may not sweep: $(cat w.err)"
kill -0 $worker || failed 'a worker ends since a queue of others is denied'
kill $worker
wait $worker || true
same 1 "$(grep -c permission_denied w.err)"
arn=arn:aws:sqs:us-east-1:000000000000:other
names+=(OtherQueueArns=$arn,$arn-dead)
mv WorkerPolicy.log WorkerPolicy.used
begin WorkerPolicy
expect 0 as WorkerPolicy "$FANFOLD_BIN" sweep
same 0 "$(grep -c permission_denied out)"
none_denied WorkerPolicy
mv WorkerPolicy.used WorkerPolicy.log
unset 'names[-1]'

# --- who only reads may look whether there is something to repair, and is told what was not written
cp ReaderPolicy.log ReaderPolicy.used
for left in "$album" "$short" elsewhere elsewhere2 here child bare; do
  fanfold cluster stop "$left" >>out 2>&1 || true
  expect 0 fanfold cluster rm --force "$left"
done
expect 0 as ReaderPolicy "$FANFOLD_BIN" sweep
says '0 clusters looked at'
says 'this sweep may write nothing, and noted for no worker that it was there: permission_denied: dynamodb PutItem'
mv ReaderPolicy.used ReaderPolicy.log

# --- this test can fail: mutant POLICY SED-SCRIPT is a template with a wrong policy
mutant() {
  sed "/^  $1:/,/^  [A-Z]/ { $2 }" "$template" >mutant.yaml
  ! cmp -s "$template" mutant.yaml || failed "this mutant is none: $1 $2"
  ! "$python" "$policies" check mutant.yaml "$1" "$1.log" "${names[@]}" >out 2>&1 || failed "nothing is wrong with a $1 that has $2"
}
mutant ReaderPolicy "s/'dynamodb:GetItem', //"
mutant ReaderPolicy "s/, 'dynamodb:Query'\]/]/"
mutant ReaderPolicy "s/'s3:GetObject'/'s3:ListBucket'/"
mutant ReaderPolicy "s/'s3:GetObject'/'s3:GetObject', 's3:PutObject'/"
mutant WorkerPolicy "s/'s3:GetObject', 's3:PutObject', 's3:DeleteObject'/'s3:*'/"
mutant WorkerPolicy "s/, 'sqs:GetQueueUrl'//"
mutant WorkerPolicy "s/index.clusters/index\/cluster/"
mutant WorkerPolicy "s/Resource: .!GetAtt Queue.Arn, .*/Resource: '*'/"
mutant WorkerPolicy "s/Resource: !GetAtt Queue.Arn/Resource: [!GetAtt Queue.Arn, !GetAtt DeadLetterQueue.Arn]/"
mutant ProducerPolicy "s/'sqs:GetQueueUrl'\], Resource: !GetAtt Dead/'sqs:GetQueueUrl', 'sqs:SendMessage'], Resource: !GetAtt Dead/"
mutant ProducerPolicy "s/'dynamodb:BatchWriteItem'/'dynamodb:BatchWriteItem', 'dynamodb:DeleteItem'/"
echo ok
