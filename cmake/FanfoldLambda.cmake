# fanfold_package_lambda(target)
#
# Makes <target>.zip beside the target: a Lambda function's code for the runtime provided.al2023. It holds one file,
# `bootstrap`, the program without its symbols. The same program gives the same bytes.
function(fanfold_package_lambda target)
  if(NOT FANFOLD_LAMBDA)
    message(FATAL_ERROR "fanfold_package_lambda(${target}): configure with -DCMAKE_TOOLCHAIN_FILE=${CMAKE_CURRENT_FUNCTION_LIST_DIR}/lambda-toolchain.cmake")
  endif()
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/${target}.lambda")
  set(zip "${CMAKE_CURRENT_BINARY_DIR}/${target}.zip")
  file(MAKE_DIRECTORY "${folder}")
  add_custom_command(
    OUTPUT "${zip}"
    COMMAND "${CMAKE_STRIP}" -o "${folder}/bootstrap" "$<TARGET_FILE:${target}>"
    COMMAND "${CMAKE_COMMAND}" -E chdir "${folder}" "${CMAKE_COMMAND}" -E tar cf "${zip}" --format=zip "--mtime=2000-01-01 00:00:00" bootstrap
    DEPENDS ${target}
    VERBATIM)
  add_custom_target(${target}_zip ALL DEPENDS "${zip}")
endfunction()
