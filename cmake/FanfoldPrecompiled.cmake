# Precompiled headers: what most sources include is read once for each set of compiler flags (docs/adr/0128).

# What CMake puts there makes system headers of all that follows, and these get no warnings.
set(CMAKE_PCH_PROLOGUE "")

# fanfold_precompiled_kind(kind HEADER file [OPTIONS option...] [LINK library...]): compiles cmake/precompiled/<file> with
# the flags and definitions that all targets of this kind have.
function(fanfold_precompiled_kind kind)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "HEADER" "OPTIONS;LINK")
  if(NOT FANFOLD_PRECOMPILED_HEADERS)
    return()
  endif()
  set(owner fanfold_precompiled_${kind})
  add_library(${owner} OBJECT EXCLUDE_FROM_ALL "${PROJECT_SOURCE_DIR}/cmake/precompiled/none.cpp")
  fanfold_compile_settings(${owner})
  # ccache may bring it back after its headers were written anew, with the same text.
  target_compile_options(${owner} PRIVATE ${arg_OPTIONS} $<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>)
  target_link_libraries(${owner} PRIVATE Boost::headers Threads::Threads ${arg_LINK})
  target_precompile_headers(${owner} PRIVATE "${PROJECT_SOURCE_DIR}/cmake/precompiled/${arg_HEADER}")
endfunction()

# fanfold_precompiled(target kind): the target's sources begin with the header of this kind.
function(fanfold_precompiled target kind)
  if(TARGET fanfold_precompiled_${kind})
    target_precompile_headers(${target} REUSE_FROM fanfold_precompiled_${kind})
  endif()
endfunction()
