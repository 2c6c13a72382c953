#include "tradeguard/exposure.hpp"

#include <algorithm>

namespace tradeguard {

namespace {

Quantity received_by(const Order& entry, const InstrumentRules& rules);
std::optional<Price> average_fill_of(const Trade& trade);
bool rests_fired(const Order& stop, Instant now);

NextMove wind_down(const Trade& trade);
NextMove leave(const Trade& trade, const Exposure& exposure, const Surroundings& around,
               std::string why);
std::optional<Cancel> broken_legs(const Trade& trade, const Exposure& exposure,
                                  const SightedOpen& sighted, const Surroundings& around);
const Order* bound_stop(const Trade& trade, const Order& target);
NextMove cover(const Trade& trade, const Exposure& exposure, const Surroundings& around);
bool patience_is_over(const Trade& trade, const Surroundings& around);
bool exit_came_to_nothing(const Trade& trade);
bool unbound_target_lives(const Trade& trade);

bool waits_for_cancel(const Order& leg) { return leg.live() && leg.cancel_asked_at.has_value(); }
Quantity bounded(Quantity quantity, const std::optional<Quantity>& bound) {
  return bound ? std::min(quantity, *bound) : quantity;
}

}  // namespace

int Trade::next_attempt(Leg leg) const {
  int highest = 0;
  for (const Order& order : legs)
    if (order.leg == leg) highest = std::max(highest, order.attempt);
  return highest + 1;
}

Exposure exposure(const Trade& trade, const SightedOpen& sighted, Instant now) {
  Exposure e;
  for (const Order& entry : trade.entries) e.received += received_by(entry, trade.rules());
  e.held = e.received;
  for (const Order& leg : trade.legs) {
    e.held -= leg.filled;
    if (!leg.live()) continue;
    if (leg.leg == Leg::exit) {
      e.leaving += leg.left();
    } else if (leg.leg == Leg::stop) {
      if (leg.cancel_asked_at)
        e.leaving += leg.left();
      else if (leg.state == OrderState::placed && sighted.contains(leg.client_id) &&
               !rests_fired(leg, now))
        e.working += leg.left();
      else
        e.asked += leg.left();  // in doubt, or placed and not shown now: it may still sell
    }
  }
  e.naked = e.held - e.working;
  e.average_fill = average_fill_of(trade);
  // A stop a little off beats none: without a price of the fills the signal's price stands in.
  if (const auto price = e.average_fill ? e.average_fill : trade.entry().price)
    e.levels = levels_for(trade.plan(), *price, trade.rules());
  const auto stop = e.levels ? std::optional{e.levels->stop} : e.average_fill;
  e.naked_is_dust = !e.naked.is_positive() || (stop && is_dust(e.naked, *stop, trade.rules()));
  e.held_is_dust = !e.held.is_positive() || (stop && is_dust(e.held, *stop, trade.rules()));
  return e;
}

NextMove next_move(const Trade& trade, const Exposure& exposure, const SightedOpen& sighted,
                   const Surroundings& around) {
  if (trade.entry().released || trade.entry().settled) return Nothing{};
  if (exposure.oversold()) return Stuck{"oversold"};
  if (!around.venue_read) return Stuck{"unreadable"};
  if (exposure.held_is_dust) return wind_down(trade);
  if (around.exit_reason && !exit_came_to_nothing(trade))
    return leave(trade, exposure, around, *around.exit_reason);

  const bool leaving_by_exit = std::any_of(trade.legs.begin(), trade.legs.end(), [](const Order& o) {
    return o.leg == Leg::exit && o.live();
  });
  if (leaving_by_exit) return Nothing{};
  if (auto broken = broken_legs(trade, exposure, sighted, around)) return std::move(*broken);

  const bool at_target =
      exposure.levels && around.market && *around.market >= exposure.levels->target;
  if (exposure.naked_is_dust) {
    // Where the venue cannot rest a target beside a stop, the cycle itself takes the profit.
    if (!around.oco && at_target) return leave(trade, exposure, around, "target");
    return Nothing{};
  }
  const bool breached =
      exposure.levels && around.market && *around.market <= exposure.levels->stop;
  if (breached && trade.plan().flatten_on_breach) return leave(trade, exposure, around, "breached");
  if (breached) return Stuck{"breached"};
  if (at_target) return leave(trade, exposure, around, "target");
  if (patience_is_over(trade, around)) return leave(trade, exposure, around, "unprotected");
  return cover(trade, exposure, around);
}

namespace {

Quantity received_by(const Order& entry, const InstrumentRules& rules) {
  if (entry.fees_known) return entry.filled - entry.fee_base;
  const Decimal kept = Decimal{1} - rules.highest_fee_rate;
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

bool rests_fired(const Order& stop, Instant now) {
  return stop.fired_at && now - *stop.fired_at > fired_patience;
}

// Nothing worth selling is held: what still rests must go, then the trade is over.
NextMove wind_down(const Trade& trade) {
  Cancel cancel{{}, "sibling"};
  bool waiting = false;
  for (const Order& leg : trade.legs) {
    if (!leg.live()) continue;
    waiting = true;
    if (leg.leg != Leg::exit && !leg.cancel_asked_at && leg.acknowledged)
      cancel.ids.push_back(leg.client_id);
  }
  if (!cancel.ids.empty()) return cancel;
  for (const Order& entry : trade.entries)
    waiting = waiting || entry.live() ||
              (entry.state == OrderState::closed && entry.filled.is_positive() && !entry.fees_known);
  if (waiting) return Nothing{};
  return Settle{};
}

// Sell what is held, but only when no own sell of the trade can still fill.
NextMove leave(const Trade& trade, const Exposure& exposure, const Surroundings& around,
               std::string why) {
  // Whose coins they are is not known without the balance: what is covered stays covered, and only a
  // naked position is sold on the word of its own fills.
  if (!around.free_base && exposure.working.is_positive()) return Stuck{"unreadable"};
  Cancel cancel{{}, "exit"};
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
  const Quantity quantity =
      floor_to_step(bounded(exposure.held, around.free_base), trade.rules().step);
  const auto price = around.market ? around.market : exposure.average_fill;
  if (!quantity.is_positive()) return Stuck{"balance"};
  if (price && is_dust(quantity, *price, trade.rules())) return Stuck{"minimum"};
  return PlaceExit{quantity, std::move(why)};
}

// Legs that protect nothing, or too much, must be gone before anything takes their place.
std::optional<Cancel> broken_legs(const Trade& trade, const Exposure& exposure,
                                  const SightedOpen& sighted, const Surroundings& around) {
  const auto take = [](const Order& leg, const char* why) {
    return Cancel{{leg.client_id}, why};
  };
  for (const Order& leg : trade.legs) {
    if (leg.state != OrderState::placed || leg.cancel_asked_at) continue;
    if (around.mismatched.contains(leg.client_id)) return take(leg, "not_as_planned");
    if (leg.leg == Leg::stop && rests_fired(leg, around.now)) return take(leg, "fired_resting");
    if (leg.leg != Leg::target) continue;
    const Order* stop = bound_stop(trade, leg);
    if (stop == nullptr) return take(leg, "unbound_target");
    // A half-filled target leaves a stop that would sell more than there is.
    if (leg.filled.is_positive() && sighted.contains(stop->client_id) &&
        exposure.working > exposure.held)
      return Cancel{{stop->client_id}, "oversized"};
  }
  return std::nullopt;
}

bool patience_is_over(const Trade& trade, const Surroundings& around) {
  const Order& entry = trade.entry();
  return trade.plan().flatten_unprotected && entry.naked_since &&
         around.now - *entry.naked_since > trade.plan().flatten_after;
}

const Order* bound_stop(const Trade& trade, const Order& target) {
  for (const Order& leg : trade.legs)
    if (leg.leg == Leg::stop && leg.client_id == target.pair && leg.live() && !leg.cancel_asked_at)
      return &leg;
  return nullptr;
}

// A target without its stop still holds coins, or may: nothing is placed before it is read back closed.
bool unbound_target_lives(const Trade& trade) {
  return std::any_of(trade.legs.begin(), trade.legs.end(), [&](const Order& leg) {
    return leg.leg == Leg::target && leg.live() &&
           (leg.cancel_asked_at || bound_stop(trade, leg) == nullptr);
  });
}

// Protection first, then a new attempt: an exit that failed counts until a stop was claimed behind it.
bool exit_came_to_nothing(const Trade& trade) {
  const Order* last = nullptr;
  for (const Order& leg : trade.legs)
    if (leg.leg == Leg::exit && (last == nullptr || leg.attempt > last->attempt)) last = &leg;
  if (last == nullptr || last->live() || last->filled.is_positive()) return false;
  return std::none_of(trade.legs.begin(), trade.legs.end(), [&](const Order& leg) {
    return leg.leg == Leg::stop && leg.claimed_at > last->claimed_at;
  });
}

NextMove cover(const Trade& trade, const Exposure& exposure, const Surroundings& around) {
  if (unbound_target_lives(trade)) return Stuck{"unbound_target"};
  if (!exposure.levels) return Stuck{"no_levels"};
  const Quantity missing = exposure.held - exposure.working - exposure.asked - exposure.leaving;
  const Quantity quantity = floor_to_step(bounded(missing, around.free_base), trade.rules().step);
  if (quantity.is_positive() && !is_dust(quantity, exposure.levels->stop, trade.rules()))
    return PlaceLegs{quantity, *exposure.levels, around.oco};
  if (std::any_of(trade.legs.begin(), trade.legs.end(), waits_for_cancel)) return Nothing{};
  if (exposure.asked.is_positive()) return Stuck{"in_doubt"};
  return Stuck{missing.is_positive() && !is_dust(missing, exposure.levels->stop, trade.rules())
                   ? "balance"
                   : "minimum"};
}

}  // namespace
}  // namespace tradeguard
