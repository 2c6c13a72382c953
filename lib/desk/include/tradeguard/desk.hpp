// Desk: the guards for a bot that runs for days, has threads, and sends its orders itself.
//
//   auto desk = Desk::open(at_sqlite("bot.db"), {"kraken", "bot7"}, settings, clock).value();
//   auto answer = desk->claim({.symbol = "BTCUSDT", .said = heard_at, .quantity = size, .price = seen});
//   if (const auto* ticket = std::get_if<Ticket>(&answer)) {
//     // send it under ticket->wire_id, then:
//     desk->settle(ticket->id, outcome).value();
//   }
//   ... and once a minute: desk->tend(my_lookup);
//
// A claim is durable before it is answered. So whatever dies between claim and settle, the signal is not entered
// twice, and tend() asks the exchange what became of it.
//
// Every call may come from any thread; calls take turns in the order in which they came, and none waits for longer than
// Settings::patience. Nothing is locked while the bot's own functions run. After fork() the child's desk answers every
// call with an error: daemon() first, open() second.
//
// The desk owns its session of the store. A store that goes away is connected to again, and with Sharing::exclusive its
// run lock is taken again; if another process has taken it meanwhile, calls say so.
//
// A guard-only bot is not promised a stop: whoever sends the entries sends those, too.
// Contract test: tests/desk/desk_contract.cpp
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tradeguard/clock.hpp"
#include "tradeguard/log.hpp"
#include "tradeguard/store.hpp"

namespace tradeguard {

// What a bot wants to do, in what it has.
struct Wish {
  // As the bot's exchange spells it: BTCUSDT, btc-usdt, BTC/USDT. Without a sign between its parts it ends in one of
  // Settings::quotes.
  std::string symbol;
  // A BUY is an entry. A SELL is a claim of identity only: it is made once, is never cooled, and opens no position.
  Side side = Side::buy;
  Instant said;                   // when the strategy decided; one wish a symbol, side and UTC minute
  std::optional<std::string> id;  // [A-Za-z0-9._-]{1,64}, of an alert: identity instead of the minute
  Quantity quantity;              // zero: not known before it is filled, and then `notional` is
  std::optional<Price> price;     // what the strategy saw, or the limit
  // What it will cost; else price times quantity. With policy.max_order_notional a BUY needs one of them.
  std::optional<Money> notional;
  std::string strategy;
  // The exchange holds the stop with the order, or the bot sees to it: counted, and never reported as UNPROTECTED.
  bool protected_elsewhere = false;
  // NotClaimed::again of an earlier try for the same signal, once.
  std::string again;
};

struct Ticket {
  ClientOrderId id;     // for settle(), filled(), closed()
  std::string wire_id;  // for the exchange, in Settings' form
  Symbol symbol;
  Side side;
  Quantity quantity;
  Instant valid_until;  // nothing is sent after this: from then on absence is proven
};

struct NotClaimed {
  enum class Why {
    duplicate,       // this signal was claimed before, or denied for good
    cooling,         // its base was entered a moment ago, or stopped out
    denied,          // `denial` says why
    wrong,           // the wish cannot be read: nothing was asked
    busy,            // other calls took all the patience
    unreachable,     // the store did not answer in time. The claim may stand: see `again`
    held_elsewhere,  // another process has the run lock of the account
    forked,          // this process is not the one that opened the desk
  };
  Why why;
  std::string text;                    // one sentence for a person
  Word<Denial> denial;                 // of cooling and denied
  std::optional<Instant> until;        // when it may pass, where that is known
  std::optional<ClientOrderId> order;  // of a duplicate that was claimed
  // Not empty: the claim may have been written. Put it into Wish::again and claim the same signal again: if it is
  // there, it is yours, and its ticket comes back; after its time the signal is free again instead.
  std::string again;
};
std::string_view text(NotClaimed::Why why);  // "duplicate", ...
using ClaimAnswer = std::variant<Ticket, NotClaimed>;

// What the exchange says of an entry so far: totals, not what was added.
struct Fill {
  Quantity filled;
  Money value;                            // quote units of those fills
  std::optional<Quantity> fee_base = {};  // of the fees, what was taken from the coins bought
  bool final = false;                     // nothing more will fill
  std::string venue_id = {};
};

// A sale that ended a position, or a part of it.
enum class ClosedBy { stop, target, signal, operator_ };
struct Closed {
  ClosedBy by;
  std::string order;  // the exchange's id of the selling order: who says the same twice is counted once
  Quantity quantity;  // sold by that order so far
  Money value;        // quote units received
  bool all = false;   // the position is over, whatever is left
};

// What the bot's own look-up found under a client id.
struct AtVenue {
  enum class State { open, filled, cancelled, rejected };
  State state;
  Fill fill = {};  // `final` follows from the state
  std::string reason = {};
};
struct NotThere {};  // every place where it could stand was read completely
struct CannotSay {
  std::string why;
};
using LookedUp = std::variant<AtVenue, NotThere, CannotSay>;
using LookUp = std::function<LookedUp(const Order&)>;

struct Tended {
  int asked = 0;
  int answered = 0;  // of them
  int lapsed = 0;    // proven never to have arrived
  int in_doubt = 0;  // entries without an answer, afterwards
  int alarms = 0;    // standing
  int told = 0;      // notices delivered
  std::size_t pruned = 0;
};

class Desk {
 public:
  // exclusive: holds the run lock for as long as it lives. shared: several processes have desks of one account, or
  // monitor_cycle runs beside; claims exclude each other all the same.
  enum class Sharing { exclusive, shared };
  struct Settings {
    EntryPolicy policy = {};  // with client_id_form
    Sharing sharing = Sharing::exclusive;
    std::vector<std::string> quotes = {"USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USD", "EUR", "GBP", "BTC", "ETH"};
    Micros validity = 10s;        // from the claim; the bot sends no later
    Micros absence_margin = 10s;  // beyond validity, before "not there" is proof
    Micros patience = 5s;         // of one call, for its turn and for the store together
    Micros in_doubt_after = 180s;
    Micros notify_budget = 20s;    // of one tend()
    Micros keep = 2160h;           // 90 days: what is older and over leaves the store
    Notifier* notifier = nullptr;  // nullptr: notices stay in the outbox
    Log* log = nullptr;
    std::string name = "bot";  // of this process among those that share the account, for the record of its tends
  };

