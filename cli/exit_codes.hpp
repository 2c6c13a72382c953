// The exit codes of the contract that a command chooses itself; a cycle's come from its verdict.
#pragma once

namespace tradeguard::cli {

inline constexpr int exit_ok = 0;
inline constexpr int exit_critical = 1;        // something stands that a person has to look at
inline constexpr int exit_duplicate = 10;      // guard, claim: this signal was claimed before
inline constexpr int exit_denied = 11;         // guard, claim: denied
inline constexpr int exit_cooling = 12;        // guard, claim: its base cools
inline constexpr int exit_usage = 64;          // wrong usage
inline constexpr int exit_rejected = 65;       // some signal lines were rejected
inline constexpr int exit_unreachable = 69;    // store or venue could not be reached
inline constexpr int exit_internal = 70;       // a broken invariant
inline constexpr int exit_locked = 75;         // the lock is held by another run
inline constexpr int exit_in_doubt = 76;       // guard: nobody knows whether an order was placed
inline constexpr int exit_configuration = 78;  // wrong configuration

}  // namespace tradeguard::cli
