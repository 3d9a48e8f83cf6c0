# Installs headers, libraries and the CMake package that find_package(AccOpt)
# finds.
