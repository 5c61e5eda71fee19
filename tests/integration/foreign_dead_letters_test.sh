# ctest: labels=slow timeout=120
# What is nobody's stays visible in a dead-letter queue while workers sweep it, and fanfold queue dead says where somebody else looks at what is there.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
source "$SOURCE_DIR/tests/support/aws_server.sh"
code=0
start_aws_server ministack || code=$?
[ $code -eq 0 ] || exit $code
python=$SOURCE_DIR/build/python/bin/python3
export FANFOLD_STORE=aws FANFOLD_TABLE=jobs
unset FANFOLD_BUCKET
expect 0 fanfold setup aws --table jobs --queue de
cat >sqs.py <<'PY'
import boto3, os, sys
sqs = boto3.client("sqs", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1")
url = sqs.get_queue_url(QueueName="de-dead")["QueueUrl"]
if sys.argv[1] == "send":
    for text in sys.argv[2:]:
        sqs.send_message(QueueUrl=url, MessageBody=text)
if sys.argv[1] == "hide":
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600, AttributeNames=["All"])
    print(*(message["Attributes"]["ApproximateReceiveCount"] for message in got["Messages"]))
PY
counts() { fanfold queue stats de-dead --json >out && echo "$(field visible) $(field in_flight)"; }
expect 0 "$python" sqs.py send 'not json' '{"their":"own"}'
expect 0 fanfold cluster open --queue de --name album
same '2 0' "$(counts)"

# --- three workers sweep within their first second
workers=()
for worker in 1 2 3; do
  "$FANFOLD_BIN" work --queue de -- true >"w$worker" 2>"w$worker.err" </dev/null &
  workers+=($!)
done
shown=0
for look in 1 2 3 4 5 6 7 8 9 10; do
  sleep 0.4
  [ "$(counts)" != '2 0' ] || shown=$((shown + 1))
done
[ $shown -ge 7 ] || failed "only $shown of 10 looks saw both messages"
expect 0 fanfold queue dead de
says 'not json'
says '{"their":"own"}'
complains 'dead letters go back with:  fanfold queue redrive de-dead'
expect 0 fanfold sweep
says '2 messages that this store has no record of are left in dead-letter queue'
same '2 0' "$(counts)"
kill "${workers[@]}"
wait "${workers[@]}" || true

# --- each of four sweeps received each of them once, and so did fanfold queue dead
expect 0 "$python" sqs.py hide
grep -qxE '[3-6] [3-6]' out || failed 'received otherwise'
expect 0 fanfold queue dead de
complains 'de-dead: 2 messages are in flight, looked at by a sweep or somebody else: try again in a minute'
! grep -q 'no message is a dead letter' err || failed 'it says that there are none'
echo ok
