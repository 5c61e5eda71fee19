# ctest: timeout=120
# Every command but run: what it prints, its JSON, its exit codes.
source "$SOURCE_DIR/tests/integration/support/checks.sh"

# --- help: every command has an example; what is wrong is usage
expect 0 fanfold --help
says 'Exit codes:'
expect 0 fanfold --version
for command in run work send "cluster create" "cluster open" "cluster add" "cluster seal" "cluster ls" "cluster show" "cluster watch" \
  "cluster stop" "cluster pause" "cluster resume" "cluster retry" "cluster rm" tasks "tasks fail" errors retry logs results trace why verify \
  "globals get" "globals put" "globals edit" "queue create" "queue ls" "queue stats" "queue dead" "queue purge" "queue redrive" sweep cost "setup aws" push backup prune completion man; do
  # shellcheck disable=SC2086
  expect 0 fanfold $command --help
  says "Usage: fanfold $command"
  says 'Example:'
  grep -A2 'Example:' out | grep -qE "(fanfold|source <\(fanfold) ?${command%% *}" || failed "the example of $command shows another command"
done
expect 2 fanfold
expect 2 fanfold no-such-command
expect 2 fanfold cluster
expect 2 fanfold cluster show

# --- libcurl is loaded where AWS is meant, and nowhere else
mkdir broken
: >broken/libcurl.so.4
without_libcurl() { env LD_LIBRARY_PATH="$PWD/broken" "$FANFOLD_BIN" "$@"; }
expect 0 without_libcurl --store here.db queue create mail
expect 2 without_libcurl --store aws --region eu-central-1 cluster ls
complains 'libcurl, which requests to AWS are sent with, cannot be used: '

# --- a store that is not there is not made by looking
expect 3 fanfold cluster ls
complains "there is no store at '$FANFOLD_STORE'"
expect 3 fanfold cluster stop x
[ ! -e "$FANFOLD_STORE" ] || failed "a look made a store"

# --- queues
expect 0 fanfold queue create dead
expect 0 fanfold queue create resize --visibility 45s --retention 2d --delay 0 --dead-letter dead --max-receives 5
expect 0 fanfold queue create resize --visibility 45s --retention 2d --delay 0 --dead-letter dead --max-receives 5
expect 4 fanfold queue create resize --visibility 46s
expect 2 fanfold queue create other --visibility 13h
expect 2 fanfold queue create other --visibility 1500ms
complains "finer than this option can be"
expect 0 fanfold queue stats resize --json
same 45s "$(field visibility)"
same dead "$(field dead_letter_queue)"
expect 0 fanfold queue ls
says 'resize'
expect 3 fanfold queue stats resise
complains "there is no queue 'resise'"

