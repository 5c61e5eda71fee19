# Makes programs that bring everything along, for AWS Lambda: linked statically, without what is not used. Debian's glibc
# is newer than that of provided.al2023, so a program that needs the system's would not start there.
#
# cmake -DCMAKE_TOOLCHAIN_FILE=.../lib/cmake/fanfold/lambda-toolchain.cmake finds the fanfold that it is installed with, and the
# libcurl that `./dev package lambda` puts beside it. fanfold_package_lambda() makes the zip.

set(FANFOLD_LAMBDA ON)
set(CMAKE_C_FLAGS_INIT "-ffunction-sections -fdata-sections")
set(CMAKE_CXX_FLAGS_INIT "-ffunction-sections -fdata-sections")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static-pie -Wl,--gc-sections -Wl,-z,pack-relative-relocs")
set(OPENSSL_USE_STATIC_LIBS ON)
set(BUILD_SHARED_LIBS OFF)
# What the platform's own files say of libraries comes after this file: see there.
set(CMAKE_PROJECT_INCLUDE "${CMAKE_CURRENT_LIST_DIR}/lambda-static.cmake")
if(EXISTS "${CMAKE_CURRENT_LIST_DIR}/fanfold-config.cmake")
  cmake_path(SET fanfold_lambda_prefix NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/../../..")
  list(PREPEND CMAKE_PREFIX_PATH "${fanfold_lambda_prefix}")
endif()
