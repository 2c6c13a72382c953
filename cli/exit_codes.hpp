// The exit codes of the contract that a command chooses itself; a cycle's come from its verdict.
#pragma once

namespace tradeguard::cli {

inline constexpr int exit_ok = 0;
inline constexpr int exit_critical = 1;        // something stands that a person has to look at
inline constexpr int exit_usage = 64;          // wrong usage
inline constexpr int exit_rejected = 65;       // some signal lines were rejected
inline constexpr int exit_unreachable = 69;    // store or venue could not be reached
inline constexpr int exit_internal = 70;       // a broken invariant
inline constexpr int exit_locked = 75;         // the lock is held by another run
inline constexpr int exit_configuration = 78;  // wrong configuration

}  // namespace tradeguard::cli
