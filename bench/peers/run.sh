#!/usr/bin/env bash
# The peers that need servers of their own, beside fanfold in one run: BullMQ's flows on Redis, with fsync each second
# (beside NORMAL) and with fsync on every write (beside FULL); and the AWS SDKs. Prints one JSON object a line.
# usage: bench/peers/run.sh BENCH [COUNT]     BENCH is the built fanfold_bench; needs redis-server, node and npm
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bench=$1 count=${2:-20000}
for tool in redis-server node npm; do command -v $tool >/dev/null || { echo "bench/peers: $tool is missing" >&2; exit 2; }; done
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
cp "$here/bullmq.mjs" "$work/"
(cd "$work" && npm init -y >/dev/null && npm install --silent --no-fund --no-audit bullmq@5.81.5 >/dev/null)

measure() {  # name, appendfsync
  local port=$((20000 + RANDOM % 20000))
  mkdir "$work/$1"
  redis-server --port $port --bind 127.0.0.1 --dir "$work/$1" --appendonly yes --appendfsync "$2" --save '' --logfile "$work/$1/log" &
  server=$!
  until redis-cli -p $port ping >/dev/null 2>&1; do sleep 0.1; done
  local peer ours
  peer=$(node "$work/bullmq.mjs" $port "$count" 100)
  kill $server && wait $server 2>/dev/null || true
  ours=$("$bench" --json --filter "cluster_1m_$1" | head -1)
  node -e '
    const [name, peer, ours] = [process.argv[1], JSON.parse(process.argv[2]), JSON.parse(process.argv[3])];
    const print = (name, value, unit, counts) => console.log(JSON.stringify({ name, value, unit, counts }));
    print(`bullmq_${name}`, peer.tasks_per_second, "tasks/s", { handled: peer.handled, finish_handler_runs: peer.finish_handler_runs });
    print(`fanfold_${name}`, ours.value, "tasks/s", ours.counts);
    print(`fanfold_to_bullmq_${name}`, ours.value / peer.tasks_per_second, "x", {});' "$1" "$peer" "$ours"
}

measure normal everysec
measure full always

# A message's whole cycle on AWS, on a server that answers at once, beside the AWS SDK for JavaScript and boto3.
cp "$here/aws_cycle.mjs" "$work/"
(cd "$work" && npm install --silent --no-fund --no-audit @aws-sdk/client-sqs@3.1141.0 @aws-sdk/client-dynamodb@3.1141.0 >/dev/null)
FANFOLD_BENCH_NODE=$work "$bench" aws --json --filter aws_cpu
