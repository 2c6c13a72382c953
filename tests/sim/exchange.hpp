// The exchange of a simulation: its own truth about orders, coins and prices, wherever the bot looks.
//
// It keeps what the interfaces promise of a venue: nothing is executed after valid_until, coins are for sale
// once, a complete reading that began behind valid_until and the margin shows everything. It knows who bought
// what, so that it also is the witness: whatever a bot may never do to it is noted as broken.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "story.hpp"
#include "tradeguard/venue.hpp"

namespace tradeguard::sim {

// How one request was treated on its way; what was not said is as usual.
struct Mishap {
  bool rejected_later = false;  // taken, and rejected in the order's own record
  bool stored_wrong = false;    // taken as something else than was asked
  Micros in_parts{0};           // the fill grows over this time
  Micros expires{0};            // the venue ends it by itself
  bool gone_soon = false;       // and then says that it was rejected, with what it was paired with
  bool sleeps = false;          // a stop that never fires, wherever the price goes
  int slips = 0;                // filled so many permille above the price
};

struct Look {
  Instant at;  // what is shown is the truth of then
  Instant since;
  bool fees = false;
};

class SimExchange {
 public:
  struct Fill {
    Instant at;
    Quantity quantity;
    Price price;
  };
  // What a reading may show of an order: it changes in steps.
  struct Face {
    Instant at;
    VenueStatus status = VenueStatus::open;
    Quantity filled;
    Money value;
    Quantity fee;
    bool fired = false;
  };
  struct Paper {     // one order in the exchange's books
    Order asked;     // as the request said it
    OrderType type;  // as it was taken
    std::optional<Price> trigger;
    std::string venue_id;
    std::string fired_id;
    Instant created;
    Instant visible_from;
    std::optional<Instant> closed;
    Face now;
    std::string reason;
    std::vector<Face> past;  // oldest first
    std::vector<Fill> fills;
    std::vector<std::pair<Instant, Quantity>> to_come;  // parts of the fill still to happen
    std::optional<Instant> expires;
    std::optional<std::size_t> sibling;  // the other half of its OCO
    Micros in_parts{0};
    bool owners = false;  // not the bot's
    bool sleeps = false;
    bool gone_soon = false;
    bool taken_away = false;  // ended by the owner or the exchange while it rested
    int slips = 0;
    bool open() const { return now.status == VenueStatus::open; }
    Quantity left() const { return asked.quantity - now.filled; }
  };

  SimExchange(const Story& story, const VenueTraits& traits);

  const VenueTraits& traits() const { return traits_; }
  Instant now() const { return now_; }
  void advance(Instant to);

  // Requests that have arrived. The pair stands or falls as one.
  struct Taken {
    PlaceOutcome outcome;
    std::optional<std::size_t> order;
  };
  Taken take(const Order& order, const Mishap& mishap);
  std::pair<Taken, Taken> take_pair(const Order& stop, const Order& target, const Mishap& mishap);
  CancelOutcome cancel(const CancelRequest& request);
  // What will arrive later; what arrives behind valid_until is not executed.
  void on_its_way(Instant at, std::function<void()> request);
  bool something_on_its_way() const { return !pending_.empty(); }

  Sighting sighting_of(const Paper& paper, const Look& look) const;
  std::vector<const Paper*> matching(const OrderQuery& query, const Look& look) const;
  Price price(const Symbol& symbol) const;
  Price price_ago(const Symbol& symbol, Micros span) const;
  std::map<std::string, Balance> balances() const;
  const InstrumentRules& rules(const Symbol& symbol) const { return market(symbol).rules; }
  const std::vector<Symbol>& symbols() const { return symbols_; }

