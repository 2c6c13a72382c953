// What a venue demands of orders in one market, and the sums made with it.
// Contract test: tests/unit/rules_test.cpp
#pragma once

#include <optional>
#include <string>

#include "tradeguard/amounts.hpp"
#include "tradeguard/denial.hpp"
#include "tradeguard/signal.hpp"

namespace tradeguard {

struct InstrumentRules {
  Symbol symbol;
  Price tick;     // > 0
  Quantity step;  // > 0
  Quantity min_quantity;
  Quantity max_quantity;  // 0: none
  Money min_notional;
  Money max_notional;        // of one order, at its own price; 0: none. More is above_max_notional
  Decimal highest_fee_rate;  // 0.001 is 0.1 %; assumed of a fill until its fees are read
  int max_open_stops = 0;    // protection orders the venue lets rest in this market; 0: no limit
  bool tradable = true;
  bool stop_market = true;  // false: this market has no stop-market order, even where the venue has
  // Where the price and the trigger of a sell order may lie; 0: no such bound.
  Decimal lowest_sell;   // of the market's price: 0.9 is 10 % below it
  Decimal highest_sell;  // 1.2 is 20 % above it
  Price min_price;       // whatever the market's price is
  Price max_price;
  Instant read_at;  // rules have an age

  friend bool operator==(const InstrumentRules&, const InstrumentRules&) = default;
};

// The same but for when they were read.
bool same_demands(const InstrumentRules& a, const InstrumentRules& b);

// Cannot be sold as a stop at this price, now or ever: too little for the venue.
bool is_dust(Quantity quantity, Price stop_price, const InstrumentRules& rules);

// What protects a position, as percents of the average fill or fixed by the signal. Stored with
// the trade: a later change of the configuration does not touch open trades.
// Less than least_percent is refused where it is read: it is 0.03 written for three per cent, or a
// stop that the fees alone would reach.
inline const Decimal least_percent = Decimal::divide(Decimal{1}, Decimal{10}, Rounding::down);
struct ProtectionPlan {
  Decimal stop_percent{3};  // 3: three per cent below the average fill
  Decimal target_percent{3};
  std::optional<Price> stop_price;
  std::optional<Price> target_price;
  Decimal stop_limit_slack_percent{1};  // where the venue has no stop-market order
  bool flatten_on_breach = true;        // price is beyond the stop: sell at market
  bool flatten_unprotected = false;     // no stop can be made to rest for flatten_after: sell
  Micros flatten_after = 120s;

  friend bool operator==(const ProtectionPlan&, const ProtectionPlan&) = default;
};

// The prices at which a sell order may rest while the market is at `market`, in whole ticks; nullopt:
// no bound. Half a per cent narrower than the venue's own band, because what a venue judges by is a
// reference price or an average of minutes and not the last price.
struct SellBand {
  std::optional<Price> lowest;
  std::optional<Price> highest;
  bool holds(Price price) const { return (!lowest || price >= *lowest) && (!highest || price <= *highest); }
};
SellBand sell_band(Price market, const InstrumentRules& rules);

// The stored form of rules and plan: "tick=0.01 step=0.0001 ...", read back exactly or not at all.
// Rules without a price band have the form they had before there was one, and are read back without.
std::string stored_text(const InstrumentRules& rules);
std::optional<InstrumentRules> parse_rules(std::string_view stored);
std::string stored_text(const ProtectionPlan& plan);
std::optional<ProtectionPlan> parse_plan(std::string_view stored);

struct Levels {
  Price stop;
  Price target;  // zero: none
  friend bool operator==(const Levels&, const Levels&) = default;
};
// Levels of a long position that is held. The stop is rounded up to the tick and the target down, so that
// rounding never widens the risk. Each stands for itself: a fill beyond the target leaves the stop, and a
// fill below the stop is breached. nullopt when there is no stop: it is not positive, or out of range.
std::optional<Levels> levels_at(const ProtectionPlan& plan, Price average_fill, const InstrumentRules& rules);
// The same for a position that is still to be opened: nullopt when the fill would not lie between
// stop and target.
std::optional<Levels> levels_for(const ProtectionPlan& plan, Price average_fill, const InstrumentRules& rules);
// The limit under a stop that is a stop-limit order: stop less the slack, rounded down to the tick,
// but never below one tick.
Price stop_limit_price(Price stop, const ProtectionPlan& plan, const InstrumentRules& rules);

// What an entry buys and why not: the quantity floored to the step, judged for the entry and for
// the stop that will have to be sold (after the highest fee, at the stop price). A quantity wins
// over a notional. Why not is "code: detail"; the codes are not_tradable, no_size,
// below_min_quantity, above_max_quantity, below_min_notional, no_protection, stop_outside_band,
// stop_below_min_notional and strands. A target outside the band denies nothing: it is placed as high
// as the band allows.
struct Stranding {
  Decimal most_percent;   // of what is bought, that fees and steps may leave unsold; zero: off
  bool round_up = false;  // one step more is bought where that leaves little enough
};
// What of a bought quantity can never be sold as a stop, in per cent of it: fees and steps keep it.
Decimal stranded_percent(Quantity bought, const InstrumentRules& rules);
struct EntrySize {
  Quantity quantity;
  Money notional;  // quantity at the reference price, rounded up
};
tl::expected<EntrySize, Denied> size_entry(const std::optional<Money>& notional,
                                           const std::optional<Quantity>& quantity, Price reference,
                                           const ProtectionPlan& plan, const InstrumentRules& rules,
                                           const Stranding& stranding = {});

}  // namespace tradeguard
