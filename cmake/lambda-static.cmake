# Included by lambda-toolchain.cmake after each project(): libraries are found in their static form only.
set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
