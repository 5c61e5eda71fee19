# ctest: labels=slow timeout=300
# Clusters through Lambda: a function's process that is killed, stopped and given events twice; and a function on
# MiniStack's own Lambda, whose Runtime API and event source mapping are other people's work.
set -euo pipefail
python=$SOURCE_DIR/build/python/bin/python3
[ -x "$python" ] || { echo "NOT RUN: there is no ministack; ./dev test installs it into build/python" >&2; exit 77; }
[ -x "$BUILD_DIR/tests/integration/lambda_function" ] || { echo "NOT RUN: this build has no AWS engine" >&2; exit 77; }
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$SOURCE_DIR/tools/lambda
# Its processes end with it, however it ends.
exec setpriv --pdeathsig TERM "$python" "$SOURCE_DIR/tests/integration/support/lambda_cluster.py" \
  "$BUILD_DIR/tests/integration/lambda_function" "$BUILD_DIR/examples/example_09_lambda"
