# Compile flags of our own code, and the one way to declare a library.

add_library(accopt_flags INTERFACE)
target_compile_options(accopt_flags INTERFACE
  -Wall -Wextra -Werror -Wno-unused-parameter)
# A generator, because these flags come after a target's own.
target_compile_options(accopt_flags INTERFACE
  $<$<NOT:$<BOOL:$<TARGET_PROPERTY:ACCOPT_EXCEPTIONS>>>:-fno-exceptions>)
target_include_directories(accopt_flags SYSTEM INTERFACE
  ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
separate_arguments(accopt_llvm_definitions NATIVE_COMMAND "${LLVM_DEFINITIONS}")
target_compile_definitions(accopt_flags INTERFACE ${accopt_llvm_definitions})
if(ACCOPT_SANITIZE)
  target_compile_options(accopt_flags INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=undefined
    -fno-sanitize=vptr -fno-omit-frame-pointer)
  target_link_options(accopt_flags INTERFACE -fsanitize=address,undefined)
endif()
if(ACCOPT_FUZZ)
  # Edge counters in our own code; LLVM, ONNX and protobuf stay as they are.
  target_compile_options(accopt_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# accopt_add_library(Name SOURCES a.cpp ... [LINK libs ...] [DEPENDS targets ...]
#                    [EXCEPTIONS] [INTERNAL])
# Declares the static library AccOptName with alias AccOpt::Name. An INTERNAL one
# is not installed: what retraining needs (LibTorch, SQLite) would have to be
# found by everybody who wants a pass. EXCEPTIONS is for what includes headers that
# throw, such as torch's.
function(accopt_add_library name)
  cmake_parse_arguments(ARG "EXCEPTIONS;INTERNAL" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  set(target AccOpt${name})
  add_library(${target} STATIC ${ARG_SOURCES})
  add_library(AccOpt::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:accopt_flags>
                        PUBLIC ${ARG_LINK})
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:include>)
  set_target_properties(${target} PROPERTIES ACCOPT_EXCEPTIONS "${ARG_EXCEPTIONS}")
  if(ARG_DEPENDS)
    add_dependencies(${target} ${ARG_DEPENDS})
  endif()
  if(ARG_INTERNAL)
    set_property(GLOBAL APPEND PROPERTY ACCOPT_INTERNAL_LIBRARIES ${target})
  else()
    set_property(GLOBAL APPEND PROPERTY ACCOPT_LIBRARIES ${target})
  endif()
endfunction()

# accopt_add_test_tool(name SOURCES ... LINK ... [EXCEPTIONS]): a program that is
# not installed.
function(accopt_add_test_tool name)
  cmake_parse_arguments(ARG "EXCEPTIONS" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES ACCOPT_EXCEPTIONS "${ARG_EXCEPTIONS}")
  target_link_libraries(${name} PRIVATE accopt_flags ${ARG_LINK})
  # torch exports symbols of another protobuf: keep ours to ourselves. The
  # sanitizers' allocator must stay visible, or libstdc++ uses another one.
  if(NOT ACCOPT_SANITIZE)
    target_link_options(${name} PRIVATE -Wl,--exclude-libs,ALL)
  endif()
  target_link_options(${name} PRIVATE -Wl,--gc-sections)
  set_property(GLOBAL APPEND PROPERTY ACCOPT_TOOLS ${name})
endfunction()

# accopt_add_tool(name SOURCES ... LINK ... [EXCEPTIONS])
function(accopt_add_tool name)
  accopt_add_test_tool(${name} ${ARGN})
  install(TARGETS ${name} RUNTIME DESTINATION bin)
endfunction()
