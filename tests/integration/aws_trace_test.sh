# ctest: labels=slow timeout=300
# What other programs on SQS send and receive of a trace, and one that goes with what is pushed there.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
source "$SOURCE_DIR/tests/support/aws_server.sh"
code=0
start_aws_server ministack || code=$?
[ $code -eq 0 ] || exit $code
export AWS_DEFAULT_REGION=$AWS_REGION
one=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
xray='Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1'
of_xray=00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01
show='echo "${TRACEPARENT-none} ${TRACESTATE-none} ${_X_AMZN_TRACE_ID-none}" >>seen'
seen() { sort -u seen; rm -f seen; }
aws() { env FANFOLD_STORE=aws FANFOLD_TABLE=jobs FANFOLD_BUCKET=jobs-of-the-test "$FANFOLD_BIN" "$@"; }
python() { "$SOURCE_DIR/build/python/bin/python3" -c "import boto3, json; sqs = boto3.client('sqs'); url = '$AWS_ENDPOINT_URL/000000000000/'; $1"; }
seq 1 12 >tasks.txt
expect 0 aws setup aws --queue work
expect 0 aws setup aws --queue theirs

# --- SQS has AWSTraceHeader in batches too; not every server: docs/aws-test-servers.md
attribute="{'AWSTraceHeader': {'DataType': 'String', 'StringValue': '$xray'}}"
expect 0 python "sqs.send_message_batch(QueueUrl=url + 'theirs', Entries=[{'Id': '0', 'MessageBody': '0', 'MessageSystemAttributes': $attribute}])"
expect 0 python "print(sqs.receive_message(QueueUrl=url + 'theirs', AttributeNames=['All'])['Messages'][0]['Attributes'].get('AWSTraceHeader', 'none'))"
in_batches=$(cat out)
echo "AWSTraceHeader in batches: $in_batches"

# --- another program receives what fanfold sent
TRACEPARENT=$one TRACESTATE=a=b _X_AMZN_TRACE_ID=$xray expect 0 aws send --queue theirs 1
expect 0 python "m = sqs.receive_message(QueueUrl=url + 'theirs', MessageSystemAttributeNames=['AWSTraceHeader'])['Messages'][0]; \
b = json.loads(m['Body']); print(m.get('Attributes', {}).get('AWSTraceHeader', 'none'), b['traceparent'], b['tracestate'], m.get('MessageAttributes'))"
same "$in_batches $one a=b None" "$(cat out)"
expect 0 aws send --queue theirs 2
expect 0 python "m = sqs.receive_message(QueueUrl=url + 'theirs', AttributeNames=['All'])['Messages'][0]; print('AWSTraceHeader' in m['Attributes'], 'traceparent' in m['Body'])"
same 'False False' "$(cat out)"

# --- fanfold receives what another program sent
expect 0 python "sqs.send_message(QueueUrl=url + 'work', MessageBody='1', MessageSystemAttributes=$attribute)"
expect 0 aws work --queue work --until-empty -v -- sh -c "$show"
complains ' trace 5759e988bd862e3fe1be46a994272793'
same "$of_xray none $xray" "$(seen)"
expect 0 python "sqs.send_message(QueueUrl=url + 'work', MessageBody='1', MessageAttributes={'traceparent': {'DataType': 'String', 'StringValue': '$one'}})"
expect 0 aws work --queue work --until-empty -- sh -c "$show"
same "$one none none" "$(seen)"

# --- a cluster, its further attempts, its retry and its end
TRACEPARENT=$one _X_AMZN_TRACE_ID=$xray expect 0 aws cluster create --queue work --tasks tasks.txt --name traced
expect 0 aws cluster show traced --json
says '"traceparent":"'$one'","AWSTraceHeader":"'"$xray"'"}'
expect 1 aws work --queue work --until traced --max-attempts 2 --backoff 10ms --on-finish "$show" -- sh -c "$show; [ \$1 != 7 ]" sh {task}
expect 0 aws cluster retry traced
expect 0 aws work --queue work --until traced --on-finish "$show" -- sh -c "$show"
[ "$(wc -l <seen)" -ge 16 ] || failed "$(wc -l <seen) programs ran, of 12 tasks, 1 further attempt, 1 retry and 2 ends"
same "$one none $in_batches" "$(seen)"

# --- what is pushed from a file
TRACEPARENT=$one _X_AMZN_TRACE_ID=$xray expect 0 fanfold cluster create --queue work --tasks tasks.txt --name moved
expect 0 fanfold push moved --to aws --table jobs --bucket jobs-of-the-test
expect 0 aws work --queue work --until moved --on-finish "$show" -- sh -c "$show"
same 13 "$(wc -l <seen)"
same "$one none $in_batches" "$(seen)"

# --- a message that a worker in Python sends for a cluster
expect 0 aws setup aws --queue fold
TRACEPARENT=$one TRACESTATE=a=b _X_AMZN_TRACE_ID=$xray expect 0 aws cluster create --queue work --finish-queue fold --tasks tasks.txt --name together --json
cluster=$(field cluster)
"$SOURCE_DIR/build/python/bin/python3" "$SOURCE_DIR/tests/python/worker.py" "$AWS_ENDPOINT_URL/000000000000/work" --table jobs --until "$cluster" --log theirs &
python_worker=$!
expect 0 aws work --queue fold --until together --on-finish "$show" -- true
wait $python_worker
same 12 "$(grep -c ^task theirs)"
same "$one a=b $xray" "$(seen)"
echo ok
