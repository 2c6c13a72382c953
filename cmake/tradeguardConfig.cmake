# An installed tradeguard: find_package(tradeguard COMPONENTS sqlite cycle) gives tradeguard::sqlite
# and tradeguard::cycle, and needs of the machine what these two need. Without COMPONENTS all rooms are
# there, and a room whose packages are missing cannot be linked.
include(CMakeFindDependencyMacro)
find_dependency(tl-expected)
find_dependency(Threads)

set(_tradeguard_sqlite SQLite3)
set(_tradeguard_postgres PostgreSQL)
foreach(_room net exchange cryptocom binance telegram)
  set(_tradeguard_${_room} OpenSSL Boost)
endforeach()
set(_tradeguard_OpenSSL_version 3)
set(_tradeguard_Boost_version 1.81)

foreach(_room IN LISTS tradeguard_FIND_COMPONENTS)
  foreach(_package IN LISTS _tradeguard_${_room})
    find_dependency(${_package} ${_tradeguard_${_package}_version})
  endforeach()
endforeach()
if(NOT tradeguard_FIND_COMPONENTS)
  foreach(_package SQLite3 PostgreSQL OpenSSL Boost)
    find_package(${_package} ${_tradeguard_${_package}_version} QUIET)
  endforeach()
endif()

include(${CMAKE_CURRENT_LIST_DIR}/tradeguardTargets.cmake)

foreach(_room IN LISTS tradeguard_FIND_COMPONENTS)
  if(TARGET tradeguard::${_room})
    set(tradeguard_${_room}_FOUND TRUE)
  elseif(tradeguard_FIND_REQUIRED_${_room})
    set(tradeguard_FOUND FALSE)
    set(tradeguard_NOT_FOUND_MESSAGE "tradeguard has no room '${_room}'")
  endif()
endforeach()
