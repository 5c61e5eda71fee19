# ctest: timeout=120
# What scripts read is whole; people are told that there is more.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
seq 1050 >list
expect 0 fanfold cluster create --queue q --name many --tasks list
expect 0 fanfold tasks many --json
same 1050 "$(wc -l <out)"
expect 0 fanfold tasks many --json --limit 7
same 7 "$(wc -l <out)"
expect 0 fanfold tasks many
same 101 "$(wc -l <out)"
complains '(more from index 100: --from 100, or a larger --limit)'
for i in $(seq 104); do echo $i | fanfold cluster create --queue q --name "one$i" --tasks - >/dev/null 2>&1; done
expect 0 fanfold cluster ls --json
same 105 "$(wc -l <out)"
expect 0 fanfold cluster ls --json --limit 3
same 3 "$(wc -l <out)"
expect 0 fanfold cluster ls
same 101 "$(wc -l <out)"
complains '(the newest 100; --limit shows more)'

# --- a reader that has seen enough
for what in "tasks many" "cluster ls"; do
  fanfold $what --json 2>err | head -n 1 >out || failed "$what | head: exit code ${PIPESTATUS[*]}"
  same 1 "$(wc -l <out)"
  same '' "$(cat err)"
done
echo "ok"
