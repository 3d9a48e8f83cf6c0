# Debian's MLIR archives ask for the shared libLLVM, one of them even for the
# shared libMLIR. Next to the archives these would be second copies, with second
# registries of targets, options and type ids, and 200 MB to load at each start.
# This file makes every MLIR archive ask for LLVM's archives instead.

add_library(accopt_llvm_archives INTERFACE IMPORTED)
target_link_libraries(accopt_llvm_archives INTERFACE
  LLVMFrontendOpenMP LLVMFrontendOffloading LLVMFrontendAtomic LLVMTransformUtils
  LLVMAnalysis LLVMIRReader LLVMAsmParser LLVMBitReader LLVMBitWriter
  LLVMRemarks LLVMCore LLVMBinaryFormat LLVMTargetParser LLVMSupport)

foreach(target IN LISTS MLIR_EXPORTED_TARGETS)
  get_target_property(type ${target} TYPE)
  if(NOT type STREQUAL STATIC_LIBRARY)
    continue()
  endif()
  get_target_property(libraries ${target} INTERFACE_LINK_LIBRARIES)
  if(NOT libraries)
    continue()
  endif()
  list(REMOVE_ITEM libraries MLIR "\$<LINK_ONLY:MLIR>")
  list(TRANSFORM libraries REPLACE
    "^(LLVM|\\$<LINK_ONLY:LLVM>)$" accopt_llvm_archives)
  set_target_properties(${target} PROPERTIES
    INTERFACE_LINK_LIBRARIES "${libraries}")
endforeach()
