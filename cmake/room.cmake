# tradeguard_room(NAME [SOURCES ...] [SEES room ...] [USES target ...])
#
# One room of the house: a static library whose include path is the only thing
# others can see of it. SEES names the rooms whose headers it may include; USES
# names foreign libraries, which stay private to it. An arrow that is not in
# the picture of the design therefore does not compile.
#
# Its target is tradeguard_NAME, so that it meets no target of a project around
# this one; everybody links tradeguard::NAME. A room that is seen and not there
# takes the rooms that see it with it (tradeguard_find).
function(tradeguard_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;SEES;USES" ${ARGN})
  foreach(room IN LISTS ROOM_SEES)
    if(NOT TARGET tradeguard::${room})
      message(STATUS "tradeguard: without tradeguard::${room} there is no tradeguard::${name}")
      return()
    endif()
  endforeach()
  set(target tradeguard_${name})
  add_library(${target} STATIC ${ROOM_SOURCES})
  add_library(tradeguard::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(${target}
    PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  foreach(room IN LISTS ROOM_SEES)
    target_link_libraries(${target} PUBLIC tradeguard::${room})
  endforeach()
  target_link_libraries(${target} PUBLIC tl::expected PRIVATE ${ROOM_USES})
  # Whoever links a room needs the language its headers are written in.
  target_compile_features(${target} PUBLIC cxx_std_20)
  tradeguard_warnings(${target})
  if(name STREQUAL core OR core IN_LIST ROOM_SEES)
    tradeguard_precompile(${target} tradeguard_core)
  endif()
  if(TRADEGUARD_INSTALL)
    install(TARGETS ${target} EXPORT tradeguard
            ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT tradeguard_dev)
    install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT tradeguard_dev)
  endif()
endfunction()

# tradeguard_find(PACKAGE [version]): what a room needs of the machine. This project alone wants
# everything; inside another project a room whose package is missing is left out.
macro(tradeguard_find package)
  if(tradeguard_IS_TOP_LEVEL)
    find_package(${package} ${ARGN} REQUIRED)
  else()
    find_package(${package} ${ARGN} QUIET)
    if(NOT ${package}_FOUND)
      message(STATUS "tradeguard: ${package} was not found, so ${CMAKE_CURRENT_SOURCE_DIR} is left out")
      return()
    endif()
  endif()
endmacro()

# Warnings are errors, for every target of the project alike, as long as this is the project that is
# built: another one has a compiler of its own. A designated initializer that leaves the rest at its
# default means it, so that one warning is off.
function(tradeguard_warnings target)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  if(NOT tradeguard_IS_TOP_LEVEL)
    return()
  endif()
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow
    -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Wswitch-enum
    -Wno-missing-field-initializers -Werror)
endfunction()

# Nearly every source reads the standard library and core: parsing them once for all, instead of
# once a source, saves a third of the CPU of a build. OFF shows a header that was not included.
option(TRADEGUARD_PRECOMPILE "Parse the standard library and core's headers once for all targets"
       ${PROJECT_IS_TOP_LEVEL})
set(tradeguard_precompiled_headers
  <algorithm> <array> <chrono> <filesystem> <functional> <map> <memory> <optional> <set> <span>
  <sstream> <stdexcept> <string> <string_view> <utility> <variant> <vector> <tl/expected.hpp>
  <tradeguard/exposure.hpp> <tradeguard/guards.hpp> <tradeguard/journal.hpp> <tradeguard/log.hpp>
  <tradeguard/notice.hpp> <tradeguard/venue.hpp>)

# tradeguard_precompile(TARGET FIRST [header ...]): the target FIRST parses them, and each other reuses
# what it parsed. A target that does not see core takes no part, or it would see it.
function(tradeguard_precompile target first)
  if(NOT TRADEGUARD_PRECOMPILE)
    return()
  endif()
  # With it ccache knows which precompiled header an object was made with.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
  if(target STREQUAL first)
    target_precompile_headers(${target} PRIVATE ${tradeguard_precompiled_headers} ${ARGN})
  else()
    target_precompile_headers(${target} REUSE_FROM ${first})
  endif()
endfunction()
