# What the command's tests share; sourced. Each test runs in an empty directory with FANFOLD_BIN set.
set -euo pipefail
export FANFOLD_STORE=$PWD/test.db LC_ALL=C.UTF-8
unset FANFOLD_DURABILITY NO_COLOR TRACEPARENT TRACESTATE _X_AMZN_TRACE_ID
fanfold() { "$FANFOLD_BIN" "$@"; }

failed() {
  echo "FAILED at line ${BASH_LINENO[-2]}: $*" >&2
  [ ! -s out ] || { echo "--- standard output"; tail -n 40 out; } >&2
  [ ! -s err ] || { echo "--- standard error"; tail -n 40 err; } >&2
  exit 1
}

# expect CODE COMMAND...: runs it with its output in the files out and err, and fails where it exits otherwise.
expect() {
  local wanted=$1 code=0
  shift
  "$@" >out 2>err </dev/null || code=$?
  [ "$code" -eq "$wanted" ] || failed "exit code $code, expected $wanted: $*"
}
# The same with the last argument as standard input.
expect_with_input() {
  local wanted=$1 code=0 input=${*: -1}
  shift
  printf '%b' "$input" | "${@:1:$#-1}" >out 2>err || code=$?
  [ "$code" -eq "$wanted" ] || failed "exit code $code, expected $wanted: $*"
}
says() { grep -qF -- "$1" out || failed "standard output lacks: $1"; }
says_not() { ! grep -qF -- "$1" out || failed "standard output has: $1"; }
complains() { grep -qF -- "$1" err || failed "standard error lacks: $1"; }
same() { [ "$1" = "$2" ] || failed "expected '$1', got '$2'"; }

# One number or string of the JSON object that is the last line of out.
field() { tail -n 1 out | sed -n 's/.*"'"$1"'":"\{0,1\}\([^",}]*\).*/\1/p'; }
