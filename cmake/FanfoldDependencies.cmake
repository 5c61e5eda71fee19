# What fanfold is built on. The library needs SQLite and Boost's headers; the rest belongs to the parts that ask for it.

find_package(Threads REQUIRED)
find_package(SQLite3 3.37 REQUIRED)
find_package(Boost 1.77 REQUIRED) # headers only: Describe and JSON

find_package(CURL 7.88 QUIET)
set(FANFOLD_AWS AUTO CACHE STRING "Build the AWS engine, its HTTP client and the Lambda runtime: ON, OFF or AUTO (where libcurl is)")
if(FANFOLD_AWS STREQUAL AUTO)
  set(FANFOLD_AWS ${CURL_FOUND})
endif()
if(FANFOLD_AWS AND NOT CURL_FOUND)
  message(FATAL_ERROR "FANFOLD_AWS needs libcurl 7.88 or newer")
endif()

# libcurl is loaded when the first request is sent (docs/adr/0085), but where there is only a static one.
set(curl_is_static ${FANFOLD_LAMBDA})
if(CURL_LIBRARIES MATCHES "\\.a$")
  set(curl_is_static ON)
endif()
option(FANFOLD_CURL_LINKED "Link libcurl in place of loading libcurl.so.4 when it is needed" ${curl_is_static})
set(fanfold_libcurl "")
if(FANFOLD_AWS AND FANFOLD_CURL_LINKED)
  set(fanfold_libcurl CURL::libcurl)
endif()

if(FANFOLD_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
if(FANFOLD_BUILD_CLI)
  find_package(CLI11 REQUIRED)
  find_package(fmt REQUIRED)
endif()
