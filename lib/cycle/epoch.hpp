// Whether store and account are those this account's history is of.
#pragma once

#include "venue_view.hpp"

namespace tradeguard {

// A restored or promoted store, orphans at the venue. What stands against every entry of this run; empty: nothing, or the
// store was lost.
Word<Denial> look_at_epoch(Ledger& ledger, VenueView& venue, RunClock& clock);
// Whose account the venue's answers are about.
void look_at_account(Ledger& ledger, VenueView& venue, const RunClock& clock);

}  // namespace tradeguard
