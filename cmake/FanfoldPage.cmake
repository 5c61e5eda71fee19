# The dashboard's page, src/dashboard/page, as a part of the program. Included, it declares how; run as a script
# (cmake -DFOLDER=… -DOUTPUT=… -P), it writes the source.

if(NOT CMAKE_SCRIPT_MODE_FILE)
  function(fanfold_page)
    set(folder "${PROJECT_SOURCE_DIR}/src/dashboard/page")
    set(source "${PROJECT_BINARY_DIR}/dashboard/page_files.cpp")
    file(GLOB files CONFIGURE_DEPENDS "${folder}/*")
    add_custom_command(
      OUTPUT "${source}"
      COMMAND "${CMAKE_COMMAND}" "-DFOLDER=${folder}" "-DOUTPUT=${source}" -P "${PROJECT_SOURCE_DIR}/cmake/FanfoldPage.cmake"
      DEPENDS ${files} "${PROJECT_SOURCE_DIR}/cmake/FanfoldPage.cmake"
      COMMENT "Packing src/dashboard/page"
      VERBATIM)
    target_sources(fanfold_dashboard_objects PRIVATE "${source}")
    set_source_files_properties("${source}" PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON SKIP_PRECOMPILE_HEADERS ON)
  endfunction()
  return()
endif()

set(type_html "text/html; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_svg "image/svg+xml")

set(text "// Made from src/dashboard/page by cmake/FanfoldPage.cmake.\n#include \"dashboard/page_files.hpp\"\n\n")
string(APPEND text "namespace fanfold::dashboard {\n\nstd::optional<PageFile> page_file(std::string_view path) {\n")
file(GLOB names RELATIVE "${FOLDER}" "${FOLDER}/*")
foreach(name IN LISTS names)
  string(REGEX REPLACE "^.*\\." "" extension "${name}")
  if(NOT DEFINED type_${extension})
    message(FATAL_ERROR "${FOLDER}/${name}: no content type is known for .${extension}")
  endif()
  file(READ "${FOLDER}/${name}" content)
  string(FIND "${content}" ")page\"" ends)
  if(NOT ends EQUAL -1)
    message(FATAL_ERROR "${FOLDER}/${name} holds the characters by which its text ends in the program")
  endif()
  set(condition "path == \"/${name}\"")
  if(name STREQUAL "index.html")
    string(APPEND condition " || path == \"/\"")
  endif()
  string(APPEND text "  if (${condition}) return PageFile{\"${type_${extension}}\", R\"page(${content})page\"};\n")
endforeach()
string(APPEND text "  return std::nullopt;\n}\n\n}  // namespace fanfold::dashboard\n")
file(WRITE "${OUTPUT}" "${text}")