  // The world and the owner of the account.
  void jump(std::size_t market, int permille);
  bool owner_cancels_stop(std::size_t which);
  bool owner_sells(std::size_t market, int permille);
  void owner_buys(std::size_t market, const Quantity& quantity);
  void owner_gives(const std::string& base, Decimal amount);
  bool half_fill_a_target(std::size_t which, int permille);
  bool owner_takes_all(std::size_t market);
  bool owner_withdraws(const std::string& quote);
  bool change_tick(std::size_t market);
  std::optional<Instant> stops_refused_until;
  std::optional<Instant> pairs_refused_until;
  bool zeros_omitted = false;           // a currency of which there is nothing has no row
  std::optional<Instant> closed_until;  // maintenance: nobody is answered
  std::optional<Instant> banned_until;  // throttled

  // The witness.
  const std::vector<Paper>& papers() const { return papers_; }
  std::vector<std::string> broken;  // promises, as they were broken
  std::uint64_t events_hash = 0xcbf29ce484222325U;
  std::function<void(const std::string&)> on_event;
  std::string money_is_lost() const;  // empty: every coin is where it should be
  Quantity received(const ClientOrderId& trade) const;
  Quantity sold(const ClientOrderId& trade) const;
  Quantity for_sale(const ClientOrderId& trade) const;
  Quantity held(const ClientOrderId& trade) const { return received(trade) - sold(trade); }
  Quantity under_stops(const ClientOrderId& trade) const;
  Decimal total(const std::string& currency) const { return balances_.at(currency); }
  // Since when more of the trade than the venue would take as an order is under no stop that rests; and whether
  // one of its stops had covered all of it before.
  std::optional<Instant> stopless_since(const ClientOrderId& trade) const;
  bool had_a_stop(const ClientOrderId& trade) const { return once_covered_.contains(trade); }
  // A stop that was sent again while the first copy was on its way, and came to rest twice: the first copy found
  // the second one closed already. One in a million, told as TWIN, and beyond what can be promised.
  bool stop_came_twice = false;
  Micros longest_naked{0};  // over all trades, by the exchange's own books

 private:
  struct Market {
    Symbol symbol;
    InstrumentRules rules;
    Price grain;         // of the price; the tick that orders have to keep may change
    std::int64_t ticks;  // the price, in grains
    std::int64_t anchor;
    std::vector<std::int64_t> recent;  // of the last seconds
  };
  const Market& market(const Symbol& symbol) const;
  Market& market(const Symbol& symbol);
  static Price price_of(const Market& m);
  std::optional<Refused> objection(const Order& order) const;
  void check_offer(const Order& order);
  std::size_t open_paper(const Order& order, const Mishap& mishap);
  void run_order(std::size_t index);
  void fill(std::size_t index, Quantity quantity, Price at);
  void fill_all(std::size_t index, Price at);
  void close(std::size_t index, VenueStatus status, std::string reason);
  void show(Paper& paper);
  void end_by_itself(std::size_t index);
  void tick_prices();
  void triggers();
  void watch_naked(const ClientOrderId& trade);
  void say(const std::string& event);
  Decimal locked(const std::string& base) const;
  std::string new_id() { return std::to_string(7'000'000 + ++ids_); }

  std::uint64_t seed_;
  VenueTraits traits_;
  Instant now_;
  Micros slow_to_show_;
  Decimal fee_rate_;
  bool fees_in_coin_;
  std::vector<Market> markets_;
  std::vector<Symbol> symbols_;
  std::vector<Paper> papers_;
  std::multimap<ClientOrderId, std::size_t> by_client_;
  std::multimap<ClientOrderId, std::size_t> by_trade_;
  std::vector<std::size_t> open_;
  std::vector<std::pair<Instant, std::function<void()>>> pending_;
  std::map<std::string, Decimal> balances_;
  std::map<std::string, Decimal> given_;  // from outside: the beginning, and the owner's gifts
  std::map<ClientOrderId, Instant> naked_since_;
  std::map<ClientOrderId, Instant> stopless_since_;
  std::set<ClientOrderId> once_covered_;
  std::int64_t ids_ = 0;
};

VenueTraits traits_of(Exchange exchange);

// What no exchange takes as an order at this price, with a tenth to spare: the witness's own sum.
bool too_little(Quantity quantity, Price price, const InstrumentRules& rules);

}  // namespace tradeguard::sim
