#include "tradeguard/order_state.hpp"

#include <algorithm>

namespace tradeguard {

namespace {

OrderEvent event_of(const Sighting& sighting);
void note_ids(Order& order, const Sighting& sighting);
void note_fills(Order& order, const Sighting& sighting);
Applied moved(const Order& order, Step step, Instant now, std::optional<Ending> ending, std::string_view reason);
void enter(Order& order, OrderState state, Instant now);

}  // namespace

// The whole life of an order. "alarm" is the design's "!": impossible by the protocol.
// clang-format off
Step next_step(OrderState state, OrderEvent event) {
  using enum Step;
  //                        accepted    refused     unsent     seen_open  seen_closed  absent
  static constexpr Step claimed[] = {to_claimed, to_refused, to_lapsed, to_placed, to_closed, to_lapsed };
  static constexpr Step placed[]  = {to_placed,  to_placed,  alarm,     to_placed, to_closed, not_asked };
  static constexpr Step closed[]  = {to_closed,  to_closed,  alarm,     stale,     to_closed, not_asked };
  static constexpr Step refused[] = {alarm,      to_refused, alarm,     to_placed, to_closed, to_refused};
  static constexpr Step lapsed[]  = {alarm,      to_lapsed,  to_lapsed, to_placed, to_closed, to_lapsed };
  const auto column = static_cast<std::size_t>(event);
  switch (state) {
    case OrderState::claimed: return claimed[column];
    case OrderState::placed:  return placed[column];
    case OrderState::closed:  return closed[column];
    case OrderState::refused: return refused[column];
    case OrderState::lapsed:  return lapsed[column];
  }
  return alarm;
}
// clang-format on

std::string_view text(OrderEvent event) {
  switch (event) {
    case OrderEvent::accepted:
      return "accepted";
    case OrderEvent::refused:
      return "refused";
    case OrderEvent::unsent:
      return "unsent";
    case OrderEvent::seen_open:
      return "seen_open";
    case OrderEvent::seen_closed:
      return "seen_closed";
    case OrderEvent::absent:
      return "absent";
  }
  return "";
}

Applied apply(const Order& order, const PlaceOutcome& outcome, Instant now) {
  return std::visit(
      overloaded{
          [&](const Accepted& accepted) {
            if (accepted.record) {
              Applied applied = apply(order, *accepted.record, now);
              if (applied.step != Step::stale) return applied;
            }
            Applied applied = moved(order, next_step(order.state, OrderEvent::accepted), now, std::nullopt, "");
            if (applied.step == Step::alarm) return applied;
            applied.first_acknowledged = !order.acknowledged;
            applied.order.acknowledged = true;
            if (!accepted.venue_id.empty()) applied.order.venue_id = accepted.venue_id;
            return applied;
          },
          [&](const Refused&) {
            return moved(order, next_step(order.state, OrderEvent::refused), now, Ending::refused, describe(outcome));
          },
          [&](const Unsent&) {
            return moved(order, next_step(order.state, OrderEvent::unsent), now, Ending::unsent, describe(outcome));
          },
          // Doubt is what a claim already is: nothing changes until somebody looks.
          [&](const InDoubt&) { return Applied{.order = order, .step = Step::stale}; },
      },
      outcome);
}

Applied apply(const Order& order, const Sighting& sighting, Instant now) {
  // Two readings may overtake each other, by seconds. One that is minutes older was made later, by a clock that
  // has been set back since, and would be the only word about the order for as long as that.
  constexpr Micros overtakes_by = 1min;
  if (order.sighted_at && sighting.at < *order.sighted_at && *order.sighted_at - sighting.at <= overtakes_by)
    return Applied{.order = order, .step = Step::stale};
  if (sighting.status == VenueStatus::unknown) {
    // Not understood is neither open nor closed: only the ids are worth keeping.
    Applied applied{.order = order, .step = Step::stale};
    note_ids(applied.order, sighting);
    return applied;
  }
  const OrderEvent event = event_of(sighting);
  const Step step = next_step(order.state, event);
  if (step == Step::stale || step == Step::alarm) return Applied{.order = order, .step = step};

  const bool rejected = sighting.status == VenueStatus::rejected;
  const std::optional<Ending> ending =
      event == OrderEvent::seen_closed ? std::optional{rejected ? Ending::rejected : Ending::ended} : std::nullopt;
  Applied applied = moved(order, step, now, ending, ending ? sighting.reason : "");
  applied.proof_was_wrong = order.state == OrderState::lapsed;
  applied.alive_again = !order.live();
  note_ids(applied.order, sighting);
  note_fills(applied.order, sighting);
  applied.first_acknowledged = !order.acknowledged;
  applied.order.acknowledged = true;
  applied.fill_grew = applied.order.filled > order.filled;
  applied.order.sighted_at = sighting.at;
  if (sighting.exchange_time) applied.order.exchange_time = sighting.exchange_time;
  if (event == OrderEvent::seen_closed) {
    if (sighting.ended_at && order.live()) applied.order.closed_at = sighting.ended_at;
    if (rejected) applied.order.reason = "rejected " + sighting.reason;
    applied.order.fired_at.reset();
  } else if (sighting.fired && !applied.order.fired_at) {
    applied.order.fired_at = sighting.at;
  }
  return applied;
}

Applied apply_absent(const Order& order, Instant now) {
  // What was over already keeps its ending: that an entry was unsent is what keeps its key free.
  const bool over = order.state == OrderState::lapsed || order.state == OrderState::refused;
  Applied applied = moved(order, next_step(order.state, OrderEvent::absent), now,
                          over ? std::nullopt : std::optional{Ending::absent}, over ? "" : "absent, proven");
  applied.proof_was_wrong = order.state == OrderState::claimed && order.acknowledged;
  return applied;
}

bool proves_absence(const Order& order, const Lookup& lookup, Micros margin) {
  return lookup.found.empty() && lookup.every_view_read && lookup.read_began > order.valid_until + margin;
}

bool is_open_question(const Order& order, Instant now) {
  constexpr Micros look_back = 1h;
  switch (order.state) {
    case OrderState::claimed:
    case OrderState::placed:
      return true;
    // Only what was bought has fees that change what is held.
    case OrderState::closed:
      return order.side == Side::buy && order.filled.is_positive() && !order.fees_known;
    case OrderState::refused:
    case OrderState::lapsed:
      return now < order.valid_until + look_back;
  }
  return true;
}

namespace {

OrderEvent event_of(const Sighting& sighting) {
  switch (sighting.status) {
    case VenueStatus::open:
    case VenueStatus::unknown:
      return OrderEvent::seen_open;
    case VenueStatus::rejected:
      return OrderEvent::seen_closed;
    case VenueStatus::filled:
    case VenueStatus::cancelled:
    case VenueStatus::expired:
      break;
  }
  // Closed without a quantity is an order that exists and whose end is not known yet.
  return sighting.filled ? OrderEvent::seen_closed : OrderEvent::seen_open;
}

void note_ids(Order& order, const Sighting& sighting) {
  if (!sighting.venue_id.empty()) order.venue_id = sighting.venue_id;
  if (!sighting.fired_id.empty()) order.fired_id = sighting.fired_id;
}

void note_fills(Order& order, const Sighting& sighting) {
  if (!sighting.filled || *sighting.filled < order.filled) return;  // a fill is never taken back
  const bool grew = *sighting.filled > order.filled;
  order.filled = *sighting.filled;
  if (sighting.filled_value) order.filled_value = *sighting.filled_value;
  if (sighting.fee_base) {
    order.fee_base = *sighting.fee_base;
    order.fees_known = true;
  } else if (grew) {
    order.fees_known = false;  // the fees read no longer add up to the fills
  }
}

Applied moved(const Order& order, Step step, Instant now, std::optional<Ending> ending, std::string_view reason) {
  Applied applied{.order = order, .step = step};
  if (ending) applied.order.ending = *ending;
  if (!reason.empty()) applied.order.reason = reason;
  switch (step) {
    case Step::to_claimed:
      enter(applied.order, OrderState::claimed, now);
      break;
    case Step::to_placed:
      enter(applied.order, OrderState::placed, now);
      break;
    case Step::to_closed:
      enter(applied.order, OrderState::closed, now);
      break;
    case Step::to_refused:
      enter(applied.order, OrderState::refused, now);
      break;
    case Step::to_lapsed:
      enter(applied.order, OrderState::lapsed, now);
      break;
    case Step::alarm:
    case Step::stale:
    case Step::not_asked:
      applied.order = order;
      break;
  }
  return applied;
}

void enter(Order& order, OrderState state, Instant now) {
  const bool ends = state == OrderState::closed || state == OrderState::refused || state == OrderState::lapsed;
  if (ends && !order.closed_at) order.closed_at = now;
  if (!ends) {
    order.closed_at.reset();
    order.ending = {};
  }
  order.state = state;
}

}  // namespace
}  // namespace tradeguard
