# Where the system has no thread for the command, that is said, and not taken for a defect.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
# For root there is no limit.
limited() {
  if [ "$(id -u)" -eq 0 ]; then
    setpriv --reuid=65534 --clear-groups prlimit --nproc=1 "$@"
  else
    prlimit --nproc=1 "$@"
  fi
}
chmod 777 .
limited "$FANFOLD_BIN" --version >/dev/null 2>&1 || exit 77
seq 3 >list
expect 5 limited "$FANFOLD_BIN" run --tasks list --jobs 2 -- true
complains 'fanfold: no thread can be started: Resource temporarily unavailable (ulimit -u)'
expect 0 fanfold run --name after --tasks list --jobs 2 -- true
echo "ok"
