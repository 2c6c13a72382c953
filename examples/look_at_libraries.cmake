# The shared libraries PROGRAM asks for, itself and through others: NEEDED is there, NOT_NEEDED is not.
execute_process(COMMAND ldd ${PROGRAM} OUTPUT_VARIABLE libraries RESULT_VARIABLE failed)
if(failed OR NOT libraries MATCHES "${NEEDED}")
  message(FATAL_ERROR "This is no list with ${NEEDED} in it:\n${libraries}")
endif()
if(libraries MATCHES "${NOT_NEEDED}")
  message(FATAL_ERROR "One of ${NOT_NEEDED} is among them:\n${libraries}")
endif()
