// Every open question is asked at the venue, all at once, and the answers are judged trade by trade.
#pragma once

#include "venue_view.hpp"

namespace tradeguard {

void reconcile(Ledger& ledger, VenueView& venue, RunClock& clock);

}  // namespace tradeguard
