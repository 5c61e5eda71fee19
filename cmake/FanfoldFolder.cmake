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
    ${target}
    PRIVATE -Wall
            -Wextra
            -Wconversion
            $<$<CXX_COMPILER_ID:Clang>:-Wno-sign-conversion> # not part of GCC's -Wconversion
            -Wshadow
            # In a unity build GCC takes each source for a header, and warns of its unnamed namespaces.
            $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${CMAKE_UNITY_BUILD}>>:-Wno-subobject-linkage>
            $<$<BOOL:${FANFOLD_WERROR}>:-Werror>)
  target_compile_definitions(${target} PRIVATE $<$<BOOL:${FANFOLD_AWS}>:FANFOLD_AWS=1>)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
endfunction()

# fanfold_folder(path [DEPENDS folder...] [TEST_DEPENDS folder...] [LINK library...] [LABELS label...])
#
# Makes the object library fanfold_<name> of src/<path>/**/*.cpp, where <name> is <path> with '_' for '/', and notes
# the folder's *_test.cpp for fanfold_folder_tests(). DEPENDS names the folders whose objects it needs, TEST_DEPENDS
# those that its tests need besides, LINK libraries from outside. A folder without sources is skipped.
function(fanfold_folder path)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS;TEST_DEPENDS;LINK;LABELS")
  string(REPLACE "/" "_" name "${path}")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${path}/*.cpp")
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "/(main|no_built_image)\\.cpp$") # of programs

  if(sources)
    add_library(fanfold_${name}_objects OBJECT ${sources})
    fanfold_compile_settings(fanfold_${name}_objects)
    target_link_libraries(fanfold_${name}_objects PUBLIC Boost::headers Threads::Threads ${arg_LINK})
    fanfold_precompiled(fanfold_${name}_objects library)
  endif()
  set_property(GLOBAL APPEND PROPERTY fanfold_folders "${path}")
  set_property(GLOBAL PROPERTY fanfold_depends_${name} "${arg_DEPENDS}")
  set_property(GLOBAL PROPERTY fanfold_test_depends_${name} "${arg_TEST_DEPENDS}")
  set_property(GLOBAL PROPERTY fanfold_tests_${name} "${tests}")
  set_property(GLOBAL PROPERTY fanfold_labels_${name} "${arg_LABELS}")
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

# Whether tests with these labels belong to this build: FANFOLD_TEST_LABELS, where set, names those that do, and
# FANFOLD_TEST_LABELS_OFF those that do not.
function(fanfold_labels_wanted result)
  set(wanted ON)
  if(FANFOLD_TEST_LABELS)
    set(wanted OFF)
  endif()
  foreach(label IN LISTS ARGN)
    if(label IN_LIST FANFOLD_TEST_LABELS)
      set(wanted ON)
    endif()
  endforeach()
  foreach(label IN LISTS ARGN)
    if(label IN_LIST FANFOLD_TEST_LABELS_OFF)
      set(wanted OFF)
    endif()
  endforeach()
  set(${result} ${wanted} PARENT_SCOPE)
endfunction()

# What tests are compiled with besides. What they test is optimized; they are compiled often and wait for it, so that they
# are not, and lines in a debugger they have in the build that is for it.
function(fanfold_test_settings target)
  target_compile_options(${target} PRIVATE -O0 $<$<NOT:$<CONFIG:Debug>>:-g0>)
endfunction()

# fanfold_test(name SOURCES file... [LINK target...] [LABELS label...] [TIMEOUT seconds] [SERIAL])
#
# A GoogleTest executable whose every test is a test of ctest, named "<name>: Suite.Test", or, with FANFOLD_TESTS_TOGETHER,
# whose units or contracts are one, "<name>". docs/hacking.md says which labels mean something.
function(fanfold_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "TIMEOUT" "SOURCES;LINK;LABELS")
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  add_executable(${name} ${arg_SOURCES})
  fanfold_compile_settings(${name})
  fanfold_test_settings(${name})
  target_link_libraries(${name} PRIVATE ${arg_LINK} GTest::gmock GTest::gtest_main)
  fanfold_precompiled(${name} test)
  fanfold_labels_wanted(wanted ${arg_LABELS})
  if(NOT wanted)
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON)
    return()
  endif()
  if(FANFOLD_TESTS_TOGETHER AND arg_LABELS MATCHES "unit|conformance")
    add_test(NAME "${FANFOLD_TEST_PREFIX}${name}" COMMAND ${name} --gtest_brief=1)
    set_tests_properties("${FANFOLD_TEST_PREFIX}${name}" PROPERTIES LABELS "${arg_LABELS}" TIMEOUT 300 COST 30)
    return()
  endif()
  # gtest_discover_tests() unpacks lists several times on the way; only so do two labels arrive as two.
  list(JOIN arg_LABELS [==[\\\\\\\;]==] labels)
  gtest_discover_tests(
    ${name}
    TEST_PREFIX "${FANFOLD_TEST_PREFIX}${name}: "
    NO_PRETTY_VALUES
    DISCOVERY_MODE PRE_TEST
    DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${labels}" TIMEOUT ${arg_TIMEOUT} COST ${arg_TIMEOUT} RUN_SERIAL $<BOOL:${arg_SERIAL}>)
endfunction()

# fanfold_script_test(script [LABELS label...] [TIMEOUT seconds] [SERIAL])
#
# A test that is a shell script. It finds the command in FANFOLD_BIN and the build in BUILD_DIR, runs in an empty
# directory of its own below BUILD_DIR, and exits 0 (passed), 77 (skipped) or anything else (failed).
function(fanfold_script_test script)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "TIMEOUT" "LABELS")
  if(NOT arg_LABELS)
    set(arg_LABELS script)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  fanfold_labels_wanted(wanted ${arg_LABELS})
  if(NOT wanted)
    return()
  endif()
  cmake_path(GET script STEM name)
  set(directory "${CMAKE_CURRENT_BINARY_DIR}/${name}")
  add_test(
    NAME "${FANFOLD_TEST_PREFIX}${name}"
    COMMAND "${PROJECT_SOURCE_DIR}/cmake/run-script-test.sh" "${directory}" "${script}")
  set(environment "BUILD_DIR=${PROJECT_BINARY_DIR}" "SOURCE_DIR=${PROJECT_SOURCE_DIR}")
  if(TARGET fanfold_cli)
    list(APPEND environment "FANFOLD_BIN=$<TARGET_FILE:fanfold_cli>")
  endif()
  set_tests_properties(
    "${FANFOLD_TEST_PREFIX}${name}"
    PROPERTIES LABELS "${arg_LABELS}"
               TIMEOUT ${arg_TIMEOUT}
               COST ${arg_TIMEOUT} # what may take long begins early
               RUN_SERIAL ${arg_SERIAL}
               SKIP_RETURN_CODE 77
               ENVIRONMENT "${environment}")
endfunction()

# Reads what a test file says of itself in a line like `// ctest: labels=slow,tsan timeout=300 serial`.
function(fanfold_test_directives result file)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
  file(STRINGS "${file}" line REGEX "^(//|#) ctest: " LIMIT_COUNT 1)
  set(arguments "")
  if(line MATCHES "labels=([a-z,]+)")
    string(REPLACE "," ";" labels "${CMAKE_MATCH_1}")
    list(APPEND arguments LABELS ${labels})
  endif()
  if(line MATCHES "timeout=([0-9]+)")
    list(APPEND arguments TIMEOUT ${CMAKE_MATCH_1})
  endif()
  if(line MATCHES " serial")
    list(APPEND arguments SERIAL)
  endif()
  set(${result} "${arguments}" PARENT_SCOPE)
endfunction()

# Every *_test.sh of the folder that is being configured, as it says of itself.
function(fanfold_script_tests)
  file(GLOB scripts CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*_test.sh")
  foreach(script IN LISTS scripts)
    fanfold_test_directives(directives "${script}")
    fanfold_script_test("${script}" ${directives})
  endforeach()
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
    get_property(labels GLOBAL PROPERTY fanfold_labels_${name})
    fanfold_closure(objects "${path}" ${test_depends})
    fanfold_test(${name}_test SOURCES ${tests} LINK ${objects} LABELS ${labels})
  endforeach()
endfunction()
