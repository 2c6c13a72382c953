// One round of moves: what each trade needs next, carried out in bursts.
#pragma once

#include "tradeguard/exposure.hpp"

namespace tradeguard {

class Run;
struct Item;

// What was answered at once needs no waiting before the next round looks on.
struct Round {
  bool again;    // another round may have something to do
  bool at_once;  // and nothing speaks for waiting first
  bool sent;     // something new left: the first look for it is at once, the next ones wait
};
Round protect(Run& run);
// The next look at the venue may answer something; entries in doubt are waited for only at the end.
bool questions_wait(const Run& run, bool wait_for_entries);
// Where the trade is naked, and nobody recorded since when.
void start_naked_clock(const Run& run, const Trade& trade, const Exposure& e, Item& item);

}  // namespace tradeguard
