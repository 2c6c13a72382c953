// The SELLs of a batch become wishes on record; the rounds behind the entries carry them out.
#pragma once

#include <map>
#include <vector>

#include "tradeguard/signal.hpp"
#include "venue_view.hpp"

namespace tradeguard {

// The SELLs of a batch that were heard or wait until they are due, by symbol: they overtake its BUYs.
using NewestExits = std::map<Symbol, std::vector<Signal>>;
struct WishedExits {
  NewestExits newest;
  bool any = false;  // something is to be sold that was not before
};
WishedExits wish_exits(Ledger& ledger, VenueView& venue, RunClock& clock, const CycleSettings& settings,
                       RunReport& report, const std::vector<Signal>& signals);

}  // namespace tradeguard
