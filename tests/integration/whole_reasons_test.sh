# What is cut for the eyes of people is whole in a file and in a pipe; a limit that is met is named.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
reason='cannot open the picture photos/2026/last summer/at the lake/0017.jpg: it was saved by a camera that is not known here'
echo one >list
expect 1 fanfold run --tasks list --retries 0 -- sh -c "echo '$reason' >&2; exit 65"
expect 0 fanfold errors list
says "\"$reason\""
if script -qec true /dev/null >/dev/null 2>&1; then
  script -qec "$FANFOLD_BIN errors list" /dev/null >out </dev/null
  says 'cannot open the picture photos/2026'
  says_not 'not known here'
fi

# --- the longest argument
head -c 131071 /dev/zero | tr '\0' x >list
expect 0 fanfold run --tasks list --name fits -- /bin/true {task}
printf y >>list
expect 1 fanfold run --tasks list --name long -- /bin/true {task}
expect 0 fanfold errors long
says 'the task is too long for an argument, which has at most 131,071 bytes; let the program read it from its standard input'
expect 0 fanfold run --tasks list --name input -- sh -c '[ $(wc -c) -eq 131072 ]'

# --- room that cluster rm made is given back by prune, and counted
for i in $(seq 300); do head -c 9000 /dev/urandom | base64 -w0; echo; done >list
expect 0 fanfold cluster create --queue q --name big --tasks list
expect 0 fanfold cluster stop big
expect 0 fanfold cluster rm --force big
expect 0 fanfold prune
given=$(sed -n 's/.*; \([0-9]*\)\.\([0-9]\) MB given back$/\1\2/p' out)
[ "${given:-0}" -ge 20 ] || failed "too little given back: $(ls -l fanfold.db*)"
echo "ok"
