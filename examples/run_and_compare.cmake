# Runs PROGRAM in the empty folder FOLDER; what it prints has to be the content of EXPECTED.
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})
execute_process(COMMAND ${PROGRAM} WORKING_DIRECTORY ${FOLDER} TIMEOUT 60
  OUTPUT_FILE ${FOLDER}/printed ERROR_VARIABLE errors RESULT_VARIABLE code)
if(NOT code EQUAL 0 OR NOT errors STREQUAL "")
  message(FATAL_ERROR "It ended with '${code}' and said:\n${errors}")
endif()
execute_process(COMMAND diff -u ${EXPECTED} ${FOLDER}/printed RESULT_VARIABLE differs)
if(differs)
  message(FATAL_ERROR "It does not print what ${EXPECTED} says.")
endif()
