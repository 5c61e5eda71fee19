# ctest: timeout=120
# What the command says where something is not as its user thinks: each message names what is wrong and how to go on.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
seq 1 40 >tasks.txt
seq 1 3 >three.txt

# --- a finish handler that fails for good is shown wherever people look, and what it printed is kept
expect 0 fanfold cluster create --queue fold --tasks three.txt --name fold
expect 1 fanfold work --queue fold --until fold --max-attempts 2 --backoff 10ms --on-finish 'echo from the hook; echo no printer >&2; exit 3' -- true
complains 'failed     '
complains 'no printer'
expect 0 fanfold why fold
says 'its finish handler failed for good, after attempt 2: no printer'
says 'fanfold logs fold'
expect 0 fanfold errors fold
says '"no printer"  (finish handler)'
expect 0 fanfold errors fold --json
says '"message":"no printer","count":1,"finish":true}'
expect 3 fanfold retry fold
complains 'fold: no task has failed; its finish handler has, and --finish runs that anew'
expect 0 fanfold cluster show fold
says 'fold  complete, finish handler failed'
says 'exit 3: no printer'
expect 0 fanfold cluster show fold --json
says '"finish":{"status":"ERROR","attempts":2,"error":[{"attempt":1,"code":"exit 3","message":"no printer"'
expect 0 fanfold logs fold
same 2 "$(grep -c '^--- finish handler, attempt [12], ' out)"
says 'from the hook'
expect 0 fanfold logs fold --attempt 2
same $'from the hook\nno printer' "$(cat out)"

# --- logs: what cannot be shown, and why
expect 3 fanfold logs fold#3
complains 'there is no task fold#3; the tasks of fold are #0 to #2'
expect 3 fanfold logs folt#0
complains "there is no cluster 'folt'"
expect 2 fanfold logs fold#x
expect 0 fanfold logs fold#1
complains 'fold#1: it has had 1 attempt, and nothing was printed'
expect 0 fanfold logs fold#1 --attempt 1
complains 'fold#1: attempt 1 printed nothing'
expect 3 fanfold logs fold#1 --attempt 5
complains 'there is no attempt 5 of fold#1: it has had 1 attempt'
expect 0 fanfold cluster create --queue idle --tasks three.txt --name idle
expect 2 fanfold logs idle
complains 'idle is a cluster: write idle#INDEX'
expect 0 fanfold logs idle#0
complains 'idle#0: it has not run yet'
expect 3 fanfold tasks fail idle#3
complains 'there is no task idle#3'

# --- logs: a retry counts attempts from 1 again, and its round is told apart
for _ in 1 2; do expect 1 fanfold run --name rounds --tasks three.txt --retries 0 -- sh -c 'echo "$0 says no"; exit 1' {task}; done
expect 0 fanfold logs rounds#1
grep -qE '^--- attempt 1, 20' out || failed "no heading of the first round"
grep -qE '^--- round 1, attempt 1, 20' out || failed "no heading of the second round"
expect 0 fanfold logs rounds#1 --attempt 1
same '2 says no' "$(cat out)"
expect 0 fanfold logs rounds#1 --round 0 --json
says '{"round":0,"attempt":1,'
same 1 "$(wc -l <out)"
expect 3 fanfold logs rounds#1 --round 2
complains 'nothing is kept of round 2'
# A round of the cluster that passed a task over counts all the same.
printf 'b\na\n' >two.txt
expect 0 fanfold cluster create --queue passed --tasks two.txt --name passed
for round in 0 1 2; do
  [ $round = 0 ] || expect 0 fanfold retry passed --where contains=$([ $round = 1 ] && echo b || echo a)
  expect 1 fanfold work --queue passed --until passed --max-attempts 1 -- sh -c 'echo "$1 in '$round'"; echo "no $1" >&2; exit 1' - {task}
done
expect 0 fanfold logs passed#1 --round 2
says 'a in 2'
expect 3 fanfold logs passed#1 --round 1
expect 0 fanfold logs passed#0 --round 1
says 'b in 1'

# --- a finished cluster refuses to be steered: the state forbids it, not the command line
for command in stop pause resume; do
  expect 4 fanfold cluster $command fold
  complains 'is finished: nothing of it can change any more'
done

# --- a cluster whose finish is open says what is missing
expect 0 fanfold cluster open --queue left --name left
expect 4 fanfold cluster rm left
complains 'is not finished: let its tasks end, or stop it'
expect 0 fanfold cluster seal left
expect 4 fanfold cluster rm left
complains 'its finish message is not done: a worker on queue left handles it'
complains 'fanfold cluster rm --force left'
expect 0 fanfold work --queue left --until left -- true
expect 0 fanfold cluster rm left

