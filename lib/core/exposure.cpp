#include "tradeguard/exposure.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "tradeguard/outcome.hpp"

namespace tradeguard {

namespace {

Quantity received_by(const Order& entry, const std::optional<InstrumentRules>& rules);
std::optional<Price> average_fill_of(const Trade& trade);
bool rests_fired(const Order& stop, Instant now);

NextMove wind_down(const Trade& trade);
NextMove leave(const Trade& trade, const Exposure& exposure, const Surroundings& around, Word<ExitReason> why);
std::optional<Cancel> broken_legs(const Trade& trade, const Exposure& exposure, const SightedOpen& sighted,
                                  const Surroundings& around);
const Order* bound_stop(const Trade& trade, const Order& target);
NextMove cover(const Trade& trade, const Exposure& exposure, const Surroundings& around);
PlaceLegs within_band(const Trade& trade, const Exposure& exposure, const Surroundings& around, Quantity quantity);
bool patience_is_over(const Trade& trade, const Surroundings& around);
bool is_being_tried(const Trade& trade, const Surroundings& around);
bool may_be_sold(const Exposure& exposure, const Trade& trade, const Surroundings& around);
bool fills_what_is_held(const Trade& trade, const Exposure& exposure, const SightedOpen& sighted);
bool target_rests(const Trade& trade, const SightedOpen& sighted);
bool is_breached(const Exposure& exposure, const Surroundings& around);
bool exit_came_to_nothing(const Trade& trade);
bool exit_backs_off(const Trade& trade, const Exposure& exposure, const Surroundings& around);
bool unbound_target_lives(const Trade& trade);

bool waits_for_cancel(const Order& leg) { return leg.live() && leg.cancel_asked_at.has_value(); }
Quantity bounded(Quantity quantity, const std::optional<Quantity>& bound) {
  return bound ? std::min(quantity, *bound) : quantity;
}

}  // namespace

Exposure exposure(const Trade& trade, const SightedOpen& sighted, Instant now) {
  Exposure e;
  for (const Order& entry : trade.entries) e.received += received_by(entry, trade.record.rules);
  e.held = e.received;
  for (const Order& leg : trade.legs) {
    e.held -= leg.filled;
    if (!leg.live()) continue;
    if (leg.leg == Leg::exit) {
      e.leaving += leg.left();
    } else if (leg.leg == Leg::stop) {
      if (leg.cancel_asked_at)
        e.leaving += leg.left();
      else if (leg.state == OrderState::placed && sighted.contains(leg.client_id) && !rests_fired(leg, now))
        e.working += leg.left();
      else
        e.asked += leg.left();  // in doubt, or placed and not shown now: it may still sell
    }
  }
  e.naked = e.held - e.working;
  e.average_fill = average_fill_of(trade);
  // A stop a little off beats none: without a price of the fills the signal's price stands in.
  const auto& rules = trade.record.rules;
  const auto price = e.average_fill ? e.average_fill : trade.entry().price;
  if (price && rules && trade.record.plan) e.levels = levels_at(*trade.record.plan, *price, *rules);
  const auto stop = e.levels ? std::optional{e.levels->stop} : e.average_fill;
  const auto dust = [&](Quantity quantity) {
    return !quantity.is_positive() || (stop && rules && is_dust(quantity, *stop, *rules));
  };
  e.naked_is_dust = dust(e.naked);
  e.held_is_dust = dust(e.held);
  return e;
}

std::optional<Instant> naked_from(const Trade& trade) {
  const TradeRecord& record = trade.record;
  if (!record.naked_since || !record.covered_at || *record.covered_at > *record.naked_since) return record.naked_since;
  // A stop that was there before rests on, and none of them was lost: a fill grew, and only that part is
  // without one.
  const bool covered_in_part = std::any_of(trade.legs.begin(), trade.legs.end(), [&](const Order& leg) {
    return leg.leg == Leg::stop && leg.live() && leg.claimed_at < *record.naked_since;
  });
  const bool one_was_lost = std::any_of(trade.legs.begin(), trade.legs.end(), [&](const Order& leg) {
    return leg.leg == Leg::stop && leg.state == OrderState::closed && leg.left().is_positive() &&
           !leg.cancel_asked_at && leg.closed_at && leg.claimed_at <= *record.covered_at &&
           *leg.closed_at > *record.covered_at;
  });
  if (covered_in_part && !one_was_lost) return record.naked_since;
  Instant from = *record.covered_at;
  constexpr Micros clocks_differ_by = 2s;
  for (const Order& leg : trade.legs) {
    // A moment before the one at which it was read is the venue's word, and not when we looked.
    const bool said =
        leg.leg == Leg::stop && leg.closed_at && leg.sighted_at && *leg.closed_at + clocks_differ_by < *leg.sighted_at;
    if (said && *leg.closed_at <= *record.naked_since) from = std::max(from, *leg.closed_at);
  }
  return from;
}

NextMove next_move(const Trade& trade, const Exposure& exposure, const SightedOpen& sighted,
                   const Surroundings& around) {
  if (trade.record.released || trade.record.settled) return Nothing{};
  if (exposure.oversold()) return Stuck{"oversold"};
  if (!around.venue_read) return Stuck{"unreadable"};
  const bool wished =
      !around.exit_reason.empty() && !exit_came_to_nothing(trade) && !exit_backs_off(trade, exposure, around);
  if (exposure.held_is_dust) {
    const bool sellable = may_be_sold(exposure, trade, around);
    // What still rests for the remainder may fill it; without an order it would be abandoned.
    if (!(wished && sellable) && fills_what_is_held(trade, exposure, sighted)) return Nothing{};
    if (!sellable) return wind_down(trade);
  }
  if (wished) return leave(trade, exposure, around, around.exit_reason);

  const bool leaving_by_exit =
      std::any_of(trade.legs.begin(), trade.legs.end(), [](const Order& o) { return o.leg == Leg::exit && o.live(); });
  if (leaving_by_exit) return Nothing{};
  if (auto broken = broken_legs(trade, exposure, sighted, around)) return std::move(*broken);

  // Where no target rests, the cycle itself takes the profit.
  const bool at_target = exposure.levels && exposure.levels->target.is_positive() && around.market &&
                         *around.market >= exposure.levels->target && !target_rests(trade, sighted) &&
                         !exit_backs_off(trade, exposure, around);
  if (exposure.naked_is_dust) {
    if (at_target) return leave(trade, exposure, around, ExitReason::target);
    // Too little for a stop, enough for the market: nothing else would ever sell it.
    if (exposure.held_is_dust && !exposure.asked.is_positive())
      return leave(trade, exposure, around, ExitReason::remainder);
    return Nothing{};
  }
  // What somebody wants sold, and no stop can be placed for before the next attempt.
  if (is_breached(exposure, around)) {
    if (!around.exit_reason.empty()) return leave(trade, exposure, around, around.exit_reason);
    return trade.plan().flatten_on_breach ? leave(trade, exposure, around, ExitReason::breached)
                                          : NextMove{Stuck{"breached"}};
  }
  if (at_target) return leave(trade, exposure, around, ExitReason::target);
  NextMove covering = cover(trade, exposure, around);
  if (!around.exit_reason.empty() && std::holds_alternative<Stuck>(covering))
    return leave(trade, exposure, around, around.exit_reason);
  if (!patience_is_over(trade, around)) return covering;
  if (std::holds_alternative<PlaceLegs>(covering) && !around.stop_tried) return covering;
  if (is_being_tried(trade, around) && !std::holds_alternative<PlaceLegs>(covering)) return covering;
  return leave(trade, exposure, around, ExitReason::unprotected);
}

namespace {

Quantity received_by(const Order& entry, const std::optional<InstrumentRules>& rules) {
  if (entry.fees_known) return entry.filled - entry.fee_base;
  const Decimal kept = Decimal{1} - (rules ? rules->highest_fee_rate : Decimal{});
  return Quantity{Decimal::multiply(entry.filled.value, kept, Rounding::down)};
}

std::optional<Price> average_fill_of(const Trade& trade) {
  Money value;
  Quantity filled;
  for (const Order& entry : trade.entries) {
    if (!entry.filled_value.is_positive()) continue;  // filled, but the venue gave no price
    value += entry.filled_value;
    filled += entry.filled;
  }
  if (!filled.is_positive()) return std::nullopt;
  return average_price(value, filled);
}

bool rests_fired(const Order& stop, Instant now) { return stop.fired_at && now - *stop.fired_at > fired_patience; }

// Nothing worth selling is held: what still rests must go, then the trade is over.
NextMove wind_down(const Trade& trade) {
  Cancel cancel{{}, Cancel::Why::sibling};
  bool waiting = false;
  for (const Order& leg : trade.legs) {
    if (!leg.live()) continue;
    waiting = true;
    if (leg.leg != Leg::exit && !leg.cancel_asked_at && leg.acknowledged) cancel.ids.push_back(leg.client_id);
  }
  if (!cancel.ids.empty()) return cancel;
  for (const Order& entry : trade.entries)
    waiting = waiting || entry.live() ||
              (entry.state == OrderState::closed && entry.filled.is_positive() && !entry.fees_known);
  if (waiting) return Nothing{};
  return Settle{};
}

// Sell what is held, but only when no own sell of the trade can still fill.
NextMove leave(const Trade& trade, const Exposure& exposure, const Surroundings& around, Word<ExitReason> why) {
  // Whose coins they are is not known without the balance: what is covered stays covered, and only a
  // naked position is sold on the word of its own fills.
  if (!around.free_base && exposure.working.is_positive()) return Stuck{"unreadable"};
  Cancel cancel{{}, Cancel::Why::exit};
  bool waiting = false;
  bool in_doubt = false;
  for (const Order& leg : trade.legs) {
    if (!leg.live()) continue;
    if (leg.leg == Leg::exit || leg.cancel_asked_at)
      waiting = true;
    else if (leg.acknowledged)
      cancel.ids.push_back(leg.client_id);
    else
      in_doubt = true;
  }
  if (!cancel.ids.empty()) return cancel;
  if (waiting) return Nothing{};
  if (in_doubt) return Stuck{"in_doubt"};
  if (around.drifted && !around.free_base) return Stuck{"drift"};
  const Quantity quantity = floor_to_step(bounded(exposure.held, around.free_base), trade.rules().step);
  const auto price = around.market ? around.market : exposure.average_fill;
  if (!quantity.is_positive()) return Stuck{"balance"};
  if (price && is_dust(quantity, *price, trade.rules())) return Stuck{"minimum"};
  return PlaceExit{quantity, std::move(why)};
}

// Legs that protect nothing, or too much, must be gone before anything takes their place.
std::optional<Cancel> broken_legs(const Trade& trade, const Exposure& exposure, const SightedOpen& sighted,
                                  const Surroundings& around) {
  const auto take = [](const Order& leg, Cancel::Why why) { return Cancel{{leg.client_id}, why}; };
  for (const Order& leg : trade.legs) {
    if (leg.state != OrderState::placed || leg.cancel_asked_at) continue;
    if (around.mismatched.contains(leg.client_id)) return take(leg, Cancel::Why::not_as_planned);
    if (leg.leg == Leg::stop && rests_fired(leg, around.now)) return take(leg, Cancel::Why::fired_resting);
    if (around.overtaken.contains(leg.client_id)) return take(leg, Cancel::Why::not_firing);
    if (leg.leg != Leg::target) continue;
    const Order* stop = bound_stop(trade, leg);
    if (stop == nullptr) return take(leg, Cancel::Why::unbound_target);
    // A half-filled target leaves a stop that would sell more than there is.
    if (leg.filled.is_positive() && sighted.contains(stop->client_id) && exposure.working > exposure.held)
      return Cancel{{stop->client_id}, Cancel::Why::oversized};
  }
  return std::nullopt;
}

// A moment still to come was written by a clock that was ahead, and counts as long ago.
bool patience_is_over(const Trade& trade, const Surroundings& around) {
  constexpr Micros clocks_differ_by = 1min;
  const auto& naked_since = trade.record.naked_since;
  return trade.plan().flatten_unprotected && naked_since &&
         (around.now - *naked_since > trade.plan().flatten_after || *naked_since > around.now + clocks_differ_by);
}

// A stop that was sent a moment ago and is not read back yet is no failure: taken back for the sale, it would
// be followed by the next try, and that by the next.
bool is_being_tried(const Trade& trade, const Surroundings& around) {
  constexpr Micros long_enough_to_read = 30s;
  return std::any_of(trade.legs.begin(), trade.legs.end(), [&](const Order& leg) {
    return leg.leg == Leg::stop && leg.live() && !leg.cancel_asked_at && around.now - leg.stamp < long_enough_to_read;
  });
}

bool may_be_sold(const Exposure& exposure, const Trade& trade, const Surroundings& around) {
  return around.market && !is_dust(exposure.held, *around.market, trade.rules());
}

bool fills_what_is_held(const Trade& trade, const Exposure& exposure, const SightedOpen& sighted) {
  return exposure.held.is_positive() && std::any_of(trade.legs.begin(), trade.legs.end(), [&](const Order& leg) {
           return leg.leg != Leg::exit && leg.state == OrderState::placed && !leg.cancel_asked_at &&
                  sighted.contains(leg.client_id) && leg.left().is_positive() && leg.left() <= exposure.held;
         });
}

bool target_rests(const Trade& trade, const SightedOpen& sighted) {
  return std::any_of(trade.legs.begin(), trade.legs.end(), [&](const Order& leg) {
    return leg.leg == Leg::target && leg.state == OrderState::placed && !leg.cancel_asked_at &&
           sighted.contains(leg.client_id);
  });
}

// Beyond the user's own stop. A fill that was worse than the stop is, until a price says otherwise.
bool is_breached(const Exposure& exposure, const Surroundings& around) {
  if (!exposure.levels) return false;
  if (around.market) return *around.market <= exposure.levels->stop;
  return exposure.average_fill && exposure.levels->stop >= *exposure.average_fill;
}

const Order* bound_stop(const Trade& trade, const Order& target) {
  for (const Order& leg : trade.legs)
    if (leg.leg == Leg::stop && leg.client_id == target.pair && leg.live() && !leg.cancel_asked_at) return &leg;
  return nullptr;
}

// A target without its stop still holds coins, or may: nothing is placed before it is read back closed.
bool unbound_target_lives(const Trade& trade) {
  return std::any_of(trade.legs.begin(), trade.legs.end(), [&](const Order& leg) {
    return leg.leg == Leg::target && leg.live() && (leg.cancel_asked_at || bound_stop(trade, leg) == nullptr);
  });
}

// Protection first, then a new attempt: an exit that failed counts until a stop was claimed behind it. None
// lives when an exit is sent, so one that lives came later, whatever a clock said at either moment.
bool exit_came_to_nothing(const Trade& trade) {
  const Order* last = nullptr;
  for (const Order& leg : trade.legs)
    if (leg.leg == Leg::exit && (last == nullptr || leg.attempt > last->attempt)) last = &leg;
  if (last == nullptr || last->live() || last->filled.is_positive()) return false;
  return std::none_of(trade.legs.begin(), trade.legs.end(), [&](const Order& leg) {
    return leg.leg == Leg::stop && (leg.live() || leg.claimed_at >= last->claimed_at);
  });
}

// Which answer it was: its code and words, without the numbers in them that differ from one time to the next.
std::string answer_to(const Order& exit) {
  std::string answer = exit.reason;
  const auto words = std::min(answer.find(':'), answer.size());
  answer.erase(std::remove_if(answer.begin() + static_cast<std::ptrdiff_t>(words), answer.end(),
                              [](char c) { return c >= '0' && c <= '9'; }),
               answer.end());
  return answer;
}

bool is_about_balance(const Order& exit) { return complaint_in(exit.reason) == Complaint::balance; }

bool demands_differ(const Order& exit, const std::optional<InstrumentRules>& rules) {
  return exit.rules && rules && !same_demands(*exit.rules, *rules);
}

// Of sales in a row that came to nothing, those since something was different from the time before: what the
// venue demands, what was free where that was short, or the answer. One that was heard before is no news.
int failures_alike(const std::vector<const Order*>& oldest_first) {
  int failures = 0;
  std::set<std::string> heard;
  const Order* before = nullptr;
  for (const Order* exit : oldest_first) {
    const bool changed =
        before != nullptr &&
        (demands_differ(*before, exit->rules) ||
         (is_about_balance(*before) && before->free_base && exit->free_base && *before->free_base != *exit->free_base));
    if (changed) heard.clear();
    if (heard.insert(answer_to(*exit)).second) failures = 0;
    failures += 1;
    before = exit;
  }
  return failures;
}

// A covered position whose sales come to nothing is not sold again every minute for ever: after three of
// them it waits five minutes, then half an hour each, until what stood in the way has changed. What is naked
// is tried in every run.
bool exit_backs_off(const Trade& trade, const Exposure& exposure, const Surroundings& around) {
  if (!exposure.naked_is_dust) return false;
  std::vector<const Order*> exits;
  for (const Order& leg : trade.legs)
    if (leg.leg == Leg::exit) exits.push_back(&leg);
  std::sort(exits.begin(), exits.end(), [](const Order* a, const Order* b) { return a->attempt < b->attempt; });
  const auto sold = std::find_if(exits.rbegin(), exits.rend(),
                                 [](const Order* exit) { return exit->live() || exit->filled.is_positive(); });
  exits.erase(exits.begin(), sold.base());
  const int failures = failures_alike(exits);
  if (failures < 3) return false;
  const Order& last = *exits.back();
  if (demands_differ(last, trade.rules())) return false;
  // What rests for the trade was free when the sale was tried, at venues where a resting order keeps it.
  if (is_about_balance(last) && last.free_base && around.free_base && *around.free_base != *last.free_base &&
      *around.free_base + exposure.working != *last.free_base)
    return false;
  const Micros pause = failures == 3 ? Micros{5min} : Micros{30min};
  return last.claimed_at <= around.now && around.now - last.claimed_at < pause;
}

// Above what was paid and what is paid now; elsewhere it would sell at once.
bool target_can_rest(const Exposure& exposure, const Surroundings& around) {
  const Price target = exposure.levels->target;
  return around.oco && target.is_positive() && (!exposure.average_fill || target > *exposure.average_fill) &&
         (!around.market || target > *around.market);
}

NextMove cover(const Trade& trade, const Exposure& exposure, const Surroundings& around) {
  if (unbound_target_lives(trade)) return Stuck{"unbound_target"};
  if (!exposure.levels) return Stuck{"no_levels"};
  const Quantity missing = exposure.held - exposure.working - exposure.asked - exposure.leaving;
  const Quantity quantity = floor_to_step(bounded(missing, around.free_base), trade.rules().step);
  if (quantity.is_positive() && !is_dust(quantity, exposure.levels->stop, trade.rules()))
    return within_band(trade, exposure, around, quantity);
  if (std::any_of(trade.legs.begin(), trade.legs.end(), waits_for_cancel)) return Nothing{};
  if (exposure.asked.is_positive()) return Stuck{"in_doubt"};
  return Stuck{missing.is_positive() && !is_dust(missing, exposure.levels->stop, trade.rules()) ? "balance"
                                                                                                : "minimum"};
}

// The price has moved since the entry was sized, and the band with it. A stop that is too far down
// for it now rests as low as it may: it sells sooner than planned, and nothing is naked. A target
// that may only rest where it would sell at a loss is none.
PlaceLegs within_band(const Trade& trade, const Exposure& exposure, const Surroundings& around, Quantity quantity) {
  const Levels& planned = *exposure.levels;
  PlaceLegs legs{quantity, planned, target_can_rest(exposure, around), planned, std::nullopt};
  const auto market = around.market ? around.market : exposure.average_fill;
  if (!market) return legs;
  const SellBand band = sell_band(*market, trade.rules());
  if (band.lowest && *band.lowest < *market) {
    legs.levels.stop = std::max(planned.stop, *band.lowest);
    legs.lowest = band.lowest;
  }
  if (legs.with_target && band.highest) legs.levels.target = std::min(planned.target, *band.highest);
  const Price bought = exposure.average_fill.value_or(*market);
  legs.with_target = legs.with_target && legs.levels.target > std::max(*market, bought);
  return legs;
}

}  // namespace
}  // namespace tradeguard
