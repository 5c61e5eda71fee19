# ctest: timeout=120
# On a real terminal: the bar, a narrow and a changing window, NO_COLOR, Ctrl-C once and twice.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
command -v tmux >/dev/null || { echo "NOT RUN: there is no tmux" >&2; exit 77; }
script -qec true /dev/null >/dev/null 2>&1 ||
  { echo "NOT RUN: this machine gives no terminals; a chroot needs /dev/pts mounted" >&2; exit 77; }

session=0
socket=fanfold-test-$$-0
tmux() { command tmux -u -L "$socket" -f /dev/null "$@"; }
trap 'tmux kill-server 2>/dev/null || true' EXIT
seq 1 40 >tasks.txt

# in_terminal COLUMNS COMMAND: runs a line of shell in a terminal of that width; its exit code goes to the file code.
in_terminal() {
  rm -f code
  tmux kill-server 2>/dev/null || true
  session=$((session + 1))
  socket=fanfold-test-$$-$session  # A server that is going away answers to its name for a moment.
  tmux new-session -d -x "$1" -y 12 "trap : INT; $2; echo \$? >code; sleep 60"
}
screen() { tmux capture-pane -p "$@"; }
# Waits until the screen shows a pattern, at most 20 s.
shows() {
  local try
  for try in $(seq 400); do
    screen >screen.txt 2>/dev/null || true
    grep -qE -- "$1" screen.txt && return
    sleep 0.05
  done
  cat screen.txt >&2
  failed "the terminal never showed: $1 ($try looks)"
}
ends_with_code() {
  local try
  for try in $(seq 400); do [ -s code ] && break || sleep 0.05; done
  same "$1" "$(cat code)"
}
run() { echo "\"$FANFOLD_BIN\" run --name photos --again --jobs 2 --tasks tasks.txt -- sleep ${1:-0.1}"; }

# --- the bar: one line, redrawn in place, removed at the end
in_terminal 100 "$(run)"
shows '^photos  [█▏▎▍▌▋▊▉ ]+ [ 0-9]{3}%   [0-9]+ of 40'
shows '[0-9]/s'
same 1 "$(grep -c '%' screen.txt)"
screen -e >colored.txt
shows '^photos: 40 of 40 complete, in '
same 0 "$(grep -c '%' screen.txt)"
ends_with_code 0
grep -q $'\e\[32m' colored.txt || failed "the bar has no colour"

# --- NO_COLOR
in_terminal 100 "NO_COLOR=1 $(run)"
shows '[0-9]+ of 40'
screen -e >plain.txt
! grep -q $'\e\[3[0-9]m' plain.txt || failed "colour in spite of NO_COLOR"
shows 'complete, in '

# --- a narrow window keeps to one line and leaves out the least important
in_terminal 30 "$(run)"
shows '%'
same 1 "$(grep -c '%' screen.txt)"
! grep -q 'left' screen.txt || failed "a narrow window shows everything"
shows 'photos: 40 of 40 complete'
in_terminal 8 "$(run 0.05)"
shows '%'
same 1 "$(grep -c '%' screen.txt)"

# --- a window that becomes narrower while it runs
in_terminal 120 "$(run 0.2)"
shows '[0-9]/s'
tmux resize-window -x 40
sleep 0.5
shows '%'
same 1 "$(grep -c '%' screen.txt)"
tmux resize-window -x 120
shows '[0-9]+ of 40'
same 1 "$(grep -c '%' screen.txt)"

# --- Ctrl-C drains
in_terminal 100 "$(run 1)"
shows ' of 40'
tmux send-keys C-c
shows '^drained: [0-9]+ finished, none cut off\. Run the same command without --again to go on\.'
ends_with_code 130

# --- a second one stops at once, and takes the programs with it
in_terminal 100 "$(run 77.125)"
shows ' of 40'
pgrep -f 'sleep 77.125' >/dev/null || failed "no program runs"
tmux send-keys C-c
sleep 0.3
tmux send-keys C-c
ends_with_code 130
sleep 0.2
! pgrep -f '^sleep 77.125' >/dev/null || failed "a program lives on"

# --- no bar where standard error is no terminal
in_terminal 100 "$(run) 2>log.txt"
ends_with_code 0
! grep -q $'\r' log.txt || failed "a bar in a file"
grep -q '^photos: 40 of 40 complete' log.txt || failed "no summary"
echo "ok"
