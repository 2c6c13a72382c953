// Signals, guards, claims; each claim is sent once.
#pragma once

#include "tradeguard/signal.hpp"
#include "venue_view.hpp"

namespace tradeguard {

// What stands against every entry of the run before its signals are read.
struct Obstacles {
  Word<Denial> no_entries;  // empty: nothing
  int unverified = 0;       // trades the venue could not be asked about
};
// Whether something is to be sold that was not before.
bool admit_and_enter(Ledger& ledger, VenueView& venue, RunClock& clock, SignalSource& source,
                     const CycleSettings& settings, RunReport& report, const Obstacles& obstacles);

}  // namespace tradeguard
