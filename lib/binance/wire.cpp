#include "wire.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "tradeguard/foreign_json.hpp"

namespace tradeguard::binance {
namespace {

// Long enough for the window of a limit that names none to move on; a ban that names none is at
// least this.
constexpr Micros pause_without_word = 1s;
constexpr Micros shortest_ban = 120s;
constexpr Micros firewall_clears = 120s;  // two to five minutes, by the reports of those it shut out

// 64 bits, kept as the text it came in. -1 stands for none.
std::optional<std::string> venue_id(Node id) {
  const auto number = id.whole_number();
  return number && *number >= 0 ? std::optional{std::string{id.text()}} : std::nullopt;
}

std::optional<Instant> instant(Node at) {
  constexpr std::int64_t year_2200 = 7'258'118'400'000;
  const auto number = at.whole_number();
  if (!number || *number <= 0 || *number >= year_2200) return std::nullopt;
  return from_micros(*number * 1000);
}

// ---- The table of outcomes ---------------------------------------------------------------------

enum class Meaning {
  not_executed,  // refused before it reached the matching engine, or by it
  engine,        // the engine's no; its words decide
  cancel_no,     // the same for a cancellation
  unknown,       // by its own words, or by what it is, it may have been executed
  throttled,
  clock,
  no_such_order,
  archived,
  undocumented,
};

struct Codes {
  int first;  // the range first … last, both in it
  int last;
  Meaning meaning;
};

// Every code the venue documents for the calls made here. One that is not here is "unknown":
// "refused" says that no order exists, and only a code documented to mean that may say so.
// clang-format off
constexpr std::array table{
    Codes{-1000, -1001, Meaning::unknown},        // unknown, disconnected
    Codes{-1002, -1002, Meaning::not_executed},   // unauthorized
    Codes{-1003, -1003, Meaning::throttled},      // request weight, or a ban
    Codes{-1006, -1007, Meaning::unknown},        // unexpected response, time-out: "execution status unknown"
    Codes{-1008, -1008, Meaning::unknown},        // overloaded: not processed by its words, still to be looked up
    Codes{-1010, -1010, Meaning::engine},
    Codes{-1013, -1014, Meaning::not_executed},   // filters, order composition
    Codes{-1015, -1015, Meaning::throttled},      // too many unfilled orders
    Codes{-1016, -1016, Meaning::unknown},        // shutting down
    Codes{-1020, -1020, Meaning::not_executed},   // unsupported
    Codes{-1021, -1021, Meaning::clock},
    Codes{-1022, -1022, Meaning::not_executed},   // signature
    Codes{-1100, -1199, Meaning::not_executed},   // the request itself is wrong; -1158 … of pairs among them
    Codes{-2010, -2010, Meaning::engine},
    Codes{-2011, -2011, Meaning::cancel_no},
    Codes{-2013, -2013, Meaning::no_such_order},
    Codes{-2014, -2016, Meaning::not_executed},   // key, address, permission, no trading window
    Codes{-2018, -2018, Meaning::no_such_order},  // no such pair
    Codes{-2021, -2022, Meaning::unknown},        // cancel-and-replace, which is not done here
    Codes{-2026, -2026, Meaning::archived},
    Codes{-2039, -2039, Meaning::unknown},        // two ids that are not of one order: only one is ever sent
};
// clang-format on

Meaning meaning_of(std::string_view code) {
  const std::int64_t number = exchange::whole_number(code).value_or(0);
  for (const auto& codes : table)
    if (number <= codes.first && number >= codes.last) return codes.meaning;
  return Meaning::undocumented;
}

bool says(std::string_view message, std::string_view words) {
  return std::search(message.begin(), message.end(), words.begin(), words.end(),
                     [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; }) != message.end();
}

Fate fate_of(Call call, Meaning meaning, std::string_view message) {
  switch (meaning) {
    case Meaning::not_executed:
      return Fate::refused;
    case Meaning::unknown:
      return Fate::in_doubt;
    case Meaning::throttled:
      return Fate::throttled;
    case Meaning::clock:
      return Fate::clock;
    case Meaning::engine:
      // An order rests under this id, perhaps this very one from a sending before: to be looked up.
      if (says(message, "duplicate order")) return Fate::in_doubt;
      if (call == Call::cancel && says(message, "unknown order")) return Fate::absent;
      return Fate::refused;
    case Meaning::cancel_no:
      if (call == Call::create) return Fate::in_doubt;
      return says(message, "unknown order") ? Fate::absent : Fate::refused;
    case Meaning::no_such_order:
      return call == Call::create ? Fate::in_doubt : Fate::absent;
    case Meaning::archived:
      return call == Call::create ? Fate::in_doubt : call == Call::cancel ? Fate::absent : Fate::archived;
    case Meaning::undocumented:
      return Fate::in_doubt;
  }
  return Fate::in_doubt;
}

Micros asked_pause(const HttpResponse& response, Micros otherwise) { return retry_after(response).value_or(otherwise); }

// "IP banned until 1735732800000", where that is all there is. nullopt: it is not, or nobody knows what
// time it is there.
std::optional<Micros> ban_in(std::string_view message, const HttpResponse& response) {
  constexpr std::string_view before = "banned until ";
  const std::size_t at = message.find(before);
  const Instant now = http_date(response).value_or(response.answered);
  if (at == std::string_view::npos || now == Instant{}) return std::nullopt;
  std::string_view digits = message.substr(at + before.size());
  digits = digits.substr(0, std::min(digits.find_first_not_of("0123456789"), digits.size()));
  const auto milliseconds = digits.size() == 13 ? exchange::whole_number(digits) : std::nullopt;
  if (!milliseconds) return std::nullopt;
  return std::clamp<Micros>(from_micros(*milliseconds * 1000) - now, shortest_ban, 72h);
}

Ruling ruling_of(Call call, const HttpResponse& response, const ForeignJson& body) {
  Ruling ruling{.http = response.status};
  const Node answer = body.root();
  const auto code = answer["code"].scalar();
  // No code of an error is positive: a 200 may say "code": 0 or 200 and mean well.
  const bool error = code && code->starts_with('-');
  if (error) {
    ruling.code = bounded(*code);
    ruling.message = bounded(answer["msg"].text());
  }
  const Meaning meaning = error ? meaning_of(*code) : Meaning::undocumented;
  ruling.lasting = code == "-2014" || code == "-2015" || code == "-1022";
  const auto rule = [&](Fate fate) {
    ruling.fate = fate;
    if (ruling.message.empty()) ruling.message = "HTTP " + std::to_string(response.status);
    ruling.said = ruling.code.empty() ? ruling.message : ruling.code + ": " + ruling.message;
    return ruling;
  };

  // "Must not be treated as a failure", says the venue of every 5xx; a code in it does not change
  // that.
  if (response.status >= 500) return rule(Fate::in_doubt);
  // A ban, and too many requests, whatever the body is. Too many *orders* silences new orders only.
  if (response.status == 418 || response.status == 429 || meaning == Meaning::throttled) {
    const bool banned = response.status == 418 || says(ruling.message, "banned");
    const Micros usual = banned ? ban_in(ruling.message, response).value_or(shortest_ban) : pause_without_word;
    ruling.hush.length = asked_pause(response, usual);
    ruling.hush.orders_only = response.status != 418 && code == "-1015";
    return rule(Fate::throttled);
  }
  // Nobody behind these saw the request. Where a documented code comes with a 403, it was the API.
  const std::string theirs = bounded(answer["msg"].text());
  if (response.status == 451 || says(theirs, "restricted location")) {
    ruling.code = "http_" + std::to_string(response.status);
    ruling.message = bounded("not served from this country or address" + (theirs.empty() ? "" : ": " + theirs));
    ruling.lasting = true;
    ruling.hush.not_served = ruling.code + ": " + ruling.message;
    return rule(Fate::throttled);
  }
  if (response.status == 403 && meaning == Meaning::undocumented) {
    ruling.code = "http_403";
    ruling.message = "the exchange's firewall did not let the request through";
    ruling.hush.length = asked_pause(response, firewall_clears);
    return rule(Fate::throttled);
  }
  if (error) {
    // No documented refusal shows an order; one that does is doubt.
    if (call == Call::create && venue_id(answer["orderId"])) {
      ruling.understood = false;
      return rule(Fate::in_doubt);
    }
    ruling.understood = meaning != Meaning::undocumented;
    return rule(fate_of(call, meaning, ruling.message));
  }
  if (response.status == 200 && body.whole()) return rule(Fate::accepted);
  ruling.understood = false;
  if (response.status == 200) ruling.message = "HTTP 200 without JSON: " + bounded(response.body);
  ruling.message = bounded(ruling.message);
  return rule(Fate::in_doubt);
}

// An answer taken apart as far as all calls have it in common.
class Parsed {
 public:
  Parsed(Call call, const HttpResult& result) : body_{result ? std::string_view{result->body} : std::string_view{}} {
    if (!result) {
      heard.ruling = unanswered(result.error());
      return;
    }
    heard.ruling = ruling_of(call, *result, body_);
    if (!heard.ruling.understood) puzzled_by(result->body.empty() ? "an empty body" : std::string_view{result->body});
  }
  Fate fate() const { return heard.ruling.fate; }
  bool good() const { return fate() == Fate::accepted; }
  bool absent() const { return fate() == Fate::absent || fate() == Fate::archived; }
  Node root() const { return body_.root(); }
  // The first thing that was not understood is the one that is told.
  void puzzled_by(std::string_view what, std::string_view foreign = {}) {
    if (heard.oddities.empty())
      heard.oddities.push_back({heard.ruling.http, heard.ruling.code,
                                bounded(std::string{what}.append(foreign.empty() ? "" : " ").append(foreign))});
  }
  template <class T>
  Read<T> read(T it) {
    return {std::move(heard), std::move(it)};
  }
  // A reading that did not come to its end, and one whose answer makes no sense.
  template <class T>
  Read<Result<T>> unread() {
    return read(Result<T>{tl::unexpect, exchange::unread(heard.ruling)});
  }
  template <class T>
  Read<Result<T>> illegible(std::string_view what) {
    puzzled_by(what);
    return read(
        Result<T>{tl::unexpect, Error{Fault::unreachable, "the answer was not understood: " + std::string{what}}});
  }

