// The venue as one run sees it: the two ports to it, what they showed, and how they have answered.
#pragma once

#include <algorithm>
#include <exception>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ledger.hpp"
#include "run_clock.hpp"
#include "tradeguard/exposure.hpp"
#include "tradeguard/venue.hpp"

namespace tradeguard {

// What this run learned of one order at the venue and did with it there.
struct OrderNotes {
  bool here = false;                    // a leg that this run sent
  bool again = false;                   // a stop in doubt that a complete look-up does not show: to be sent again
  bool twice = false;                   // it was
  int unseen = 0;                       // acknowledged: looks in a row that did not show it
  bool end_unknown = false;             // it ended, and the venue does not say with how much
  int cancels = 0;                      // sent by this run
  std::optional<Instant> market_below;  // an unfired stop: since when the market was seen at or below it
};

// Orders as the venue showed them in this run.
struct Seen {
  SightedOpen open;                    // as planned
  std::set<ClientOrderId> mismatched;  // open, and not as planned
  std::set<ClientOrderId> overtaken;   // stops the market stayed below for longer than a venue needs to fire
};

// What was read of prices, balances and rules.
struct Readings {
  // nullopt: not known in this pass.
  std::optional<std::map<std::string, Balance>> balances;
  std::optional<std::map<Symbol, Quote>> quotes;
  bool surroundings = false;                    // of what earlier runs left open, once a run at least
  std::set<std::string> drifted;                // bases
  std::map<std::string, Decimal> looked_again;  // bases that seemed to drift: the balance before the second look
  std::set<Symbol> rules_asked;                 // anew in this run, for legs
};

// How the venue has answered so far.
struct VenueStanding {
  bool failed = false;                   // some question got no answer at all
  bool misconfigured = false;            // and no later run gets one: the key, the address, the country
  bool one_by_one = false;               // a port threw: bursts of one request only
  std::optional<std::string> throttled;  // after one such answer no entry is sent in this run
  int legs_throttled = 0;                // answers of that kind to stops, targets and exits
  bool said_account = false;             // that the venue answers for another account

  void hear(const Error& error) {
    failed = true;
    misconfigured = misconfigured || error.fault == Fault::configuration;
  }
};

class VenueView {
 public:
  VenueView(OrderPlacer& p, SltpPlacer& s) : placer{p}, protector{s} {}

  OrderPlacer& placer;
  SltpPlacer& protector;
  Seen seen;
  Readings read;
  VenueStanding standing;
  int failed_reads = 0;           // rounds in which some trade stayed unread
  bool everything_asked = false;  // the first reconcile of the run is done

  // A new pass: time is read, and what was read of prices and balances is old.
  void begin_pass(RunClock& clock);
  void measure_clock(RunClock& clock);  // once, when the venue is first needed
  OrderNotes& order_notes(const ClientOrderId& order) { return order_notes_[order]; }
  const OrderNotes& order_notes(const ClientOrderId& order) const;
  std::set<ClientOrderId> take_what_goes_again();
  // Until then the other copy of a stop that was sent twice may still come to rest, even when one of them is over.
  bool copy_may_come(const Order& order, const RunClock& clock) const;
  // nullopt: not known. What is missing in a list that was read is zero where the venue says so.
  std::optional<Balance> balance_of(const std::string& currency) const;

 private:
  bool clock_asked_ = false;
  std::map<ClientOrderId, OrderNotes> order_notes_;
};

// One burst over a port. What it throws is the doing of one of its requests: a reading is repeated one by
// one at once; a sending is in doubt as a whole, and from then on this run sends one by one.
enum class Burst { reading, sending };
template <class Request, class Call, class NoAnswer>
auto burst(const Ledger& ledger, VenueView& venue, Burst kind, std::string_view doing,
           const std::vector<Request>& requests, Call&& call, NoAnswer&& no_answer) {
  using Answers = decltype(call(std::span<const Request>{requests}));
  Answers answers;
  const auto ask = [&](std::span<const Request> some) {
    try {
      Answers got = call(some);
      std::move(got.begin(), got.end(), std::back_inserter(answers));
      return true;
    } catch (const std::exception& error) {
      ledger.say(Line{Event::port_failed}.add("doing", doing).add("error", error.what()));
      return false;
    }
  };
  const bool whole = requests.size() == 1 || !venue.standing.one_by_one;
  if (whole && ask(requests)) return answers;
  if (whole) venue.standing.one_by_one = true;
  if (!whole || (kind == Burst::reading && requests.size() > 1)) {
    answers.clear();
    for (std::size_t i = 0; i < requests.size(); ++i)
      if (!ask(std::span<const Request>{requests}.subspan(i, 1))) answers.push_back(no_answer());
  }
  while (answers.size() < requests.size()) answers.push_back(no_answer());
  return answers;
}

}  // namespace tradeguard
