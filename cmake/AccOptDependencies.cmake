# Everything that the project takes from others. Versions and reasons:
# docs/Dependencies.md.

find_package(MLIR REQUIRED CONFIG)
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)

# ONNX's C++ library, built once by utils/build-onnx.sh into a cache outside the
# build folder. It brings protobuf as a static library.
if(DEFINED ENV{ACCOPT_CACHE})
  set(accopt_cache $ENV{ACCOPT_CACHE})
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(accopt_cache $ENV{XDG_CACHE_HOME}/accopt)
else()
  set(accopt_cache $ENV{HOME}/.cache/accopt)
endif()
set(ACCOPT_ONNX_PREFIX ${accopt_cache}/onnx-1.23.2 CACHE PATH
  "Where utils/build-onnx.sh installed ONNX")
set(Protobuf_USE_STATIC_LIBS ON)
find_package(Protobuf REQUIRED)
find_package(ONNX REQUIRED CONFIG PATHS ${ACCOPT_ONNX_PREFIX} NO_DEFAULT_PATH)

find_package(ZLIB REQUIRED)

if(ACCOPT_ENABLE_TRAINING)
  find_package(Torch REQUIRED)
endif()
