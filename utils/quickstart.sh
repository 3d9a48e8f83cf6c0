#!/usr/bin/env bash
# From a fresh Debian 12 (base system and git) to a running compiler: installs
# the packages, makes .venv, builds ONNX's C++ library into the cache, builds
# AccOpt, then compiles the bundled digits model and runs it.
#
# Every step looks first whether its work is done, so that running again costs
# nothing and goes on where an earlier run was cut off.
#   --no-run    only set up and build
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

run_model=yes
for argument in "$@"; do
  case $argument in
  --no-run) run_model=no ;;
  *)
    echo "usage: utils/quickstart.sh [--no-run]" >&2
    exit 2
    ;;
  esac
done

step() { printf '[%4ds] %s\n' "$SECONDS" "$*"; }

packages=(
  binutils ccache clang-22 clang-format-22 clang-tidy-22 git libcurl4-openssl-dev
  libedit-dev libgmock-dev libgtest-dev libmlir-22 libmlir-22-dev libpng-dev libprotobuf-dev
  libsqlite3-dev libturbojpeg0-dev libxml2-dev
  libzip-dev libzstd-dev lld-22 llvm-22-dev llvm-22-tools mlir-22-tools ninja-build
  protobuf-compiler python3 python3-venv zlib1g-dev
)

# The stamp holds the requirements that .venv satisfies.
make_venv() {
  if cmp -s python/requirements.txt .venv/requirements.installed; then
    step ".venv: up to date"
    return
  fi
  step ".venv: installing python/requirements.txt"
  if [ ! -x .venv/bin/pip ]; then
    # Debian's own interpreter has the venv module that was just installed.
    local python=/usr/bin/python3
    [ -x "$python" ] || python=python3
    "$python" -m venv --clear .venv
  fi
  .venv/bin/pip install --quiet --disable-pip-version-check -r python/requirements.txt
  cp python/requirements.txt .venv/requirements.installed
}

build_onnx() {
  step "ONNX's C++ library: looking in the cache; building takes some minutes"
  local log prefix
  log=$(mktemp)
  if ! prefix=$(utils/build-onnx.sh 2>"$log"); then
    cat "$log" >&2
    exit 1
  fi
  rm -f "$log"
  step "ONNX's C++ library: $prefix"
}

build() {
  # Paths relative to the checkout let builds in other folders share the cache.
  export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
  if [ ! -f build/build.ninja ]; then
    step "configuring build/"
    .venv/bin/cmake --preset release >/dev/null
  fi
  step "building the tools"
  .venv/bin/cmake --build build --target acc-opt acc-sim acc-tune acc-lsp-server accopt-digits
}

run_digits() {
  step "compiling models/digits.onnx for systolic16x16"
  build/bin/acc-opt models/digits.onnx --target=systolic16x16 \
    --calibration-data=models/digits-calibration.npz -o build/digits.elf
  step "running build/digits.elf on all held-out images"
  PYTHONPATH=python .venv/bin/python -m accopt.show_digits \
    --elf=build/digits.elf --acc-sim=build/bin/acc-sim
}

step "packages"
utils/install-packages.sh "${packages[@]}"
make_venv
build_onnx
build
if [ "$run_model" = yes ]; then
  run_digits
fi
step "done"
