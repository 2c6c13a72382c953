# Compiles SOURCE with BLOCK switched on; see CMakeLists.txt.
foreach(folder IN LISTS INCLUDES)
  if(folder)
    list(APPEND flags -I${folder})
  endif()
endforeach()
execute_process(
  COMMAND ${COMPILER} -std=c++20 -Werror=conversion -Werror=unused-result -fsyntax-only -D${BLOCK} ${flags} ${SOURCE}
  RESULT_VARIABLE failed ERROR_VARIABLE errors)
if(NAMES STREQUAL "")
  if(failed)
    message(FATAL_ERROR "The file without any block has to compile, and does not:\n${errors}")
  endif()
elseif(NOT failed)
  message(FATAL_ERROR "It compiles.")
elseif(NOT errors MATCHES "error:[^\n]*${NAMES}|note:[^\n]*${NAMES}")
  message(FATAL_ERROR "It fails, but for another reason than '${NAMES}':\n${errors}")
endif()
