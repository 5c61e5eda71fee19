# ctest: timeout=180
# Where the system refuses to start programs, that is said, and does not go on for ever.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
# The address sanitizer itself needs files to look at a pointer.
if grep -q __asan_init "$FANFOLD_BIN"; then exit 0; fi
seq 6 >list
[ "$("$FANFOLD_BIN" --version >/dev/null && ls /proc/self/fd | wc -l)" -lt 15 ] || exit 77
# As few files as let the store be opened, and no program be started beside it: found by trying.
few=0
for n in $(seq 12 40); do
  rm -f test.db*
  code=0
  (ulimit -n $n; timeout -k 5 30 "$FANFOLD_BIN" run --tasks list --jobs 4 -- true) >out 2>err || code=$?
  grep -q 'cannot start a program now: Too many open files (ulimit -n); trying again' err || continue
  [ $code -ne 0 ] || continue
  few=$n
  break
done
[ $few -gt 0 ] || failed "no limit of files kept programs from being started"
same 5 $code
same 1 "$(grep -c 'trying again' err)"
complains 'no program could be started for 10 s: Too many open files (ulimit -n)'
complains 'the same command goes on'

# --- a signal ends it at once, and counts nothing as finished
code=0
(ulimit -n $few; timeout -s INT 2 "$FANFOLD_BIN" run --tasks list --jobs 4 -- true) >out 2>err || code=$?
complains 'drained: 0 finished, none cut off'
expect 0 fanfold run --tasks list --jobs 4 -- true
complains 'list: 6 of 6 complete'
echo "ok"
