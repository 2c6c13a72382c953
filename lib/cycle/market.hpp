// What a run reads of markets: rules, prices, balances.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tradeguard/venue.hpp"
#include "venue_view.hpp"

namespace tradeguard {

// What was read for all entries of the run, before the first of them was sent.
struct Market {
  std::set<SignalKey> blocked;  // by a guard already: nothing was read for them
  bool read = false;            // false: no signal had a chance, nobody was asked
  std::map<Symbol, InstrumentRules> rules;
  std::map<Symbol, Quote> quotes;
  Word<Denial> no_entries;                  // what could not be read stands against every entry
  std::map<std::string, Money> free_quote;  // less what this run claimed
};
Market read_market(Ledger& ledger, VenueView& venue, RunClock& clock, const CycleSettings& settings,
                   const std::vector<Signal>& buys);

// Rules as the venue has them now; false: it did not answer.
bool ask_rules(const Ledger& ledger, VenueView& venue, std::map<Symbol, InstrumentRules>& into,
               const std::set<Symbol>& symbols);
// One burst, into venue.read; what could not be read stays as it is, and is said.
void read_quotes_and_balances(const Ledger& ledger, VenueView& venue, const std::set<Symbol>& symbols);
// By any clock.
bool long_stale(const RunClock& clock, const CycleSettings& settings, const Signal& signal);

}  // namespace tradeguard
