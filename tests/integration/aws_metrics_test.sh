# ctest: labels=slow timeout=300
# --metrics of a worker on AWS: calls and requests by service, operation and outcome.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
source "$SOURCE_DIR/tests/support/aws_server.sh"
python=$SOURCE_DIR/build/python/bin/python3
unset FANFOLD_STORE
code=0
start_aws_server ministack || code=$?
[ $code -eq 0 ] || exit $code
export FANFOLD_STORE=aws FANFOLD_TABLE=jobs
expect 0 fanfold setup aws --table jobs --queue resize
seq 1 20 >list.txt
expect 0 fanfold cluster create --queue resize --tasks list.txt --name photos
"$FANFOLD_BIN" work --queue resize --jobs 2 --metrics 0 --json -- true >w.out 2>w.err </dev/null &
worker=$!
stop_all() {
  kill -9 $worker 2>/dev/null || true
  stop_aws_server
}
trap stop_all EXIT
until grep -q '^metrics: ' w.err; do kill -0 $worker || failed "$(cat w.err)"; sleep 0.05; done
url=$(sed -n 's/^metrics: //p' w.err)
scrape() { "$python" "$SOURCE_DIR/tests/python/scrape.py" "$url" >scraped 2>scrape.err || failed "$(cat scrape.err)"; }
value() { awk -v name="${1//\"/\\\"}" '$1 == name { print $2 }' scraped; }
expect 0 fanfold cluster watch photos
for ((waited = 0; waited < 200; waited++)); do
  scrape
  [ "$(value 'fanfold_ended_total{kind="task",outcome="done"}')" != 20 ] || break
  sleep 0.05
done
cp scraped out
same 20 "$(value 'fanfold_ended_total{kind="task",outcome="done"}')"
for operation in 'service="sqs",operation="ReceiveMessage"' 'service="sqs",operation="DeleteMessageBatch"' 'service="dynamodb",operation="GetItem"'; do
  (($(value "fanfold_aws_calls_total{$operation,outcome=\"ok\"}") > 0)) || failed "no call of $operation"
  (($(value "fanfold_aws_attempts_total{$operation,outcome=\"ok\"}") > 0)) || failed "no request of $operation"
done
same 0 "$(awk '/^fanfold_aws_.*outcome="(throttled|failed)"/ { sum += $2 } END { print sum + 0 }' scraped)"
# A server that is gone is told by the requests at once, by the calls once they give up.
kill -9 "$aws_server"
for ((waited = 0; waited < 600; waited++)); do
  scrape
  [ "$(awk '/^fanfold_aws_attempts_total.*outcome="failed"/ { sum += $2 } END { print sum + 0 }' scraped)" = 0 ] || break
  sleep 0.05
done
cp scraped out
(($(awk '/^fanfold_aws_attempts_total.*outcome="failed"/ { sum += $2 } END { print sum + 0 }' scraped) > 0)) || failed 'requests to a server that is gone are not counted'
echo ok
