// What a trade holds, what protects it, and what to do next. Derived in one pass, never stored.
// Contract test: tests/unit/exposure_test.cpp
#pragma once

#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "tradeguard/trade.hpp"

namespace tradeguard {

// Client ids of the orders the venue showed open, as planned, in this run.
using SightedOpen = std::set<ClientOrderId>;

inline constexpr Micros fired_patience = 5s;  // a fired stop that rests longer protects nothing

struct Exposure {
  Quantity received;
  Quantity held;  // below zero: oversold
  Quantity working;
  Quantity asked;
  Quantity leaving;
  Quantity naked;                     // held - working
  std::optional<Price> average_fill;  // of the entries; nullopt: nothing filled
  std::optional<Levels> levels;       // from the average fill, else from the price the signal saw
  bool naked_is_dust = false;         // too little for a stop at its price
  bool held_is_dust = false;          // likewise; a sale at the market's price may still be possible
  bool oversold() const { return held.is_negative(); }
};
// `now` is venue time. Of a trade that was claimed without rules and plan, by a bot that sends by itself, no levels are
// known, and the least rest counts as held.
Exposure exposure(const Trade& trade, const SightedOpen& sighted, Instant now);

// Since when the trade has gone without its stop, for people: from the fill, or from the last moment at which a
// stop that ended since was seen, or the moment at which the venue says it ended. nullopt: it is covered.
std::optional<Instant> naked_from(const Trade& trade);

// What surrounds a trade in this pass. What could not be read is nullopt: a stop is placed all the same,
// and a naked position may be sold; a covered one is not sold without a balance.
struct Surroundings {
  Instant now;                        // venue time
  std::optional<Price> market;        // last price
  std::optional<Quantity> free_base;  // what the venue says may be used for it
  bool oco = true;                    // the venue's capabilities
  bool stop_market = true;
  bool venue_read = true;              // its orders were read in this run
  std::set<ClientOrderId> mismatched;  // open at the venue, but not as planned: they protect nothing
  std::set<ClientOrderId> overtaken;   // stops that rest unfired with the market at or below them for too long
  Word<ExitReason> exit_reason;        // a SELL signal or the operator asked; empty: stay in
  bool drifted = false;                // the venue holds less than our trades think
  bool stop_tried = false;             // in this run, since nothing protects it; one try comes before a sale
};

struct Nothing {};  // all is as it has to be, or waiting is the right thing
struct Cancel {     // ask for these, record first, believe when read back
  // sibling: the trade is over; exit: nothing may be for sale beside it; the others are in the way of a stop.
  enum class Why { sibling, exit, unbound_target, not_as_planned, fired_resting, not_firing, oversized };
  std::vector<ClientOrderId> ids;
  Why why;
};
struct PlaceLegs {  // one request; target only where the venue has OCO
  Quantity quantity;
  Levels levels;  // as the venue's price band lets them rest
  bool with_target;
  Levels planned;               // as the plan wants them
  std::optional<Price> lowest;  // of the band; what a stop-limit's limit may not be below
};
struct PlaceExit {  // nothing of the trade is for sale any more: sell now
  Quantity quantity;
  Word<ExitReason> why;
};
struct Settle {};   // nothing held, nothing open: the trade is over
struct Stuck {      // naked and nothing may be done about it now
  std::string why;  // "in_doubt", "balance", "minimum", "drift", "unreadable", ...
};
using NextMove = std::variant<Nothing, Cancel, PlaceLegs, PlaceExit, Settle, Stuck>;

// The one place that decides what a trade needs next. Never sells more than held or free.
NextMove next_move(const Trade& trade, const Exposure& exposure, const SightedOpen& sighted,
                   const Surroundings& around);

}  // namespace tradeguard
