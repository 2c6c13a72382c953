# What an installed tradeguard needs of the machine, then its rooms as tradeguard::<room>.
include(CMakeFindDependencyMacro)
find_dependency(tl-expected)
find_dependency(Threads)
find_dependency(SQLite3)
find_dependency(PostgreSQL)
find_dependency(OpenSSL 3)
find_dependency(Boost 1.81)
include(${CMAKE_CURRENT_LIST_DIR}/tradeguardTargets.cmake)