# --- a stopped or paused cluster that no worker will ever meet can be removed, and nothing of it stays in the queue
seq 5 >five.txt
for state in stop pause; do
  expect 0 fanfold cluster create --queue nobody --tasks five.txt --name $state-me
  expect 0 fanfold cluster $state $state-me
  expect 4 fanfold cluster rm $state-me
  if [ $state = pause ]; then
    complains 'fanfold cluster stop pause-me, then cluster rm --force'
    expect 4 fanfold cluster rm --force pause-me
    expect 0 fanfold cluster stop pause-me
  fi
  expect 0 fanfold cluster rm --force $state-me
  says 'deleted without its finish message: its finish handler will not run'
  expect 3 fanfold cluster rm --force $state-me
done
expect 0 fanfold queue stats nobody --json
same '0 0 0' "$(field visible) $(field in_flight) $(field delayed)"

# --- Ctrl-C while the last task runs: either all is done, or the exit code says that something is left
echo one >one.txt
code=0
fanfold run --name last --tasks one.txt --json -- sh -c 'kill -INT $PPID; sleep 0.2' >out 2>err || code=$?
same 1 "$(field complete)"
if [ $code -ne 0 ]; then
  same 130 $code
  same true "$(field interrupted)"
  complains "every task has ended, and the job's own end is left. Run the same command to go on."
  expect 0 fanfold run --name last --tasks one.txt -- sh -c 'kill -INT $PPID; sleep 0.2'
fi
expect 0 fanfold cluster rm last

# --- a folder of results that is a file
expect 2 fanfold run --tasks three.txt --results tasks.txt -- true
complains '--results: tasks.txt is no folder'

# --- Ctrl-C while the list is still being read ends at once
code=0
mkfifo slow
sleep 60 >slow &
feeder=$!
# (Without --foreground timeout sends SIGCONT as well, which can leave the search for leaks at the end of a build with the
# address sanitizer waiting for ever for a thread that it has stopped.)
timeout --foreground -s INT 4 "$FANFOLD_BIN" run --name slow --tasks slow -- true >out 2>err </dev/null || code=$?
kill $feeder
complains 'slow: interrupted before its end; nothing has run'
expect 3 fanfold cluster show slow

# --- a program that cannot be run
expect 2 fanfold run --tasks three.txt -- ./tasks.txt
complains "'./tasks.txt' is not executable; chmod +x makes it so"
expect 2 fanfold run --tasks three.txt -- tasks.txt
complains "there is no program 'tasks.txt' on the PATH; ./tasks.txt names the file in this folder"
expect 2 fanfold run --tasks three.txt -- /
complains "'/' is a folder, and no program"
printf '#!/no/such/interpreter\n' >bad
printf 'echo\n' >none
chmod +x bad none
for program in bad none; do
  expect 1 fanfold run --name $program --tasks one.txt --retries 0 -- ./$program
  expect 0 fanfold errors $program
  grep -qE 'the interpreter in its first line \(#!\) is not there|a script begins with a line such as #!/bin/sh' out || failed "no reason"
done

# --- a worker on a queue that is not there
expect 0 fanfold work --queue fould --until-empty -- true
complains "there is no queue 'fould'; there are "
complains 'made it'
complains '0 done'
expect 0 fanfold queue stats fould
expect 0 fanfold --store none.db work --queue fold --until-empty -- true
complains "there is no queue 'fold'; there are none yet: made it"

# --- an empty list is said to be one
expect_with_input 0 fanfold run --name nothing -- true ''
complains 'nothing: no tasks in standard input, nothing to run'
printf '\n  \n\r\n' >blank.txt
expect 0 fanfold run --tasks blank.txt --json -- true
complains 'blank: no tasks in blank.txt, nothing to run'
same 0 "$(field total)"
expect 0 fanfold cluster create --queue fold --tasks blank.txt
complains 'no tasks in the list'
expect 0 fanfold send --queue fold --tasks blank.txt
complains 'no messages in blank.txt: nothing was sent'

# --- lists with line ends of another system
expect_with_input 0 fanfold run --name crlf -- cat 'one\r\n{"two":2}\r\n\r\nthree'
complains 'crlf: 3 of 3 complete'
expect 0 fanfold results crlf --text
same 'one{"two":2}three' "$(cat out)"

# --- results from an index on
expect 0 fanfold run --name all --tasks tasks.txt -- echo {task}
expect 0 fanfold results all --text --from 38
same $'39\n40' "$(cat out)"
expect 0 fanfold results all --from 1 --limit 2
same 2 "$(wc -l <out)"
says $'1\t{"exit":0,"stdout":"2\\n"}'
expect 3 fanfold results all --from 40
complains 'there is no task all#40'

# --- globals edit: unchanged, wrong, and an editor that fails
export TMPDIR=$PWD/drafts
mkdir drafts
expect 0 fanfold globals put idle '{"width":1}'
EDITOR=true expect 0 fanfold globals edit idle
complains 'idle: unchanged; nothing was stored'
EDITOR='sed -i s/1/2/' expect 0 fanfold globals edit idle
says 'idle: globals stored, version'
EDITOR=false expect 2 fanfold globals edit idle
complains 'nothing was stored'
same '' "$(ls drafts)"
EDITOR='sed -i s/}/]/' expect 2 fanfold globals edit idle
complains 'nothing was stored, your text is in '"$TMPDIR"'/fanfold-globals-'
same '{"width":2]' "$(cat drafts/*)"
expect 0 fanfold globals get idle
same '{"width":2}' "$(cat out)"
unset TMPDIR

