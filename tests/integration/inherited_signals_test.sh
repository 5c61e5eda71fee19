# Whoever starts the command may ignore the ends of its children, and so would the command: it has to learn them all the
# same.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
seq 3 >list
ignoring() { timeout -k 1 20 env --ignore-signal=CHLD "$FANFOLD_BIN" "$@"; }
expect 1 ignoring run --tasks list --jobs 2 --retries 0 -- sh -c 'exit "$(($1 == 2))"' sh '{task}'
complains 'list: 2 of 3 complete, 1 failed'
# What it runs finds the signal as it is by default.
expect 0 ignoring run --name signals --tasks list --jobs 1 -- sh -c 'true & wait $!; grep SigIgn /proc/self/status'
expect 0 fanfold results signals --text
same 3 "$(wc -l <out)"
while read -r _ mask; do ((16#$mask >> 16 & 1)) && failed "SIGCHLD is ignored: $mask"; done <out
echo "ok"
