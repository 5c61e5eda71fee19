# ctest: labels=slow timeout=180
# The dashboard's page in a headless Chromium, against `fanfold dashboard` on a store that real commands filled.
python=$SOURCE_DIR/build/python/bin/python3
for program in chromium chromedriver; do
  command -v $program >/dev/null || { echo "NOT RUN: there is no $program; ./dev test installs it" >&2; exit 77; }
done
"$python" -c 'import selenium' 2>/dev/null || { echo "NOT RUN: ./dev test installs Python's packages into build/python" >&2; exit 77; }
export FANFOLD_STORE=$PWD/test.db LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
unset FANFOLD_DURABILITY NO_COLOR
exec "$python" "$SOURCE_DIR/tests/page/dashboard_page.py"
