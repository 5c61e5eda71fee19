# ctest: timeout=120
# fanfold run --on-finish: a command that runs once, after the last task; its failure, its retry, and the starts after it.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
finish='echo "$FANFOLD_NAME $FANFOLD_STATUS" >>finished; '"$FANFOLD_BIN"' results "$FANFOLD_CLUSTER" --text >fold'

# --- once, after the last task, with every result at hand; what has ended is not finished again
seq 1 5 >list.txt
expect 0 fanfold run --json --tasks list.txt --on-finish "$finish" -- echo got {task}
same 'list COMPLETE' "$(cat finished)"
same 'got 1 got 2 got 3 got 4 got 5' "$(tr '\n' ' ' <fold | sed 's/ $//')"
same false "$(field finish_failed)"
expect 0 fanfold run --tasks list.txt --on-finish "$finish" -- echo got {task}
complains 'list: the job had ended before this start: --on-finish is not run'
same 1 "$(wc -l <finished)"
expect 0 fanfold run --tasks list.txt -- echo got {task} # nothing is left of it to need the command
expect 0 fanfold run --again --tasks list.txt --on-finish "$finish" -- echo got {task}
same 2 "$(wc -l <finished)"

# --- tasks failed: it runs all the same, and again, once, at the end of the start that tries them again
rm finished
program=(sh -c 'test -e mended || test "$1" != 3 || exit 65; echo got $1' sh {task})
expect 1 fanfold run --name tries --tasks list.txt --on-finish "$finish" -- "${program[@]}"
same 'tries ERROR' "$(cat finished)"
touch mended
expect 0 fanfold run --json --name tries --tasks list.txt --on-finish "$finish" -- "${program[@]}"
same 'tries ERROR,tries COMPLETE' "$(paste -sd, finished)"
same 'got 1 got 2 got 3 got 4 got 5' "$(tr '\n' ' ' <fold | sed 's/ $//')"

# --- interrupted before the last task: it runs when the rest is done, and not without the option
rm finished
echo 3 >hold
"$FANFOLD_BIN" run --name late --jobs 1 --tasks list.txt --on-finish "$finish" -- sh -c 'echo $1 >>begun; while [ -e hold ]; do sleep 0.02; done' sh {task} >out 2>err &
run=$!
until [ -s begun ]; do sleep 0.02; done
kill -INT $run
until grep -q draining err; do sleep 0.02; done
sleep 0.3
rm hold
wait $run || same 130 $?
[ ! -e finished ] || failed "it was finished before its end"
program=(sh -c 'echo $1 >>begun; while [ -e hold ]; do sleep 0.02; done' sh {task})
expect 4 fanfold run --name late --tasks list.txt -- "${program[@]}"
complains 'late: was begun with --on-finish, and ends by it: give it again (--on-finish true does nothing)'
expect 0 fanfold run --name late --tasks list.txt --on-finish "$finish" -- "${program[@]}"
same 'late COMPLETE' "$(cat finished)"

# --- it fails for good: exit code 1, and it is said why; the same command tries it again, as retry --finish does
rm finished
fails='echo "tried $FANFOLD_ATTEMPT" >>tries; echo "no room" >&2; test -e room'
expect 1 fanfold run --json --name fails --retries 1 --tasks list.txt --on-finish "$fails" -- true {task}
same 'tried 1,tried 2' "$(paste -sd, tries)"
same true "$(field finish_failed)"
same '5 5' "$(field complete) $(field attempts)"
complains 'fails: --on-finish failed for good: exit 1: no room'
complains 'fanfold logs fails'
expect 0 fanfold logs fails
says 'no room'
expect 1 fanfold run --name fails --retries 0 --tasks list.txt --on-finish "$fails" -- true {task}
complains 'fails: --on-finish failed before (tried again)'
same 3 "$(wc -l <tries)"
touch room
expect 0 fanfold retry --finish fails
says 'or the same fanfold run command'
expect 0 fanfold why fails
says 'run the same fanfold run command again'
expect 0 fanfold run --json --name fails --tasks list.txt --on-finish "$fails" -- true {task}
same 4 "$(wc -l <tries)"
same '5 false' "$(field skipped) $(field finish_failed)"
expect 0 fanfold verify fails

# --- a list without a task ends at once, and that is an end
expect_with_input 0 fanfold run --name none --on-finish 'echo none >>finished' -- true ''
same none "$(cat finished)"

# --- what it printed in a round is shown, also where it printed nothing in the next
expect 1 fanfold run --name rounds --retries 0 --tasks list.txt --on-finish 'echo PRINTED; exit 65' -- true {task}
expect 0 fanfold run --name rounds --tasks list.txt --on-finish true -- true {task}
expect 0 fanfold logs rounds
says PRINTED
expect 0 fanfold logs rounds --round 0
says PRINTED
expect 3 fanfold logs rounds --round 1
complains 'rounds: nothing is kept of round 1'
expect 0 fanfold logs rounds --attempt 1
same PRINTED "$(cat out)"
