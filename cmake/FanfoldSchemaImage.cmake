# What a new SQLite store begins with is made when fanfold is built, from the SQL of src/backends/sqlite/schema.cpp
# (docs/adr/0130). Where the build's machine cannot run it, it is made whenever it is needed.
function(fanfold_schema_image)
  set(folder "${PROJECT_SOURCE_DIR}/src/backends/sqlite")
  set(image "${CMAKE_CURRENT_BINARY_DIR}/schema_image/built_image.cpp")
  if(CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
    set(image "${folder}/image/no_built_image.cpp")
  else()
    add_executable(
      fanfold_schema_image
      EXCLUDE_FROM_ALL
      "${folder}/image/main.cpp"
      "${folder}/image/no_built_image.cpp"
      "${folder}/database.cpp"
      "${folder}/file_lock.cpp"
      "${folder}/file_system.cpp"
      "${folder}/new_file.cpp"
      "${folder}/schema.cpp"
      "${folder}/schema_image.cpp")
    fanfold_compile_settings(fanfold_schema_image)
    target_link_libraries(fanfold_schema_image PRIVATE fanfold_support_objects Boost::headers Threads::Threads SQLite::SQLite3)
    file(MAKE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/schema_image")
    add_custom_command(
      OUTPUT "${image}"
      COMMAND fanfold_schema_image "${image}"
      DEPENDS fanfold_schema_image
      VERBATIM)
  endif()
  set_source_files_properties("${image}" PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  target_sources(fanfold_backends_sqlite_objects PRIVATE "${image}")
endfunction()
