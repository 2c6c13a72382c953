// What Binance Spot is asked and what it answers, as plain values: building requests, reading
// answers, and the one table of outcomes. Pure: no socket, no clock, no memory of what was said
// before. Contract tests: tests/binance/answers_test.cpp, tests/binance/outcomes_test.cpp
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tradeguard/secret.hpp"
#include "tradeguard/signing.hpp"
#include "tradeguard/venue_answer.hpp"

namespace tradeguard::binance {

using namespace exchange;

// ---- What a call may come to -------------------------------------------------------------------

Ruling ruling(Call call, const HttpResult& result);

// ---- Asking ------------------------------------------------------------------------------------

// The secret is an HMAC key, or an Ed25519 private key if it is PEM.
class Signer {
 public:
  Signer(Secret api_key, Secret api_secret);
  // Why nothing can be signed; nullopt: all is well.
  const std::optional<Error>& broken() const { return broken_; }
  std::string_view api_key() const { return api_key_.reveal(); }
  // Ready to stand in a query.
  std::string signature(std::string_view payload) const;

 private:
  Secret api_key_;
  Secret hmac_key_;
  std::optional<Ed25519Key> ed25519_;
  std::optional<Error> broken_;
};

inline constexpr std::string_view weight_limit = "weight";
inline constexpr std::string_view orders_limit = "orders";
inline constexpr std::size_t page_size = 1000;

struct Window {
  Instant from;
  Instant to;  // at most 24 h later
};

std::string spelling(const Symbol& symbol);  // BTC_USDT is BTCUSDT there
// The client id of the pair a stop is sent in: a function of the stop's, and no order's own.
std::string list_client_id(const ClientOrderId& stop);

// The time stamp of a creation is the claim's, and how long it is good for is what the claim says.
HttpRequest build_order(const Signer& signer, const Order& order);
HttpRequest build_pair(const Signer& signer, const Order& stop, const Order& target);

HttpRequest build_cancel(const Signer& signer, const CancelRequest& request, Instant timestamp);
HttpRequest build_order_by_venue_id(const Signer& signer, const Symbol& symbol, std::string_view venue_id,
                                    Instant timestamp);
HttpRequest build_order_by_client_id(const Signer& signer, const Symbol& symbol, std::string_view client_id,
                                     Instant timestamp);
HttpRequest build_open_orders(const Signer& signer, const Symbol* symbol, Instant timestamp);
// Without a window: the newest there are.
HttpRequest build_all_orders(const Signer& signer, const Symbol& symbol, const std::optional<Window>& window,
                             Instant timestamp);
HttpRequest build_pair_read(const Signer& signer, std::string_view list_id, Instant timestamp);
HttpRequest build_trades(const Signer& signer, const Symbol& symbol, std::string_view venue_id, Instant timestamp);
HttpRequest build_account(const Signer& signer, Instant timestamp);
HttpRequest build_time();
// One request each; the names as the venue spells them.
HttpRequest build_market_rules(const std::set<std::string>& spellings);
HttpRequest build_prices(const std::set<std::string>& spellings);

// ---- Reading -----------------------------------------------------------------------------------

// What a symbol is called there, and which of ours it is. A name is read back only if it is known.
using Spellings = std::map<std::string, Symbol, std::less<>>;

Read<PlaceOutcome> read_order_made(const HttpResult& result, const Order& order, Instant at);
Read<SltpPlacer::LegOutcome> read_pair_made(const HttpResult& result, const Order& stop, const Order& target,
                                            Instant at);
Read<CancelOutcome> read_cancelled(const HttpResult& result);

// One order. nullopt: not visible here, which is not "never existed".
Read<Result<std::optional<Sighting>>> read_order(const HttpResult& result, const Symbol& symbol, Instant at);

// A list of orders: those of the symbols known, and the names of the others that carry an id of
// ours.
struct OrderPage {
  std::vector<Sighting> rows;
  std::set<std::string> foreign_names;  // of symbols not known, with an order of ours in them
  std::size_t shown = 0;                // all there were, understood or not
  bool whole = true;                    // false: one of them could not even be told apart
};
Read<Result<OrderPage>> read_orders(const HttpResult& result, const Spellings& known, Instant at);

// The legs of a pair: their ids by client id. Empty: no such pair here.
using PairLegs = std::map<ClientOrderId, std::string>;
Read<Result<PairLegs>> read_pair(const HttpResult& result);

struct Fees {
  Quantity traded;
  Quantity in_base;
  std::optional<Money> value = Money{};  // nullopt: one of them did not say at what price
};
Read<Result<Fees>> read_trades(const HttpResult& result, const Symbol& symbol);
// Trades complete what the order's own record leaves out: fees, value, and how much was filled. If
// they are not known to be all of it, an order that ended is shown open with what is known.
void complete(Sighting& sighting, const Fees& trades, Quantity asked);

struct MarketRules {
  std::map<Symbol, InstrumentRules> rules;
  std::set<Symbol> without_pairs;  // OCO is not allowed there
  Spellings names;                 // of every symbol shown, made of its base and its quote
};
Read<Result<MarketRules>> read_market_rules(const HttpResult& result, const Decimal& highest_fee_rate, Instant at);
using Prices = std::map<std::string, Price>;  // by the venue's name
Read<Result<Prices>> read_prices(const HttpResult& result);

struct Account {
  std::string id;  // empty: the venue shows none
  std::map<std::string, Balance> balances;
};
Read<Result<Account>> read_account(const HttpResult& result);
// What the account may do, as the same answer says it, whatever else is in it.
struct Permissions {
  std::optional<bool> trade;  // nullopt: not said
  std::optional<bool> withdraw;
};
Permissions read_permissions(std::string_view body);
// How far the venue's clock is ahead of this machine's.
Read<Result<Micros>> read_time(const HttpResult& result);

}  // namespace tradeguard::binance
