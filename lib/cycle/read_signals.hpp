// The signals of a run, by time and line. What is no signal is said.
#pragma once

#include <vector>

#include "tradeguard/signal.hpp"

namespace tradeguard {

class Run;
std::vector<Signal> read_signals(Run& run);

}  // namespace tradeguard
