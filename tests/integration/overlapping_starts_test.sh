# ctest: timeout=120
# Two starts of one job at a time, with lists that share tasks: nothing runs twice.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
program=(sh -c 'echo $FANFOLD_TASK >>ran; sleep 0.05')
seq 20 >small
seq 30 >grown
"$FANFOLD_BIN" run --name job --jobs 2 --tasks small -- "${program[@]}" >out.small 2>err.small &
first=$!
until [ -s ran ]; do sleep 0.02; done
expect 0 fanfold run --json --name job --jobs 2 --tasks grown -- "${program[@]}"
complains 'job: another start of this job is running with another list'
same '30 20' "$(field complete) $(field skipped)"
wait $first || failed "the first start was disturbed: $(cat err.small)"
same "$(cat grown)" "$(sort -n ran)"

# --- what a dead start left open is not waited for
: >ran
"$FANFOLD_BIN" run --name dead --jobs 2 --tasks small -- sh -c 'echo $FANFOLD_TASK >>ran; sleep 30' 2>/dev/null >&2 &
first=$!
# Both programs run: one that is just being started would hold its parent's locks for a moment longer.
until [ "$(wc -l <ran)" -ge 2 ]; do sleep 0.02; done
kill -9 $first
wait $first || true
"$FANFOLD_BIN" run --name dead --jobs 2 --tasks grown -- sh -c 'echo $FANFOLD_TASK >>ran; sleep 30' >out 2>err &
other=$!
until [ "$(wc -l <ran)" -ge 4 ]; do sleep 0.02; done
grep -q 'another start' err && failed "a dead start was waited for"
kill -9 $other
wait $other || true

# --- who waits can be interrupted
rm ran
"$FANFOLD_BIN" run --name long --jobs 1 --tasks small -- sh -c 'echo $FANFOLD_TASK >>ran; sleep 1' >out.small 2>err.small &
first=$!
until [ -s ran ]; do sleep 0.02; done
"$FANFOLD_BIN" run --name long --jobs 1 --tasks grown -- sh -c 'echo $FANFOLD_TASK >>ran; sleep 1' >out 2>err &
second=$!
until grep -q 'another start' err; do sleep 0.02; done
kill -INT $second
code=0
wait $second || code=$?
same 130 $code
kill -INT $first
wait $first || true
echo "ok"
