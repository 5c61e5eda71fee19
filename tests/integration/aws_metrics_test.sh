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
  kill -9 $worker ${dashboard:-} 2>/dev/null || true
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
# What the tasks took, as the service told: two write units each where no neighbours share one, and the tree's and the finish's. Each write is one or more.
units=$(value 'fanfold_aws_capacity_units_total{service="dynamodb",kind="write"}')
writes=$(awk '/^fanfold_aws_calls_total{service="dynamodb",operation="(UpdateItem|PutItem)",outcome="ok"}/ { sum += $2 } END { print sum }' scraped)
awk -v units="$units" -v writes="$writes" 'BEGIN { exit !(writes > 0 && units >= writes && units <= 55) }' || failed "$units write units for $writes writes of 20 tasks"
units=$(value 'fanfold_aws_capacity_units_total{service="dynamodb",kind="read"}')
awk -v units="$units" 'BEGIN { exit !(units > 0) }' || failed "$units read units"
# A dashboard counts its own.
expect 0 fanfold cluster open --queue resize --name album
"$FANFOLD_BIN" dashboard --listen 0 --json >d.out 2>d.err </dev/null &
dashboard=$!
until grep -q '"url"' d.out; do kill -0 $dashboard || failed "$(cat d.err)"; sleep 0.05; done
worker_url=$url url=$(sed 's/.*"url":"\([^"]*\)".*/\1/' d.out)
url=${url%/}/metrics
scrape
kill $dashboard
cp scraped out
says 'fanfold_queue_messages{queue="resize"'
units=$(value 'fanfold_aws_capacity_units_total{service="dynamodb",kind="read"}')
awk -v units="$units" 'BEGIN { exit !(units > 0) }' || failed "$units read units of the dashboard's"
same 0 "$(value 'fanfold_aws_capacity_units_total{service="dynamodb",kind="write"}')"
url=$worker_url
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