  // Fault::configuration: the account's name is none, or the store is not one. Fault::fenced: another process has the
  // run lock. `clock`, notifier and log outlive the desk.
  static Result<std::unique_ptr<Desk>> open(OpenStore connect, const AccountKey& account, Settings settings,
                                            Clock& clock);
  ~Desk();
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  ClaimAnswer claim(const Wish& wish);

  // What became of the request, by its id, from any thread or a later process. Unsent frees the signal; Refused and
  // Unsent end the trade; Accepted without a record leaves the base free and is asked by tend(); InDoubt keeps the base
  // closed until tend() has an answer. The same answer twice is one.
  Result<void> settle(const ClientOrderId& id, const PlaceOutcome& outcome);
  // Totals that shrink are not believed. Final and nothing filled: the trade is over.
  Result<void> filled(const ClientOrderId& id, const Fill& fill);
  // The trade is over when all that was bought is sold, or Closed::all says so. A stop cools its base.
  Result<void> closed(const ClientOrderId& id, const Closed& sale);
  // What is open, oldest first: what a bot has to know after a restart.
  Result<std::vector<Trade>> open_trades();

  // Once a minute. Asks every entry without an end through `look_up`, proves absence, alarms doubts that are older than
  // in_doubt_after, delivers the outbox, prunes, and leaves a record of having been here. From one thread at a time.
  Result<Tended> tend(const LookUp& look_up);

 private:
  class Impl;
  explicit Desk(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// "BTCUSDT" with {"USDT", ...} is BTC_USDT; so are btc-usdt, BTC/USDT and BTC_USDT. An error names the quotes.
Result<Symbol> symbol_of(std::string_view spelled, const std::vector<std::string>& quotes);
// The multiple of `step` that is nearest to a double, half to even; the only door for one. Error: not finite, or step
// not above zero.
Result<Quantity> nearest(double value, Quantity step);
Result<Price> nearest(double value, Price tick);

}  // namespace tradeguard