# --- a message of a FIFO queue lacks what it needs, a backup its folder, a list its index
expect 0 fanfold queue create order.fifo
expect 2 fanfold send --queue order.fifo x
complains 'message 1: --group: a FIFO queue needs one'
expect 3 fanfold backup /nowhere/copy.db
complains "there is no folder '/nowhere'"
expect 3 fanfold tasks all --from 40
complains 'there is no task all#40'
expect 3 fanfold logs 'SQSMessage$nobody'
complains "neither a message nor a cluster has the key 'SQSMessage\$nobody'"

# --- an empty file is no store, and becomes one
: >zero.db
expect 3 fanfold --store zero.db cluster ls
complains "'zero.db' is an empty file and no store yet"
expect 3 fanfold --store zero.db cluster stop x
expect 0 fanfold --store zero.db run --tasks three.txt -- true

# --- a name may hold anything; a terminal, or a log, does not get to see it raw
name=$'\e[31mred\a'
expect 0 fanfold run --name "$name" --tasks three.txt -- true
complains '\x1b[31mred\x07: 3 of 3 complete'
! grep -q $'\e' err || failed "an escape sequence was printed"
expect 0 fanfold cluster ls
! grep -q $'\e' out || failed "an escape sequence was printed"
expect 1 fanfold run --name 'my photos' --retries 0 --tasks three.txt -- false
complains "see why:  fanfold errors 'my photos'"
expect 3 fanfold cluster show $'\e[31m'
! grep -q $'\e' err || failed "an escape sequence was printed"

# --- the command line: the first thing that is wrong, in the reader's words
expect 2 fanfold run --nosuch --other --tasks three.txt -- true
complains "there is no option '--nosuch'"
expect 2 fanfold run --name a --name b --tasks three.txt -- true
complains '--name is given more than once'
expect 2 fanfold run --tasks
complains '--tasks needs a value'
expect 2 fanfold run convert picture
complains "'convert' is not expected here; the program to run stands behind --"
expect 2 fanfold cluster show fold again
complains "'again' is not expected here"
for command in run work send "cluster create" "cluster ls" tasks results logs "queue create" "setup aws"; do
  # shellcheck disable=SC2086
  expect 0 fanfold $command --help
  ! grep -E 'TEXT:|UINT|\[[0-9]+ - |:\{|REQUIRED|=fanfold' out || failed "the help of $command shows what a parser calls it"
done
says '[OPTIONS]'
expect 0 fanfold tasks --help
says 'Usage: fanfold tasks [OPTIONS] [CLUSTER] [COMMAND]'
says '--limit N                   At most so many; by default 100, and all with --json'
expect 0 fanfold work --help
says '--queue QUEUE[=N]'
says '(required)'
expect 0 fanfold man
! grep -E 'UINT|TEXT:' out || failed "the manual page shows what a parser calls it"

# --- words of the command line, not of its parser
expect 2 fanfold retry
complains 'CLUSTER is missing'
expect 2 fanfold
complains 'a command is missing; there are run, work'
expect 2 fanfold completion fish
complains "'fish' is not possible; possible: bash, zsh"
expect 0 fanfold cluster open --queue seal-me --name seal-me
expect 0 fanfold cluster seal seal-me
says 'seal-me: sealed'
expect 3 fanfold tasks seal-me#3
complains "for all of a cluster write 'seal-me'"
expect 2 fanfold tasks fold --limit 0
expect 2 fanfold results fold --limit 0

# --- a finish handler that failed for good runs anew, and then no more
expect 2 fanfold retry fold --finish --where contains=x
complains '--finish goes with neither --where nor --key'
expect 0 fanfold why fold
says 'fanfold retry --finish fold runs it anew'
expect 0 fanfold retry fold --finish
says "fold: its finish handler is run anew, by a worker on queue fold"
expect 3 fanfold retry fold --finish
complains 'has not failed'
expect 0 fanfold work --queue fold --until fold --on-finish 'echo "$FANFOLD_NAME" >>folded' -- false
same 1 "$(grep -cx fold folded)"
expect 0 fanfold cluster show fold
says_not 'finish handler failed'
expect 0 fanfold verify fold
expect 3 fanfold retry fold --finish
complains 'has not failed'
expect 3 fanfold retry fold
complains 'fold: no task has failed'

# --- a task that has ended cannot be failed by hand: it is said how it ended
printf 'good\nbad\n' >ended.txt
expect 1 fanfold run --retries 0 --tasks ended.txt -- sh -c 'echo "no such $1" >&2; test $1 = good || exit 65' sh {task}
expect 4 fanfold tasks fail ended#0
complains 'ended#0 is complete already ('
complains 'ago): nothing was changed'
expect 4 fanfold tasks fail ended#1 --json
complains '"code":"conflict","message":"ended#1 has failed already ('
complains 'by exit 65: no such bad; nothing was changed'
echo "ok"
