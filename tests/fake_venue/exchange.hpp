// The fake exchange itself: one account, its balances and orders, one price a market. No HTTP, no
// clock, no file: what happens is a function of the calls and of the times handed in.
//
// Money only moves between the account and the market: `unbalanced` recounts every balance from the
// deposits and the fills. What is locked is never stored, it is derived from the orders that are
// open. Contract test: tests/fake_venue/exchange_test.cpp
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tradeguard/decimal.hpp"
#include "tradeguard/time.hpp"

namespace tradeguard::fake {

struct Market {
  std::string symbol;  // ETH_USDT
  std::string base;
  std::string quote;
  Decimal tick;
  Decimal step;
  Decimal min_quantity;
  Decimal max_quantity;
  Decimal min_notional;
  Decimal max_notional;  // of one order; zero: none
  Decimal maker_fee;
  Decimal taker_fee;
  Decimal fee_step;         // fees are cut to multiples of it; zero: exact
  bool open = true;         // for trading
  bool stop_market = true;  // stops that fire a market order are taken
  int max_stops = 5;        // conditional orders open at a time
  int max_orders = 200;     // orders open at a time
  // Where prices and triggers may lie, as parts of the reference price; zero: anywhere.
  Decimal bid_down;
  Decimal bid_up;
  Decimal ask_down;
  Decimal ask_up;
  Decimal reference;  // zero: the last price
  Decimal max_price{1'000'000};
};

enum class Side { buy, sell };
enum class Kind { market, limit, limit_maker, stop, stop_limit, take_profit, take_profit_limit };
enum class Life { good_till_cancel, immediate_or_cancel, fill_or_kill };
// `pending` is accepted and not looked at yet; an open order may be partly filled.
enum class Status { pending, open, filled, cancelled, rejected, expired };
bool closed(Status status);
bool conditional(Kind kind);

// What becomes of an order after the exchange took it, if somebody wants it otherwise than usual.
struct Fate {
  std::optional<std::string> reject;  // REJECTED, for this reason, when it is looked at
  std::optional<Decimal> part;        // of its quantity: all that the first execution fills
  bool never_fills = false;
  bool missing = false;       // of a pair: this leg is never made
  std::optional<Status> end;  // closed so after `end_after_reads` reads of the single order
  int end_after_reads = 0;
  std::string fee_currency;           // "": the order's own choice
  std::map<std::string, int> hidden;  // reads of that view it stays out of; -1: for ever. "*": each
  int stale = 0;                      // reads that still show it as it was when it was taken
  std::string shown_status;           // a status of another world
  std::vector<std::string> left_out;  // members missing in what is shown
};

struct Wanted {
  std::string symbol;
  Side side = Side::buy;
  Kind kind = Kind::market;
  Decimal quantity;  // of the base; zero for a market buy by `notional`
  Decimal notional;
  Decimal price;  // limit
  Decimal trigger;
  Life life = Life::good_till_cancel;
  std::string client_id;
  std::string fee_currency;  // "": what is received
  bool advanced = false;     // belongs to the other of two namespaces
  std::string list_client_id;
};

struct Fill {
  std::int64_t id = 0;
  Decimal price;
  Decimal quantity;
  Decimal fee;
  std::string fee_currency;
  bool maker = false;
  Instant at;
};

struct Order : Wanted {
  std::int64_t id = 0;
  std::int64_t fired_id = 0;  // of the order that a trigger became
  std::int64_t list_id = 0;   // of the pair
  int leg = 0;                // 1, 2 in a pair
  Status status = Status::pending;
  bool fired = false;
  std::string reason;  // why it was rejected or closed
  Decimal filled;
  Decimal value;  // of what was filled, in quote
  std::vector<Fill> fills;
  Instant created;
  Instant updated;
  Instant due;       // looked at or filled, not before
  Decimal estimate;  // price that a market order's lock is reckoned by
  Fate fate;

