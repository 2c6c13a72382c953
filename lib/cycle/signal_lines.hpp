// The lines about a signal that entries and exits share.
#pragma once

#include "run_clock.hpp"
#include "tradeguard/guard_lines.hpp"
#include "tradeguard/log.hpp"

namespace tradeguard {

// For `future`: a little ahead waits for a later run, and far ahead is rejected.
Line wait_or_reject(const CycleSettings& settings, RunReport& report, const Signal& signal, const Denied& denied);
Line too_old(const RunClock& clock, RunReport& report, const Signal& signal, Micros limit);

}  // namespace tradeguard