  Heard heard;

 private:
  ForeignJson body_;
};

// ---- Asking ------------------------------------------------------------------------------------

constexpr int order_read_weight = 4;
constexpr int open_orders_weight = 6;
constexpr int all_open_orders_weight = 80;
constexpr int history_weight = 20;
constexpr int trades_weight = 5;
constexpr int account_weight = 20;
constexpr int rules_weight = 20;
constexpr int prices_weight = 4;

std::string milliseconds(Instant at) { return std::to_string(to_micros(at) / 1000); }

class Query {
 public:
  Query& add(std::string_view name, std::string_view value) {
    if (!text_.empty()) text_ += '&';
    text_.append(name).append("=").append(percent_encoded(value));
    return *this;
  }
  HttpRequest open(std::string path, int weight) const {
    HttpRequest request{.method = "GET", .target = std::move(path)};
    if (!text_.empty()) request.target.append("?").append(text_);
    request.limit = weight_limit;
    request.weight = weight;
    return request;
  }
  // Signed is what is sent, character by character; the signature stands last.
  HttpRequest sealed(const Signer& signer, std::string method, std::string path, Instant timestamp, Micros good_for,
                     std::string_view limit, int weight) && {
    const auto window = std::clamp<std::int64_t>(good_for.count() / 1000, 1, 60'000);
    add("recvWindow", std::to_string(window)).add("timestamp", milliseconds(timestamp));
    const std::string signature = signer.signature(text_);
    HttpRequest request{.method = std::move(method), .target = std::move(path)};
    request.target.append("?").append(text_).append("&signature=").append(signature);
    request.headers.emplace_back("X-MBX-APIKEY", signer.api_key());
    request.limit = limit;
    request.weight = weight;
    return request;
  }

 private:
  std::string text_;
};

constexpr Micros reading_is_good_for = 5s;

HttpRequest reading(const Signer& signer, Query query, std::string path, Instant timestamp, int weight) {
  return std::move(query).sealed(signer, "GET", std::move(path), timestamp, reading_is_good_for, weight_limit, weight);
}

// Creations count as orders only: the venue weighs them nothing when they succeed.
HttpRequest creation(const Signer& signer, Query query, std::string path, const Order& order, int orders) {
  return std::move(query).sealed(signer, "POST", std::move(path), order.stamp, order.valid_until - order.stamp,
                                 orders_limit, orders);
}

std::string_view wire_type(OrderType type) {
  switch (type) {
    case OrderType::market:
      return "MARKET";
    case OrderType::stop_market:
      return "STOP_LOSS";
    case OrderType::stop_limit:
      return "STOP_LOSS_LIMIT";
    case OrderType::limit:
      return "LIMIT_MAKER";
  }
  return "";
}

std::string json_list(const std::set<std::string>& texts) {
  std::string list = "[";
  for (const auto& text : texts) list.append(list.size() > 1 ? ",\"" : "\"").append(text).append("\"");
  return list + "]";
}

// ---- Reading an order --------------------------------------------------------------------------

std::optional<OrderType> order_type(std::string_view word) {
  if (word == "MARKET") return OrderType::market;
  if (word == "STOP_LOSS") return OrderType::stop_market;
  if (word == "STOP_LOSS_LIMIT") return OrderType::stop_limit;
  if (word == "LIMIT_MAKER" || word == "LIMIT") return OrderType::limit;
  return std::nullopt;
}

std::optional<VenueStatus> order_status(std::string_view word) {
  for (const auto open : {"NEW", "PENDING_NEW", "PARTIALLY_FILLED", "PENDING_CANCEL"})
    if (word == open) return VenueStatus::open;
  if (word == "FILLED") return VenueStatus::filled;
  if (word == "CANCELED") return VenueStatus::cancelled;
  if (word == "REJECTED") return VenueStatus::rejected;
  if (word == "EXPIRED" || word == "EXPIRED_IN_MATCH") return VenueStatus::expired;
  return std::nullopt;
}

// Fills, what they were worth and what they cost in base. nullopt: one of them could not be read.
std::optional<Fees> sum_of(Node fills, const std::string& base) {
  Fees fees;
  try {
    for (const Node& fill : fills.elements()) {
      const auto quantity = fill["qty"].amount<Quantity>();
      const auto commission = fill["commission"].decimal();
      const auto asset = fill["commissionAsset"].scalar();
      if (!quantity || !commission || !asset) return std::nullopt;
      fees.traded += *quantity;
      const auto price = fill["price"].price();
      if (price && fees.value)
        *fees.value += cost(*price, *quantity, Rounding::half_even);
      else
        fees.value.reset();
      if (*asset == base) fees.in_base += Quantity{*commission};
    }
  } catch (const std::overflow_error&) {
    return std::nullopt;  // no market's amounts
  }
  return fees;
}

// What the fills in an answer add up to.
std::optional<Fees> fills_in(Node order, const std::string& base) {
  const auto fees = order["fills"].is_list() ? sum_of(order["fills"], base) : std::nullopt;
  return fees && fees->traded.is_positive() ? fees : std::nullopt;
}

// The venue's record. nullopt: not even whose it is could be read. What else is not understood
// makes its status unknown, which counts as neither open nor closed.
std::optional<Sighting> sighting_of(Node order, const Symbol& symbol, Instant at, Parsed& answer) {
  auto id = venue_id(order["orderId"]);
  const std::string_view client_id = order["clientOrderId"].text();
  if (!id || client_id.empty()) return std::nullopt;
  if (const auto name = order["symbol"].scalar(); name && *name != spelling(symbol)) return std::nullopt;

  const auto side = parse_side(order["side"].text());
  const auto type = order_type(order["type"].text());
  const auto status = order_status(order["status"].text());
  const auto quantity = order["origQty"].amount<Quantity>();
  for (const auto& [understood, name] :
       {std::pair{side.has_value(), "side"}, std::pair{type.has_value(), "type"},
        std::pair{status.has_value(), "status"}, std::pair{quantity.has_value(), "origQty"}})
    if (!understood) answer.puzzled_by(name, order[name].text());

  const bool understood = side && type && status && quantity;
  Sighting sighting{.client_id = std::string{client_id},
                    .venue_id = std::move(*id),
                    .fired_id = {},  // a trigger keeps its id when it fires
                    .symbol = symbol,
                    .side = side.value_or(Side::buy),
                    .type = type.value_or(OrderType::market),
                    .status = understood ? *status : VenueStatus::unknown,
                    .quantity = quantity.value_or(Quantity{}),
                    .filled = order["executedQty"].amount<Quantity>(),
                    .filled_value = std::nullopt,
                    .fee_base = std::nullopt,
                    .price = order["price"].price(),
                    .trigger = order["stopPrice"].price(),
                    .at = at,
                    .reason = bounded(order["expiryReason"].text())};
  // "FILLED, nothing" contradicts itself: the venue did not say how much.
  if (sighting.status == VenueStatus::filled && sighting.filled && sighting.filled->is_zero()) sighting.filled.reset();
  const auto value = order["cummulativeQuoteQty"].amount<Money>();
  if (sighting.filled && sighting.filled->is_zero()) {
    sighting.filled_value = Money{};
    sighting.fee_base = Quantity{};
  } else if (sighting.filled && value && value->is_positive()) {
    sighting.filled_value = value;
  }
  if (const auto fills = fills_in(order, symbol.base())) complete(sighting, *fills, sighting.quantity);
  const bool trigger = type == OrderType::stop_market || type == OrderType::stop_limit;
  sighting.fired = trigger && sighting.status == VenueStatus::open && order["isWorking"].flag() == true;
  sighting.exchange_time = instant(order["time"]);
  if (!sighting.exchange_time) sighting.exchange_time = instant(order["transactTime"]);
  return sighting;
}

PlaceOutcome accepted_as(Node made, const Order& order, Instant at, Parsed& answer) {
  auto sighting = sighting_of(made, order.symbol, at, answer);
  if (!sighting || sighting->client_id != order.client_id) {
    answer.puzzled_by("an answer that is not about this order");
    return InDoubt{"HTTP 200, and not about this order"};
  }
  Accepted accepted{sighting->venue_id, std::nullopt};
  if (sighting->status != VenueStatus::unknown && sighting->filled) accepted.record = std::move(*sighting);
  return accepted;
}

// The report of one leg, or what the list of a pair's orders says of it.
Node leg_in(Node entries, const ClientOrderId& client_id) {
  for (const Node& entry : entries.elements())
    if (entry["clientOrderId"].scalar() == client_id) return entry;
  return {};
}

PlaceOutcome accepted_leg(Node pair, const Order& leg, Instant at, Parsed& answer) {
  if (const Node report = leg_in(pair["orderReports"], leg.client_id)) return accepted_as(report, leg, at, answer);
  if (const auto id = venue_id(leg_in(pair["orders"], leg.client_id)["orderId"])) return Accepted{*id, std::nullopt};
  answer.puzzled_by("a pair without one of its legs");
  return InDoubt{"HTTP 200, and this leg is not in it"};
}

// ---- Reading a market --------------------------------------------------------------------------

Node filter(Node market, std::string_view type) {
  for (const Node& one : market["filters"].elements())
    if (one["filterType"].scalar() == type) return one;
  return {};
}

// Zero: the venue does not limit it, or has no such filter.
Decimal filter_value(Node market, std::string_view type, const char* name) {
  return filter(market, type)[name].amount<Decimal>().value_or(Decimal{});
}

// Where a filter is off the asset's own precision is what is left.
Decimal unit_of(Node market, const char* precision) {
  const auto digits = market[precision].whole_number();
  if (!digits || *digits < 0 || *digits > Decimal::fraction_digits) return Decimal{};
  Decimal::Units unit = 1;
  for (auto i = *digits; i < Decimal::fraction_digits; ++i) unit *= 10;
  return Decimal::from_units(unit);
}

Decimal smaller_that_counts(Decimal a, Decimal b) {
  if (a.is_zero()) return b;
  return b.is_zero() ? a : std::min(a, b);
}

int whole(const Decimal& count) {
  constexpr int plenty = 1'000'000;
  return count >= Decimal{plenty} ? plenty : static_cast<int>(count.units() / Decimal{1}.units());
}

// A pair is two orders, one of them a trigger, and one list: whichever runs out first.
int room_for_stops(Node market) {
  const Decimal orders = filter_value(market, "MAX_NUM_ORDERS", "maxNumOrders");
  Decimal room = smaller_that_counts(filter_value(market, "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders"),
                                     filter_value(market, "MAX_NUM_ORDER_LISTS", "maxNumOrderLists"));
  room = smaller_that_counts(room, Decimal::divide(orders, Decimal{2}, Rounding::down));
  return whole(room);
}

// Legs are sales, so that of a band by side the asking side counts; where there are several, the
// narrowest.
void read_price_band(Node market, InstrumentRules& rules) {
  for (const auto& [type, down, up] : {std::tuple{"PERCENT_PRICE_BY_SIDE", "askMultiplierDown", "askMultiplierUp"},
                                       std::tuple{"PERCENT_PRICE", "multiplierDown", "multiplierUp"}}) {
    rules.lowest_sell = std::max(rules.lowest_sell, filter_value(market, type, down));
    rules.highest_sell = smaller_that_counts(rules.highest_sell, filter_value(market, type, up));
  }
  rules.min_price = Price{filter_value(market, "PRICE_FILTER", "minPrice")};
  rules.max_price = Price{filter_value(market, "PRICE_FILTER", "maxPrice")};
}

bool lists_type(Node market, std::string_view type) {
  const auto types = market["orderTypes"].elements();
  return std::any_of(types.begin(), types.end(), [&](Node one) { return one.scalar() == type; });
}

// nullopt: without a tick and a step no order can be made for it.
std::optional<InstrumentRules> rules_of(Node market, const Symbol& symbol, const Decimal& highest_fee_rate,
                                        Instant at) {
  InstrumentRules rules{.symbol = symbol};
  rules.tick = Price{filter_value(market, "PRICE_FILTER", "tickSize")};
  if (rules.tick.is_zero()) rules.tick = Price{unit_of(market, "quoteAssetPrecision")};
  // Entries go at the market and stops as well: one size has to do for both rules.
  const auto lot = [&](const char* name) { return filter_value(market, "LOT_SIZE", name); };
  const auto market_lot = [&](const char* name) { return filter_value(market, "MARKET_LOT_SIZE", name); };
  rules.step = Quantity{std::max(lot("stepSize"), market_lot("stepSize"))};
  if (rules.step.is_zero()) rules.step = Quantity{unit_of(market, "baseAssetPrecision")};
  rules.min_quantity = Quantity{std::max(lot("minQty"), market_lot("minQty"))};
  rules.max_quantity = Quantity{smaller_that_counts(lot("maxQty"), market_lot("maxQty"))};
  rules.min_notional = Money{
      std::max(filter_value(market, "MIN_NOTIONAL", "minNotional"), filter_value(market, "NOTIONAL", "minNotional"))};
  // Whether it binds orders at the market too does not matter: the target is a limit order.
  rules.max_notional = Money{filter_value(market, "NOTIONAL", "maxNotional")};
  rules.highest_fee_rate = highest_fee_rate;
  rules.max_open_stops = room_for_stops(market);
  rules.tradable = market["status"].text() == "TRADING" && lists_type(market, "MARKET") &&
                   market["isSpotTradingAllowed"].flag() != false;
  rules.stop_market = lists_type(market, "STOP_LOSS");
  read_price_band(market, rules);
  rules.read_at = at;
  if (!rules.tick.is_positive() || !rules.step.is_positive()) return std::nullopt;
  return rules;
}

constexpr std::string_view pem_mark = "-----BEGIN";

}  // namespace

Ruling ruling(Call call, const HttpResult& result) { return Parsed{call, result}.heard.ruling; }

// ---- Asking ------------------------------------------------------------------------------------

Signer::Signer(Secret api_key, Secret api_secret) : api_key_{std::move(api_key)} {
  if (api_key_.empty() || api_secret.empty()) {
    broken_.emplace(Fault::configuration, "the key or the secret of the exchange is missing");
    return;
  }
  if (api_secret.reveal().find(pem_mark) == std::string_view::npos) {
    hmac_key_ = std::move(api_secret);
    return;
  }
  auto key = Ed25519Key::from_pem(api_secret);
  if (key)
    ed25519_.emplace(std::move(*key));
  else
    broken_.emplace(std::move(key.error()));
}

std::string Signer::signature(std::string_view payload) const {
  return ed25519_ ? percent_encoded(ed25519_->sign_base64(payload)) : hmac_sha256_hex(hmac_key_, payload);
}

std::string spelling(const Symbol& symbol) { return symbol.base() + symbol.quote(); }

std::string list_client_id(const ClientOrderId& stop) {
  // Ours are tg1-s…; any other gets a front of its own, so that no two stops share one.
  if (stop.starts_with("tg1-s")) return "tg1-l" + stop.substr(5);
  return ("l-" + stop).substr(0, 36);
}

HttpRequest build_order(const Signer& signer, const Order& order) {
  Query query;
  query.add("symbol", spelling(order.symbol)).add("side", text(order.side)).add("type", wire_type(order.type));
  if (order.type == OrderType::stop_limit) query.add("timeInForce", "GTC");
  query.add("quantity", order.quantity.text());
  // An entry's price is what its signal saw, and no limit.
  if (order.type == OrderType::stop_limit || order.type == OrderType::limit)
    query.add("price", order.price.value().text());
  if (order.type == OrderType::stop_limit || order.type == OrderType::stop_market)
    query.add("stopPrice", order.trigger.value().text());
  query.add("newClientOrderId", order.client_id).add("newOrderRespType", "FULL");
  return creation(signer, std::move(query), "/api/v3/order", order, 1);
}

HttpRequest build_pair(const Signer& signer, const Order& stop, const Order& target) {
  Query query;
  query.add("symbol", spelling(stop.symbol))
      .add("listClientOrderId", list_client_id(stop.client_id))
      .add("side", text(stop.side))
      .add("quantity", stop.quantity.text())
      .add("aboveType", wire_type(target.type))
      .add("aboveClientOrderId", target.client_id)
      .add("abovePrice", target.price.value().text())
      .add("belowType", wire_type(stop.type))
      .add("belowClientOrderId", stop.client_id)
      .add("belowStopPrice", stop.trigger.value().text());
  if (stop.type == OrderType::stop_limit)
    query.add("belowPrice", stop.price.value().text()).add("belowTimeInForce", "GTC");
  query.add("newOrderRespType", "FULL");
  return creation(signer, std::move(query), "/api/v3/orderList/oco", stop, 2);
}

HttpRequest build_cancel(const Signer& signer, const CancelRequest& request, Instant timestamp) {
  Query query;
  query.add("symbol", spelling(request.symbol));
  // One of them, never both: then they would have to match, and a client id may have been used
  // again.
  if (request.venue_id.empty())
    query.add("origClientOrderId", request.client_id);
  else
    query.add("orderId", request.venue_id);
  return std::move(query).sealed(signer, "DELETE", "/api/v3/order", timestamp, reading_is_good_for, weight_limit, 1);
}

HttpRequest build_order_by_venue_id(const Signer& signer, const Symbol& symbol, std::string_view venue_id,
                                    Instant timestamp) {
  Query query;
  query.add("symbol", spelling(symbol)).add("orderId", venue_id);
  return reading(signer, std::move(query), "/api/v3/order", timestamp, order_read_weight);
}

HttpRequest build_order_by_client_id(const Signer& signer, const Symbol& symbol, std::string_view client_id,
                                     Instant timestamp) {
  Query query;
  query.add("symbol", spelling(symbol)).add("origClientOrderId", client_id);
  return reading(signer, std::move(query), "/api/v3/order", timestamp, order_read_weight);
}

HttpRequest build_open_orders(const Signer& signer, const Symbol* symbol, Instant timestamp) {
  Query query;
  if (symbol != nullptr) query.add("symbol", spelling(*symbol));
  return reading(signer, std::move(query), "/api/v3/openOrders", timestamp,
                 symbol != nullptr ? open_orders_weight : all_open_orders_weight);
}

HttpRequest build_all_orders(const Signer& signer, const Symbol& symbol, const std::optional<Window>& window,
                             Instant timestamp) {
  Query query;
  query.add("symbol", spelling(symbol));
  if (window) query.add("startTime", milliseconds(window->from)).add("endTime", milliseconds(window->to));
  query.add("limit", std::to_string(page_size));
  return reading(signer, std::move(query), "/api/v3/allOrders", timestamp, history_weight);
}

HttpRequest build_pair_read(const Signer& signer, std::string_view list_id, Instant timestamp) {
  Query query;
  query.add("origClientOrderId", list_id);
  return reading(signer, std::move(query), "/api/v3/orderList", timestamp, order_read_weight);
}

HttpRequest build_trades(const Signer& signer, const Symbol& symbol, std::string_view venue_id, Instant timestamp) {
  Query query;
  query.add("symbol", spelling(symbol)).add("orderId", venue_id).add("limit", std::to_string(page_size));
  return reading(signer, std::move(query), "/api/v3/myTrades", timestamp, trades_weight);
}

HttpRequest build_account(const Signer& signer, Instant timestamp) {
  Query query;
  query.add("omitZeroBalances", "true");
  return reading(signer, std::move(query), "/api/v3/account", timestamp, account_weight);
}

HttpRequest build_time() { return Query{}.open("/api/v3/time", 1); }

HttpRequest build_market_rules(const std::set<std::string>& spellings) {
  return Query{}.add("symbols", json_list(spellings)).open("/api/v3/exchangeInfo", rules_weight);
}

HttpRequest build_prices(const std::set<std::string>& spellings) {
  return Query{}.add("symbols", json_list(spellings)).open("/api/v3/ticker/price", prices_weight);
}

// ---- Reading -----------------------------------------------------------------------------------

Read<PlaceOutcome> read_order_made(const HttpResult& result, const Order& order, Instant at) {
  Parsed answer{Call::create, result};
  if (!answer.good()) return answer.read(not_placed(answer.heard.ruling));
  return answer.read(accepted_as(answer.root(), order, at, answer));
}

Read<SltpPlacer::LegOutcome> read_pair_made(const HttpResult& result, const Order& stop, const Order& target,
                                            Instant at) {
  Parsed answer{Call::create, result};
  if (!answer.good()) {
    const auto both = not_placed(answer.heard.ruling);
    return answer.read(SltpPlacer::LegOutcome{both, both});
  }
  SltpPlacer::LegOutcome legs{accepted_leg(answer.root(), stop, at, answer),
                              accepted_leg(answer.root(), target, at, answer)};
  return answer.read(std::move(legs));
}

Read<CancelOutcome> read_cancelled(const HttpResult& result) {
  Parsed answer{Call::cancel, result};
  return answer.read(cancelled(answer.heard.ruling));
}

Read<Result<std::optional<Sighting>>> read_order(const HttpResult& result, const Symbol& symbol, Instant at) {
  using Shown = std::optional<Sighting>;
  Parsed answer{Call::read, result};
  if (answer.absent()) return answer.read(Result<Shown>{std::nullopt});
  if (!answer.good()) return answer.unread<Shown>();
  auto sighting = sighting_of(answer.root(), symbol, at, answer);
  if (!sighting) return answer.illegible<Shown>("no order");
  return answer.read(Result<Shown>{std::move(sighting)});
}

Read<Result<OrderPage>> read_orders(const HttpResult& result, const Spellings& known, Instant at) {
  Parsed answer{Call::read, result};
  if (!answer.good()) return answer.unread<OrderPage>();
  if (!answer.root().is_list()) return answer.illegible<OrderPage>("no list of orders");
  OrderPage page;
  for (const Node& order : answer.root().elements()) {
    page.shown += 1;
    const auto name = order["symbol"].scalar();
    const auto client_id = order["clientOrderId"].scalar();
    const bool ours = client_id && client_id->starts_with(client_id_prefix);
    // Whose order it is has to be told, or a list with it in proves nothing.
    if (!name || !client_id) {
      answer.puzzled_by("an order without symbol or client id");
      page.whole = false;
      continue;
    }
    if (!ours) continue;  // the account is not ours alone, and other people's orders may be of any kind
    const auto symbol = known.find(*name);
    if (symbol == known.end()) {
      // What cannot be spelled as one of ours has no order of ours.
      if (name->find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == std::string_view::npos)
        page.foreign_names.emplace(*name);
      continue;
    }
    if (auto sighting = sighting_of(order, symbol->second, at, answer)) {
      page.rows.push_back(std::move(*sighting));
    } else {
      answer.puzzled_by("an order without id");
      page.whole = false;
    }
  }
  return answer.read(Result<OrderPage>{std::move(page)});
}

Read<Result<PairLegs>> read_pair(const HttpResult& result) {
  Parsed answer{Call::read, result};
  if (answer.absent()) return answer.read(Result<PairLegs>{PairLegs{}});
  if (!answer.good()) return answer.unread<PairLegs>();
  if (!answer.root()["orders"].is_list()) return answer.illegible<PairLegs>("no pair");
  PairLegs legs;
  for (const Node& order : answer.root()["orders"].elements()) {
    const auto client_id = order["clientOrderId"].scalar();
    const auto id = venue_id(order["orderId"]);
    if (!client_id || !id) return answer.illegible<PairLegs>("a leg without id");
    legs.emplace(*client_id, *id);
  }
  return answer.read(Result<PairLegs>{std::move(legs)});
}

void complete(Sighting& sighting, const Fees& trades, Quantity asked) {
  if (!sighting.filled && trades.traded.is_positive()) {
    const bool whole = sighting.status == VenueStatus::filled && asked.is_positive() && trades.traded >= asked;
    // How a leg ended counts only when it is known whole: until then it may still sell.
    if (!whole && sighting.side == Side::sell) return;
    if (!whole && sighting.status != VenueStatus::unknown) sighting.status = VenueStatus::open;
    sighting.filled = trades.traded;
  }
  if (sighting.filled != trades.traded) return;
  if (!sighting.filled_value) sighting.filled_value = trades.value;
  sighting.fee_base = trades.in_base;
}

Read<Result<Fees>> read_trades(const HttpResult& result, const Symbol& symbol) {
  Parsed answer{Call::read, result};
  if (!answer.good()) return answer.unread<Fees>();
  if (!answer.root().is_list()) return answer.illegible<Fees>("no list of trades");
  const auto fees = sum_of(answer.root(), symbol.base());
  if (!fees) return answer.illegible<Fees>("a trade without fee");
  return answer.read(Result<Fees>{*fees});
}

Read<Result<MarketRules>> read_market_rules(const HttpResult& result, const Decimal& highest_fee_rate, Instant at) {
  Parsed answer{Call::read, result};
  if (!answer.good()) return answer.unread<MarketRules>();
  if (!answer.root()["symbols"].is_list()) return answer.illegible<MarketRules>("no symbols");
  MarketRules known;
  for (const Node& market : answer.root()["symbols"].elements()) {
    const auto name = market["symbol"].scalar();
    const auto symbol =
        Symbol::parse(std::string{market["baseAsset"].text()} + "_" + std::string{market["quoteAsset"].text()});
    // A market whose name we could not write has no order of ours.
    if (!name || !symbol || spelling(*symbol) != *name) {
      answer.puzzled_by("a market called", name.value_or("?"));
      continue;
    }
    known.names.emplace(*name, *symbol);
    if (market["ocoAllowed"].flag() == false) known.without_pairs.insert(*symbol);
    if (auto rules = rules_of(market, *symbol, highest_fee_rate, at))
      known.rules.emplace(*symbol, std::move(*rules));
    else
      answer.puzzled_by("a market without tick or step:", *name);
  }
  return answer.read(Result<MarketRules>{std::move(known)});
}

Read<Result<Prices>> read_prices(const HttpResult& result) {
  Parsed answer{Call::read, result};
  if (!answer.good()) return answer.unread<Prices>();
  if (!answer.root().is_list()) return answer.illegible<Prices>("no list of prices");
  Prices prices;
  for (const Node& one : answer.root().elements()) {
    const auto name = one["symbol"].scalar();
    const auto price = one["price"].price();
    if (name && price)
      prices.emplace(*name, *price);
    else
      answer.puzzled_by("a price of", name.value_or("?"));
  }
  return answer.read(Result<Prices>{std::move(prices)});
}

Read<Result<Account>> read_account(const HttpResult& result) {
  Parsed answer{Call::read, result};
  if (!answer.good()) return answer.unread<Account>();
  if (!answer.root()["balances"].is_list()) return answer.illegible<Account>("no balances");
  Account account{.id = venue_id(answer.root()["uid"]).value_or("")};
  for (const Node& one : answer.root()["balances"].elements()) {
    const auto asset = one["asset"].scalar();
    const auto free = one["free"].decimal();
    const auto locked = one["locked"].decimal();
    // One that is missing would pass for a currency of which there is none.
    if (!asset || !free || !locked) return answer.illegible<Account>("a balance without amounts");
    account.balances.emplace(*asset, Balance{*free, *free + *locked});
  }
  return answer.read(Result<Account>{std::move(account)});
}

Permissions read_permissions(std::string_view body) {
  const ForeignJson answer{body};
  return {answer.root()["canTrade"].flag(), answer.root()["canWithdraw"].flag()};
}

Read<Result<Micros>> read_time(const HttpResult& result) {
  Parsed answer{Call::read, result};
  if (!answer.good()) return answer.unread<Micros>();
  const auto server = instant(answer.root()["serverTime"]);
  if (!server) return answer.illegible<Micros>("no time");
  // The venue read its clock somewhere between; the middle is off by half of the way at most.
  const Instant middle = result->sent + (result->answered - result->sent) / 2;
  return answer.read(Result<Micros>{*server - middle});
}

}  // namespace tradeguard::binance
