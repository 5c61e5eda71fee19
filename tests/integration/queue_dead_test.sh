# ctest: timeout=60
# fanfold queue dead: messages of no cluster that failed for good, and what a dead-letter queue holds, without touching it.
source "$SOURCE_DIR/tests/integration/support/checks.sh"

expect 3 fanfold queue dead mail
complains "there is no store at"
expect 0 fanfold queue create mail --dead-letter mail-dead --max-receives 1 --visibility 1s
expect 0 fanfold queue dead mail
complains 'mail: no message has failed or is a dead letter'

# --- what failed for good is listed with why, newest first; what is done, or of a cluster, or of another queue is not
expect 0 fanfold send --queue mail fine 'no address' '{"to":"jäne"}'
same 3 "$(wc -l <out)"
key=$(sed -n 2p out)
expect 0 fanfold send --queue other 'not mine'
printf 'a task\n' >tasks.txt
expect 0 fanfold cluster create --queue mail --name c --tasks tasks.txt
expect 0 fanfold work --queue mail --queue other --until-empty --jobs 1 --max-attempts 2 --backoff 10ms -- sh -c 'echo "printed $1"; echo "cannot send $1" >&2; case $1 in fine) exit 0;; {*) exit 75;; *) exit 65;; esac' sh {task}
complains 'see why:  fanfold queue dead QUEUE'
expect 0 fanfold queue dead mail
same 3 "$(wc -l <out)" # with the heading
says "$key  failed"
says 'cannot send no address'
says 'exit 65'
says '{"to":"jäne"}'
complains 'what one printed:  fanfold logs '
expect 0 fanfold queue dead mail --json
same 2 "$(wc -l <out)"
same 2 "$(field attempts | sed 's/1/2/')"
sed -n 1p out | grep -qF '"state":"failed"' || failed "no state"
sed -n 1p out | grep -qF '"attempts":2,"body":{"to":"jäne"},"error":[{"attempt":1,"code":"exit 75"' || failed "the newest is not first"
sed -n 2p out | grep -qF "{\"message\":\"$key\",\"state\":\"failed\",\"at\":\"20" || failed "no key or time"
expect 0 fanfold queue dead mail --limit 1
same 2 "$(wc -l <out)"
complains '(the first 1; --limit shows more)'
expect 0 fanfold queue dead other
says 'not mine'
expect 0 fanfold logs "$key"
says 'printed no address'

# --- a file that cannot be written is looked at as well; nobody reads on: no error
cp test.db copy.db
chmod a-w copy.db
expect 0 fanfold --store copy.db queue dead other
code=0
fanfold queue dead mail | head -n 1 >/dev/null || code=$?
same 0 "$code"
expect 3 fanfold queue dead nowhere
complains "there is no queue 'nowhere'"
