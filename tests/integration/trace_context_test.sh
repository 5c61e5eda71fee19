# ctest: timeout=120
# TRACEPARENT of whoever creates a cluster or sends a message is that of the programs that run for it: in further attempts,
# after kill -9, in a retry, in what they send themselves. fanfold's own environment does not show through.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
one=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
other=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
xray='Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1'
one_id=4bf92f3577b34da6a3ce929d0e0e4736
show='echo "${TRACEPARENT-none} ${TRACESTATE-none} ${_X_AMZN_TRACE_ID-none}" >>seen'
seen() { sort -u seen; rm -f seen; }
kill_hard() { { kill -9 "$1" && wait "$1"; } 2>/dev/null || true; }
seq 1 30 >tasks.txt

# --- run: killed, gone on with from another trace, failed tasks tried again, and at its end
job() { fanfold run "$@" --name job --tasks tasks.txt --jobs 2 --retries 1 --on-finish "$show" -- sh -c "$show; sleep 0.05; [ \$1 != 7 ] || [ -e mended ]" sh {task}; }
(export TRACEPARENT=$one TRACESTATE=congo=t61rcWkgMzE && exec "$FANFOLD_BIN" run --name job --tasks tasks.txt --jobs 2 --retries 1 --on-finish "$show" \
  -- sh -c "$show; sleep 0.05; [ \$1 != 7 ] || [ -e mended ]" sh {task}) >/dev/null 2>&1 &
victim=$!
until [ -e seen ] && [ "$(wc -l <seen)" -ge 6 ]; do sleep 0.02; done
kill_hard $victim
[ "$(wc -l <seen)" -lt 25 ] || failed "it was killed too late to show anything"
TRACEPARENT=$other expect 1 job
complains '29 of 30 complete'
touch mended
TRACEPARENT=$other TRACESTATE=a=b expect 0 job --json
same $one_id "$(field trace_id)"
[ "$(wc -l <seen)" -ge 34 ] || failed "$(wc -l <seen) programs ran, of 30 tasks, 2 further attempts and 2 ends"
same "$one congo=t61rcWkgMzE none" "$(seen)"
expect 0 fanfold cluster show job
says "  trace        $one_id"
expect 0 fanfold cluster show job --json
says '"trace":{"traceId":"'$one_id'","traceparent":"'$one'","tracestate":"congo=t61rcWkgMzE"}'
expect 0 fanfold cluster ls --json
says '"trace_id":"'$one_id'"'

# --- a list of the job that is another cluster belongs to whoever began that
seq 1 31 >tasks.txt
TRACEPARENT=$other expect 0 job
same "$other none none" "$(seen)"

# --- messages, an X-Ray header, and what a program sends in turn
TRACEPARENT=$one _X_AMZN_TRACE_ID=$xray expect 0 fanfold send --queue mail hello
_X_AMZN_TRACE_ID=$xray expect 0 fanfold send --queue chain 1
TRACEPARENT=$other expect 0 fanfold work --queue mail --until-empty -v -- sh -c "$show"
complains " trace $one_id"
same "$one none $xray" "$(seen)"
expect 0 fanfold work --queue chain --until-empty -- sh -c "\"$FANFOLD_BIN\" send --queue end \"\$1\"" sh {task}
TRACEPARENT=$other TRACESTATE=a=b expect 0 fanfold work --queue end --until-empty -- sh -c "$show"
same "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01 none $xray" "$(seen)"

# --- clusters, closed and open, and their ends
TRACEPARENT=$one expect 0 fanfold cluster create --queue c --tasks tasks.txt --name closed
TRACEPARENT=$one expect 0 fanfold cluster open --queue c --name open
TRACEPARENT=$other expect 0 fanfold cluster add open page --tasks tasks.txt
TRACEPARENT=$other expect 0 fanfold cluster seal open
TRACEPARENT=$other _X_AMZN_TRACE_ID=$xray expect 0 fanfold work --queue c --until-empty --on-finish "$show" -- sh -c "$show"
same 64 "$(wc -l <seen)"
same "$one none none" "$(seen)"

# --- without a trace, or with one that is wrong, nothing is carried: programs see what the worker does
expect 0 fanfold send --queue none 1
for wrong in "$one-" "${one^^}" "00-$(printf '0%.0s' {1..32})-00f067aa0ba902b7-01" ''; do TRACEPARENT=$wrong TRACESTATE=a=b expect 0 fanfold send --queue none 1; done
_X_AMZN_TRACE_ID='Root=1-5759e988' expect 0 fanfold send --queue none 1
TRACEPARENT=$other expect 0 fanfold work --queue none --until-empty -v -- sh -c "$show"
! grep -q ' trace ' err || failed "a trace is shown where none is"
same 6 "$(wc -l <seen)"
same "$other none none" "$(seen)"

# --- what fails for good is said with its trace where a worker says so
TRACEPARENT=$one expect 0 fanfold cluster create --queue fold --tasks tasks.txt --name fold
expect 1 fanfold work --queue fold --until fold --max-attempts 1 --on-finish 'echo no >&2; exit 65' -- true
complains "--on-finish trace $one_id  no"
echo ok