  Decimal left() const { return quantity - filled; }
};

struct Holding {
  Decimal total;
  Decimal locked;
  Decimal free() const { return total - locked; }
};

class Exchange {
 public:
  // Ids count up from here.
  explicit Exchange(std::int64_t first_id) : first_id_{first_id}, next_id_{first_id} {}

  void list(Market market, Decimal price);
  const std::map<std::string, Market>& markets() const { return markets_; }
  Market* market(std::string_view symbol);
  Decimal price(const std::string& symbol) const { return prices_.at(symbol); }

  // Forgets orders and balances; markets and prices stay.
  void reset();
  void set_balance(const std::string& currency, Decimal total);
  std::map<std::string, Holding> holdings() const;
  Holding holding(const std::string& currency) const;

  // From accepting an order to looking at it; from then to a fill. Zero: at once.
  Micros look_after{0};
  Micros fill_after{0};
  // What was accepted is shown by no view for this long.
  Micros visible_after{0};

  // Takes the order, or both of a pair that shares its coins and of which one cancels the other.
  // The caller has judged form, rules and trigger side; funds are judged here: an order that cannot
  // be paid for is REJECTED with `reason` "INSUFFICIENT_ACC_BALANCE".
  Order& place(const Wanted& wanted, Instant now, const Fate& fate = {});
  std::int64_t place_pair(const Wanted& first, const Wanted& second, Instant now, const Fate& first_fate = {},
                          const Fate& second_fate = {});
  bool affordable(const Wanted& wanted) const;
  // A limit order that would deal at once.
  bool marketable(const Wanted& wanted) const;
  // A conditional order that would fire at once.
  bool triggered(const Wanted& wanted) const;
  // False: closed already.
  bool cancel(std::int64_t id, Instant now);
  // Fills this part of what was ordered, at the order's own price or the market's, whatever its
  // fate.
  bool execute_part(std::int64_t id, Decimal part, Instant now);

  // The next trade takes place at this price: triggers fire, resting orders it reaches are filled.
  void trade_at(const std::string& symbol, Decimal price, Instant now);
  // What was due until now happens.
  void advance(Instant now);

  // Every order ever taken, oldest first; the exchange's own truth.
  const std::deque<Order>& orders() const { return orders_; }
  Order* order(std::int64_t id);  // by its own id, or the one it got when it fired
  std::vector<Order*> by_client_id(std::string_view id);
  std::vector<Order*> of_list(std::int64_t list_id);

  // An order as a reader of this view is shown it now; nullopt: not at all. Counts as a read of it;
  // `single` reads are those that `Fate::end_after_reads` waits for.
  std::optional<Order> shown(Order& order, std::string_view view, Instant now, bool single = false);

  // A sentence that names a balance that its deposits and fills do not add up to, or of which more
  // is locked than there is; nullopt: money was conserved.
  std::optional<std::string> unbalanced() const;

 private:
  Order& take(const Wanted& wanted, Instant now, const Fate& fate);
  void look_at(Order& order, Instant now);
  void deal(Order& order, Instant now);
  void execute(Order& order, Decimal quantity, Decimal price, bool maker, Instant now);
  void fire(Order& order, Instant now);
  void give_second_id(Order& order);
  void reach(Order& order, Instant now);
  void close(Order& order, Status status, Instant now, const std::string& reason = {});
  void end_others_of(const Order& order, Instant now);
  Decimal lock_of(const Order& order) const;
  const std::string& locked_currency(const Order& order) const;

  std::int64_t first_id_;
  std::int64_t next_id_;
  std::map<std::string, Market> markets_;
  std::map<std::string, Decimal> prices_;
  std::map<std::string, Decimal> totals_;
  std::map<std::string, Decimal> deposits_;
  std::deque<Order> orders_;
  std::vector<Order*> live_;                        // not closed
  std::unordered_map<std::int64_t, Order*> by_id_;  // under both ids
};

}  // namespace tradeguard::fake
