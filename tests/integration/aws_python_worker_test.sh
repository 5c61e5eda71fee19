# ctest: labels=slow timeout=600
# A worker in Python, made from docs/wire-format.md alone, takes part in clusters together with fanfold's own.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
source "$SOURCE_DIR/tests/support/aws_server.sh"
code=0
start_aws_server ministack || code=$?
[ $code -eq 0 ] || exit $code
export AWS_DEFAULT_REGION=$AWS_REGION FANFOLD_STORE=aws FANFOLD_TABLE=jobs FANFOLD_BUCKET=jobs-of-the-test
expect 0 fanfold setup aws --queue resize
queue=$AWS_ENDPOINT_URL/000000000000/resize

python_worker() { exec "$SOURCE_DIR/build/python/bin/python3" "$SOURCE_DIR/tests/python/worker.py" "$queue" --table jobs --lease 3 "$@"; }
our_worker() {
  exec "$FANFOLD_BIN" work --queue resize --jobs 2 --lease 3s --json "$@" --on-finish 'echo finish $FANFOLD_STATUS >>ours' \
    -- sh -c 'sleep 0.1; echo task >>ours; case $1 in *fail*) exit 65 ;; esac; echo "$1"' sh {task}
}
kill_hard() { { kill -9 "$1" && wait "$1"; } 2>/dev/null || true; }
lines_of() { if [ -e "$1" ]; then grep -c "^$2" "$1" || true; else echo 0; fi; }

# make NAME COUNT OPTIONS...: a cluster of COUNT tasks, every hundredth of which fails for good.
make() {
  rm -f ours theirs
  for ((i = 0; i < $2; i++)); do
    if ((i % 100 == 50)); then echo '{"fail":"number '$i'"}'; else echo '{"number":'$i'}'; fi
  done >tasks.jsonl
  expect 0 fanfold cluster create --queue resize --tasks tasks.jsonl --name "$1" --json "${@:3}"
  cluster=$(field cluster)
}
# finished NAME COUNT FAILED STATUS: all checks hold, every task has one effect, and one finish was handled.
finished() {
  expect 0 fanfold verify "$1"
  says 'every check holds'
  expect 0 fanfold cluster show "$1" --json
  says "\"status\":\"$4\",\"statusCode\""
  expect 0 fanfold results "$1" --json
  same $(($2 - $3)) "$(wc -l <out)"
  same 1 $(($(lines_of ours finish) + $(lines_of theirs finish)))
}

# --- together: each does a good share, whoever of them ends the last task
make shared 400 --globals '{"width":200}'
our_worker --until shared >w.out 2>w.err &
ours=$!
(python_worker --until "$cluster" --log theirs) || failed "the Python worker failed"
code=0
wait $ours || code=$?
[ $code -eq 1 ] || failed "our worker ended with $code where four tasks failed: $(cat w.err)"
finished shared 400 4 ERROR
grep -c '"by":"python"\|"by": "python"' out >by_python || true
[ "$(cat by_python)" -ge 40 ] || failed "the Python worker did $(cat by_python) of 396 tasks"
[ "$(cat by_python)" -le 356 ] || failed "our worker did $((396 - $(cat by_python))) of 396 tasks"
grep -q '"width": \{0,1\}200' out || failed "the Python worker did not read the globals"
same 400 $(($(lines_of ours task) + $(lines_of theirs task)))

# --- the Python worker alone: it has to propagate the last task, finish the cluster, send the finish message and handle it
make alone 70 --failures-allowed 1
(python_worker --until "$cluster" --log theirs) || failed "the Python worker failed"
finished alone 70 1 COMPLETE
same 70 "$(lines_of theirs task)"
same 1 "$(lines_of theirs 'finish COMPLETE')"
expect 0 fanfold errors alone --json
says 'number 50'

# --- kill -9 in between: another one goes on when the leases are over
make killed 120
(python_worker --until "$cluster" --log theirs --work 0.05) &
victim=$!
until [ "$(lines_of theirs task)" -ge 30 ]; do sleep 0.02; done
kill_hard $victim
[ "$(lines_of theirs task)" -lt 110 ] || failed "it was killed too late to show anything"
(python_worker --until "$cluster" --log theirs) || failed "the second Python worker failed"
finished killed 120 1 ERROR
[ "$(lines_of theirs task)" -le 121 ] || failed "$(lines_of theirs task) attempts ended, of 120 tasks and one kill"

# --- and one that is killed is helped out by ours, whatever it was at
make helped 96
(python_worker --until "$cluster" --log theirs --work 0.05) &
victim=$!
until [ "$(lines_of theirs task)" -ge 20 ]; do sleep 0.02; done
kill_hard $victim
(our_worker --until helped) >w.out 2>w.err || [ $? -eq 1 ] || failed "our worker failed: $(cat w.err)"
finished helped 96 1 ERROR
echo "ok"
