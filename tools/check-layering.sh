#!/usr/bin/env bash
# Reads the #include lines of a source tree and fails on every arrow that the architecture forbids.
# usage: check-layering.sh [ROOT]      prints "file:line: why" for each; exit 1 where there is any
set -euo pipefail
cd "${1:-.}"

directories=()
for directory in include src; do [ ! -d "$directory" ] || directories+=("$directory"); done
mapfile -t files < <(find "${directories[@]}" -type f \( -name '*.hpp' -o -name '*.cpp' \) | LC_ALL=C sort)
[ ${#files[@]} -gt 0 ] || { echo "check-layering: no sources in $PWD" >&2; exit 2; }

awk '
BEGIN {
  # Who may include whom. A room is a folder of src/ or a part of the public headers; what a test or the command
  # includes is not limited by these arrows. "values" are open to all; "api" is Client, Worker and what they are made of.
  allow("values", "")
  allow("ports", "")
  allow("api", "ports")
  allow("umbrella", "api backends/sqlite backends/aws")
  allow("support", "")
  allow("json", "support")
  allow("wire", "json ports support")
  allow("core", "support")
  allow("engine", "api core ports support wire json")
  allow("worker", "api engine core ports support")
  allow("serve", "support")
  allow("metrics", "api support")
  allow("views", "api engine support json")
  allow("dashboard", "api engine support json metrics serve views")
  allow("net", "support")
  allow("lambda", "api engine net support wire")
  allow("backends/sqlite", "ports core support wire")
  allow("aws", "net support")
  allow("backends/aws", "ports core support wire net aws")
  allow("testing", "api core engine ports support")
  allow("testing_aws", "backends/aws testing ports support")
  allow("open", "api engine backends/sqlite backends/aws support")

  # Vendor headers and the only rooms that may show them.
  vendor("sqlite3.h", "backends/sqlite")
  vendor("curl/", "net")
  vendor("boost/json", "json")
  vendor("CLI/", "cli")
  vendor("fmt/", "cli")
  vendor("spdlog/", "cli")
  vendor("boost/beast/", "serve")
  vendor("boost/asio/", "serve")
  vendor("gtest/", "testing")
  vendor("gmock/", "")
}
function allow(room, rooms,    list, count, i) {
  known[room] = 1
  may[room, room] = 1
  count = split(rooms, list, " ")
  for (i = 1; i <= count; i++) may[room, list[i]] = 1
}
function vendor(prefix, rooms,    list, count, i) {
  vendors[prefix] = 1
  count = split(rooms, list, " ")
  for (i = 1; i <= count; i++) shows[prefix, list[i]] = 1
}
function complain(why) {
  printf "%s:%d: %s\n", FILENAME, FNR, why
  bad = 1
  return 0
}
# The room of a file or of an include written from include/ or src/.
function room_of(path,    parts, count) {
  if (path ~ /^fanfold\//) {
    if (path ~ /^fanfold\/ports\//) return "ports"
    if (path ~ /^fanfold\/testing(\/|\.hpp$)/) return "testing"
    if (path ~ /^fanfold\/backends\/sqlite/) return "backends/sqlite"
    if (path ~ /^fanfold\/backends\/aws/) return "backends/aws"
    if (path == "fanfold/fanfold.hpp") return "umbrella"
    if (path ~ /^fanfold\/detail\/json_/) return "values"
    if (path ~ /^fanfold\/(client|handlers|lambda|message|open|worker)\.hpp$/ || path ~ /^fanfold\/detail\//) return "api"
    return "values"
  }
  count = split(path, parts, "/")
  if (count < 2) return ""
  return parts[1] == "backends" ? parts[1] "/" parts[2] : parts[1]
}
FNR == 1 {
  path = FILENAME
  is_public = sub(/^include\//, "", path)
  sub(/^src\//, "", path)
  is_test = path ~ /(_test\.cpp|_for_tests\.hpp|\/test_[a-z_]+\.[ch]pp)$/
  room = room_of(path)
  is_cli = room == "cli"
  if (!is_cli && !(room in known)) complain("\"" room "\" is not a room of the architecture")
}
/^[ \t]*#[ \t]*include/ {
  line = $0
  sub(/^[ \t]*#[ \t]*include[ \t]*/, "", line)
  quoted = line ~ /^"/
  target = line
  sub(/^["<]/, "", target)
  sub(/[">].*/, "", target)
  if (is_public && !check_public()) next
  if (target ~ /^fanfold\// || quoted) check_arrow()
  else check_vendor()
}
function check_public() {
  if (quoted)
    return complain("a public header includes only <...>, not \"" target "\"")
  if (target ~ /^boost\/(describe|mp11)/ && path != "fanfold/json.hpp")
    return complain("<" target "> may show in <fanfold/json.hpp> alone")
  if (target !~ /^(fanfold|boost\/describe|boost\/mp11)/ && target !~ /^[a-z_]+$/ && !(room == "testing" && target ~ /^gtest\//))
    return complain("a public header shows only the standard library, not <" target ">")
  return 1
}
function check_arrow(    to) {
  to = room_of(target)
  if (to == "") complain("write \"" target "\" from src/ on, as in \"core/lease.hpp\"")
  else if (to != "values" && !(to in known) && to != "cli") complain("\"" to "\" is not a room of the architecture")
  else if (is_public && room ~ /^backends/ && to == "api") return  # its open() makes a Client
  else if (to != "values" && !is_test && !is_cli && !((room, to) in may)) complain(room " must not include " to " (" target ")")
}
function check_vendor(    prefix) {
  if (is_test && target !~ /^(sqlite3\.h|curl\/)/) return
  if (!is_public && target ~ /^boost\/(describe|mp11)/ && !is_test && room != "json")
    complain("<" target "> may show in <fanfold/json.hpp> and src/json alone")
  for (prefix in vendors)
    if (index(target, prefix) == 1 && !((prefix, room) in shows)) complain("<" target "> has no business in " room)
}
END { exit bad }
' "${files[@]}"
