# Finds the C++ Actor Framework. Debian ships neither CMake nor pkg-config
# files for 0.17.6; later versions export CAF::core themselves.
find_package(CAF CONFIG QUIET COMPONENTS core)
if(TARGET CAF::core)
  set(CAF_FOUND TRUE)
  return()
endif()

find_path(CAF_INCLUDE_DIR caf/all.hpp)
find_library(CAF_CORE_LIBRARY caf_core)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CAF DEFAULT_MSG CAF_CORE_LIBRARY
                                  CAF_INCLUDE_DIR)
if(CAF_FOUND AND NOT TARGET CAF::core)
  add_library(CAF::core UNKNOWN IMPORTED)
  set_target_properties(CAF::core PROPERTIES IMPORTED_LOCATION
                                             "${CAF_CORE_LIBRARY}")
  # Naming /usr/include again would break #include_next in libstdc++.
  if(NOT CAF_INCLUDE_DIR STREQUAL "/usr/include")
    set_target_properties(
      CAF::core PROPERTIES INTERFACE_SYSTEM_INCLUDE_DIRECTORIES
                           "${CAF_INCLUDE_DIR}")
  endif()
endif()
