# Everything that the project takes from others. Versions and reasons:
# docs/Dependencies.md.

find_package(MLIR REQUIRED CONFIG)
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
include(AccOptStaticLLVM)

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
# ONNX's own package file asks for protobuf's package file, which Debian does not
# ship; the targets need only the library that CMake's module has found.
set(accopt_onnx_targets ${ACCOPT_ONNX_PREFIX}/lib/cmake/ONNX/ONNXTargets.cmake)
if(NOT EXISTS ${accopt_onnx_targets})
  message(FATAL_ERROR "ONNX is not in ${ACCOPT_ONNX_PREFIX}: run utils/build-onnx.sh")
endif()
include(${accopt_onnx_targets})

find_package(ZLIB REQUIRED)

# Debian's CMake package of libzip demands the command line tools as well, so
# the library is linked by name.
find_library(ACCOPT_LIBZIP zip REQUIRED)
find_file(ACCOPT_LIBZIP_HEADER zip.h REQUIRED)

if(ACCOPT_ENABLE_TRAINING)
  # LibTorch as the wheel in .venv brings it, CPU or CUDA, unless Torch_DIR or
  # CMAKE_PREFIX_PATH names another one.
  file(GLOB accopt_wheels
    ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch)
  find_package(Torch REQUIRED HINTS ${accopt_wheels} PATH_SUFFIXES share/cmake)
  # One interface for our code: the wheel's headers warn, and its include folder
  # holds an old protobuf, which must come after everything else.
  add_library(accopt_torch INTERFACE)
  target_link_libraries(accopt_torch INTERFACE ${TORCH_LIBRARIES})
  target_include_directories(accopt_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  find_package(SQLite3 REQUIRED)
endif()
if(ACCOPT_ENABLE_TRAINING OR ACCOPT_FUZZ)
  find_package(PNG REQUIRED)
  find_library(ACCOPT_TURBOJPEG turbojpeg REQUIRED)
endif()
