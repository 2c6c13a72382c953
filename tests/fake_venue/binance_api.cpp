#include "binance_api.hpp"

#include <algorithm>
#include <charconv>
#include <regex>

namespace tradeguard::fake {

namespace {

constexpr int digits = 8;  // of every amount that is answered
constexpr std::int64_t ahead_ms = 1000;
constexpr std::int64_t usual_window_ms = 5000;
constexpr std::int64_t longest_window_ms = 60'000;
constexpr const char* id_letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

std::int64_t millis(Instant at) { return to_micros(at) / 1000; }
std::string ms(Instant at) { return std::to_string(millis(at)); }
std::string eight(Decimal amount) {
  return amount.to_multiple(Decimal::from_units(Decimal::Units{10'000'000'000}), Rounding::down).text_with(digits);
}

std::optional<std::int64_t> whole(const std::string& text) {
  std::int64_t number = 0;
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

const std::map<std::string, Kind>& kinds() {
  static const std::map<std::string, Kind> all{{"MARKET", Kind::market},
                                               {"LIMIT", Kind::limit},
                                               {"LIMIT_MAKER", Kind::limit_maker},
                                               {"STOP_LOSS", Kind::stop},
                                               {"STOP_LOSS_LIMIT", Kind::stop_limit},
                                               {"TAKE_PROFIT", Kind::take_profit},
                                               {"TAKE_PROFIT_LIMIT", Kind::take_profit_limit}};
  return all;
}

std::string kind_text(Kind kind) {
  for (const auto& [text, known] : kinds()) {
    if (known == kind) return text;
  }
  return "";
}

std::string life_text(Life life) {
  switch (life) {
    case Life::good_till_cancel:
      return "GTC";
    case Life::immediate_or_cancel:
      return "IOC";
    case Life::fill_or_kill:
      return "FOK";
  }
  return "";
}

bool with_limit(Kind kind) {
  return kind == Kind::limit || kind == Kind::limit_maker || kind == Kind::stop_limit ||
         kind == Kind::take_profit_limit;
}
bool with_life(Kind kind) { return with_limit(kind) && kind != Kind::limit_maker; }

int http_of(int code) {
  if (code == -1003 || code == -1015) return 429;
  if (code == -1002 || code == -2014 || code == -2015) return 401;
  if (code == -1000 || code == -1001 || code == -1006) return 500;
  if (code == -1007) return 504;
  if (code == -1008) return 503;
  return 400;
}

}  // namespace

struct BinanceApi::Refused {
  int code;
  std::string message;
  int http = 0;                  // 0: as usual for the code
  std::int64_t retry_after = 0;  // seconds
};

struct BinanceApi::Call {
  std::string endpoint;
  Pairs params;
  const Fault* fault = nullptr;
  Instant now;
  Micros arrived{0};
  std::int64_t weight = 0;
  int counted_orders = 0;

  std::string text(const std::string& name) const { return value_of(params, name).value_or(""); }
  bool has(const std::string& name) const { return value_of(params, name).has_value(); }
  std::string need(const std::string& name) const {
    const auto value = value_of(params, name);
    if (!value) throw Refused{-1102, "Mandatory parameter '" + name + "' was not sent, was empty/null, or malformed."};
    if (value->empty()) throw Refused{-1105, "Parameter '" + name + "' was empty."};
    return *value;
  }
  std::int64_t number(const std::string& name, std::int64_t otherwise) const {
    if (!has(name)) return otherwise;
    const auto value = whole(text(name));
    if (!value)
      throw Refused{-1100, "Illegal characters found in parameter '" + name + "'; legal range is '^[0-9]{1,20}$'."};
    return *value;
  }
};

struct BinanceApi::Route {
  Outcome (BinanceApi::*run)(Call&);
  std::int64_t weight;
  bool is_signed;
  int orders;  // that count as new ones
  std::set<std::string> params;
};

const std::map<std::string, BinanceApi::Route>& BinanceApi::routes() {
  static const std::set<std::string> order{"symbol",
                                           "side",
                                           "type",
                                           "timeInForce",
                                           "quantity",
                                           "quoteOrderQty",
                                           "price",
                                           "newClientOrderId",
                                           "stopPrice",
                                           "newOrderRespType",
                                           "selfTradePreventionMode",
                                           "strategyId",
                                           "strategyType"};
  static const std::set<std::string> pair{"symbol",
                                          "side",
                                          "quantity",
                                          "listClientOrderId",
                                          "aboveType",
                                          "abovePrice",
                                          "aboveStopPrice",
                                          "aboveTimeInForce",
                                          "aboveClientOrderId",
                                          "belowType",
                                          "belowPrice",
                                          "belowStopPrice",
                                          "belowTimeInForce",
                                          "belowClientOrderId",
                                          "newOrderRespType",
                                          "selfTradePreventionMode"};
  static const std::set<std::string> one{"symbol", "orderId", "origClientOrderId"};
  using Api = BinanceApi;
  static const std::map<std::string, Route> all{
      {"GET /api/v3/ping", {&Api::ping, 1, false, 0, {}}},
      {"GET /api/v3/time", {&Api::time, 1, false, 0, {}}},
      {"GET /api/v3/exchangeInfo",
       {&Api::exchange_info, 20, false, 0, {"symbol", "symbols", "permissions", "showPermissionSets"}}},
      {"GET /api/v3/ticker/price", {&Api::ticker, 4, false, 0, {"symbol", "symbols"}}},
      {"POST /api/v3/order", {&Api::create, 1, true, 1, order}},
      {"POST /api/v3/order/test", {&Api::test_create, 1, true, 0, order}},
      {"POST /api/v3/orderList/oco", {&Api::create_pair, 1, true, 2, pair}},
      {"DELETE /api/v3/order",
       {&Api::cancel,
        1,
        true,
        0,
        {"symbol", "orderId", "origClientOrderId", "newClientOrderId", "cancelRestrictions"}}},
      {"DELETE /api/v3/orderList",
       {&Api::cancel_list, 1, true, 0, {"symbol", "orderListId", "listClientOrderId", "newClientOrderId"}}},
      {"GET /api/v3/order", {&Api::query, 4, true, 0, one}},
      {"GET /api/v3/openOrders", {&Api::open_orders, 6, true, 0, {"symbol"}}},
      {"GET /api/v3/allOrders",
       {&Api::all_orders, 20, true, 0, {"symbol", "orderId", "startTime", "endTime", "limit"}}},
      {"GET /api/v3/orderList", {&Api::query_list, 4, true, 0, {"orderListId", "origClientOrderId"}}},
      {"GET /api/v3/openOrderList", {&Api::open_lists, 6, true, 0, {}}},
      {"GET /api/v3/myTrades",
       {&Api::trades, 20, true, 0, {"symbol", "orderId", "startTime", "endTime", "fromId", "limit"}}},
      {"GET /api/v3/account", {&Api::account, 20, true, 0, {"omitZeroBalances"}}},
      {"GET /api/v3/account/commission", {&Api::commission, 20, true, 0, {"symbol"}}}};
  return all;
}

void BinanceApi::forget() {
  weight_ = Window{6000, Micros{std::chrono::minutes{1}}};
  orders_10s_ = Window{100, 10s};
  orders_1d_ = Window{200'000, 24h};
  throttled_ = 0;
  banned_until_ = {};
}

// In the query and in the body; the query wins.
Pairs BinanceApi::parameters(const Request& request) {
  auto all = parse_query(request.query);
  for (auto& pair : parse_query(request.body)) {
    if (!value_of(all, pair.first)) all.push_back(std::move(pair));
  }
  return all;
}

std::vector<std::string> BinanceApi::clients(const Request& request) {
  std::vector<std::string> ids;
  const auto params = parameters(request);
  const bool cancels = request.method == "DELETE";
  for (const char* name :
       {"newClientOrderId", "origClientOrderId", "listClientOrderId", "aboveClientOrderId", "belowClientOrderId"}) {
    if (cancels && std::string_view{name} == "newClientOrderId") continue;
    if (const auto id = value_of(params, name)) ids.push_back(*id);
  }
  if (const auto id = whole(value_of(params, "orderId").value_or(""))) {
    if (const auto* order = exchange_.order(*id)) ids.push_back(order->client_id);
  }
  if (const auto id = whole(value_of(params, "orderListId").value_or(""))) {
    for (const auto* leg : exchange_.of_list(*id)) ids.push_back(leg->client_id);
  }
  return ids;
}

Reply BinanceApi::answer(const Request& request, const Fault* fault, Instant now) {
  Call call;
  call.endpoint = endpoint(request);
  call.fault = fault;
  call.now = now;
  call.arrived = request.arrived;
  Reply reply;
  try {
    const auto route = routes().find(call.endpoint);
    if (route == routes().end()) throw Refused{-1000, "Path " + request.path + " not found", 404};
    call.params = parameters(request);
    check_weight(request, route->second, call);
    if (route->second.is_signed) check_signature(request, call);
    for (const auto& [name, value] : call.params) {
      static const std::set<std::string> of_signing{"timestamp", "recvWindow", "signature"};
      const bool known =
          route->second.params.count(name) == 1 || (route->second.is_signed && of_signing.count(name) == 1);
      if (!known)
        throw Refused{-1104, "Not all sent parameters were read; read '" + std::to_string(call.params.size() - 1) +
                                 "' parameter(s) but was sent '" + std::to_string(call.params.size()) + "'."};
    }
    if (route->second.is_signed) check_time(call);
    check_order_count(request, route->second.orders, call);
    const bool errs = fault && fault->has("code");
    if (!errs || fault->has("executed")) reply.body = (this->*route->second.run)(call);
    if (errs) {
      throw Refused{static_cast<int>(fault->number("code")), fault->text("message"), 0, fault->number("retry_after")};
    }
    // What was placed or cancelled costs nothing.
    if (request.method != "GET") weight_.take_back(call.weight);
  } catch (const Refused& refused) {
    reply.status = refused.http != 0 ? refused.http : http_of(refused.code);
    if (refused.retry_after > 0) reply.headers.emplace_back("Retry-After", std::to_string(refused.retry_after));
    ++ground_.stats.codes[std::to_string(refused.code)];
    JsonText text;
    text.open('{').with_raw("code", std::to_string(refused.code)).with("msg", refused.message);
    reply.body = text.close('}').str();
  }
  reply.headers.emplace_back("X-MBX-USED-WEIGHT-1M", std::to_string(weight_.used(request.arrived)));
  if (call.counted_orders > 0) {
    reply.headers.emplace_back("X-MBX-ORDER-COUNT-10S", std::to_string(orders_10s_.used(request.arrived)));
    reply.headers.emplace_back("X-MBX-ORDER-COUNT-1D", std::to_string(orders_1d_.used(request.arrived)));
  }
  return reply;
}

void BinanceApi::check_weight(const Request& request, const Route& route, Call& call) {
  call.weight = route.weight;
  if (call.endpoint == "GET /api/v3/openOrders" && !call.has("symbol")) call.weight = 80;
  if (call.endpoint == "GET /api/v3/myTrades" && call.has("orderId")) call.weight = 5;
  if (call.endpoint == "GET /api/v3/ticker/price" && call.has("symbol")) call.weight = 2;
  const bool too_much = weight_.over(request.arrived, call.weight);
  if (too_much) ++ground_.stats.over["weight"];
  if (!ground_.settings.on("enforce_limits")) return;
  constexpr std::int64_t ban_seconds = 120;
  if (request.arrived < banned_until_)
    throw Refused{
        -1003,
        "Way too much request weight used; IP banned until " + ms(call.now + std::chrono::seconds{ban_seconds}) + ".",
        418, ban_seconds};
  if (!too_much) return;
  const auto ban_after = ground_.settings.number("ban_after");
  if (++throttled_ >= ban_after && ban_after > 0) banned_until_ = request.arrived + std::chrono::seconds{ban_seconds};
  throw Refused{-1003,
                "Too much request weight used; current limit is 6000 request weight per 1 MINUTE. "
                "Please use WebSocket Streams for live updates to avoid polling the API.",
                429, 60};
}

void BinanceApi::check_order_count(const Request& request, int orders, Call& call) {
  call.counted_orders = orders;
  if (orders == 0) return;
  const bool too_many = orders_10s_.over(request.arrived, orders);
  const bool too_many_today = orders_1d_.over(request.arrived, orders);
  if (!too_many && !too_many_today) return;
  ++ground_.stats.over["orders"];
  if (ground_.settings.on("enforce_limits"))
    throw Refused{-1015, "Too many new orders; current limit is 100 orders per 10 SECOND.", 429, 10};
}

void BinanceApi::check_signature(const Request& request, Call& call) {
  const auto key = request.header("x-mbx-apikey");
  if (key.empty()) throw Refused{-2014, "API-key format invalid."};
  if (key != api_key && key != ed25519_api_key) {
    ++ground_.stats.bad_signatures;
    throw Refused{-2015, "Invalid API-key, IP, or permissions for action."};
  }
  call.need("timestamp");
  const auto signature = call.need("signature");
  // It stands last, in whichever of the two there is.
  std::string payload = request.query + request.body;
  auto at = payload.rfind("signature=");
  if (at == std::string::npos || payload.find('&', at) != std::string::npos)
    throw Refused{-1022, "Signature for this request is not valid."};
  if (at > 0 && payload[at - 1] == '&') --at;
  payload.erase(at);
  const bool good = is_percent_encoded(request.query + request.body) &&
                    (key == api_key ? lower(signature) == hmac_sha256_hex(api_secret, payload)
                                    : key_.signed_by_it(payload, signature));
  if (good) return;
  ++ground_.stats.bad_signatures;
  throw Refused{-1022, "Signature for this request is not valid."};
}

void BinanceApi::check_time(const Call& call) {
  auto stamp = call.number("timestamp", 0);
  constexpr std::int64_t more_than_any_ms = 100'000'000'000'000;
  if (stamp > more_than_any_ms) stamp /= 1000;
  const auto window =
      Decimal::parse(call.has("recvWindow") ? call.text("recvWindow") : std::to_string(usual_window_ms));
  if (!window) throw Refused{-1100, "Illegal characters found in parameter 'recvWindow'."};
  if (*window > Decimal{static_cast<int>(longest_window_ms)})
    throw Refused{-1131, "recvWindow must be less than 60000"};
  if (stamp >= millis(call.now) + ahead_ms)
    throw Refused{-1021, "Timestamp for this request was 1000ms ahead of the server's time."};
  const auto late = millis(call.now) - stamp;
  if (late > longest_window_ms || Decimal{static_cast<int>(late)} > *window)
    throw Refused{-1021, "Timestamp for this request is outside of the recvWindow."};
}

// ---- The market --------------------------------------------------------------------------------

BinanceApi::Outcome BinanceApi::ping(Call&) { return "{}"; }

BinanceApi::Outcome BinanceApi::time(Call& call) { return "{\"serverTime\":" + ms(call.now) + "}"; }

BinanceApi::Outcome BinanceApi::exchange_info(Call& call) {
  const auto left_out = call.fault ? call.fault->text("leave_out") : "";
  std::set<std::string> wanted;
  if (call.has("symbol")) wanted.insert(wire_symbol(market_of(call).symbol));
  if (const auto list = parse_json(call.text("symbols"))) {
    for (const auto& item : list->items) wanted.insert(item.scalar);
  }
  JsonText text;
  text.open('{').with("timezone", "UTC").with_raw("serverTime", ms(call.now));
  text.key("rateLimits").open('[');
  const auto limit = [&](const char* type, const char* interval, const char* count, const char* most) {
    text.open('{').with("rateLimitType", type).with("interval", interval);
    text.with_raw("intervalNum", count).with_raw("limit", most).close('}');
  };
  limit("REQUEST_WEIGHT", "MINUTE", "1", "6000");
  limit("ORDERS", "SECOND", "10", "100");
  limit("ORDERS", "DAY", "1", "200000");
  limit("RAW_REQUESTS", "MINUTE", "5", "300000");
  text.close(']').with_raw("exchangeFilters", "[]").key("symbols").open('[');
  for (const auto& [symbol, market] : exchange_.markets()) {
    const auto name = wire_symbol(symbol);
    const bool asked = wanted.empty() || wanted.erase(name) == 1;
    if (!asked || symbol == left_out || name == left_out) continue;
    text.open('{').with("symbol", name).with("status", market.open ? "TRADING" : "BREAK");
    text.with("baseAsset", market.base).with_raw("baseAssetPrecision", "8");
    text.with("quoteAsset", market.quote).with_raw("quotePrecision", "8");
    text.with_raw("quoteAssetPrecision", "8").with_raw("baseCommissionPrecision", "8");
    text.with_raw("quoteCommissionPrecision", "8").key("orderTypes").open('[');
    for (const auto& [type, kind] : kinds()) {
      if (market.stop_market || (kind != Kind::stop && kind != Kind::take_profit)) text.text(type);
    }
    text.close(']').with_raw("icebergAllowed", "true").with_raw("ocoAllowed", "true");
    text.with_raw("otoAllowed", "true").with_raw("quoteOrderQtyMarketAllowed", "true");
    text.with_raw("allowTrailingStop", "true").with_raw("cancelReplaceAllowed", "true");
    text.with_raw("isSpotTradingAllowed", "true").with_raw("isMarginTradingAllowed", "false");
    text.key("filters").open('[');
    const auto filter = [&](const char* type) -> JsonText& { return text.open('{').with("filterType", type); };
    filter("PRICE_FILTER").with("minPrice", eight(market.tick)).with("maxPrice", eight(market.max_price));
    text.with("tickSize", eight(market.tick)).close('}');
    filter("LOT_SIZE").with("minQty", eight(market.min_quantity));
    text.with("maxQty", eight(market.max_quantity)).with("stepSize", eight(market.step)).close('}');
    filter("ICEBERG_PARTS").with_raw("limit", "100").close('}');
    filter("MARKET_LOT_SIZE").with("minQty", "0.00000000").with("maxQty", eight(market.max_quantity));
    text.with("stepSize", "0.00000000").close('}');
    filter("PERCENT_PRICE_BY_SIDE").with("bidMultiplierUp", market.bid_up.text());
    text.with("bidMultiplierDown", market.bid_down.text());
    text.with("askMultiplierUp", market.ask_up.text());
    text.with("askMultiplierDown", market.ask_down.text());
    text.with_raw("avgPriceMins", "5").close('}');
    filter("NOTIONAL").with("minNotional", eight(market.min_notional));
    text.with_raw("applyMinToMarket", "true").with("maxNotional", "9000000.00000000");
    text.with_raw("applyMaxToMarket", "false").with_raw("avgPriceMins", "5").close('}');
    filter("MAX_NUM_ORDERS").with_raw("maxNumOrders", std::to_string(market.max_orders)).close('}');
    filter("MAX_NUM_ALGO_ORDERS");
    text.with_raw("maxNumAlgoOrders", std::to_string(market.max_stops)).close('}');
    text.close(']').with_raw("permissions", "[]").with_raw("permissionSets", R"([["SPOT"]])");
    text.with("defaultSelfTradePreventionMode", "EXPIRE_MAKER");
    text.with_raw("allowedSelfTradePreventionModes", R"(["EXPIRE_TAKER","EXPIRE_MAKER","NONE"])");
    text.close('}');
  }
  if (!wanted.empty()) throw Refused{-1121, "Invalid symbol."};
  return text.close(']').close('}').str();
}

BinanceApi::Outcome BinanceApi::ticker(Call& call) {
  const auto left_out = call.fault ? call.fault->text("leave_out") : "";
  const auto one = [&](const std::string& symbol) {
    JsonText text;
    text.open('{').with("symbol", wire_symbol(symbol)).with("price", eight(exchange_.price(symbol)));
    return text.close('}').str();
  };
  if (call.has("symbol")) {
    const auto& market = market_of(call);
    if (market.symbol == left_out) throw Refused{-1121, "Invalid symbol."};
    return one(market.symbol);
  }
  std::set<std::string> wanted;
  if (const auto list = parse_json(call.text("symbols"))) {
    for (const auto& item : list->items) wanted.insert(item.scalar);
  }
  JsonText text;
  text.open('[');
  const bool all = wanted.empty();
  for (const auto& [symbol, market] : exchange_.markets()) {
    const bool asked = all || wanted.erase(wire_symbol(symbol)) == 1;
    if (asked && symbol != left_out) text.raw(one(symbol));
  }
  if (!wanted.empty()) throw Refused{-1121, "Invalid symbol."};
  return text.close(']').str();
}

const Market& BinanceApi::market_of(const Call& call) const {
  const auto name = call.need("symbol");
  for (const auto& [symbol, market] : exchange_.markets()) {
    if (wire_symbol(symbol) == name) return market;
  }
  throw Refused{-1121, "Invalid symbol."};
}

std::string BinanceApi::wire_symbol(const std::string& symbol) const {
  auto wire = symbol;
  std::erase(wire, '_');
  return wire;
}

// ---- Orders ------------------------------------------------------------------------------------

BinanceApi::Outcome BinanceApi::create(Call& call) {
  auto wanted = read_order(call);
  wanted.client_id = client_id(call, "newClientOrderId");
  check_filters(wanted, true);
  check_client_id(wanted);
  const auto fate = fate_for(call.fault, wanted.client_id);
  if (call.fault && call.fault->text("stored_type") == "LIMIT" && conditional(wanted.kind) &&
      call.fault->means(wanted.client_id)) {
    wanted.kind = Kind::limit;
    wanted.price = exchange_.price(wanted.symbol) + exchange_.price(wanted.symbol);
    wanted.trigger = {};
  }
  return answer_json(exchange_.place(wanted, call.now, fate), call);
}

BinanceApi::Outcome BinanceApi::test_create(Call& call) {
  const auto wanted = read_order(call);
  client_id(call, "newClientOrderId");
  check_filters(wanted, false);
  return "{}";
}

Wanted BinanceApi::read_order(Call& call) const {
  Wanted wanted;
  wanted.symbol = market_of(call).symbol;
  const auto side = call.need("side");
  if (side != "BUY" && side != "SELL") throw Refused{-1117, "Invalid side."};
  wanted.side = side == "BUY" ? Side::buy : Side::sell;
  const auto kind = kinds().find(call.need("type"));
  if (kind == kinds().end()) throw Refused{-1116, "Invalid orderType."};
  wanted.kind = kind->second;
  const auto not_required = [&](const char* name) {
    if (call.has(name)) throw Refused{-1106, "Parameter '" + std::string{name} + "' sent when not required."};
  };
  if (with_life(wanted.kind)) {
    const auto life = call.need("timeInForce");
    if (life == "IOC")
      wanted.life = Life::immediate_or_cancel;
    else if (life == "FOK")
      wanted.life = Life::fill_or_kill;
    else if (life != "GTC")
      throw Refused{-1115, "Invalid timeInForce."};
  } else {
    not_required("timeInForce");
  }
  if (wanted.kind == Kind::market && call.has("quoteOrderQty")) {
    not_required("quantity");
    wanted.notional = amount(call, "quoteOrderQty");
    if (wanted.side == Side::sell) {
      wanted.quantity = Decimal::divide(wanted.notional, exchange_.price(wanted.symbol), Rounding::down)
                            .to_multiple(exchange_.markets().at(wanted.symbol).step, Rounding::down);
      wanted.notional = {};
    }
  } else {
    not_required("quoteOrderQty");
    wanted.quantity = amount(call, "quantity");
  }
  if (with_limit(wanted.kind))
    wanted.price = amount(call, "price");
  else
    not_required("price");
  if (conditional(wanted.kind))
    wanted.trigger = amount(call, "stopPrice");
  else
    not_required("stopPrice");
  return wanted;
}

BinanceApi::Outcome BinanceApi::create_pair(Call& call) {
  auto above = read_leg(call, "above");
  auto below = read_leg(call, "below");
  const auto is_stop = [](const Wanted& leg) { return leg.kind == Kind::stop || leg.kind == Kind::stop_limit; };
  if (is_stop(above) == is_stop(below) || above.kind == Kind::market || below.kind == Kind::market ||
      above.kind == Kind::limit || below.kind == Kind::limit)
    throw Refused{-1158, "Order type not supported in OCO."};
  // Sold at a profit above, or at a loss below.
  const bool sells = above.side == Side::sell;
  if (is_stop(above) == sells) throw Refused{-2010, "The relationship of the prices for the orders is not correct."};
  const auto price = exchange_.price(above.symbol);
  for (const Wanted* leg : {&above, &below}) {
    const auto at = conditional(leg->kind) ? leg->trigger : leg->price;
    if (leg == &above ? at <= price : at >= price)
      throw Refused{-2010, "The relationship of the prices for the orders is not correct."};
  }
  const auto list_id = client_id(call, "listClientOrderId");
  for (const auto& order : exchange_.orders()) {
    if (order.list_client_id == list_id && !closed(order.status)) throw Refused{-2010, "Duplicate order sent."};
  }
  std::vector<Fate> fates;
  for (Wanted* leg : {&above, &below}) {
    leg->client_id = client_id(call, leg == &above ? "aboveClientOrderId" : "belowClientOrderId");
    leg->list_client_id = list_id;
    check_filters(*leg, true);
    check_client_id(*leg);
    fates.push_back(fate_for(call.fault, leg->client_id));
    const bool as_limit =
        call.fault && call.fault->text("stored_type") == "LIMIT" && is_stop(*leg) && call.fault->means(leg->client_id);
    if (!as_limit) continue;
    leg->kind = Kind::limit;
    leg->price = price + price;
    leg->trigger = {};
  }
  if (above.client_id == below.client_id) throw Refused{-2010, "Duplicate order sent."};
  const auto id = exchange_.place_pair(below, above, call.now, fates[1], fates[0]);
  return list_json(exchange_.of_list(id), call, true);
}

Wanted BinanceApi::read_leg(Call& call, const std::string& prefix) const {
  Wanted leg;
  leg.symbol = market_of(call).symbol;
  const auto side = call.need("side");
  if (side != "BUY" && side != "SELL") throw Refused{-1117, "Invalid side."};
  leg.side = side == "BUY" ? Side::buy : Side::sell;
  leg.quantity = amount(call, "quantity");
  const auto kind = kinds().find(call.need(prefix + "Type"));
  if (kind == kinds().end()) throw Refused{-1116, "Invalid orderType."};
  leg.kind = kind->second;
  const auto not_required = [&](const std::string& name) {
    if (call.has(name)) throw Refused{-1106, "Parameter '" + name + "' sent when not required."};
  };
  if (with_limit(leg.kind))
    leg.price = amount(call, prefix + "Price");
  else
    not_required(prefix + "Price");
  if (conditional(leg.kind))
    leg.trigger = amount(call, prefix + "StopPrice");
  else
    not_required(prefix + "StopPrice");
  if (with_life(leg.kind)) {
    if (call.need(prefix + "TimeInForce") != "GTC") throw Refused{-1115, "Invalid timeInForce."};
  } else {
    not_required(prefix + "TimeInForce");
  }
  return leg;
}

Decimal BinanceApi::amount(const Call& call, const std::string& name) const {
  static const std::regex legal{R"(^([0-9]{1,20})(\.[0-9]{1,20})?$)"};
  const auto text = call.need(name);
  const auto value = std::regex_match(text, legal) ? Decimal::parse(text) : std::nullopt;
  if (!value)
    throw Refused{-1100, "Illegal characters found in parameter '" + name +
                             R"('; legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'.)"};
  if (value->digits_needed() > digits) throw Refused{-1111, "Parameter '" + name + "' has too much precision."};
  return *value;
}

std::string BinanceApi::client_id(Call& call, const std::string& name) {
  if (!call.has(name)) return "fake-" + std::to_string(++names_);
  const auto id = call.need(name);
  if (id.size() > 36 || id.find_first_not_of(id_letters) != std::string::npos)
    throw Refused{-1100,
                  "Illegal characters found in parameter '" + name + "'; legal range is '^[a-zA-Z0-9-_]{1,36}$'."};
  return id;
}

void BinanceApi::check_filters(const Wanted& wanted, bool funds) const {
  const Market& market = exchange_.markets().at(wanted.symbol);
  const auto breach = [](const char* name) { throw Refused{-1013, std::string{"Filter failure: "} + name}; };
  if (!market.open) throw Refused{-2010, "Market is closed."};
  if (!market.stop_market && (wanted.kind == Kind::stop || wanted.kind == Kind::take_profit))
    throw Refused{-2010, "Stop loss orders are not supported for this symbol."};
  for (const auto price : {wanted.price, wanted.trigger}) {
    if (!price.is_multiple_of(market.tick) || price > market.max_price) breach("PRICE_FILTER");
  }
  if (with_limit(wanted.kind) && wanted.price < market.tick) breach("PRICE_FILTER");
  if (conditional(wanted.kind) && wanted.trigger < market.tick) breach("PRICE_FILTER");
  const bool by_notional = wanted.quantity.is_zero() && wanted.notional.is_positive();
  if (!by_notional && (wanted.quantity < market.min_quantity || wanted.quantity > market.max_quantity ||
                       !wanted.quantity.is_multiple_of(market.step)))
    breach("LOT_SIZE");
  const auto last = exchange_.price(wanted.symbol);
  auto price = last;
  // By measurement the band holds for triggers too.
  const bool sells = wanted.side == Side::sell;
  const auto reference = market.reference.is_positive() ? market.reference : last;
  const auto part = [&](const Decimal& of) { return Decimal::multiply(reference, of, Rounding::down); };
  const auto lowest = part(sells ? market.ask_down : market.bid_down);
  const auto highest = part(sells ? market.ask_up : market.bid_up);
  const auto judge = [&](const Decimal& at) {
    if (at < lowest || (highest.is_positive() && at > highest)) breach("PERCENT_PRICE_BY_SIDE");
  };
  if (with_limit(wanted.kind)) judge(wanted.price);
  if (conditional(wanted.kind)) judge(wanted.trigger);
  if (with_limit(wanted.kind)) {
    price = wanted.price;
  } else if (conditional(wanted.kind)) {
    price = wanted.trigger;
  }
  const auto value = by_notional ? wanted.notional : Decimal::multiply(wanted.quantity, price, Rounding::down);
  if (value < market.min_notional || value > Decimal{9'000'000}) breach("NOTIONAL");
  int open = 0;
  int stops = 0;
  for (const auto& order : exchange_.orders()) {
    if (order.symbol != wanted.symbol || closed(order.status)) continue;
    ++open;
    stops += conditional(order.kind) ? 1 : 0;
  }
  if (open >= market.max_orders) breach("MAX_NUM_ORDERS");
  if (conditional(wanted.kind) && stops >= market.max_stops) breach("MAX_NUM_ALGO_ORDERS");

  if (!funds) return;
  if (conditional(wanted.kind) && exchange_.triggered(wanted)) throw Refused{-2010, "Order would trigger immediately."};
  if (wanted.kind == Kind::limit_maker && exchange_.marketable(wanted))
    throw Refused{-2010, "Order would immediately match and take."};
  if (!exchange_.affordable(wanted)) throw Refused{-2010, "Account has insufficient balance for requested action."};
}

// Among open orders only.
void BinanceApi::check_client_id(const Wanted& wanted) const {
  for (const auto& order : exchange_.orders()) {
    if (order.client_id == wanted.client_id && order.symbol == wanted.symbol && !closed(order.status))
      throw Refused{-2010, "Duplicate order sent."};
  }
}

BinanceApi::Outcome BinanceApi::cancel(Call& call) {
  market_of(call);
  Order* const order = find(call, "orderId", "origClientOrderId");
  const auto unknown = Refused{-2011, "Unknown order sent."};
  if (!order) throw unknown;
  const auto new_id = client_id(call, "newClientOrderId");
  const bool ignored = call.fault && call.fault->has("ignore");
  if (call.fault && call.fault->has("fill_first")) exchange_.execute_part(order->id, Decimal{1}, call.now);
  if (closed(order->status)) throw unknown;
  if (order->list_id != 0) {
    const auto legs = exchange_.of_list(order->list_id);
    for (const Order* leg : legs) {
      if (!ignored) exchange_.cancel(leg->id, call.now);
    }
    return list_json(legs, call, true);
  }
  if (!ignored) exchange_.cancel(order->id, call.now);
  Order copy = *order;
  copy.status = Status::cancelled;
  JsonText text;
  text.open('{').with("symbol", wire_symbol(copy.symbol)).with("origClientOrderId", copy.client_id);
  text.with_raw("orderId", std::to_string(copy.id)).with_raw("orderListId", "-1");
  text.with("clientOrderId", new_id).with_raw("transactTime", ms(call.now));
  text.with("price", eight(copy.price)).with("origQty", eight(copy.quantity));
  text.with("executedQty", eight(copy.filled)).with("cummulativeQuoteQty", eight(copy.value));
  text.with("origQuoteOrderQty", eight(copy.notional)).with("status", "CANCELED");
  text.with("timeInForce", life_text(copy.life)).with("type", kind_text(copy.kind));
  text.with("side", copy.side == Side::buy ? "BUY" : "SELL");
  if (conditional(copy.kind)) text.with("stopPrice", eight(copy.trigger));
  return text.with("selfTradePreventionMode", "EXPIRE_MAKER").close('}').str();
}

BinanceApi::Outcome BinanceApi::cancel_list(Call& call) {
  market_of(call);
  const auto by_id = call.number("orderListId", 0);
  const auto by_client = call.text("listClientOrderId");
  if (by_id == 0 && by_client.empty()) call.need("orderListId");
  std::vector<Order*> legs;
  for (const auto& order : exchange_.orders()) {
    const bool meant = by_id != 0 ? order.list_id == by_id : order.list_client_id == by_client;
    if (order.list_id != 0 && meant && !closed(order.status)) legs = exchange_.of_list(order.list_id);
  }
  if (legs.empty()) throw Refused{-2011, "Unknown order sent."};
  if (!call.fault || !call.fault->has("ignore")) {
    for (const Order* leg : legs) exchange_.cancel(leg->id, call.now);
  }
  return list_json(legs, call, true);
}

// ---- Views -------------------------------------------------------------------------------------

Order* BinanceApi::find(const Call& call, const std::string& id_name, const std::string& client_name) const {
  const auto id = call.number(id_name, 0);
  const auto client = call.text(client_name);
  if (id == 0 && client.empty())
    throw Refused{-1102, "Param '" + client_name + "' or '" + id_name + "' must be sent, but both were empty/null!"};
  const auto symbol = market_of(call).symbol;
  Order* found = nullptr;
  if (id != 0) {
    found = exchange_.order(id);
    if (!found || found->id != id || (!client.empty() && found->client_id != client)) return nullptr;
  } else {
    for (Order* const order : exchange_.by_client_id(client)) {
      // Of several the one that lives, else the last.
      if (!found || closed(found->status)) found = order;
    }
  }
  return found && found->symbol == symbol ? found : nullptr;
}

BinanceApi::Outcome BinanceApi::query(Call& call) {
  market_of(call);
  Order* const order = find(call, "orderId", "origClientOrderId");
  const auto shown = order ? exchange_.shown(*order, call.endpoint, call.now, true) : std::optional<Order>{};
  if (!shown) throw Refused{-2013, "Order does not exist."};
  return order_json(*shown, call);
}

BinanceApi::Outcome BinanceApi::open_orders(Call& call) {
  const auto symbol = call.has("symbol") ? market_of(call).symbol : "";
  JsonText text;
  text.open('[');
  for (const auto& one : exchange_.orders()) {
    if (closed(one.status) || (!symbol.empty() && one.symbol != symbol)) continue;
    if (const auto shown = exchange_.shown(*exchange_.order(one.id), call.endpoint, call.now))
      text.raw(order_json(*shown, call));
  }
  return text.close(']').str();
}

namespace {

struct Span {
  Instant from;
  Instant to;
};

}  // namespace

BinanceApi::Outcome BinanceApi::all_orders(Call& call) {
  const auto symbol = market_of(call).symbol;
  const auto start = call.number("startTime", 0);
  const auto end = call.number("endTime", 0);
  if (start != 0 && end != 0 && end - start > 86'400'000)
    throw Refused{-1127, "More than 24 hours between startTime and endTime."};
  const Span span{from_micros(start * 1000), end != 0 ? from_micros(end * 1000 + 999) : Instant::max()};
  const auto most = static_cast<std::size_t>(std::clamp<std::int64_t>(call.number("limit", 500), 1, 1000));
  const auto from_id = call.number("orderId", 0);
  std::vector<std::string> rows;
  for (const auto& one : exchange_.orders()) {
    if (one.symbol != symbol || one.created < span.from || one.created > span.to || one.id < from_id) continue;
    if (const auto shown = exchange_.shown(*exchange_.order(one.id), call.endpoint, call.now))
      rows.push_back(order_json(*shown, call));
  }
  // From a point in time on the first, else the last.
  const bool first = from_id != 0 || start != 0;
  const auto skipped = rows.size() > most && !first ? rows.size() - most : 0;
  JsonText text;
  text.open('[');
  for (std::size_t i = skipped; i < rows.size() && i < skipped + most; ++i) text.raw(rows[i]);
  return text.close(']').str();
}

BinanceApi::Outcome BinanceApi::query_list(Call& call) {
  const auto by_id = call.number("orderListId", 0);
  const auto by_client = call.text("origClientOrderId");
  if (by_id == 0 && by_client.empty()) call.need("orderListId");
  std::vector<Order*> legs;
  for (const auto& order : exchange_.orders()) {
    const bool meant = by_id != 0 ? order.list_id == by_id : order.list_client_id == by_client;
    if (order.list_id != 0 && meant) legs = exchange_.of_list(order.list_id);
  }
  bool shown = !legs.empty();
  for (Order* leg : legs) shown = exchange_.shown(*leg, call.endpoint, call.now) && shown;
  if (!shown) throw Refused{-2018, "Order list does not exist."};
  return list_json(legs, call, false);
}

BinanceApi::Outcome BinanceApi::open_lists(Call& call) {
  std::set<std::int64_t> open;
  for (const auto& order : exchange_.orders()) {
    if (order.list_id != 0 && !closed(order.status) &&
        exchange_.shown(*exchange_.order(order.id), call.endpoint, call.now))
      open.insert(order.list_id);
  }
  JsonText text;
  text.open('[');
  for (const auto id : open) text.raw(list_json(exchange_.of_list(id), call, false));
  return text.close(']').str();
}

BinanceApi::Outcome BinanceApi::trades(Call& call) {
  const auto symbol = market_of(call).symbol;
  const auto start = call.number("startTime", 0);
  const auto end = call.number("endTime", 0);
  if (start != 0 && end != 0 && end - start > 86'400'000)
    throw Refused{-1127, "More than 24 hours between startTime and endTime."};
  const Span span{from_micros(start * 1000), end != 0 ? from_micros(end * 1000 + 999) : Instant::max()};
  const auto most = static_cast<std::size_t>(std::clamp<std::int64_t>(call.number("limit", 500), 1, 1000));
  const auto order_id = call.number("orderId", 0);
  const auto from_id = call.number("fromId", 0);
  std::map<std::int64_t, std::string> rows;
  for (const auto& one : exchange_.orders()) {
    if (one.symbol != symbol || one.fills.empty() || (order_id != 0 && one.id != order_id)) continue;
    const auto shown = exchange_.shown(*exchange_.order(one.id), call.endpoint, call.now);
    if (!shown) continue;
    for (const auto& fill : shown->fills) {
      if (fill.at < span.from || fill.at > span.to || fill.id < from_id) continue;
      JsonText text;
      text.open('{').with("symbol", wire_symbol(symbol)).with_raw("id", std::to_string(fill.id));
      text.with_raw("orderId", std::to_string(one.id));
      text.with_raw("orderListId", one.list_id == 0 ? "-1" : std::to_string(one.list_id));
      text.with("price", eight(fill.price)).with("qty", eight(fill.quantity));
      text.with("quoteQty", eight(Decimal::multiply(fill.price, fill.quantity, Rounding::down)));
      text.with("commission", eight(fill.fee)).with("commissionAsset", fill.fee_currency);
      text.with_raw("time", ms(fill.at));
      text.with_raw("isBuyer", one.side == Side::buy ? "true" : "false");
      text.with_raw("isMaker", fill.maker ? "true" : "false");
      rows[fill.id] = text.with_raw("isBestMatch", "true").close('}').str();
    }
  }
  const bool first = from_id != 0 || start != 0;
  while (rows.size() > most) rows.erase(first ? std::prev(rows.end()) : rows.begin());
  JsonText text;
  text.open('[');
  for (const auto& [id, row] : rows) text.raw(row);
  return text.close(']').str();
}

BinanceApi::Outcome BinanceApi::account(Call& call) {
  const bool omits_zero = call.text("omitZeroBalances") == "true";
  JsonText text;
  text.open('{').with_raw("makerCommission", "10").with_raw("takerCommission", "10");
  text.with_raw("buyerCommission", "0").with_raw("sellerCommission", "0");
  text.with_raw("canTrade", "true").with_raw("canWithdraw", "false").with_raw("canDeposit", "true");
  text.with_raw("brokered", "false").with_raw("requireSelfTradePrevention", "false");
  text.with_raw("preventSor", "false").with_raw("updateTime", ms(call.now));
  text.with("accountType", "SPOT").key("balances").open('[');
  for (const auto& [currency, holding] : exchange_.holdings()) {
    if (omits_zero && holding.total.is_zero()) continue;
    text.open('{').with("asset", currency).with("free", eight(holding.free()));
    text.with("locked", eight(holding.locked)).close('}');
  }
  text.close(']').with_raw("permissions", R"(["SPOT"])").with_raw("uid", "354937868");
  return text.close('}').str();
}

BinanceApi::Outcome BinanceApi::commission(Call& call) {
  const auto& market = market_of(call);
  JsonText text;
  text.open('{').with("symbol", wire_symbol(market.symbol));
  const auto rates = [&](const char* name, Decimal maker, Decimal taker) {
    text.key(name).open('{').with("maker", eight(maker)).with("taker", eight(taker));
    text.with("buyer", "0.00000000").with("seller", "0.00000000").close('}');
  };
  rates("standardCommission", market.maker_fee, market.taker_fee);
  rates("specialCommission", {}, {});
  rates("taxCommission", {}, {});
  text.key("discount").open('{').with_raw("enabledForAccount", "false");
  text.with_raw("enabledForSymbol", "false").with("discountAsset", "BNB");
  return text.with("discount", "0.75000000").close('}').close('}').str();
}

// ---- What an order looks like
// --------------------------------------------------------------------

std::string BinanceApi::status_of(const Order& order, const Call& call) const {
  if (call.fault && call.fault->has("unknown_status") && call.fault->means(order.client_id))
    return call.fault->text("unknown_status");
  if (!order.fate.shown_status.empty()) return order.fate.shown_status;
  switch (order.status) {
    case Status::pending:
    case Status::open:
      return order.filled.is_zero() ? "NEW" : "PARTIALLY_FILLED";
    case Status::filled:
      return "FILLED";
    case Status::rejected:
      return "REJECTED";
    case Status::expired:
      return "EXPIRED";
    case Status::cancelled:
      if (order.reason == "OCO") return ground_.settings.text("sibling_shown");
      return order.reason == "NOT_FILLED" || order.reason == "FILL_OR_KILL" ? "EXPIRED" : "CANCELED";
  }
  return "";
}

// The answer to a new order, as short or long as was asked.
std::string BinanceApi::answer_json(const Order& order, const Call& call) const {
  auto form = call.text("newOrderRespType");
  const bool short_usually = order.kind != Kind::market && order.kind != Kind::limit;
  if (form.empty()) form = short_usually ? "ACK" : "FULL";
  if (form != "ACK" && form != "RESULT" && form != "FULL") throw Refused{-1145, "Invalid newOrderRespType"};
  // Of what is rejected later the answer knows nothing yet.
  if (order.fate.reject) form = "ACK";
  JsonText text;
  text.open('{').with("symbol", wire_symbol(order.symbol));
  text.with_raw("orderId", std::to_string(order.id));
  text.with_raw("orderListId", order.list_id == 0 ? "-1" : std::to_string(order.list_id));
  text.with("clientOrderId", order.client_id).with_raw("transactTime", ms(order.created));
  if (form == "ACK") return text.close('}').str();
  text.with("price", eight(order.price)).with("origQty", eight(order.quantity));
  text.with("executedQty", eight(order.filled)).with("origQuoteOrderQty", eight(order.notional));
  text.with("cummulativeQuoteQty", eight(order.value)).with("status", status_of(order, call));
  text.with("timeInForce", life_text(order.life)).with("type", kind_text(order.kind));
  text.with("side", order.side == Side::buy ? "BUY" : "SELL");
  if (conditional(order.kind)) text.with("stopPrice", eight(order.trigger));
  text.with_raw("workingTime", conditional(order.kind) ? "-1" : ms(order.created));
  if (form == "FULL") {
    text.key("fills").open('[');
    for (const auto& fill : order.fills) {
      text.open('{').with("price", eight(fill.price)).with("qty", eight(fill.quantity));
      text.with("commission", eight(fill.fee)).with("commissionAsset", fill.fee_currency);
      text.with_raw("tradeId", std::to_string(fill.id)).close('}');
    }
    text.close(']');
  }
  return text.with("selfTradePreventionMode", "EXPIRE_MAKER").close('}').str();
}

std::string BinanceApi::order_json(const Order& order, const Call& call) const {
  auto left_out = order.fate.left_out;
  if (call.fault && call.fault->means(order.client_id)) {
    const auto now = fate_of(*call.fault);
    left_out.insert(left_out.end(), now.left_out.begin(), now.left_out.end());
  }
  JsonText text;
  text.open('{');
  const auto put_raw = [&](std::string_view name, const std::string& value) {
    if (std::find(left_out.begin(), left_out.end(), name) == left_out.end()) text.with_raw(name, value);
  };
  const auto put = [&](std::string_view name, const std::string& value) {
    put_raw(name, JsonText{}.text(value).str());
  };
  put("symbol", wire_symbol(order.symbol));
  put_raw("orderId", std::to_string(order.id));
  put_raw("orderListId", order.list_id == 0 ? "-1" : std::to_string(order.list_id));
  put("clientOrderId", order.client_id);
  put("price", eight(order.price));
  put("origQty", eight(order.quantity));
  put("executedQty", eight(order.filled));
  put("cummulativeQuoteQty", eight(order.value));
  put("status", status_of(order, call));
  put("timeInForce", life_text(order.life));
  put("type", kind_text(order.kind));
  put("side", order.side == Side::buy ? "BUY" : "SELL");
  put("stopPrice", eight(order.trigger));
  put("icebergQty", "0.00000000");
  put_raw("time", ms(order.created));
  put_raw("updateTime", ms(order.updated));
  put_raw("isWorking", conditional(order.kind) && !order.fired ? "false" : "true");
  put_raw("workingTime", conditional(order.kind) && !order.fired ? "-1" : ms(order.updated));
  put("origQuoteOrderQty", eight(order.notional));
  if (order.status == Status::rejected) put("expiryReason", "REJECTED");
  put("selfTradePreventionMode", "EXPIRE_MAKER");
  return text.close('}').str();
}

std::string BinanceApi::list_json(const std::vector<Order*>& legs, const Call& call, bool with_reports) const {
  const bool done = std::all_of(legs.begin(), legs.end(), [](const Order* leg) { return closed(leg->status); });
  JsonText text;
  text.open('{').with_raw("orderListId", std::to_string(legs[0]->list_id));
  text.with("contingencyType", "OCO").with("listStatusType", done ? "ALL_DONE" : "EXEC_STARTED");
  text.with("listOrderStatus", done ? "ALL_DONE" : "EXECUTING");
  text.with("listClientOrderId", legs[0]->list_client_id);
  text.with_raw("transactionTime", ms(legs[0]->created));
  text.with("symbol", wire_symbol(legs[0]->symbol)).key("orders").open('[');
  for (const Order* leg : legs) {
    text.open('{').with("symbol", wire_symbol(leg->symbol));
    text.with_raw("orderId", std::to_string(leg->id)).with("clientOrderId", leg->client_id).close('}');
  }
  text.close(']');
  if (!with_reports) return text.close('}').str();
  text.key("orderReports").open('[');
  for (const Order* leg : legs) {
    Call report = call;
    report.params = {{"newOrderRespType", "RESULT"}};
    text.raw(answer_json(*leg, report));
  }
  return text.close(']').close('}').str();
}

}  // namespace tradeguard::fake
