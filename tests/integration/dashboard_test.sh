# The dashboard's server, asked as programs ask it; tests/page has the page in a browser.
source "$SOURCE_DIR/tests/integration/support/checks.sh"

# ask PATH [METHOD [BODY [HEADER...]]]: the answer's status and body in the file answer, a line each.
ask() {
  python3 - "$url" "$@" >answer <<'PY'
import http.client, sys
url, path, method, body, *headers = (sys.argv[1:] + ['GET', ''][len(sys.argv) - 3:])
connection = http.client.HTTPConnection(url.removeprefix('http://'), timeout=20)
connection.request(method, path, body or None, dict(header.split(': ', 1) for header in headers))
answer = connection.getresponse()
print(answer.status)
sys.stdout.write(answer.read().decode())
PY
}
act() { ask "$1" POST "$2" 'X-Fanfold: 1' 'Content-Type: application/json'; }
status() { head -n 1 answer; }
has() { grep -qF -- "$1" answer || { cat answer >&2; failed "the answer lacks: $1"; }; }
start() {
  : >served
  "$FANFOLD_BIN" dashboard --listen 0 "$@" >served 2>served.err &
  server=$!
  for _ in $(seq 200); do
    url=$(grep -o 'http://[^ "]*' served || true)
    [ -z "$url" ] || return 0
    kill -0 "$server" 2>/dev/null || break
    sleep 0.05
  done
  cat served.err >&2
  failed "the dashboard did not start"
}
stop() {
  local code=0
  kill -"$1" "$server"
  wait "$server" || code=$?
  same "$2" "$code"
}
trap 'kill -9 "$server" 2>/dev/null || true' EXIT

# --- Where there is nothing to show, or nowhere to listen
expect 3 fanfold dashboard
complains 'there is no store'
expect 2 fanfold dashboard --listen 8x
complains '--listen'
for name in '' a:80 http://a; do
  expect 2 fanfold dashboard --host "$name"
  complains '--host'
done
printf 'good\nbad\ngood\n' >tasks.txt
# shellcheck disable=SC2016
expect 1 fanfold run --tasks tasks.txt --name photos --retries 0 -- sh -c 'echo "$1" >&2; test "$1" = good || exit 65' sh '{task}'

start
expect 4 fanfold dashboard --listen "${url##*:}"
complains "--listen: 127.0.0.1, port ${url##*:}: is taken by another program"

# --- What the command says, the dashboard says
ask /api/clusters
same 200 "$(status)"
has '"name":"photos"'
has '"complete":2,"failed":1'
id=$(grep -o '"id":"[^"]*' answer | cut -d'"' -f4)
ask "/api/clusters/$id/errors"
has '"code":"exit 65"'
ask "/api/clusters/$id/tasks/1/output"
has '"output":"bad\n"'
ask /
has '<html'
ask /api/clusters/nope/tasks/x
same 400 "$(status)"

# --- Actions change the store, of which the command knows; others' requests do not
ask "/api/clusters/$id/retry" POST '{}'
same 403 "$(status)"
ask "/api/clusters/$id/retry" POST '{}' 'X-Fanfold: 1' 'Content-Type: application/json' 'Origin: http://evil.example'
same 403 "$(status)"
ask /api/clusters GET '' 'Host: evil.example'
same 403 "$(status)"
expect 0 fanfold cluster show photos
says '2 of 3 complete, 1 failed'
act "/api/clusters/$id/retry" '{}'
has '{"tasks":1}'
act "/api/clusters/$id/stop" '{"reason":"seen enough"}'
same 200 "$(status)"
expect 0 fanfold cluster show photos
says 'seen enough'
act "/api/clusters/$id/retry" '{}'
same 409 "$(status)"
has '"code":"stopped"'

# --- Events of a cluster that a worker of another process works on
seq 5 >more.txt
expect 0 fanfold cluster create --queue later --name more --tasks more.txt
ask '/api/clusters?name=more'
more=$(grep -o '"id":"[^"]*' answer | cut -d'"' -f4)
python3 - "$url" "$more" >events <<'PY' &
import http.client, json, sys
connection = http.client.HTTPConnection(sys.argv[1].removeprefix('http://'), timeout=30)
connection.request('GET', '/api/events?cluster=' + sys.argv[2])
answer = connection.getresponse()
while True:
    line = answer.readline().decode()
    if line.startswith('data: '):
        state = json.loads(line.removeprefix('data: '))
        print(state['complete'], flush=True)
        if state['finished']:
            break
PY
reader=$!
for _ in $(seq 200); do [ ! -s events ] || break; sleep 0.05; done
same 0 "$(head -n 1 events)"
expect 0 fanfold work --queue later --until more -- true
wait "$reader"
same 5 "$(tail -n 1 events)"

# --- Signals end it, with a stream open
python3 -c 'import http.client, sys
connection = http.client.HTTPConnection(sys.argv[1].removeprefix("http://"), timeout=30)
connection.request("GET", "/api/events")
answer = connection.getresponse()
print(answer.readline().decode(), flush=True)
answer.read()' "$url" >open &
reader=$!
for _ in $(seq 200); do [ ! -s open ] || break; sleep 0.05; done
stop TERM 0
wait "$reader"

# --- Only looking
start --read-only --json
act "/api/clusters/$id/pause" '{}'
same 403 "$(status)"
has '"code":"read_only"'
ask /api/store
has '"read_only":true'
stop INT 0

# --- A store that is another one behind its name is not shown as if it were live
start
ask /api/clusters
same 200 "$(status)"
mv test.db moved.db
ask /api/clusters
same 500 "$(status)"
has '"code":"damaged"'
mv moved.db test.db
ask /api/clusters
same 200 "$(status)"
stop INT 0

# --- Names that are allowed
start --host jobs.example.org
ask /api/store GET '' 'Host: jobs.example.org'
same 200 "$(status)"
stop INT 0
