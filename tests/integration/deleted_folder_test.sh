# The current folder was deleted: a plain error, as of any store that cannot be reached.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
whole=$FANFOLD_STORE
unset FANFOLD_STORE
outside=$PWD
# in_deleted CODE COMMAND...: with its output in the files out and err of the folder outside.
in_deleted() {
  local wanted=$1 code=0
  shift
  mkdir -p deleted
  (cd deleted && rmdir ../deleted && echo one | "$@" >"$outside/out" 2>"$outside/err") || code=$?
  same "$wanted" "$code"
}
for command in "run -- true" "send --queue mail hello" "cluster ls" "work --queue q --until-empty -- true" prune; do
  in_deleted 5 "$FANFOLD_BIN" $command
  complains "fanfold: 'fanfold.db' cannot be reached: the current folder is not there any more"
done
in_deleted 0 "$FANFOLD_BIN" --store "$whole" send --queue mail hello
in_deleted 0 "$FANFOLD_BIN" --store "$whole" run --tasks - -- /bin/true
echo "ok"
