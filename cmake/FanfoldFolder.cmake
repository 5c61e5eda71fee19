# One target per folder of src/, so that the arrows between folders are also arrows between targets.

include(GoogleTest)

# Adds a subdirectory that exists only once somebody has put something in it.
function(fanfold_subdirectory_if condition path)
  file(GLOB found CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${path}/CMakeLists.txt")
  if(${condition} AND found)
    add_subdirectory("${PROJECT_SOURCE_DIR}/${path}" "${PROJECT_BINARY_DIR}/${path}")
  endif()
endfunction()

# What every target of ours is compiled with. Warnings stay ours: nothing of this reaches a user's build.
function(fanfold_compile_settings target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
  target_compile_options(
    ${target} PRIVATE -Wall -Wextra -Wconversion -Wshadow $<$<BOOL:${FANFOLD_WERROR}>:-Werror>)
  target_compile_definitions(${target} PRIVATE $<$<BOOL:${FANFOLD_AWS}>:FANFOLD_AWS=1>)
  if(FANFOLD_MUTANT)
    string(TOUPPER "${FANFOLD_MUTANT}" mutant)
    target_compile_definitions(${target} PRIVATE FANFOLD_MUTANT_${mutant}=1)
  endif()
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
endfunction()

# fanfold_folder(path [DEPENDS folder...] [TEST_DEPENDS folder...] [LINK library...] [LABEL label])
#
# Makes the object library fanfold_<name> of src/<path>/**/*.cpp, where <name> is <path> with '_' for '/', and notes
# the folder's *_test.cpp for fanfold_folder_tests(). DEPENDS names the folders whose objects it needs, TEST_DEPENDS
# those that its tests need besides, LINK libraries from outside. A folder without sources is skipped.
function(fanfold_folder path)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL" "DEPENDS;TEST_DEPENDS;LINK")
  string(REPLACE "/" "_" name "${path}")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${path}/*.cpp")
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "/src/cli/main\\.cpp$")

  if(sources)
    add_library(fanfold_${name}_objects OBJECT ${sources})
    fanfold_compile_settings(fanfold_${name}_objects)
    target_link_libraries(fanfold_${name}_objects PUBLIC Boost::headers Threads::Threads ${arg_LINK})
  endif()
  set_property(GLOBAL APPEND PROPERTY fanfold_folders "${path}")
  set_property(GLOBAL PROPERTY fanfold_depends_${name} "${arg_DEPENDS}")
  set_property(GLOBAL PROPERTY fanfold_test_depends_${name} "${arg_TEST_DEPENDS}")
  set_property(GLOBAL PROPERTY fanfold_tests_${name} "${tests}")
  set_property(GLOBAL PROPERTY fanfold_label_${name} "${arg_LABEL}")
endfunction()

# The object libraries of the folders given and of all that they depend on, those that exist.
function(fanfold_closure result)
  set(open ${ARGN})
  set(seen "")
  set(targets "")
  while(open)
    list(POP_FRONT open path)
    string(REPLACE "/" "_" name "${path}")
    if(name IN_LIST seen)
      continue()
    endif()
    list(APPEND seen ${name})
    if(TARGET fanfold_${name}_objects)
      list(APPEND targets fanfold_${name}_objects)
    endif()
    get_property(depends GLOBAL PROPERTY fanfold_depends_${name})
    list(APPEND open ${depends})
  endwhile()
  set(${result} "${targets}" PARENT_SCOPE)
endfunction()

# fanfold_test(name SOURCES file... [LINK target...] [LABEL label] [TIMEOUT seconds] [SERIAL])
#
# A GoogleTest executable whose every test is a test of ctest. Labels that mean something: `tsan` (runs under the
# thread sanitizer too), `slow` (not under the sanitizers).
function(fanfold_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "LABEL;TIMEOUT" "SOURCES;LINK")
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  add_executable(${name} ${arg_SOURCES})
  fanfold_compile_settings(${name})
  target_link_libraries(${name} PRIVATE ${arg_LINK} GTest::gmock GTest::gtest_main)
  set(properties LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
  if(arg_SERIAL)
    list(APPEND properties RUN_SERIAL ON)
  endif()
  gtest_discover_tests(
    ${name}
    TEST_PREFIX "${name}: "
    DISCOVERY_MODE PRE_TEST
    DISCOVERY_TIMEOUT 60
    PROPERTIES ${properties})
  if(NOT TARGET fanfold_${arg_LABEL}_tests)
    add_custom_target(fanfold_${arg_LABEL}_tests)
  endif()
  add_dependencies(fanfold_${arg_LABEL}_tests ${name})
endfunction()

# The unit test binaries <name>_test of all folders; called after the last fanfold_folder().
function(fanfold_folder_tests)
  get_property(folders GLOBAL PROPERTY fanfold_folders)
  foreach(path IN LISTS folders)
    string(REPLACE "/" "_" name "${path}")
    get_property(tests GLOBAL PROPERTY fanfold_tests_${name})
    if(NOT tests)
      continue()
    endif()
    get_property(test_depends GLOBAL PROPERTY fanfold_test_depends_${name})
    get_property(label GLOBAL PROPERTY fanfold_label_${name})
    fanfold_closure(objects "${path}" ${test_depends})
    fanfold_test(${name}_test SOURCES ${tests} LINK ${objects} LABEL "${label}")
  endforeach()
endfunction()
