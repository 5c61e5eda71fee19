# With --json an error is one JSON object, the last line on standard error, with the exit code that it had without.
source "$SOURCE_DIR/tests/integration/support/checks.sh"

# error EXIT CODE WORDS COMMAND...: with --json and without.
error() {
  local exit=$1 code=$2 words=$3
  shift 3
  expect "$exit" fanfold "$@"
  complains "fanfold: "
  complains "$words"
  same 0 "$(grep -c '^{' err || true)"
  expect "$exit" fanfold --json "$@"
  tail -n 1 err >last
  grep -qE '^\{"error":\{"code":"'"$code"'","message":".+","exit":'"$exit"'\}\}$' last || failed "not the error expected: $(cat last)"
  grep -qF -- "$words" last || failed "the message lacks: $words"
  same 0 "$(wc -c <out)"
}

# --- the command line
error 2 invalid_argument "there is no option '--colour'" cluster ls --colour
error 2 invalid_argument "there is no command 'fanfold wrok'" wrok
error 2 invalid_argument '--queue is required' send hello
error 2 invalid_argument 'the program to run is missing' run --tasks none.txt
error 2 invalid_argument '--jobs' run --jobs many --tasks none.txt -- true
echo 'colour = "red"' >fanfold.toml
error 2 bad_input 'fanfold.toml' cluster ls
rm fanfold.toml
# What stands behind -- is the program's own.
expect 2 fanfold run --tasks /dev/null --jobs many -- true --json
same 0 "$(grep -c '^{' err || true)"

# --- store, cluster, task, queue
error 3 not_found "there is no store at" cluster ls
error 2 invalid_argument "none.txt" run --tasks none.txt -- true
seq 3 >three.txt
expect 0 fanfold cluster create --queue work --tasks three.txt --name three
error 3 not_found 'nothing' cluster show nothing
error 3 not_found 'nothing' results nothing
error 3 not_found 'nothing' logs nothing#3
error 3 not_found 'typo' queue stats typo
error 4 not_finished 'is not finished' cluster rm three
error 4 not_finished 'once it is finished' cluster retry three
error 2 bad_input 'three#x' tasks fail three#x
expect 0 fanfold cluster stop three
error 4 stopped 'was stopped' cluster pause three
printf 'fine\n{"broken"\n' >broken.txt
error 2 bad_input 'broken.txt:2' run --tasks broken.txt -- true
mkdir folder
error 2 invalid_argument 'is a folder' --store folder cluster ls
echo 'no database, but long enough to be looked at: it is not one' >text.db
error 5 damaged 'text.db' --store text.db cluster ls

# --- an output that cannot be written
code=0
fanfold cluster ls --json >/dev/full 2>err || code=$?
same 5 $code
same '{"error":{"code":"disk_full","message":"cannot write the output: No space left on device","exit":5}}' "$(tail -n 1 err)"
