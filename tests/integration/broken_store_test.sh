# ctest: timeout=120
# A store that is full, read-only, damaged, no store at all, or of a newer fanfold: a clear error, the documented exit
# code, and nothing that was acknowledged is lost.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
seq 1 200 >tasks.txt

# --- not a database
printf 'this is a text file and no store, however long it may be\n%.0s' $(seq 200) >text.db
cp text.db text.before
expect 5 fanfold --store text.db run --tasks tasks.txt -- true
complains 'text.db'
expect 5 fanfold --store text.db cluster ls
cmp -s text.db text.before || failed "a file of somebody else was changed"
expect 2 fanfold --store . run --tasks tasks.txt -- true
expect 3 fanfold --store /nowhere/at/all.db run --tasks tasks.txt -- true

# --- another program's database
sqlite3 foreign.db 'create table mine(x); insert into mine values (1)'
expect 5 fanfold --store foreign.db run --tasks tasks.txt -- true
same 1 "$(sqlite3 foreign.db 'select count(*) from mine')"
same 1 "$(sqlite3 foreign.db 'select count(*) from sqlite_master')"

# --- a newer fanfold's
expect 0 fanfold --store newer.db run --tasks tasks.txt -- true
version=$(sqlite3 newer.db 'pragma user_version')
sqlite3 newer.db "pragma user_version = $((version + 1))"
expect 5 fanfold --store newer.db run --tasks tasks.txt -- true
complains 'newer'
expect 5 fanfold --store newer.db cluster ls
sqlite3 newer.db "pragma user_version = $version"
expect 0 fanfold --store newer.db verify tasks

# --- damaged in the middle
expect 0 fanfold --store damaged.db run --tasks tasks.txt -- echo {task}
size=$(stat -c %s damaged.db)
head -c $((size - 8192)) /dev/urandom | dd of=damaged.db bs=4096 seek=1 conv=notrunc status=none
rm -f damaged.db-wal damaged.db-shm
code=0
fanfold --store damaged.db verify tasks >out 2>err || code=$?
[ $code -eq 5 ] || failed "exit code $code of a damaged store"

# --- written by nobody: looking works, changing says why not
expect 0 fanfold --store still.db run --name still --tasks tasks.txt -- echo {task}
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
  as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
else
  as_nobody=()
fi
mkdir locked
mv still.db locked/
chmod 444 locked/still.db
chmod 555 locked
if [ ${#as_nobody[@]} -eq 0 ] || "${as_nobody[@]}" test -r "$FANFOLD_BIN" -a -x "$PWD" 2>/dev/null; then
  expect 0 "${as_nobody[@]}" "$FANFOLD_BIN" --store locked/still.db cluster ls
  says still
  expect 5 "${as_nobody[@]}" "$FANFOLD_BIN" --store locked/still.db run --name still --tasks tasks.txt -- echo {task}
  expect 5 "${as_nobody[@]}" "$FANFOLD_BIN" --store locked/still.db cluster pause still
else
  echo "skipped: read-only files (another user cannot reach $PWD)" >&2
fi
chmod 755 locked

# --- the disk is full
if [ "$(id -u)" -eq 0 ] && mkdir full && mount -t tmpfs -o size=24m tmpfs full 2>/dev/null; then
  trap 'umount full' EXIT
  expect 0 fanfold --store full/store.db run --name small --tasks tasks.txt -- true
  seq 1 2000 >many.txt
  expect 5 fanfold --store full/store.db run --name large --tasks many.txt -- head -c 20000 /dev/zero
  complains 'full'
  expect 0 fanfold --store full/store.db verify small
  expect 0 fanfold --store full/store.db cluster ls --name small --json
  same 200 "$(field complete)"
  # with room again the same command goes on
  mount -o remount,size=200m full
  expect 0 fanfold --store full/store.db run --json --name large --tasks many.txt -- head -c 20000 /dev/zero
  same 2000 "$(field complete)"
  expect 0 fanfold --store full/store.db verify large
  expect 0 sqlite3 -readonly full/store.db 'pragma integrity_check'
  same ok "$(cat out)"
else
  echo "skipped: a full disk (needs root, for a tmpfs of its own)" >&2
fi
echo "ok"
