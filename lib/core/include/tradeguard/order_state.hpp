// The life of an order: five states, six events, one table. Pure.
// Contract test: tests/unit/order_state_test.cpp
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "tradeguard/order.hpp"
#include "tradeguard/outcome.hpp"

namespace tradeguard {

enum class OrderEvent { accepted, refused, unsent, seen_open, seen_closed, absent };
std::string_view text(OrderEvent event);

enum class Step {
  to_claimed,
  to_placed,
  to_closed,
  to_refused,
  to_lapsed,
  alarm,      // impossible by the protocol: freeze the market and say so
  stale,      // older than what is known: dropped
  not_asked,  // the caller may not bring this event here
};
// The table of the design, cell by cell; docs/order-states.md is generated from it.
Step next_step(OrderState state, OrderEvent event);

// What applying one event to one order gives. `order` is the new row (for stale
// nothing but ids may be new).
struct Applied {
  Order order;
  Step step;
  bool first_acknowledged = false;  // the venue's id, or the order itself, was not known before
  bool fill_grew = false;
  bool alive_again = false;      // it was over, and the venue showed it since: of an entry, its trade is open again
  bool proof_was_wrong = false;  // absent after an acknowledgement, or alive after a proof: CRITICAL
};

Applied apply(const Order& order, const PlaceOutcome& outcome, Instant now);
Applied apply(const Order& order, const Sighting& sighting, Instant now);
Applied apply_absent(const Order& order, Instant now);

// Proven absent: venue time is beyond valid_until + margin and every view was read completely after that.
bool proves_absence(const Order& order, const Lookup& lookup, Micros margin);
// Still asked at the venue at the start of a run.
bool is_open_question(const Order& order, Instant now);

}  // namespace tradeguard
