# The vectors of docs/wire-vectors.json in Python; aws_wire_vectors_test.cpp reads them with fanfold's own code.
python=$SOURCE_DIR/build/python/bin/python3
[ -x "$python" ] || { echo "NOT RUN: ./dev test installs Python's packages into build/python" >&2; exit 77; }
exec "$python" "$SOURCE_DIR/tests/python/wire_vectors_test.py"
