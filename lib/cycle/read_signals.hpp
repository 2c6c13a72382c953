// The signals of a run, by time and line. What is no signal is said.
#pragma once

#include <vector>

#include "ledger.hpp"
#include "tradeguard/signal.hpp"

namespace tradeguard {

struct ReadSignals {
  std::vector<Signal> signals;
  int rejected = 0;  // lines, and a source that could not be read
};
ReadSignals read_signals(Ledger& ledger, const RunClock& clock, SignalSource& source);

}  // namespace tradeguard
