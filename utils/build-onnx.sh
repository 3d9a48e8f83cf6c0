#!/usr/bin/env bash
# Builds the ONNX C++ library (checker, shape inference, version converter,
# inliner) from its source distribution and installs it under
#   ${ACCOPT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/accopt}/onnx-VERSION
# which lies outside the build folder, so that it is built once per machine.
# Does nothing when that folder is complete. Prints the folder.
set -euo pipefail
version=1.23.2
root=$(cd "$(dirname "$0")/.." && pwd)
cache=${ACCOPT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/accopt}
prefix=$cache/onnx-$version
if [ -e "$prefix/complete" ]; then
  echo "$prefix"
  exit 0
fi
python=$root/.venv/bin/python
work=$cache/onnx-$version-work
mkdir -p "$work"
cd "$work"
# The stamp says that the archive was unpacked to its end.
if [ ! -e unpacked ]; then
  "$python" -m pip download --quiet --no-deps --no-binary onnx "onnx==$version" >&2
  tar xf "onnx-$version.tar.gz"
  touch unpacked
fi
"$root/.venv/bin/cmake" -S "onnx-$version" -B build -G Ninja >&2 \
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix" \
  -DCMAKE_C_COMPILER=clang-22 -DCMAKE_CXX_COMPILER=clang++-22 \
  -DCMAKE_CXX_STANDARD=20 -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
  -DBUILD_SHARED_LIBS=OFF -DONNX_BUILD_PYTHON=OFF -DONNX_ML=OFF \
  -DONNX_USE_PROTOBUF_SHARED_LIBS=OFF -DPython3_EXECUTABLE="$python"
"$root/.venv/bin/cmake" --build build --target install >&2
touch "$prefix/complete"
rm -rf "$work"
echo "$prefix"
