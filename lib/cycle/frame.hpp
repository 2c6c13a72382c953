// Around the road: the lock, the record of the run, its first line and its last.
#pragma once

#include <optional>

#include "venue_view.hpp"

namespace tradeguard {

// false: the run is over, and its report says why.
bool take_the_lock(Ledger& ledger, const RunClock& clock, const Messenger& messenger, const CycleSettings& settings,
                   RunReport& report);
// What stands against every entry of this run; nullopt: the run is over, and its report says why.
std::optional<Word<Denial>> open(Ledger& ledger, VenueView& venue, RunClock& clock, Messenger& messenger,
                                 const CyclePorts& ports, const CycleSettings& settings, RunReport& report);
void close(Ledger& ledger, const VenueView& venue, const RunClock& clock, const Messenger& messenger,
           const CyclePorts& ports, const CycleSettings& settings, RunReport& report);

}  // namespace tradeguard
