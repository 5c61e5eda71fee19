# A mistake in fanfold.toml is named by its line, and keeps nobody from help, version and manual.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
unset FANFOLD_STORE
printf '# ours\nstore = "a.db"\nstore = "b.db"\n' >fanfold.toml
expect 2 fanfold cluster ls
complains 'fanfold: fanfold.toml:3: store is given more than once'
printf 'durability = "some"\n' >fanfold.toml
expect 2 fanfold run --tasks - -- true
complains 'fanfold.toml:1: durability: expected full or normal'
printf '\nstroe = "a.db"\n' >fanfold.toml
expect 2 fanfold --json why photos
complains "fanfold.toml:2: 'stroe' is no key of it"
for what in --version --help "run --help" man "completion bash"; do
  expect 0 fanfold $what
  [ -s out ] || failed "$what shows nothing"
done
expect 2 fanfold nonsense
echo "ok"
