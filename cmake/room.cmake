# tradeguard_room(NAME [SOURCES ...] [SEES room ...] [USES target ...])
#
# One room of the house: a static library whose include path is the only thing
# others can see of it. SEES names the rooms whose headers it may include; USES
# names foreign libraries, which stay private to it. An arrow that is not in
# the picture of the design therefore does not compile.
function(tradeguard_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;SEES;USES" ${ARGN})
  add_library(${name} STATIC ${ROOM_SOURCES})
  add_library(tradeguard::${name} ALIAS ${name})
  set_target_properties(${name} PROPERTIES OUTPUT_NAME tradeguard_${name} EXPORT_NAME ${name})
  target_include_directories(${name}
    PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  foreach(room IN LISTS ROOM_SEES)
    target_link_libraries(${name} PUBLIC tradeguard::${room})
  endforeach()
  target_link_libraries(${name} PUBLIC tl::expected PRIVATE ${ROOM_USES})
  tradeguard_warnings(${name})
  install(TARGETS ${name} EXPORT tradeguard ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endfunction()

# Warnings are errors, for every target of the project alike. A designated initializer that leaves
# the rest at its default means it, so that one warning is off.
function(tradeguard_warnings target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow
    -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Wswitch-enum
    -Wno-missing-field-initializers -Werror)
endfunction()
