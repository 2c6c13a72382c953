// One round of moves: what each trade needs next, carried out in bursts.
#pragma once

#include <vector>

#include "venue_view.hpp"

namespace tradeguard {

// What was answered at once needs no waiting before the next round looks on.
struct Round {
  bool again;                   // another round may have something to do
  bool at_once;                 // and nothing speaks for waiting first
  bool sent;                    // something new left: the first look for it is at once, the next ones wait
  int exits;                    // sales that were sent
  std::vector<Micros> covered;  // of each trade whose stop was newly sighted: fill to sighted stop
};
[[nodiscard]] Round protect(Ledger& ledger, VenueView& venue, RunClock& clock, const CycleSettings& settings);
// Each round is counted once.
void count(const Round& round, RunReport& report);
// The next look at the venue may answer something; entries in doubt are waited for only at the end.
bool questions_wait(const Ledger& ledger, const VenueView& venue, const RunClock& clock, bool wait_for_entries);
// Where the trade is naked, and nobody recorded since when.
void start_naked_clock(const RunClock& clock, const Trade& trade, const Exposure& e, Item& item);

}  // namespace tradeguard
