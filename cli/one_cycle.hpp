// One cycle over the configured store and venue; `run` and `flatten` share it.
#pragma once

#include "setup.hpp"
#include "tradeguard/signal.hpp"

namespace tradeguard::cli {

// The exit code of the contract; everything was said in the log. Ends the process at the hard
// deadline.
int one_cycle(Setup& setup, SignalSource& signals, const std::atomic<bool>& stop_asked, std::FILE* messages);

}  // namespace tradeguard::cli
