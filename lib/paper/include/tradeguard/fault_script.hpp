// FaultScript: the answers of a venue on a bad day, on demand and the same each time.
//
// A rule names a verb, may name a symbol and a leg, and which of the matching occasions are spoilt.
// Contract test: tests/venue/fault_script_test.cpp
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "tradeguard/order.hpp"

namespace tradeguard {

// An occasion of `place`, `protect`, `flatten`, `find` and `cancel` is one order of a burst, of
// `rules` and `quotes` one symbol, of the others one call.
enum class VenueVerb {
  place,
  protect,
  flatten,
  find,
  cancel,
  rules,
  quotes,
  balances,
  venue_time,
  own_orders,
};
std::string_view text(VenueVerb verb);
std::optional<VenueVerb> parse_venue_verb(std::string_view word);

enum class Mishap {
  // Sending (place, protect, flatten). The legs of a pair travel in one request: what befalls one
  // of
  // them on the way, or its answer, befalls both.
  not_connected,         // Unsent
  throttled,             // Unsent
  clock_refused,         // Unsent: the venue says that the request's time is off
  dropped,               // InDoubt, and there is no order
  accepted_dropped,      // InDoubt, and there is one: the connection broke
  accepted_500,          //   ... HTTP 500
  accepted_timeout,      //   ... no answer within the patience, which passes on the clock
  accepted_empty,        //   ... HTTP 200 with an empty result
  refused_min_quantity,  // Refused, and so are the following
  refused_min_notional,
  refused_tick,
  refused_step,
  refused_balance,
  refused_margin,
  refused_permission,
  refused_auth,
  refused_unsupported,  // this venue takes no such conditional order (any more)
  refused_in_200,       // HTTP 200 with an error code inside
  refused_with_id,      // InDoubt: an error code and an order id; the order's record is REJECTED
  duplicate,            // InDoubt: the venue says that the client id exists; nothing new is accepted
  // What becomes of an order after the venue said yes: of each leg by itself.
  rejected_later,       // acknowledged, then REJECTED in the venue's own record
  part_then_cancelled,  // half of it fills, the read after that shows it cancelled
  cancelled_with_zero,  // cancelled by the venue, nothing filled
  stored_as_limit,      // a trigger order stored as a plain LIMIT far above, which protects nothing
  fee_in_base,
  fee_in_other,  // a third coin: neither base nor quote pays
  // Reading (find).
  read_fails,               // an error; of rules, quotes, balances, venue_time and own_orders too
  unknown_order,            // nothing is shown though every view was read
  view_truncated,           // nothing is shown, and not every view was read
  unknown_status,           // a status string nobody knows
  filled_without_quantity,  // the venue does not say how much
  filled_without_price,     // ... nor at what price
  fees_unread,
  // Cancelling.
  cancel_unsent,
  cancel_ignored,        // acknowledged, yet the order lives on
  cancel_lost,           // InDoubt, and it was cancelled
  cancel_dropped,        // InDoubt, and it was not
  filled_before_cancel,  // the order fills at the market first: CancelGone
  // Tables (rules, quotes): the symbol is missing in the answer.
  left_out,
};
std::string_view text(Mishap mishap);
std::optional<Mishap> parse_mishap(std::string_view word);
const std::vector<Mishap>& mishaps();

struct Occasion {
  std::optional<Symbol> symbol;  // nullopt: any
  std::optional<Leg> leg;
  int from = 1;   // the first matching occasion that is spoilt
  int times = 1;  // how many in a row; 0: from then on all
};

class FaultScript {
 public:
  FaultScript& on(VenueVerb verb, Mishap mishap, Occasion occasion = {});
  void clear() { rules_.clear(); }

  // Asked by the venue at each occasion. Every rule that matches counts it; the first rule whose
  // turn it is decides.
  std::optional<Mishap> next(VenueVerb verb, const Symbol* symbol, std::optional<Leg> leg);

 private:
  struct Rule {
    VenueVerb verb;
    Mishap mishap;
    Occasion occasion;
    int seen = 0;
  };
  std::vector<Rule> rules_;
};

// Reads a script from text, one rule a line: `VERB MISHAP [symbol=X] [leg=L] [from=N] [times=N]`;
// blank lines and lines beginning with # are skipped. Fault::configuration names the line that is
// not so.
Result<FaultScript> parse_fault_script(std::string_view script, const std::string& name);

}  // namespace tradeguard
