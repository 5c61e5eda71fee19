#!/usr/bin/env bash
# A real job on real files: one task per regular file of a tree, hashed by worker processes of which one is killed with
# -9 on the way, folded into one manifest by the finish handler, and proven. usage: demo.sh [aws] [DIRECTORY]
# With aws it does so on a server that speaks as SQS, DynamoDB and S3 do, which it starts on a free port of this machine.
set -euo pipefail

fanfold=${FANFOLD_BIN:?names the command}
engine=file
[ "${1:-}" != aws ] || { engine=aws; shift; }
tree=${1:-/usr/include}
home=${BUILD_DIR:?names the build directory}/demo
[ $engine = file ] || home=$home-aws
worker_count=3
killed_at_percent=30
# The server on AWS's side is one process of Python, which takes some milliseconds for a request.
file_count_max=100000000
[ $engine = file ] || file_count_max=5000

[ -d "$tree" ] || { echo "demo: $tree is no directory" >&2; exit 2; }
tree=$(cd "$tree" && pwd)
rm -rf "$home"
mkdir -p "$home"
worker_options=() store_words="$home/demo.db"
manifest=$home/manifest.sha256
export DEMO_FANFOLD=$fanfold DEMO_MANIFEST=$manifest
workers=()
cd "$home" # where no fanfold.toml says otherwise

say() { printf '%s==> %s\n' "$clear" "$*" >&2; }
clear=
[ ! -t 2 ] || clear=$'\r\e[J'

# One number of an object on one line of JSON.
field() { sed -n 's/.*"'"$1"'":\([0-9]*\).*/\1/p' <<<"$2"; }
counts() { "$fanfold" cluster ls --name demo --json; }

open_store_in_file() {
  export FANFOLD_STORE=$home/demo.db
}

# Leases are short, for nobody can see that a process on AWS has died: what it held is free when they end.
open_store_on_aws() {
  # shellcheck source=tests/support/aws_server.sh
  source "${SOURCE_DIR:?names the sources}/tests/support/aws_server.sh"
  say "starting MiniStack, which speaks as SQS, DynamoDB and S3 do"
  start_aws_server ministack
  export FANFOLD_STORE=aws FANFOLD_TABLE=demo FANFOLD_BUCKET=fanfold-demo
  worker_options=(--lease 5s)
  store_words="table demo, bucket fanfold-demo and queue hash of $AWS_ENDPOINT_URL"
  "$fanfold" setup aws --queue hash >&2
}

start_worker() {
  # The finish handler is one line of shell: what sha256sum printed, in task order, is the manifest.
  # shellcheck disable=SC2016
  "$DEMO_FANFOLD" work --queue hash --jobs 2 --until demo --json "${worker_options[@]}" \
    --on-finish '"$DEMO_FANFOLD" results "$FANFOLD_CLUSTER" --text >"$DEMO_MANIFEST.part" && mv "$DEMO_MANIFEST.part" "$DEMO_MANIFEST" && echo once >>"$DEMO_MANIFEST.runs"' \
    -- sha256sum {task} >"$home/worker-$1.json" 2>"$home/worker-$1.log" &
  workers+=($!)
}

stop_workers() {
  local worker
  for worker in "${workers[@]}"; do kill -9 "$worker" 2>/dev/null || true; done
  [ $engine = file ] || stop_aws_server
}

if [ $engine = file ]; then open_store_in_file; else open_store_on_aws; fi
trap stop_workers EXIT

say "looking for files below $tree"
find "$tree" -type f -readable -print0 | LC_ALL=C sort -z >"$home/all-files"
head -z -n $file_count_max "$home/all-files" >"$home/files"
all=$(tr -dc '\0' <"$home/all-files" | wc -c)
"$fanfold" cluster create --queue hash --name demo --key "$tree" -0 --tasks "$home/files" --json >"$home/created.json"
total=$(field total "$(cat "$home/created.json")")
say "fanned out: $total tasks, one per file, in $store_words"
[ "$all" -eq "$total" ] || say "(the first $total of $all files: the server is an imitation in Python and not quick)"

begun=$(date +%s%N)
for number in $(seq $worker_count); do start_worker "$number"; done
say "started $worker_count worker processes: fanfold work --queue hash -- sha256sum {task}"

"$fanfold" cluster watch demo --json >"$home/watched.json" &
watcher=$!
until now=$(counts) && [ $(($(field complete "$now") * 100)) -ge $((total * killed_at_percent)) ]; do sleep 0.05; done
victim=${workers[0]}
# The shell's own notice of the kill goes nowhere.
{ kill -9 "$victim" && wait "$victim"; } 2>/dev/null || true
workers=("${workers[@]:1}")
say "killed worker $victim with -9 after $(field complete "$now") tasks; another takes its place, and what it held"
start_worker $((worker_count + 1))
wait "$watcher" || { say "the cluster did not end well"; "$fanfold" errors demo; "$fanfold" why demo; exit 1; }
for worker in "${workers[@]}"; do wait "$worker" || { say "worker $worker failed"; cat "$home"/worker-*.log >&2; exit 1; }; done
workers=()
seconds=$(awk -v from="$begun" -v to="$(date +%s%N)" 'BEGIN { printf "%.1f", (to - from) / 1e9 }')

say "proving it: sha256sum -c over the whole manifest"
lines=$(wc -l <"$manifest")
[ "$lines" -eq "$total" ] || { say "the manifest has $lines lines for $total tasks"; exit 1; }
sha256sum --quiet --check "$manifest"
verified=$("$fanfold" verify demo --json) || { say "the records differ"; "$fanfold" verify demo; exit 1; }

duplicates=0 handled=0
for number in $(seq 2 $((worker_count + 1))); do
  report=$(cat "$home/worker-$number.json")
  duplicates=$((duplicates + $(field duplicates "$report")))
  handled=$((handled + $(field finish_handled "$report")))
done
runs=$(wc -l <"$manifest.runs")
rm -f "$home"/worker-*.json "$home"/worker-*.log "$home"/*.json "$home/files" "$home/all-files" "$manifest.runs"

cat <<END

$total files hashed in $seconds s by $worker_count worker processes, one of them killed with -9.
  tasks                    $total, every one complete
  attempts                 $(field attempts "$verified") (what the killed worker had begun was begun again)
  duplicates suppressed    $duplicates
  finish handler           ran $runs time(s), by $handled worker
  sha256sum -c             all $lines lines hold
  fanfold verify           every check holds

END

if [ $engine = aws ]; then
  cat <<END
Kept, and nothing else: $manifest
The server is gone, and with it $store_words.

The same on the real services, which costs about a cent; leave AWS_ENDPOINT_URL unset:
  export FANFOLD_STORE=aws FANFOLD_TABLE=… FANFOLD_BUCKET=… AWS_REGION=… PATH=$(dirname "$fanfold"):\$PATH
  fanfold setup aws --queue hash
  find $tree -type f | fanfold cluster create --queue hash --name demo --tasks -
  fanfold work --queue hash --until demo -- sha256sum {task}
END
  exit
fi
cat <<END
Kept, and nothing else: $manifest
                        $FANFOLD_STORE (with SQLite's and the lock files beside it)

Try next:
  export FANFOLD_STORE=$FANFOLD_STORE PATH=$(dirname "$fanfold"):\$PATH
  fanfold cluster show demo
  fanfold verify demo
  fanfold logs demo#0
  sqlite3 -readonly $FANFOLD_STORE 'select * from clusters'
  ls $tree | fanfold run --jobs 4 -- echo hello {task}
END