# --- a cluster from a list, shared by two workers, with a finish command
seq 1 40 >tasks.txt
expect 0 fanfold cluster create --queue resize --tasks tasks.txt --name photos --key monday --globals '{"width":200}' --meta '"m"' --json
key=$(field cluster)
[[ $key == 'SQSMessage$'* ]] || failed "no key"
same 40 "$(field total)"
expect 0 fanfold cluster create --queue resize --tasks tasks.txt --name photos --key monday --json
same "$key" "$(field cluster)"
seq 1 41 >other.txt
expect 4 fanfold cluster create --queue resize --tasks other.txt --name photos --key monday
id=${key#SQSMessage$}
for name in "$key" "$id" "${id:0:12}" photos; do
  expect 0 fanfold cluster show "$name"
  says "$key"
done
expect 3 fanfold cluster show zzzz
complains "there is no cluster 'zzzz'"
expect 0 fanfold globals get photos
same '{"width":200}' "$(cat out)"
expect 0 fanfold globals put photos '{"width":100}'
expect 2 fanfold globals put photos '{width}'
EDITOR="sed -i s/100/300/" expect 0 fanfold globals edit photos
expect 0 fanfold globals get "${id:0:12}"
same '{"width":300}' "$(cat out)"
expect 2 env EDITOR=false "$FANFOLD_BIN" globals edit photos
expect 0 fanfold why photos
says '40 tasks'
worker() { "$FANFOLD_BIN" work --queue resize --jobs 2 --until photos --json --on-finish 'echo "$FANFOLD_CLUSTER $FANFOLD_STATUS" >>finish' -- sh -c 'echo $$ >>ran; echo out $1; echo err >&2' sh {task}; }
worker >w1 2>w1.err &
first=$!
worker >w2 2>w2.err &
second=$!
wait $first && wait $second || failed "a worker failed: $(cat w1.err w2.err)"
same 40 "$(wc -l <ran)"
same "$key COMPLETE" "$(cat finish)"
cat w1 w2 >out
same 40 "$(($(sed -n 's/^{"done":\([0-9]*\).*/\1/p' w1 w2 | paste -sd+)))"
expect 0 fanfold verify photos
says 'every check holds'
expect 0 fanfold verify photos --json
same true "$(sed -n 's/.*"holds":\(true\|false\),"total.*/\1/p' out)"
expect 0 fanfold cluster show photos --json
says "\"pKey\":\"$key\""
says '"status":"COMPLETE","statusCode":200'
says "\"type\":\"task\",\"id\":\"$id#0\",\"status\":\"COMPLETE\""
says '"meta":"m"'
says '"bucketParams":{"Bucket":'
expect 0 fanfold cluster ls --json
same 40 "$(field complete)"
expect 0 fanfold cluster watch photos
complains 'photos: 40 of 40 complete'
expect 0 fanfold results photos
says $'39\t{"exit":0,"stdout":"out 40\\n"}'
expect 0 fanfold logs photos#39
says 'out 40'
says 'err'
expect 0 fanfold cluster rm photos
expect 4 fanfold cluster create --queue resize --tasks tasks.txt --key monday
expect 3 fanfold cluster rm photos
expect 0 fanfold cluster show "$key"
says 'deleted'

# --- an open cluster
expect 0 fanfold cluster open --queue resize --name album --json
expect 0 fanfold cluster add album page-1 --tasks tasks.txt --json
same 40 "$(field count)"
expect 0 fanfold cluster add album page-1 --tasks tasks.txt --json
same true "$(field existed)"
expect 0 fanfold cluster add album --key page-1 --tasks tasks.txt --json
same true "$(field existed)"
expect 2 fanfold cluster add album --tasks tasks.txt
complains 'KEY is missing'
expect 0 fanfold cluster add --help
same 1 "$(grep -cE '^ +(KEY|--key)' out)"
expect 4 fanfold cluster add album page-1 --tasks other.txt
expect 0 fanfold cluster show album
says '0 of 40 complete'
says 'more may be added'
expect 0 fanfold cluster seal album
expect 4 fanfold cluster add album page-2 --tasks tasks.txt

# --- pause, resume, fail by hand, stop
expect 0 fanfold cluster pause album
expect 0 fanfold cluster ls
says 'paused'
expect 0 fanfold cluster resume album --json
same 40 "$(field sent)"
expect 0 fanfold tasks fail album#3 --reason 'no such page'
expect 0 fanfold tasks album --status failed
says 'no such page'
expect 3 fanfold tasks fail album#4000
expect 2 fanfold tasks fail album#x
expect 2 fanfold tasks album --status weird
expect 4 fanfold cluster rm album
expect 4 fanfold cluster retry album
expect 0 fanfold cluster stop album --reason 'wrong album'
expect 0 fanfold cluster ls --name album
says 'stopped'
expect 1 fanfold cluster watch album

# --- failures, grouped, and tried again by their fingerprint
printf 'ok\nbad 17\nbad 18\nworse\n' >some.txt
expect 0 fanfold cluster create --queue mixed --tasks some.txt --name mixed
expect 1 fanfold work --queue mixed --until mixed --max-attempts 1 -- sh -c 'case $1 in ok) ;; bad*) echo "no picture ${1#bad }" >&2; exit 65 ;; *) echo worse >&2; exit 3 ;; esac' sh {task}
expect 0 fanfold errors mixed --json
same 2 "$(wc -l <out)"
fingerprint=$(grep 'no picture' out | sed 's/.*"fingerprint":"\([0-9a-f]*\)".*/\1/')
grep -q "\"fingerprint\":\"$fingerprint\",\"code\":\"exit 65\",\"message\":\"no picture 1[78]\",\"count\":2" out || failed "not grouped"
expect 0 fanfold errors mixed
says "fanfold retry mixed --where fingerprint=$fingerprint"
expect 2 fanfold retry mixed --where colour=red
expect 3 fanfold retry mixed --where fingerprint=ffffffff
expect 0 fanfold retry mixed --where "fingerprint=${fingerprint:0:4}" --json
same 2 "$(field sent)"
expect 1 fanfold work --queue mixed --until mixed -- true
expect 0 fanfold cluster ls --name mixed --json
same 3 "$(field complete)"
same 1 "$(field failed)"
expect 0 fanfold cluster retry mixed
expect 0 fanfold work --queue mixed --until mixed -- true
expect 0 fanfold cluster watch mixed

# --- single messages, and a worker that ends with its queue
expect 0 fanfold send --queue mail one '{"to":"two"}' --meta '{"m":1}' --json
same 2 "$(grep -c '"message":"SQSMessage\$' out)"
message=$(field message)
expect_with_input 0 fanfold send --queue mail --tasks - 'three\nfour\n'
expect 2 fanfold send --queue mail
expect 2 fanfold send --queue mail '{broken'
expect 0 fanfold work --queue mail --until-empty --json -- sh -c 'cat >"mail-${FANFOLD_MESSAGE#*$}"; echo >>"mail-${FANFOLD_MESSAGE#*$}"'
same 4 "$(field done)"
same 'four,one,three,{"to":"two"},' "$(cat mail-* | LC_ALL=C sort | tr '\n' ,)"
expect 0 fanfold logs "$message"

# --- a worker drains on SIGTERM
seq 1 6 >six.txt
expect 0 fanfold cluster create --queue slow --tasks six.txt --name slow
"$FANFOLD_BIN" work --queue slow --jobs 2 -- sh -c 'echo begun >>begun; sleep 0.5; echo ended >>ended' 2>drain.err &
worker=$!
until [ -s begun ]; do sleep 0.02; done
kill -TERM $worker
wait $worker || failed "exit code $? of a drained worker"
same "$(wc -l <begun)" "$(wc -l <ended)"

# --- sweep, purge, backup, prune
expect 0 fanfold sweep
expect 0 fanfold queue purge slow --json
[ "$(field removed)" -gt 0 ] || failed "nothing to purge"
expect 0 fanfold backup copy.db
expect 4 fanfold backup copy.db
expect 0 fanfold --store copy.db cluster ls --name mixed --json
same 4 "$(field complete)"
expect 0 fanfold prune --older-than 0 --json
[ "$(field clusters)" -ge 1 ] || failed "nothing pruned"
expect 0 sqlite3 -readonly "$FANFOLD_STORE" 'pragma integrity_check'
same ok "$(cat out)"
expect 0 sqlite3 -readonly copy.db 'select name, status, total, complete from clusters where name = "mixed"'
same 'mixed|COMPLETE|4|4' "$(cat out)"

# --- shells and readers
expect 0 fanfold completion bash
bash -n out || failed "the completion is no bash"
source out
COMP_WORDS=(fanfold cluster cr) COMP_CWORD=2
_fanfold
same create "${COMPREPLY[*]}"
expect 2 fanfold completion fish
expect 0 fanfold man
says '.SH COMMANDS'
"$FANFOLD_BIN" cluster ls | head -n 1 >/dev/null

# --- a word that is no command is named, with those that there are
expect 2 fanfold rnu
complains "there is no command 'fanfold rnu'; there are run, work"
expect 2 fanfold cluster list
complains "there is no command 'fanfold cluster list'; there are create, open"

# --- a finish command that fails for good is told without --verbose: no list of tasks has it
seq 1 2 >two.txt
expect 0 fanfold cluster create --queue hooked --tasks two.txt --name hooked
expect 1 fanfold work --queue hooked --until hooked --on-finish 'exit 65' -- true
complains ' --on-finish  exit code 65'
echo "ok"
