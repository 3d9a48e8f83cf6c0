# Installs headers, libraries and the CMake package that find_package(AccOpt)
# finds: an out-of-tree pass links AccOpt::NN, AccOpt::Transforms and so on.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

get_property(accopt_libraries GLOBAL PROPERTY ACCOPT_LIBRARIES)
install(TARGETS ${accopt_libraries} EXPORT AccOptTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})

foreach(root ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
  install(DIRECTORY ${root}/include/accopt
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN "*.h" PATTERN "*.td" PATTERN "*.inc")
  # Headers include a dialect's as "dialects/NN/NNOps.h".
  install(DIRECTORY ${root}/dialects
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN "*.h" PATTERN "*.td" PATTERN "*.inc"
    PATTERN "CMakeFiles" EXCLUDE)
endforeach()

set(accopt_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/AccOpt)
install(EXPORT AccOptTargets NAMESPACE AccOpt:: DESTINATION ${accopt_cmake_dir})
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/AccOptConfig.cmake.in
  ${PROJECT_BINARY_DIR}/AccOptConfig.cmake
  INSTALL_DESTINATION ${accopt_cmake_dir})
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/AccOptConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_SOURCE_DIR}/cmake/AccOptStaticLLVM.cmake
  ${PROJECT_BINARY_DIR}/AccOptConfig.cmake
  ${PROJECT_BINARY_DIR}/AccOptConfigVersion.cmake
  DESTINATION ${accopt_cmake_dir})
