# ctest: labels=slow timeout=600
# A job that was begun on a file goes on on AWS: pushed half done, killed while it is pushed, worked off there.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
source "$SOURCE_DIR/tests/support/aws_server.sh"
code=0
start_aws_server ministack || code=$?
[ $code -eq 0 ] || exit $code
export FANFOLD_TABLE=jobs FANFOLD_BUCKET=jobs-of-the-test
kill_hard() { { kill -9 "$1" && wait "$1"; } 2>/dev/null || true; }
on_aws() { "$FANFOLD_BIN" --store aws "$@"; }
until=
worker() {
  exec "$FANFOLD_BIN" "$@" work --queue resize --jobs 2 --lease 3s --json ${until:+--until "$until"} --on-finish 'echo "$FANFOLD_STATUS" >>finish' \
    -- sh -c 'echo "$1" >>ran; sleep 0.02; case $1 in 7 | 150) echo "no picture" >&2; exit 65 ;; esac; echo "$1"' sh {task}
}

seq 0 199 >tasks.txt
expect 0 fanfold cluster create --queue resize --tasks tasks.txt --name photos --globals '{"width":200}' --meta '"m"' --failures-allowed 2 --json
key=$(field cluster)

# --- what has to be there is missing: nothing changes
expect 2 fanfold push photos --to elsewhere
expect 3 fanfold push photos --to aws
complains 'there is no queue resize'
expect 0 fanfold cluster show photos
says 'photos  running'
expect 0 on_aws setup aws --queue resize
expect 2 env FANFOLD_BUCKET= "$FANFOLD_BIN" push photos --to aws
complains 'no bucket'

# --- half of it is done here, by a worker that waits for the rest: it ends where the rest goes elsewhere
until=photos
(worker) >w1 2>w1.err &
worker=$!
until=
until [ -e ran ] && [ "$(wc -l <ran)" -ge 80 ]; do sleep 0.02; done
# While tasks run longer than push waits, the cluster stays: paused, and as it was.
expect 0 fanfold push photos --to aws --wait 60s --json
code=0
wait $worker || code=$?
same 4 $code
grep -qF '"code":"sealed"' w1.err || failed "the worker ended otherwise: $(cat w1.err)"
same false "$(field went_on)"
[ "$(field open)" -gt 50 ] || failed "only $(field open) of 200 tasks were left to be moved"
same 1 "$(field failed)"
here=$(wc -l <ran)
same "$here" $(($(field complete) + 1))
same $((here - 1)) "$(sed -n 's/.*"done":\([0-9]*\).*/\1/p' w1)"  # It still tells what it did.
[ ! -e finish ] || failed "its finish was handled before it moved"

# --- the file says where it went, and steers it no more
expect 0 fanfold cluster show photos
says 'moved to     aws:jobs'
expect 0 fanfold cluster ls
says 'moved'
expect 0 fanfold why photos
says 'it was moved to aws:jobs'
for steering in pause resume stop; do
  expect 4 fanfold cluster $steering photos
  complains 'it is steered there'
done
expect 4 fanfold cluster watch photos
expect 0 fanfold verify photos
expect 0 fanfold push photos --to aws --json
same true "$(field moved_before)"
expect 2 on_aws push photos --to aws
complains "embedded engine only"

# --- and AWS ends it
expect 0 on_aws cluster show photos
says "$((here - 1)) of 200 complete, 1 failed"
(worker --store aws) >w2 2>w2.err &
worker=$!
expect 1 on_aws cluster watch photos
until [ -e finish ]; do sleep 0.05; done
kill -INT $worker
wait $worker || true
same COMPLETE "$(cat finish)"
same 200 "$(wc -l <ran)"
same 200 "$(LC_ALL=C sort -u ran | wc -l)"
expect 0 on_aws verify photos
says 'every check holds'
expect 0 on_aws results "$key" --text
LC_ALL=C sort -n out >fold
grep -vxE '7|150' tasks.txt | cmp -s - fold || failed "the fold lacks what was done before the move, or after it"
expect 0 on_aws errors photos --json
grep -q 'no picture' out || failed "the failures lost their reason"
expect 0 on_aws logs photos#7
complains 'nothing was printed here (what was printed before a push is in the file that it was pushed from)'
expect 0 on_aws logs photos#7 --attempt 1
complains 'what was printed before a push'
expect 0 fanfold logs photos#7
says 'no picture'
expect 0 on_aws globals get photos
same '{"width":200}' "$(cat out)"
expect 0 fanfold cluster rm photos

# --- killed at every step, and pushed again
expect 0 fanfold cluster create --queue resize --tasks tasks.txt --name again
rm -f ran finish
cut_off=0
for step in pausing moving copying sending; do
  : >push.err
  "$FANFOLD_BIN" push again --to aws --wait 20s >push.out 2>push.err &
  push=$!
  until grep -q "^$step" push.err || ! kill -0 $push 2>/dev/null; do sleep 0.002; done
  kill_hard $push
  expect 0 fanfold cluster show again
  if grep -q '^again  moving' out; then cut_off=$((cut_off + 1)); fi
done
[ $cut_off -ge 1 ] || failed "no push was cut off on its way"
expect 0 fanfold push again --to aws --json
same 200 "$(field total)"
same 200 "$(field open)"
expect 0 fanfold cluster show again
says 'moved to     aws:jobs'
(worker --store aws) >w3 2>w3.err &
worker=$!
until [ -e finish ]; do sleep 0.05; done
kill -INT $worker
wait $worker || true
same 1 "$(wc -l <finish)"
same 200 "$(LC_ALL=C sort -u ran | wc -l)"
same 200 "$(wc -l <ran)"
expect 0 on_aws verify again
says 'every check holds'

# --- a list that was run goes on there with the same command
seq 1 40 >list.txt
run() { exec "$FANFOLD_BIN" "$@" run --tasks list.txt --name list --jobs 2 --json -- sh -c 'sleep 0.05; echo "$1" >>listed; echo "$1"' sh {task}; }
(run) >r1 2>r1.err &
runner=$!
until [ -e listed ] && [ "$(wc -l <listed)" -ge 10 ]; do sleep 0.02; done
kill -INT $runner
wait $runner || true
expect 0 fanfold cluster ls --name list --json
expect 0 on_aws setup aws --queue "$(field queue)"
expect 0 fanfold push list --to aws
says 'moved to aws:jobs'
code=0
(run) >out 2>err || code=$?
same 4 $code
complains '--store aws goes on there'
(run --store aws) >out 2>err || failed "run on AWS failed"
same 40 "$(field complete)"
same 40 "$(wc -l <listed)"
expect 0 on_aws verify list
says 'every check holds'
echo "ok"
