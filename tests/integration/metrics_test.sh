# ctest: timeout=120
# --metrics of run and work: what is scraped while they work adds up to what they say at their end.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
python=$SOURCE_DIR/build/python/bin/python3
"$python" -c 'import prometheus_client' 2>/dev/null || { echo "NOT RUN: there is no parser of Prometheus' format; ./dev test installs it into build/python" >&2; exit 77; }
# scrape [OPTION...]: of the worker that runs, into the file scraped.
scrape() { "$python" "$SOURCE_DIR/tests/python/scrape.py" "$url" "$@" >scraped 2>scrape.err || failed "$(cat scrape.err)"; }
value() { awk -v name="${1//\"/\\\"}" '$1 == name { print $2 }' scraped; }
is() { same "$2" "$(value "$1")"; }
running() { echo "$(($(value 'fanfold_handlers_running{kind="task"}') + $(value 'fanfold_handlers_running{kind="message"}')))"; }
# begin COMMAND...: in the background, with its address in url.
begin() {
  : >w.err # What the worker before said is not to be read.
  "$FANFOLD_BIN" "$@" >w.out 2>w.err </dev/null &
  worker=$!
  until grep -q '^metrics: ' w.err; do kill -0 $worker || failed "$(cat w.err)"; sleep 0.02; done
  url=$(sed -n 's/^metrics: //p' w.err)
}
end() {
  kill -TERM $worker
  wait $worker || failed "it exited with $?: $(cat w.err)"
}

# --- while handlers run
seq 1 40 >list.txt
expect 0 fanfold cluster create --queue resize --tasks list.txt --name photos
expect 0 fanfold send --queue resize one two
touch hold
begin work --queue resize --jobs 3 --json --max-attempts 2 --backoff 10ms --metrics 0 --on-finish true -- \
  sh -c 'while [ -e hold ]; do sleep 0.02; done; ls -l /proc/self/fd | grep -c socket: >>sockets; case $FANFOLD_INDEX in 7) exit 75;; 8) exit 65;; 9) test "$FANFOLD_ATTEMPT" -gt 1;; esac'
[[ $url =~ ^http://127.0.0.1:[1-9][0-9]*/metrics$ ]] || failed "$url"
for ((waited = 0; waited < 500; waited++)); do
  scrape
  [ "$(running)" -lt 3 ] || break
  sleep 0.02
done
same 3 "$(running)"
same 200 "$(sed -n 1p scraped)"
same 'text/plain; version=0.0.4; charset=utf-8' "$(sed -n 2p scraped)"
is 'fanfold_ended_total{kind="task",outcome="done"}' 0
is 'fanfold_handler_duration_seconds_count{kind="task"}' 0
is 'fanfold_draining{}' 0
is "fanfold_info{version=\"$(fanfold --version)\"}" 1
started=$(value 'process_start_time_seconds{}')
(($(date +%s) - ${started%.*} < 60)) || failed "it began at $started"

# --- the port is taken: an error before anything runs, that says what to do
port=${url##*:}
port=${port%%/*}
expect 4 fanfold run --name taken --tasks list.txt --metrics "$port" -- touch ran
complains "--metrics: 127.0.0.1, port $port: is taken by another program; give another port, or 0 for any free one"
expect 4 fanfold work --queue resize --until-empty --metrics "127.0.0.1:$port" -- touch ran
[ ! -e ran ] || failed 'something ran'

# --- who may ask, and for what
scrape --host evil.example
same 403 "$(sed -n 1p scraped)"
scrape --host localhost
same 200 "$(sed -n 1p scraped)"
scrape --method POST
same 405 "$(sed -n 1p scraped)"
url=${url%metrics} scrape
same 404 "$(sed -n 1p scraped)"

# --- many at once while it works, and at the end all of it
rm hold
scrapers=()
for ((i = 0; i < 8; i++)); do
  "$python" "$SOURCE_DIR/tests/python/scrape.py" "$url" >"scraped.$i" 2>&1 &
  scrapers+=($!)
done
for ((i = 0; i < 8; i++)); do wait "${scrapers[$i]}" || failed "$(cat "scraped.$i")"; done
for ((waited = 0; waited < 500; waited++)); do
  scrape
  [ "$(value 'fanfold_ended_total{kind="finish",outcome="done"}')" != 1 ] || break
  sleep 0.02
done
is 'fanfold_ended_total{kind="task",outcome="done"}' 38
is 'fanfold_ended_total{kind="task",outcome="retried"}' 2
is 'fanfold_ended_total{kind="task",outcome="failed"}' 2
is 'fanfold_ended_total{kind="message",outcome="done"}' 2
is 'fanfold_ended_total{kind="finish",outcome="done"}' 1
is 'fanfold_handler_duration_seconds_count{kind="task"}' 42
is 'fanfold_handler_duration_seconds_count{kind="message"}' 2
is 'fanfold_handler_duration_seconds_count{kind="finish"}' 1
is 'fanfold_handlers_running{kind="task"}' 0
is 'fanfold_errors_total{code="unavailable"}' 0
(($(value 'fanfold_claimed_total{}') >= 45)) || failed 'claims are missing'
(($(value 'fanfold_received_total{}') >= 45)) || failed 'messages are missing'
(($(value 'fanfold_sweeps_total{}') >= 1)) || failed 'the first sweep is missing'
end
cp w.out out
same '40 2 2 1' "$(field done) $(field retried) $(field failed) $(field finish_handled)"
same 0 "$(sort -u sockets)" # no program has the server's

# --- a program that is ended frees the port at once; the address may be given
begin work --queue resize --metrics "127.0.0.1:$port" -- true
end
if [ -e /proc/net/if_inet6 ]; then
  begin work --queue resize --metrics '[::1]:0' -- true
  [[ $url =~ ^http://\[::1\]:[1-9][0-9]*/metrics$ ]] || failed "$url"
  scrape
  same 200 "$(sed -n 1p scraped)"
  end
fi
# Whoever listens for others is called by names that nobody here knows.
begin work --queue resize --metrics 0.0.0.0:0 -- true
url=${url/0.0.0.0/127.0.0.1} scrape --host worker-17.example.org
same 200 "$(sed -n 1p scraped)"
end

# --- run has it too
touch hold
begin run --name job --jobs 2 --metrics 0 --tasks list.txt -- sh -c 'while [ -e hold ]; do sleep 0.02; done' sh {task}
scrape
same 200 "$(sed -n 1p scraped)"
rm hold
wait $worker || failed "it exited with $?: $(cat w.err)"
same 1 "$(grep -c '^metrics: http' w.err)"

# --- what is no address is refused
for wrong in x :1 1: 70000 -1 127.0.0.1 ::1:9464 '[::1]' 'worker 1:9464'; do
  expect 2 fanfold run --tasks list.txt --metrics="$wrong" -- touch ran
  complains '--metrics'
done
expect 2 fanfold run --tasks list.txt --metrics example.org:9464 -- touch ran
complains "--metrics: 'example.org' is no IPv4 or IPv6 address"
expect 2 fanfold run --tasks list.txt --metrics 192.0.2.1:0 -- touch ran
complains 'is no address of this machine'
[ ! -e ran ] || failed 'something ran'
echo ok
