// The lines about a signal that entries and exits share.
#pragma once

#include "tradeguard/guards.hpp"
#include "tradeguard/log.hpp"

namespace tradeguard {

class Run;

// nullptr: the key was free.
Line key_line(const SignalKey& key, const Duplicate* known);
// For `future`: a little ahead waits for a later run, and far ahead is rejected.
Line wait_or_reject(Run& run, const Signal& signal, const Denied& denied);
Line too_old(Run& run, const Signal& signal, Micros limit);

}  // namespace tradeguard
