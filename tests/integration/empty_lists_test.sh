# A list without a line: people are told what is not there and what to type next, on standard error. Scripts get nothing.
source "$SOURCE_DIR/tests/integration/support/checks.sh"

# shows_nothing TEXT COMMAND...: succeeds, prints no line, and says TEXT to people, but nothing with --json.
shows_nothing() {
  local text=$1
  shift
  expect 0 fanfold "$@"
  same '' "$(cat out)"
  same "$text" "$(cat err)"
  expect 0 fanfold "$@" --json
  same '' "$(cat out err)"
}

# --- a store that is there, and nothing in it
expect 0 fanfold queue create q
shows_nothing 'there are no clusters; fanfold run and fanfold cluster create make one' cluster ls
shows_nothing 'there are no clusters; fanfold run and fanfold cluster create make one' cluster ls --unfinished --name photos
seq 3 >list.txt
expect 0 fanfold --store other.db run --tasks list.txt -- true
expect 0 fanfold --store other.db cluster rm list
shows_nothing 'there are no clusters; fanfold run and fanfold cluster create make one' --store other.db cluster ls

# --- an empty cluster
expect 0 fanfold cluster open --queue q --name album
shows_nothing 'album: it has no tasks yet; fanfold cluster add album KEY --tasks FILE adds some' tasks album
shows_nothing 'album: no task has failed' errors album
shows_nothing 'album: no task has a result; fanfold cluster show album says how far it is' results album
expect 0 fanfold cluster seal album
shows_nothing 'album: it has no tasks' tasks album --status failed

# --- filters that leave nothing
expect 0 fanfold run --tasks list.txt -- sh -c 'echo {task}'
shows_nothing 'list: no task matches; fanfold tasks list shows all' tasks list --status failed
shows_nothing 'list: no task from index 1 on matches; fanfold tasks list shows all' tasks list --from 1 --contains oops
shows_nothing 'list: no task has failed' errors list
shows_nothing "there is no cluster of the name 'photos'; fanfold cluster ls shows all" cluster ls --name photos
shows_nothing "there is no unfinished cluster of the name 'list'; fanfold cluster ls shows all" cluster ls --name list --unfinished
expect 0 fanfold tasks list --status complete
same '' "$(cat err)"
expect 0 fanfold cluster ls
same '' "$(cat err)"
expect 0 fanfold results list
same '' "$(cat err)"
echo "ok"
