# A list that comes slowly, or never: the command says what it waits for, and answers the first signal.
source "$SOURCE_DIR/tests/integration/support/checks.sh"

# --- a named pipe that nobody writes to
mkfifo list
"$FANFOLD_BIN" run --tasks list -- true >out 2>err &
waits=$!
until grep -q 'reading the list of tasks from list; nothing begins before its end' err; do sleep 0.05; done
kill -TERM $waits
code=0
wait $waits || code=$?
same 130 $code
complains 'list: interrupted before its end; nothing has run'
same 1 "$(grep -c 'reading the list' err)"

# --- its writer may come late, and write in pieces
"$FANFOLD_BIN" run --tasks list --name late -- true >out 2>err &
waits=$!
until [ -s err ]; do sleep 0.05; done
(printf 'a\nb'; sleep 0.2; printf 'c\n') >list
wait $waits || failed "the list that came late was not run"
complains 'late: 2 of 2 complete'

# --- standard input
(sleep 1.3; echo one) | "$FANFOLD_BIN" run --tasks - --name slow -- true >out 2>err
complains 'reading the list of tasks from standard input; nothing begins before its end'
complains 'slow: 1 of 1 complete'
echo one | "$FANFOLD_BIN" run --tasks - --name quick -- true >out 2>err
grep -q reading err && failed "a list that came at once was said to be slow"
expect 0 fanfold run --tasks <(echo one) --name substituted -- true
echo "ok"
