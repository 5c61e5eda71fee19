# What README and the help show is right as it is typed, and typed twice. ImageMagick's convert is played by a script.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
mkdir bin photos 'photos/last summer'
cat >bin/convert <<'EOF'
#!/bin/sh
echo "$1" >>"$CONVERTED"
[ "$2 $3" = '-resize 200x' ] && cp -- "$1" "$4"
EOF
chmod +x bin/convert
ln -s "$FANFOLD_BIN" bin/fanfold
export PATH=$PWD/bin:$PATH CONVERTED=$PWD/converted
unset FANFOLD_STORE
originals=('photos/a.jpg' 'photos/last summer/b c.jpg')
begin() {
  rm -rf fanfold.db* photos.txt converted
  find photos -type f -delete
  touch "${originals[@]}"
}
# Every original was converted once, and there is nothing else.
is_right() {
  same "$(printf '%s\n' "${originals[@]}")" "$(LC_ALL=C sort converted)"
  same "$(printf '%s\n' "${originals[@]}" "${originals[@]/%/.small.jpg}" | LC_ALL=C sort)" "$(find photos -type f | LC_ALL=C sort)"
}
is_right_twice() {
  for _ in 1 2; do
    expect 0 bash -eo pipefail typed
    is_right
  done
}
# The Nth block of shell lines of a document, without prompts.
block() { awk -v wanted="$2" '/^```/ { inside = !inside; if (inside) n++; next } inside && n == wanted' "$1" | sed -n 's/^\$ //p'; }
example_of() { fanfold "$1" --help | awk '/^Example/ { shown = 1; next } shown && !NF { exit } shown' | sed 's/^ *//'; }

# --- README: a list, run, and looked at
begin
block "$SOURCE_DIR/README.md" 1 >typed
grep -q 'fanfold run ' typed || failed "README begins with other lines"
is_right_twice

# --- README: the same on AWS, here on the file
begin
find photos -name '*.jpg' >photos.txt
block "$SOURCE_DIR/README.md" 2 | grep -v 'FANFOLD_STORE=aws\|setup aws' | sed 's/fanfold work /&--until-empty /' >typed
is_right_twice

# --- the help
begin
example_of run >typed
grep -q 'fanfold run ' typed || failed "no example of run"
is_right_twice
begin
example_of work | sed 's/fanfold work /&--until-empty /' >typed
grep -q 'fanfold work ' typed || failed "no example of work"
find photos -name '*.jpg' >photos.txt
expect 0 fanfold cluster create --queue resize --tasks photos.txt --name photos --key photos
is_right_twice
echo "ok"
