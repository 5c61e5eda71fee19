# ctest: timeout=120
# The file of an index is that of the task which has the index in this list, whatever the folder held before.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
# run NAME LIST PROGRAM...: a job of that name into the folder res
run() {
  local name=$1 list=$2
  shift 2
  printf "$list" >list
  expect 0 fanfold run --tasks list --name "$name" --results res -- "$@"
}
holds() { same "$*" "$(cat res/[0-9]* | paste -sd' ')"; same $# "$(ls res | grep -cv former-)"; }

# --- the list changes at its beginning, its end and in its middle
run x 'b\nc\n' echo {task}
holds b c
run x 'a\nb\nc\n' echo {task}
holds a b c
run x 'a\nc\n' echo {task}
holds a c
run x 'b\nc\n' echo {task}
holds b c

# --- what is too long for the store follows its task, too
long='head -c 300000 /dev/zero | tr "\\0" "$FANFOLD_TASK"'
rm -r res
run long '1\n2\n' sh -c "$long"
run long '2\n3\n' sh -c "$long"
same 2 "$(head -c 1 res/0)"
same 3 "$(head -c 1 res/1)"
same 300000 "$(wc -c <res/0)"

# --- what is in no list any more is kept, and comes back with its list
says_kept() { complains "$1 now in res/former-"; }
says_kept '1 file of tasks that are complete in the former list alone is'
run long '1\n2\n' sh -c "$long"
same '1 2' "$(for file in res/0 res/1; do head -c 1 $file; echo; done | paste -sd' ')"
same 3 "$(head -c 1 res/former-*/1)"
same 300000 "$(wc -c <res/0)"

# --- another job's results are not touched
printf '1\n2\n' >list
expect 2 fanfold run --tasks list --name y --results res -- echo {task}
complains '--results: res holds the results of the job long; name another folder, or move them away'
expect 2 fanfold run --tasks list --name long --results res -- echo {task}
complains 'res holds the results of a job long that ran another program'
same '1 2' "$(for file in res/0 res/1; do head -c 1 $file; echo; done | paste -sd' ')"

# --- a result that is missing and is kept nowhere else: exit code 1
mv res/1 elsewhere
expect 1 fanfold run --tasks list --name long --json --results res -- sh -c "$long"
complains 'res: 1 result of earlier starts is missing, too long to be kept elsewhere; --again runs every task anew'
same 1 "$(field missing_results)"
expect 0 fanfold run --tasks list --name late -- sh -c "$long"
expect 1 fanfold run --tasks list --name late --results late -- sh -c "$long"
complains '2 results of earlier starts are missing'

# --- a folder that was emptied is anybody's; a task that fails
rm res/[0-9]*
run y '1\n2\n' echo one {task}
rm res/[0-9]*
expect 1 fanfold run --tasks list --name y --retries 0 --results res -- sh -c '[ $FANFOLD_TASK = 2 ] && exit 1; echo two $FANFOLD_TASK'
holds 'two 1'

# --- killed while files are put aside: the next start goes on
rm res/[0-9]*
run z '5\n6\n7\n' sh -c "$long"
mkdir res/.fanfold-former
cp res/.fanfold-list res/.fanfold-former/.fanfold-list
mv res/0 res/1 res/.fanfold-former
run z '6\n7\n5\n' sh -c "$long"
same '6 7 5' "$(for file in res/0 res/1 res/2; do head -c 1 $file; echo; done | paste -sd' ')"
expect 2 ls res/.fanfold-former

# --- the power was cut while the job ran: names without what was printed, and names that are not there
mkdir cut
printf '1\n2\n3\n4\n5\n' >list
print='case {task} in 2) ;; 4) '"$long"' ;; *) echo result {task} ;; esac; [ {task} != 5 ] || [ -e again ]'
expect 1 fanfold run --tasks list --name cut --retries 0 --results cut --on-finish true -- sh -c "$print"
expect 2 ls cut/.fanfold-unsettled
: >cut/0
rm cut/1 cut/2
echo another-boot >cut/.fanfold-unsettled
touch again
expect 0 fanfold run --tasks list --name cut --results cut --on-finish 'tail -n 2 cut/[0124] | tr -d 4 >fold' -- sh -c "$print"
same 'result 1' "$(cat cut/0)"
same 'result 3' "$(cat cut/2)"
same 0 "$(wc -c <cut/1)"
same 300000 "$(wc -c <cut/3)"
grep -q 'result 1' fold && grep -q 'result 3' fold || failed "the finish handler saw $(cat fold)"
# Where nothing was cut, a file is as its owner left it.
echo short >cut/0
expect 0 fanfold run --tasks list --name cut --results cut --on-finish true -- sh -c "$print"
same short "$(cat cut/0)"

# --- the end of a round leaves alone what a later one, which another start has begun, is printing
touch cut/.fanfold-0-1-1.tmp cut/.fanfold-0-7-1.tmp
expect 0 fanfold run --tasks list --name cut --results cut --on-finish true -- sh -c "$print"
same .fanfold-0-7-1.tmp "$(cd cut && echo .fanfold-*.tmp)"
expect 2 ls cut/.fanfold-unsettled

# --- a folder that is not ours, or is somebody's now
mkdir theirs
echo mine >theirs/17
expect 2 fanfold run --tasks list --name z --results theirs -- echo {task}
complains 'theirs has a file 17 that is no result of this'
same mine "$(cat theirs/17)"
rm theirs/17
seq 2 >two.txt
"$FANFOLD_BIN" run --tasks two.txt --name slow --jobs 2 --results theirs -- sh -c 'echo begun >>begun; sleep 2' >out.slow 2>&1 &
until [ -s begun ]; do sleep 0.02; done
expect 2 fanfold run --tasks list --name z --results theirs -- echo {task}
complains 'theirs is written to by a run with another list now'
wait $! || failed "the first run was disturbed"

# --- an output that is kept in part is told of, and shown without its JSON
expect 0 fanfold run --tasks two.txt --name mixed -- sh -c 'if [ $FANFOLD_TASK = 1 ]; then head -c 70000 /dev/zero | tr "\\0" x; else echo short; fi'
complains '1 of what was printed is longer than the 48 KB (64 of text that needs no escapes) that are kept'
expect 1 fanfold results mixed --text
complains '1 text is longer than the 48 KB'
same 'x short' "$(tr -s x <out | sed 's/xshort/x short/')"
echo "ok"
