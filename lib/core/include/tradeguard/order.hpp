// One row for every order: entries, stops, targets, exits. Ownership is the client id and the row.
// Contract tests: tests/unit/order_test.cpp, order_state_test.cpp
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "tradeguard/rules.hpp"
#include "tradeguard/signal.hpp"
#include "tradeguard/word.hpp"

namespace tradeguard {

enum class Leg { entry, stop, target, exit };
enum class OrderType { market, stop_market, stop_limit, limit };
enum class OrderState { claimed, placed, closed, refused, lapsed };

// How an order came to its end, where that decides something: an unsent entry frees its key, a rejected leg came to
// nothing. The sentence for people is Order::reason.
enum class Ending {
  unsent,    // no byte left
  absent,    // proven never to have arrived
  refused,   // the venue's answer was no
  rejected,  // the venue took it and threw it out: its record says so
  ended,     // filled, cancelled, expired
};
// Why a trade is sold by an order of its own.
enum class ExitReason {
  signal,       // a SELL
  operator_,    // `flatten`
  target,       // the price is at a target that does not rest
  remainder,    // what is left is too little for a stop
  breached,     // the price is beyond the stop
  unprotected,  // no stop could be placed for flatten_after
};

std::string_view text(Leg leg);            // "entry", "stop", "target", "exit"
std::string_view text(OrderType type);     // "market", "stop_market", ...
std::string_view text(OrderState state);   // "claimed", ...
std::string_view text(Ending ending);      // "unsent", ...
std::string_view text(ExitReason reason);  // "signal", "operator", ...
std::optional<Leg> parse_leg(std::string_view text);
std::optional<OrderType> parse_order_type(std::string_view text);
std::optional<OrderState> parse_order_state(std::string_view text);
std::optional<Ending> parse_word(std::string_view word, Ending);
std::optional<ExitReason> parse_word(std::string_view word, ExitReason);

// A sale that neither a signal nor a target asked for: it cools its base as a stop-out does.
bool is_forced(const Word<ExitReason>& reason);
// One that protection failed: so many a day stop entries.
bool is_flattening(const Word<ExitReason>& reason);
// The words of the two, for stores that ask by them.
std::vector<std::string_view> forced_words();
std::vector<std::string_view> flattening_words();

// tg1-{leg letter}{attempt}-{26 characters of hash}: a pure function of its arguments, [a-z0-9-], at
// most 36 characters, never used twice. A leg's `of` is its trade's entry id; an entry's the signal key.
using ClientOrderId = std::string;
ClientOrderId client_order_id(const AccountKey& account, std::string_view of, Leg leg, int attempt);
inline constexpr std::string_view client_id_prefix = "tg1-";

// What a venue takes as a client id.
enum class ClientIdForm {
  tg36,      // ours as it is
  alnum32,   // 32 of [a-z0-9]
  hex32,     // 32 of [0-9a-f]
  uuid,      // 8-4-4-4-12 hexadecimal digits, version 8 of RFC 9562
  digits18,  // a number of at most 18 digits, above zero
  int45,     // a number below 2^45, above zero
};
std::string_view text(ClientIdForm form);  // "tg36", ...
std::optional<ClientIdForm> parse_client_id_form(std::string_view text);
// The client id in the venue's alphabet: a pure function of ours, the same on every build. Forms of fewer bits may
// give two orders one id: 1 in 10^6 after 1,400,000 orders with digits18, and after 8,400 with int45.
std::string wire_id(const ClientOrderId& id, ClientIdForm form);

// Fixed 64-bit FNV-1a of "tradeguard/{venue}/{account}" without its sign bit: the same on every build.
std::int64_t lock_key(const AccountKey& account);

struct Order {
  ClientOrderId client_id;
  ClientOrderId trade;  // the client id of the trade's entry; an entry names itself
  Leg leg = Leg::entry;
  int attempt = 1;
  SignalKey signal_key;  // of the signal that asked for it; empty for legs
  Symbol symbol;
  Side side = Side::buy;
  OrderType type = OrderType::market;
  Quantity quantity;
  std::optional<Price> price;    // limit price: targets, stop-limits; what the signal saw: entries
  std::optional<Price> trigger;  // stops

  OrderState state = OrderState::claimed;
  Instant claimed_at;
  Instant stamp;        // venue time carried by the request
  Instant valid_until;  // the venue refuses the request after this (venue time)
  bool acknowledged = false;
  bool twin = false;  // a second order the venue showed under one client id
  std::string pair;   // client id of the stop of the OCO this leg was sent in; empty: alone

