# ctest: timeout=300
# ./dev demo over a small tree whose file names hold every kind of byte: the manifest is whole, and nothing else is left.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
unset FANFOLD_STORE
mkdir -p tree/deep/er
for number in $(seq 300); do echo "content $number" >"tree/file $number"; done
(cd tree/deep/er && for name in ' lead' $'new\nline' $'\xff\xfe' '-dash' "quote'\"" 'back\slash' '[2020] x' '{brace' '$(touch gotcha)' 'ünïcödé 写真'; do echo "$name" >"$name"; done)
before=$(find tree | LC_ALL=C sort | cksum)
BUILD_DIR=$PWD/build expect 0 "$SOURCE_DIR/tools/demo.sh" tree
says '310 files hashed'
says 'one of them killed with -9'
says 'sha256sum -c             all 310 lines hold'
says 'fanfold verify           every check holds'
says 'ran 1 time(s), by 1 worker'
same "$before" "$(find tree | LC_ALL=C sort | cksum)"
(cd tree && find "$PWD" -type f -print0 | xargs -0 sha256sum | LC_ALL=C sort) >expected
LC_ALL=C sort build/demo/manifest.sha256 >manifest
cmp expected manifest || failed "another manifest than sha256sum's own"
for file in build/demo/*; do
  case $file in build/demo/manifest.sha256 | build/demo/demo.db | build/demo/demo.db-*) ;; *) failed "left behind: $file" ;; esac
done
! pgrep -f "$PWD/build/demo" >/dev/null || failed "a worker lives on"
BUILD_DIR=$PWD/build expect 2 "$SOURCE_DIR/tools/demo.sh" nowhere

# --- the same on a server that speaks as AWS does
if [ -x "$SOURCE_DIR/build/python/bin/ministack" ]; then
  BUILD_DIR=$PWD/build expect 0 "$SOURCE_DIR/tools/demo.sh" aws tree
  says '310 files hashed'
  says 'sha256sum -c             all 310 lines hold'
  says 'fanfold verify           every check holds'
  says 'ran 1 time(s), by 1 worker'
  LC_ALL=C sort build/demo-aws/manifest.sha256 >manifest
  cmp expected manifest || failed "another manifest than sha256sum's own"
  same build/demo-aws/manifest.sha256 "$(echo build/demo-aws/*)"
  ! pgrep -f "$PWD/build/demo-aws" >/dev/null || failed "a worker lives on"
else
  echo "NOT RUN: ./dev demo aws, since ./dev test has not installed the server"
fi
echo "ok"
