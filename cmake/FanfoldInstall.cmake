# What is installed, how others find it (find_package, pkg-config), and the Debian packages.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(installed fanfold)
if(TARGET fanfold_testing)
  list(APPEND installed fanfold_testing)
endif()
install(
  TARGETS ${installed}
  EXPORT fanfold-targets
  LIBRARY COMPONENT runtime NAMELINK_COMPONENT development
  ARCHIVE COMPONENT development
  INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(
  EXPORT fanfold-targets
  NAMESPACE fanfold::
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/fanfold"
  COMPONENT development)

# Headers whose library half is not built would only fail at link time.
set(headers_left_out "")
if(NOT FANFOLD_AWS)
  set(headers_left_out PATTERN "backends/aws.hpp" EXCLUDE PATTERN "lambda.hpp" EXCLUDE)
endif()
install(
  DIRECTORY "${PROJECT_SOURCE_DIR}/include/fanfold"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  COMPONENT development
  FILES_MATCHING
  PATTERN "*.hpp"
  ${headers_left_out})

set(needs_curl OFF)
if(fanfold_libcurl)
  set(needs_curl ON)
endif()
configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/fanfold-config.cmake.in" "${PROJECT_BINARY_DIR}/fanfold-config.cmake"
  INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/fanfold"
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/fanfold-config-version.cmake" COMPATIBILITY SameMinorVersion)
# Where all was built by lambda-toolchain.cmake.
set(lambda_files "")
if(FANFOLD_LAMBDA)
  foreach(file IN ITEMS FanfoldLambda lambda-static lambda-toolchain)
    list(APPEND lambda_files "${PROJECT_SOURCE_DIR}/cmake/${file}.cmake")
  endforeach()
endif()
install(
  FILES "${PROJECT_BINARY_DIR}/fanfold-config.cmake" "${PROJECT_BINARY_DIR}/fanfold-config-version.cmake" ${lambda_files}
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/fanfold"
  COMPONENT development)

# A static library needs what it is built on at every link, a shared one brings it along.
if(BUILD_SHARED_LIBS)
  set(pkgconfig_private .private)
endif()
set(pkgconfig_requires sqlite3)
if(needs_curl)
  string(APPEND pkgconfig_requires " libcurl")
endif()
file(RELATIVE_PATH pkgconfig_to_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file("${PROJECT_SOURCE_DIR}/cmake/fanfold.pc.in" "${PROJECT_BINARY_DIR}/fanfold.pc" @ONLY)
install(
  FILES "${PROJECT_BINARY_DIR}/fanfold.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig"
  COMPONENT development)

if(TARGET fanfold_cli)
  install(TARGETS fanfold_cli COMPONENT tool)

  # The command knows its own options, so its manual page and its completions for bash are what it prints (for zsh: fanfold completion zsh). Not where the build's
  # machine cannot run it.
  if(NOT CMAKE_CROSSCOMPILING)
    set(manual "${PROJECT_BINARY_DIR}/manual")
    file(MAKE_DIRECTORY "${manual}")
    add_custom_command(
      OUTPUT "${manual}/fanfold.1" "${manual}/fanfold.bash"
      COMMAND fanfold_cli man > "${manual}/fanfold.1"
      COMMAND fanfold_cli completion bash > "${manual}/fanfold.bash"
      DEPENDS fanfold_cli
      VERBATIM)
    add_custom_target(fanfold_manual ALL DEPENDS "${manual}/fanfold.1")
    add_dependencies(fanfold_shipped fanfold_manual)
    install(
      FILES "${manual}/fanfold.1"
      DESTINATION "${CMAKE_INSTALL_MANDIR}/man1"
      COMPONENT tool)
    install(
      FILES "${manual}/fanfold.bash"
      DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/bash-completion/completions"
      RENAME fanfold
      COMPONENT tool)
  endif()
endif()

foreach(component IN ITEMS runtime development tool)
  set(package_runtime libfanfold${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  set(package_development libfanfold-dev)
  set(package_tool fanfold)
  string(TOUPPER ${component} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${package_${component}})
  install(
    FILES "${PROJECT_SOURCE_DIR}/LICENSE"
    DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/doc/${package_${component}}"
    RENAME copyright
    COMPONENT ${component})
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR "fanfold")
set(CPACK_PACKAGE_CONTACT "The fanfold authors <fanfold@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# What is loaded in place of linked, dpkg-shlibdeps does not see.
if(TARGET fanfold_net_objects AND NOT fanfold_libcurl)
  set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS "libcurl4 (>= 7.88)")
  set(CPACK_DEBIAN_TOOL_PACKAGE_DEPENDS "libcurl4 (>= 7.88)")
endif()
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${package_runtime} (= ${PROJECT_VERSION}), libboost1.81-dev")
set(CPACK_DEBIAN_TOOL_PACKAGE_SECTION utils)
set(CPACK_COMPONENTS_ALL runtime development tool)
include(CPack)
