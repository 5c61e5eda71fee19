# ctest: timeout=120
# After a finished `fanfold run` nothing is left in its queue, however often it was killed or interrupted on the way: no
# copy of the finish message that a sweep sent beside it, and no message whose deletion a kill cut off.
source "$SOURCE_DIR/tests/integration/support/checks.sh"

runs=120
RANDOM=${SEED:=$$}
echo "SEED=$SEED"

for ((number = 0; number < runs; number++)); do
  seq $((RANDOM % 4 + 1)) >tasks
  command=("$FANFOLD_BIN" run --durability normal --tasks tasks --name "job$number" --jobs $((RANDOM % 4 + 1)) -- true)
  case $((number % 3)) in
    0) signal=KILL ;;
    1) signal=INT ;;
    2) signal= ;;
  esac
  if [ -n "$signal" ]; then
    "${command[@]}" >/dev/null 2>&1 &
    sleep "0.0$(printf %02d $((RANDOM % 60 + 5)))"
    { kill "-$signal" $!; wait $!; } >/dev/null 2>&1 || true
  fi
  expect 0 "${command[@]}"
done
expect 0 fanfold queue ls --json
same "$(grep -c '"queue":"run-job' out)" "$runs"
grep -vF '"visible":0,"in_flight":0,"delayed":0' out >left || true
same "$(wc -l <left)" 0
