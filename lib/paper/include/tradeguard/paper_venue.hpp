// PaperVenue: an exchange on this machine. Orders, fills, fees, triggers, OCO, balances that lock,
// and every answer a real one may give on a bad day. Nothing leaves the machine.
//
// Each call is one visit to the book: first everything that became due since the last visit
// happens, in the order of time, then the call itself, and what changed is durable before the
// answer is given. A call that asks nothing leaves the book closed.
// Contract test: tests/venue/venue_contract.cpp
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tradeguard/clock.hpp"
#include "tradeguard/fault_script.hpp"
#include "tradeguard/paper_book.hpp"
#include "tradeguard/price_feed.hpp"
#include "tradeguard/venue.hpp"

namespace tradeguard {

class Visit;

struct PaperSettings {
  // Prices. A market entry fills at the price its signal saw, else at the feed's, else at the
  // market's fixed price, else at its last trade, else at 100. Everything else deals at the
  // market's price: the feed's, else the last trade's, else the fixed one, else 100.
  PriceFeed* prices = nullptr;
  std::map<Symbol, Price> fixed_prices;
  // Told once a symbol and venue object when a fill had to take 100.
  std::function<void(const Symbol&)> price_invented;
  // Whether a caller may hand a quote back as what its signal saw; then a fill at a guessed 100 is told
  // too, also where a signal saw just that.
  bool quotes_come_back = true;

  // Markets. Every BASE_QUOTE is traded: those named here by these rules and their highest fee
  // rate, all others by built_in_rules() and fee_rate, 0.1 %.
  std::map<Symbol, InstrumentRules> rules;
  Decimal fee_rate = Decimal::from_units(1'000'000'000'000'000);
  FeeIn fee_in = FeeIn::base;

  // Balances at the beginning of the book. A quote currency without one has quote_balance when it
  // is first used; of a base coin there is what was bought.
  std::map<std::string, Decimal> balances;
  Decimal quote_balance{100'000};

  // What kind of venue it is.
  bool oco = true;
  bool stop_market = true;
  bool duplicate_ids_refused = true;  // false: a second order under a resting id is taken, a twin
  bool oco_part_cancels_stop = true;  // a partly filled target ends its stop, as on the big venues
  bool oco_cancelled_whole = false;   // cancelling one leg cancels the other
  bool fired_gets_number = false;     // a fired trigger goes on under a second number
  bool fees_on_request = false;       // fees are read only by queries that want them
  // Answers are acknowledgements only: a later visit looks at the order, not before visible_after
  // has passed, and what is wrong with its balance or trigger shows as REJECTED in its record.
  bool asynchronous = false;
  Micros visible_after{0};
  // In how many parts orders of a leg are filled. The first at once; of market orders the next with
  // each find that names the order, or, if part_every is set, with time; of limits with each visit.
  std::map<Leg, int> parts;
  Micros part_every{0};

  Micros offset{0};  // venue time less the clock's
  Micros validity_window = 10s;
  Micros absence_margin = 2s;
  Micros patience = 2s;  // what a timeout takes
  std::size_t entries_at_a_time = 1000;

  FaultScript* faults = nullptr;
};

// The rules of a market nobody configured: step and minimum quantity 0.00001, minimum notional 5.
// The tick follows the price, if one is known: 0.01 from 10 upwards, five significant digits below,
// so that 3 % of any price are hundreds of ticks. With no price known it is 10^-10. The exchange
// itself takes every multiple of 10^-12 there: an order made by yesterday's tick is good today.
InstrumentRules built_in_rules(const Symbol& symbol, std::optional<Price> price, Decimal fee_rate, Instant now);

// How it deals. A market order fills at one price, decided when it is taken. Along the feed's bars,
// each that is over in its order: its open first, at which a stop it has passed sells (a gap) and a
// limit it has reached sells at the limit; then its range, in which stops sell at their trigger
// before any limit sells, as the path inside a bar is not known. A stop-limit whose limit the price
// has passed stays, fired and resting. An order made while a bar runs is judged by the whole of it.
// Of a running bar only the open is known. Without a feed the path is the last trade's price.
//
// `clock`, `book` and what the settings point to outlive the venue. Not for two threads at once.
class PaperVenue final : public OrderPlacer, public SltpPlacer {
 public:
  PaperVenue(Clock& clock, PaperBook& book, PaperSettings settings);

  const VenueTraits& traits() const override { return traits_; }
  Result<Instant> venue_time() override;
  std::vector<Result<Lookup>> find(std::span<const OrderQuery> queries) override;
  std::vector<CancelOutcome> cancel(std::span<const CancelRequest> requests) override;

  std::vector<PlaceOutcome> place(std::span<const EntryTicket> tickets) override;
  Result<std::map<Symbol, InstrumentRules>> rules(const std::set<Symbol>& symbols) override;
  Result<std::vector<Sighting>> own_orders(Instant since) override;
  // Empty: a paper account has no id but the one it is called by.
  Result<std::string> account_id() override { return std::string{}; }

  // Without OCO the target of a pair is refused and its stop placed.
  std::vector<LegOutcome> protect(std::span<const LegRequest> requests) override;
  std::vector<PlaceOutcome> flatten(std::span<const Order> exits) override;
  Result<std::map<Symbol, Quote>> quotes(const std::set<Symbol>& symbols) override;
  // Every currency of the book, and those of every symbol this object was asked about.
  Result<std::map<std::string, Balance>> balances() override;

  // The venue's clock less ours, from now on.
  void set_offset(Micros offset) { settings_.offset = offset; }

 private:
  // One order to send, or a stop with the target of its pair.
  struct Errand {
    const Order* order;
    const Order* target;
  };
  struct Visited {
    std::optional<Error> not_opened;  // nothing happened
    std::optional<Error> not_closed;  // what happened may not have been kept
    const Error* error() const { return not_opened ? &*not_opened : not_closed ? &*not_closed : nullptr; }
  };
  template <class Act>
  Visited visit(const PaperWanted& wanted, Act act);

  std::vector<LegOutcome> send(VenueVerb verb, std::span<const Errand> errands);
  LegOutcome run(Visit& visit, VenueVerb verb, const Errand& errand, Instant now, bool& timed_out);
  static std::vector<PlaceOutcome> first_answers(std::vector<LegOutcome> answers);
  static void make_doubtful(PlaceOutcome& outcome, const Error& error);
  Result<Lookup> look_up(Visit& visit, const OrderQuery& query, Instant now);
  CancelOutcome cancel_one(Visit& visit, const CancelRequest& request);
  Result<std::set<Symbol>> spared(VenueVerb verb, const std::set<Symbol>& symbols);
  Result<std::map<Symbol, Price>> known_prices(const std::set<Symbol>& symbols);
  void tell_guess(const Order& order);
  void tell_invented(const std::set<Symbol>& symbols);
  void meet(const Symbol& symbol);
  std::optional<Mishap> mishap(VenueVerb verb, const Symbol* symbol, std::optional<Leg> leg);
  bool unreadable(VenueVerb verb);
  Instant venue_now();

  Clock& clock_;
  PaperBook& book_;
  PaperSettings settings_;
  VenueTraits traits_;
  std::set<std::string> bases_;  // of every symbol this object was asked about
  std::set<std::string> quotes_;
  std::set<Symbol> guessed_;  // quoted at 100 for want of a price
  std::set<Symbol> told_;     // price_invented was called
};

}  // namespace tradeguard
