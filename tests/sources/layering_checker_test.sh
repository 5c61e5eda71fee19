#!/usr/bin/env bash
# The layering check itself: a clean tree passes, and one forbidden include of each kind fails where it stands.
set -euo pipefail
checker=$SOURCE_DIR/tools/check-layering.sh
failed=0

# tree FILE INCLUDE: a tree that is clean but for this one line
tree() {
  rm -rf tree
  mkdir -p tree/include/fanfold/{ports,backends} tree/src/{support,core,engine,backends/sqlite,cli} "$(dirname "tree/$1")"
  printf '#include <string>\n' >tree/include/fanfold/types.hpp
  printf '#include <fanfold/types.hpp>\n#include <boost/describe.hpp>\n' >tree/include/fanfold/json.hpp
  printf '#include <fanfold/types.hpp>\n' >tree/include/fanfold/ports/queue.hpp
  printf '#include <fanfold/ports/queue.hpp>\n' >tree/include/fanfold/client.hpp
  printf '#include <fanfold/client.hpp>\n' >tree/include/fanfold/backends/sqlite.hpp
  printf '#include <fanfold/client.hpp>\n#include <fanfold/backends/sqlite.hpp>\n' >tree/include/fanfold/fanfold.hpp
  printf '#include "support/a.hpp"\n#include <vector>\n' >tree/src/core/lease.cpp
  printf '#include <fanfold/ports/queue.hpp>\n#include "core/lease.hpp"\n' >tree/src/engine/claim.cpp
  printf '#include <fanfold/ports/queue.hpp>\n#include <sqlite3.h>\n' >tree/src/backends/sqlite/queue.cpp
  printf '#include "engine/a.hpp"\n#include "backends/sqlite/a.hpp"\n#include <gtest/gtest.h>\n' >tree/src/core/lease_test.cpp
  printf '#include "engine/a.hpp"\n#include <CLI/CLI.hpp>\n' >tree/src/cli/main.cpp
  [ $# -eq 0 ] || printf '// one line above\n#include %s\n' "$2" >"tree/$1"
}

forbidden() {
  local file=$1 include=$2 why=$3 said
  tree "$file" "$include"
  if said=$("$checker" tree); then
    echo "not found: $file includes $include"
    failed=1
  elif [ "$said" != "$file:2: $why" ]; then
    echo "$file includes $include: expected \"$file:2: $why\", got \"$said\""
    failed=1
  fi
}

tree src/support/ignored.txt '"core/lease.hpp"'
"$checker" tree || failed=1

forbidden src/support/a.hpp '"core/lease.hpp"' 'support must not include core (core/lease.hpp)'
forbidden src/support/a.hpp '<fanfold/ports/queue.hpp>' 'support must not include ports (fanfold/ports/queue.hpp)'
forbidden src/core/a.cpp '<fanfold/ports/queue.hpp>' 'core must not include ports (fanfold/ports/queue.hpp)'
forbidden src/core/a.cpp '"json/a.hpp"' 'core must not include json (json/a.hpp)'
forbidden src/core/a.cpp '"wire/a.hpp"' 'core must not include wire (wire/a.hpp)'
forbidden src/json/a.cpp '"core/a.hpp"' 'json must not include core (core/a.hpp)'
forbidden src/wire/a.cpp '"core/a.hpp"' 'wire must not include core (core/a.hpp)'
forbidden src/wire/a.cpp '<fanfold/client.hpp>' 'wire must not include api (fanfold/client.hpp)'
forbidden src/engine/a.cpp '"worker/a.hpp"' 'engine must not include worker (worker/a.hpp)'
forbidden src/engine/a.cpp '"backends/sqlite/a.hpp"' 'engine must not include backends/sqlite (backends/sqlite/a.hpp)'
forbidden src/engine/a.cpp '<fanfold/backends/sqlite.hpp>' \
  'engine must not include backends/sqlite (fanfold/backends/sqlite.hpp)'
forbidden src/worker/a.cpp '"backends/sqlite/a.hpp"' 'worker must not include backends/sqlite (backends/sqlite/a.hpp)'
forbidden src/dashboard/a.cpp '"worker/a.hpp"' 'dashboard must not include worker (worker/a.hpp)'
forbidden src/net/a.cpp '"engine/a.hpp"' 'net must not include engine (engine/a.hpp)'
forbidden src/aws/a.cpp '"backends/aws/a.hpp"' 'aws must not include backends/aws (backends/aws/a.hpp)'
forbidden src/lambda/a.cpp '"worker/a.hpp"' 'lambda must not include worker (worker/a.hpp)'
forbidden src/core/a.cpp '"backends/sqlite/a.hpp"' 'core must not include backends/sqlite (backends/sqlite/a.hpp)'
forbidden src/backends/sqlite/a.cpp '"engine/a.hpp"' 'backends/sqlite must not include engine (engine/a.hpp)'
forbidden src/backends/sqlite/a.cpp '"backends/aws/a.hpp"' \
  'backends/sqlite must not include backends/aws (backends/aws/a.hpp)'
forbidden src/backends/sqlite/a.cpp '"net/a.hpp"' 'backends/sqlite must not include net (net/a.hpp)'
forbidden src/backends/aws/a.cpp '"engine/a.hpp"' 'backends/aws must not include engine (engine/a.hpp)'
forbidden src/testing/a.cpp '"backends/sqlite/a.hpp"' 'testing must not include backends/sqlite (backends/sqlite/a.hpp)'
forbidden src/engine/a.cpp '<fanfold/testing/clock.hpp>' 'engine must not include testing (fanfold/testing/clock.hpp)'
forbidden src/engine/a.cpp '"cli/a.hpp"' 'engine must not include cli (cli/a.hpp)'
forbidden src/engine/a.cpp '"claim.hpp"' 'write "claim.hpp" from src/ on, as in "core/lease.hpp"'
forbidden src/engine/a.cpp '"somewhere/claim.hpp"' '"somewhere" is not a room of the architecture'
forbidden src/engine/a.cpp '<sqlite3.h>' '<sqlite3.h> has no business in engine'
forbidden src/backends/aws/a.cpp '<curl/curl.h>' '<curl/curl.h> has no business in backends/aws'
forbidden src/core/lease_test.cpp '<sqlite3.h>' '<sqlite3.h> has no business in core'
forbidden src/engine/a.hpp '<boost/json.hpp>' '<boost/json.hpp> has no business in engine'
forbidden src/engine/a.cpp '<boost/describe.hpp>' '<boost/describe.hpp> may show in <fanfold/json.hpp> and src/json alone'
forbidden src/engine/a.cpp '<spdlog/spdlog.h>' '<spdlog/spdlog.h> has no business in engine'
forbidden src/engine/a.cpp '<gtest/gtest.h>' '<gtest/gtest.h> has no business in engine'
forbidden include/fanfold/client.hpp '"engine/a.hpp"' 'a public header includes only <...>, not "engine/a.hpp"'
forbidden include/fanfold/client.hpp '<boost/describe.hpp>' '<boost/describe.hpp> may show in <fanfold/json.hpp> alone'
forbidden include/fanfold/client.hpp '<sqlite3.h>' 'a public header shows only the standard library, not <sqlite3.h>'
forbidden include/fanfold/client.hpp '<sys/types.h>' 'a public header shows only the standard library, not <sys/types.h>'
forbidden include/fanfold/ports/queue.hpp '<fanfold/backends/sqlite.hpp>' \
  'ports must not include backends/sqlite (fanfold/backends/sqlite.hpp)'
forbidden include/fanfold/records.hpp '<fanfold/client.hpp>' 'values must not include api (fanfold/client.hpp)'
forbidden include/fanfold/client.hpp '<fanfold/backends/sqlite.hpp>' \
  'api must not include backends/sqlite (fanfold/backends/sqlite.hpp)'
forbidden src/backends/sqlite/a.cpp '<fanfold/client.hpp>' 'backends/sqlite must not include api (fanfold/client.hpp)'
forbidden include/fanfold/client.hpp '<fanfold/testing/clock.hpp>' \
  'api must not include testing (fanfold/testing/clock.hpp)'
exit "$failed"
