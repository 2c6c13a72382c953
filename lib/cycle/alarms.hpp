// The barrier behind protection: every held quantity is covered by a stop sighted in this run, or a CRITICAL about it
// is in the outbox.
#pragma once

#include "venue_view.hpp"

namespace tradeguard {

// How many trades the venue could not be asked about.
int raise_and_clear_alarms(Ledger& ledger, const VenueView& venue, const RunClock& clock,
                           const CycleSettings& settings);

}  // namespace tradeguard
