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

#include "tradeguard/http.hpp"
#include "tradeguard/secret.hpp"
#include "tradeguard/venue.hpp"

namespace tradeguard::cryptocom {

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

struct Keys {
  const Secret& api_key;
  const Secret& api_secret;
};
// The two numbers that make a request one request; the nonce is its time in ms.
struct Serial {
  std::int64_t id = 0;
  std::int64_t nonce = 0;
};
// `method` is "private/...", which is its path and stands in the body too.
HttpRequest build_private(std::string_view method, const Params& params, Serial serial, Keys keys);

// The nonce of what places an order is the stamp of its claim, and nobody re-stamps.
HttpRequest build_order(const Order& order, std::int64_t id, Keys keys);  // entries and exits
HttpRequest build_stop(const Order& stop, std::int64_t id, Keys keys);
HttpRequest build_pair(const Order& stop, const Order& target, std::int64_t id, Keys keys);

// The venue has two books of orders that do not see each other: what create-order makes, and what
// advanced/create-* makes.
enum class Book { regular, advanced };
// An order by the venue's id where it is known, else by the client id.
struct OrderName {
  std::string venue_id;
  ClientOrderId client_id;
};
HttpRequest build_cancel(Book book, const OrderName& name, Serial serial, Keys keys);
HttpRequest build_detail(Book book, const OrderName& name, Serial serial, Keys keys);
HttpRequest build_open_orders(Book book, Serial serial, Keys keys);

// From `from` until before `until`, both in nanoseconds since 1970; a page has at most 100 rows.
struct Window {
  std::int64_t from = 0;
  std::int64_t until = 0;
};
inline constexpr std::size_t full_page = 100;
HttpRequest build_history(Book book, Window window, Serial serial, Keys keys);
HttpRequest build_trades(Window window, Serial serial, Keys keys);
HttpRequest build_balance(Serial serial, Keys keys);
HttpRequest build_instruments();
HttpRequest build_risk_parameters();
HttpRequest build_ticker(const Symbol& symbol);
HttpRequest build_tickers();  // of every market

// ---- What an answer means ----------------------------------------------------------------------

enum class Act { create, create_advanced, cancel, read };
enum class Answer {
  accepted,   // taken; read, of a read
  refused,    // looked at, and no order exists
  throttled,  // not looked at: too much was asked
  clock_off,  // not looked at: the request's time is off
  in_doubt,   // may have been executed
  gone,       // nothing there to cancel
  not_here,   // not visible in this view
  wait,       // asking later may succeed
  failed,     // asking again will not help, or it was not understood
};
std::string_view text(Answer answer);
// The one table. Without a code the HTTP status decides.
Answer answer_of(Act act, int http_status, std::optional<std::int64_t> code);
std::string outcome_table();  // all of it as text, for tests/cryptocom/outcomes.golden

// What an answer says of being asked at all, beside what it answers.
struct Hush {
  Micros length{0};        // nothing is to be asked for so long
  std::string status;      // "429"
  std::string not_served;  // this country or address is served nothing: why; empty: it is
};
std::optional<Hush> hush_in(const HttpResponse& response);

// An answer that was not understood, for its VENUE_ANSWER line. `text` is foreign and bounded.
struct Oddity {
  int http = 0;
  std::string code;  // as it came; empty: none
  std::string text;
};

// At most 200 bytes of what others wrote, whole characters, and nothing that looks like a
// signature.
std::string bounded(std::string_view foreign);

// ---- Answers -----------------------------------------------------------------------------------

struct PlaceReading {
  PlaceOutcome outcome;
  std::optional<Oddity> oddity;
};
// `id` and `client_id` are those of the request: an answer that names others is not its answer. Of
// a pair only a list id comes back, so that Accepted has no venue id.
PlaceReading read_order_answer(Act act, std::int64_t id, const ClientOrderId& client_id, const HttpResult& result);
PlaceReading read_pair_answer(std::int64_t id, const HttpResult& result);

struct CancelReading {
  CancelOutcome outcome;
  std::optional<Oddity> oddity;
};
CancelReading read_cancel_answer(const HttpResult& result);

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
  Answer answer = Answer::failed;
  std::vector<T> rows;
  std::size_t size = 0;  // rows the venue sent, those not understood too
  bool whole = false;    // all of them were understood
  std::string why;       // where it was not read
  std::vector<Oddity> oddities;
};
Page<Row> read_orders(const HttpResult& result);  // open orders, history
Page<Row> read_order(const HttpResult& result);   // one, or not_here
Page<Fill> read_trades(const HttpResult& result);

// The window of the page after this one; nullopt: this was the last, or there is no way on.
template <class T>
std::optional<Window> window_behind(const Page<T>& page, Window window);

template <class Key, class Value>
struct Table {
  Answer answer = Answer::failed;
  std::map<Key, Value> rows;
  std::set<Key> unread;  // rows that are there and were not understood
  std::string why;
  Fault fault = Fault::unreachable;  // configuration: the key, the address or the account is refused
  std::optional<Oddity> oddity;
};
struct Instrument {
  Price tick;
  Quantity step;
  bool tradable = false;
};
// Spot only; a row that cannot be read is absent.
Table<Symbol, Instrument> read_instruments(const HttpResult& result);
// What the venue takes as one order of a base currency, and in a day, in US dollars; zero: not said.
struct OrderLimits {
  Money least;
  Money most;
  Money in_a_day;
};
Table<std::string, OrderLimits> read_risk_parameters(const HttpResult& result);
// A single row without a name is that of the market asked for.
Table<Symbol, Price> read_tickers(const HttpResult& result, const std::optional<Symbol>& asked);
// A currency in neither rows nor unread is one of which there is none.
Table<std::string, Balance> read_balances(const HttpResult& result);

}  // namespace tradeguard::cryptocom
