// One visit to the paper exchange, between the opening of its book and its closing: what fell due
// happens, orders are taken, cancelled and looked up. Deterministic; knows time and prices only as
// they are given.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "tradeguard/outcome.hpp"
#include "tradeguard/paper_book.hpp"
#include "tradeguard/paper_venue.hpp"

namespace tradeguard {

// Under an id that rests already nothing new is taken.
struct Resting {
  std::int64_t number;
};
using Taken = std::variant<std::int64_t, Refused, Resting>;

class Visit {
 public:
  Visit(PaperState& state, const PaperSettings& settings, Instant now)
      : state_{state}, settings_{settings}, now_{now} {}

  // Everything that became due since the last visit: orders waiting to be looked at, triggers and
  // limits along the price path, the next parts of fills.
  void catch_up();

  Taken take(const Order& order, std::optional<Mishap> mishap);
  // Stop and target as one: both are taken, or the first objection stands for both.
  struct PairTaken {
    Taken stop;
    Taken target;
  };
  PairTaken take_pair(const Order& stop, const Order& target, std::optional<Mishap> stop_mishap,
                      std::optional<Mishap> target_mishap);

  // Open orders under the id, and what else the state holds of it, oldest first.
  std::vector<std::int64_t> numbers_of(const ClientOrderId& client_id, std::optional<std::int64_t> venue_number) const;
  const std::map<std::int64_t, PaperOrder>& orders() const { return state_.orders; }
  const PaperOrder& order(std::int64_t number) const { return state_.orders.at(number); }
  // A reader names the order: the next part of its fill, or what fate has in store, comes about.
  void go_on(std::int64_t number);
  void cancel(std::int64_t number, const std::string& reason);
  void fill_at_market(std::int64_t number);

  // The market's price: the feed's, the last trade's, the fixed one; nullopt: none is known.
  std::optional<Price> market_price(const Symbol& symbol, Instant at) const;
  Decimal total(const std::string& currency, bool is_quote) const;
  // Without what the pair `besides` locks.
  Decimal locked(const std::string& currency, const PaperOrder* besides = nullptr) const;

  std::set<std::string> currencies() const;

  const PaperChanges& changes() const { return changes_; }
  // Symbols of which a fill took 100 for want of a price.
  const std::set<Symbol>& invented() const { return invented_; }

 private:
  PaperState& state_;
  const PaperSettings& settings_;
  Instant now_;
  PaperChanges changes_;
  std::set<Symbol> invented_;
  std::set<std::int64_t> begun_;  // in this very visit
  std::set<std::int64_t> dealt_;

  InstrumentRules enforced_rules(const Symbol& symbol) const;
  std::optional<Price> entry_price(const Order& order) const;
  std::optional<Price> feed_price(const Symbol& symbol, Instant at) const;
  PaperOrder record_of(const Order& order, std::optional<Mishap> mishap);
  std::optional<Refused> malformed(const PaperOrder& order) const;
  std::optional<Refused> objection(const PaperOrder& order, Instant at) const;
  std::optional<std::int64_t> resting(const ClientOrderId& client_id) const;
  void open_accounts(const Symbol& symbol);
  std::int64_t admit(PaperOrder order);
  void begin(std::int64_t number, Instant at);

  void judge(const Symbol& symbol, Instant until);
  void deal_at(const Symbol& symbol, Price price, Instant at);
  void deal_within(const Symbol& symbol, const PriceBar& bar);
  std::vector<std::int64_t> open_in(const Symbol& symbol) const;
  std::vector<std::int64_t> dealing(const Symbol& symbol, Instant until) const;
  void fire(PaperOrder& order, Price price, Instant at);
  void next_part(PaperOrder& order, Price price, Instant at);
  void fill(PaperOrder& order, Quantity quantity, Price price, Instant at);
  void tell_pair(const PaperOrder& order, Quantity dealt);
  void end(PaperOrder& order, VenueStatus status, const std::string& reason);
  void touch(const PaperOrder& order);
  void credit(const std::string& currency, Decimal amount);
};

}  // namespace tradeguard
