// Requests to and answers of the Crypto.com Exchange v1. Pure: no socket, no clock, no log. Every
// reader takes whatever bytes there are and never throws for them. Contract tests: tests/cryptocom
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tradeguard/secret.hpp"
#include "tradeguard/venue_answer.hpp"

namespace tradeguard::cryptocom {

using namespace exchange;

// ---- Requests ----------------------------------------------------------------------------------

// The parameters of a private call, in the order they stand in the body. Amounts and ids are text:
// the venue answers numbers with misleading errors.
struct Params;
using Param = std::variant<std::nullptr_t, bool, std::int64_t, std::string, std::vector<Params>>;
struct Params {
  std::vector<std::pair<std::string, Param>> members;
};
// What of the parameters is signed: keys in ascending order, each followed by its value, no
// separators.
std::string param_string(const Params& params);

// Key and secret outlive it.
struct Signer {
  const Secret& api_key;
  const Secret& api_secret;
};
// The two numbers that make a request one request; the nonce is its time in ms.
struct Serial {
  std::int64_t id = 0;
  std::int64_t nonce = 0;
};
// `method` is "private/...", which is its path and stands in the body too.
HttpRequest build_private(std::string_view method, const Params& params, Serial serial, const Signer& signer);

// The nonce of what places an order is the stamp of its claim, and nobody re-stamps.
HttpRequest build_order(const Order& order, std::int64_t id, const Signer& signer);  // entries and exits
HttpRequest build_stop(const Order& stop, std::int64_t id, const Signer& signer);
HttpRequest build_pair(const Order& stop, const Order& target, std::int64_t id, const Signer& signer);

// The venue has two books of orders that do not see each other: what create-order makes, and what
// advanced/create-* makes.
enum class Book { regular, advanced };
// An order by the venue's id where it is known, else by the client id.
struct OrderName {
  std::string venue_id;
  ClientOrderId client_id;
};
HttpRequest build_cancel(Book book, const OrderName& name, Serial serial, const Signer& signer);
HttpRequest build_order_read(Book book, const OrderName& name, Serial serial, const Signer& signer);
HttpRequest build_open_orders(Book book, Serial serial, const Signer& signer);

// From `from` until before `until`, both in nanoseconds since 1970; a page has at most 100 rows.
struct Window {
  std::int64_t from = 0;
  std::int64_t until = 0;
};
inline constexpr std::size_t page_size = 100;
HttpRequest build_all_orders(Book book, Window window, Serial serial, const Signer& signer);
HttpRequest build_trades(Window window, Serial serial, const Signer& signer);
HttpRequest build_account(Serial serial, const Signer& signer);
HttpRequest build_market_rules();
HttpRequest build_risk_parameters();
HttpRequest build_price(const Symbol& symbol);
HttpRequest build_prices();  // of every market

// ---- What an answer means ----------------------------------------------------------------------

// The one table. Without a code the HTTP status decides. The two books differ in creations alone.
Fate fate_of(Call call, Book book, int http_status, std::optional<std::int64_t> code);
std::string outcome_table();  // all of it as text, for tests/cryptocom/outcomes.golden
Ruling ruling(Call call, Book book, const HttpResult& result);

// ---- Answers -----------------------------------------------------------------------------------

// `id` and `client_id` are those of the request: an answer that names others is not its answer. Of
// a pair only a list id comes back, so that Accepted has no venue id.
Read<PlaceOutcome> read_order_made(Book book, std::int64_t id, const ClientOrderId& client_id,
                                   const HttpResult& result);
Read<PlaceOutcome> read_pair_made(std::int64_t id, const HttpResult& result);
Read<CancelOutcome> read_cancelled(const HttpResult& result);

// One order as the venue has it. What is nullopt was not there or not understood.
struct Row {
  std::string order_id;
  ClientOrderId client_id;
  std::string executed_id;  // the order a trigger became, or rests as; empty: none
  std::string account_id;
  std::optional<Symbol> symbol;
  std::optional<Side> side;
  std::optional<OrderType> type;
  bool type_shown = false;  // whether or not it is a word we know
  VenueStatus status = VenueStatus::unknown;
  std::optional<Quantity> quantity;
  std::optional<Quantity> filled;
  std::optional<Money> filled_value;
  std::optional<Price> average;
  std::optional<Decimal> fee;  // without its sign, which is not to be relied on
  std::string fee_currency;
  std::optional<Price> price;
  std::optional<Price> trigger;
  bool trigger_zero = false;    // it is shown, and is zero
  std::int64_t created_ns = 0;  // 0: not said
  std::string reason;
};
struct Fill {
  std::string order_id;
  ClientOrderId client_id;
  std::string trade_id;
  std::optional<Quantity> quantity;
  std::optional<Price> price;
  std::optional<Decimal> fee;  // what was taken, without its sign
  std::string fee_currency;
  std::int64_t created_ns = 0;
};

template <class T>
struct Page {
  std::vector<T> rows;
  std::size_t shown = 0;  // rows the venue sent, those not understood too
  bool whole = false;     // all of them were understood
};
Read<Result<Page<Row>>> read_orders(const HttpResult& result);  // open orders, history
// No row: not visible in this view, which is not "never existed".
Read<Result<Page<Row>>> read_order(const HttpResult& result);
Read<Result<Page<Fill>>> read_trades(const HttpResult& result);

// The window of the page after this one; nullopt: this was the last, or there is no way on.
template <class T>
std::optional<Window> window_behind(const Page<T>& page, Window window);

struct Instrument {
  Price tick;
  Quantity step;
  bool tradable = false;
};
// Spot only; a row that cannot be read is absent.
Read<Result<std::map<Symbol, Instrument>>> read_market_rules(const HttpResult& result);
// What the venue takes as one order of a base currency, and in a day, in US dollars; zero: not said.
struct OrderLimits {
  Money least;
  Money most;
  Money in_a_day;
};
Read<Result<std::map<std::string, OrderLimits>>> read_risk_parameters(const HttpResult& result);
// A single row without a name is that of the market asked for.
using Prices = std::map<Symbol, Price>;
Read<Result<Prices>> read_prices(const HttpResult& result, const std::optional<Symbol>& asked);
// A currency in neither is one of which there is none.
struct Balances {
  std::map<std::string, Balance> known;
  std::set<std::string> unread;  // currencies that are there and whose rows were not understood
};
Read<Result<Balances>> read_balances(const HttpResult& result);

}  // namespace tradeguard::cryptocom