  std::string wire_id;                   // the client id as the venue was given it; empty: client_id itself
  std::string venue_id;                  // empty until known
  std::string fired_id;                  // the order a fired trigger became, where the venue gives it another id
  Quantity filled;                       // from the venue, never an estimate
  Money filled_value;                    // quote units of those fills
  Quantity fee_base;                     // of the fees read, what was taken from the base
  bool fees_known = false;               // the fills read add up to `filled`
  std::optional<Instant> exchange_time;  // when the venue says it was made
  std::optional<Instant> sighted_at;     // venue time of the newest sighting applied
  std::optional<Instant> closed_at;
  std::optional<Instant> fired_at;  // first seen fired and still resting
  std::optional<Instant> cancel_asked_at;
  Word<Ending> ending;       // empty while it has not ended
  std::string reason;        // the same for people, with what the venue said; bounded, steers nothing
  Word<ExitReason> because;  // exits only: what it was placed for

  // Exits only: what a later try is compared with.
  std::optional<InstrumentRules> rules;  // of the trade, as they were when it was claimed
  std::optional<Quantity> free_base;     // what the venue said was free then

  std::int64_t version = 0;  // grows with every write; compare-and-set

  Quantity left() const { return quantity > filled ? quantity - filled : Quantity{}; }
  bool in_doubt() const { return state == OrderState::claimed; }
  bool live() const { return state == OrderState::claimed || state == OrderState::placed; }
  friend bool operator==(const Order&, const Order&) = default;
};

// Every member by its name, in the order in which they stand: what is stored, and what tests try one by one. A
// member that is missing does not compile.
template <class Row, class See>
requires std::same_as<std::remove_const_t<Row>, Order>
void each_member(Row& order, See&& see) {
  auto& [client_id, trade, leg, attempt, signal_key, symbol, side, type, quantity, price, trigger, state, claimed_at,
         stamp, valid_until, acknowledged, twin, pair, wire_id, venue_id, fired_id, filled, filled_value, fee_base,
         fees_known, exchange_time, sighted_at, closed_at, fired_at, cancel_asked_at, ending, reason, because, rules,
         free_base, version] = order;
  see("client_id", client_id);
  see("trade", trade);
  see("leg", leg);
  see("attempt", attempt);
  see("signal_key", signal_key);
  see("symbol", symbol);
  see("side", side);
  see("type", type);
  see("quantity", quantity);
  see("price", price);
  see("trigger", trigger);
  see("state", state);
  see("claimed_at", claimed_at);
  see("stamp", stamp);
  see("valid_until", valid_until);
  see("acknowledged", acknowledged);
  see("twin", twin);
  see("pair", pair);
  see("wire_id", wire_id);
  see("venue_id", venue_id);
  see("fired_id", fired_id);
  see("filled", filled);
  see("filled_value", filled_value);
  see("fee_base", fee_base);
  see("fees_known", fees_known);
  see("exchange_time", exchange_time);
  see("sighted_at", sighted_at);
  see("closed_at", closed_at);
  see("fired_at", fired_at);
  see("cancel_asked_at", cancel_asked_at);
  see("ending", ending);
  see("reason", reason);
  see("because", because);
  see("rules", rules);
  see("free_base", free_base);
  see("version", version);
}

// Claimed by a bot that sends by itself, to be known and not to be protected: a SELL entry is no long.
bool is_identity_only(const Order& order);

// The venue's own record of an order, read in this run.
enum class VenueStatus { open, filled, cancelled, expired, rejected, unknown };
std::string_view text(VenueStatus status);
struct Sighting {
  ClientOrderId client_id;
  std::string venue_id;
  std::string fired_id;
  Symbol symbol;
  Side side;
  OrderType type;
  VenueStatus status;  // unknown: not understood, counts as neither open nor closed
  Quantity quantity;
  std::optional<Quantity> filled;  // nullopt: the venue did not say
  std::optional<Money> filled_value;
  std::optional<Quantity> fee_base;  // nullopt: fees not read
  std::optional<Price> price;
  std::optional<Price> trigger;
  bool fired = false;                    // the trigger was hit and what it became still rests
  std::optional<Instant> exchange_time;  // when it was made
  std::optional<Instant> ended_at;       // when it was filled, cancelled, ..., where the venue says so
  Instant at;                            // venue time at which the read began
  std::string reason;
  friend bool operator==(const Sighting&, const Sighting&) = default;
};

// Open with symbol, side, type and quantity as planned, and with no other trigger or limit: one that
// the venue does not show is not another one.
bool sighted_as_planned(const Order& order, const Sighting& sighting);

}  // namespace tradeguard
