#include "cryptocom_api.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace tradeguard::fake {

namespace {

constexpr std::string_view root = "/exchange/v1/";
constexpr std::int64_t nonce_window_ms = 60'000;

const std::map<int, std::string>& messages() {
  static const std::map<int, std::string> all{{204, "DUPLICATE_CLORDID"},
                                              {209, "INVALID_INSTRUMENT"},
                                              {212, "INVALID_ORDERID"},
                                              {213, "Invalid quantity format"},
                                              {218, "INVALID_ORDTYPE"},
                                              {219, "INVALID_EXEC_INST"},
                                              {220, "INVALID_SIDE"},
                                              {229, "INVALID_REF_PRICE"},
                                              {230, "INVALID_REF_PRICE_TYPE"},
                                              {306, "INSUFFICIENT_AVAILABLE_BALANCE"},
                                              {308, "INVALID_PRICE"},
                                              {309, "MARKET_IS_NOT_OPEN"},
                                              {314, "MAX_ORDER_SIZE"},
                                              {316, "NO_ACTIVE_ORDER"},
                                              {318, "MAX_OPEN_ORDERS"},
                                              {415, "BELOW_MIN_ORDER_SIZE"},
                                              {416, "USER_NO_MARGIN_ACCESS"},
                                              {40001, "BAD_REQUEST"},
                                              {40002, "METHOD_NOT_FOUND"},
                                              {40003, "INVALID_REQUEST"},
                                              {40004, "MISSING_OR_INVALID_ARGUMENT"},
                                              {40101, "UNAUTHORIZED"},
                                              {40102, "INVALID_NONCE"},
                                              {40401, "NOT_FOUND"},
                                              {40801, "REQUEST_TIMEOUT"},
                                              {42901, "TOO_MANY_REQUESTS"},
                                              {43003, "FILL_OR_KILL"},
                                              {43004, "IMMEDIATE_OR_CANCEL"},
                                              {43005, "POST_ONLY_REJ"},
                                              {50001, "ERR_INTERNAL"},
                                              {50007, "INVALID_TRIGGER_PRICE"},
                                              {50010, "INVALID_ORDER_PARAMETERS"},
                                              {140001, "API_DISABLED"}};
  return all;
}

const std::map<std::string, Kind>& trigger_kinds() {
  static const std::map<std::string, Kind> all{{"STOP_LOSS", Kind::stop},
                                               {"STOP_LIMIT", Kind::stop_limit},
                                               {"TAKE_PROFIT", Kind::take_profit},
                                               {"TAKE_PROFIT_LIMIT", Kind::take_profit_limit}};
  return all;
}

std::string kind_text(Kind kind) {
  switch (kind) {
    case Kind::market:
      return "MARKET";
    case Kind::limit:
    case Kind::limit_maker:
      return "LIMIT";
    case Kind::stop:
      return "STOP_LOSS";
    case Kind::stop_limit:
      return "STOP_LIMIT";
    case Kind::take_profit:
      return "TAKE_PROFIT";
    case Kind::take_profit_limit:
      return "TAKE_PROFIT_LIMIT";
  }
  return "";
}

std::string life_text(Life life) {
  switch (life) {
    case Life::good_till_cancel:
      return "GOOD_TILL_CANCEL";
    case Life::immediate_or_cancel:
      return "IMMEDIATE_OR_CANCEL";
    case Life::fill_or_kill:
      return "FILL_OR_KILL";
  }
  return "";
}

std::string status_text(Status status) {
  switch (status) {
    case Status::pending:
      return "PENDING";
    case Status::open:
      return "ACTIVE";
    case Status::filled:
      return "FILLED";
    case Status::cancelled:
      return "CANCELED";
    case Status::rejected:
      return "REJECTED";
    case Status::expired:
      return "EXPIRED";
  }
  return "";
}

bool has_limit(Kind kind) {
  return kind == Kind::limit || kind == Kind::limit_maker || kind == Kind::stop_limit ||
         kind == Kind::take_profit_limit;
}

bool digits_only(const std::string& text) {
  return !text.empty() && text.size() <= 19 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::int64_t number_in(const std::string& text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::int64_t millis(Instant at) { return to_micros(at) / 1000; }
std::string nanos(Instant at) { return std::to_string(to_micros(at) * 1000); }

// Plain decimals only.
std::optional<Decimal> plain(const Json& value) {
  if (!value.is(Json::Kind::text)) return std::nullopt;
  if (value.scalar.find_first_of("eE") != std::string::npos) return std::nullopt;
  return Decimal::parse(value.scalar);
}

int http_of(int code) {
  if (code == 40101 || code == 40103) return 401;
  if (code == 40801) return 408;
  if (code == 42901) return 429;
  if (code == 140001) return 500;
  return 400;
}

// Milliseconds or nanoseconds, whatever there are so many digits of.
Instant instant_in(const std::string& text) {
  const auto number = number_in(text);
  constexpr std::int64_t more_than_any_ms = 100'000'000'000'000;
  return from_micros(number > more_than_any_ms ? number / 1000 : number * 1000);
}

}  // namespace

struct CryptocomApi::Refused {
  int code;
  std::string message;
  std::int64_t order_id = 0;
  std::string client_id;
};

struct CryptocomApi::Call {
  std::string method;  // "private/create-order"
  std::string id = "-1";
  Json body;
  Json params{Json::Kind::object, {}, {}, {}};
  const Fault* fault = nullptr;
  Instant now;
  std::string message;  // beside a result
};

std::string param_string(const Json& params) {
  std::string text;
  switch (params.kind) {
    case Json::Kind::null:
      return "null";
    case Json::Kind::boolean:
    case Json::Kind::number:
    case Json::Kind::text:
      return params.scalar;
    case Json::Kind::array:
      for (const auto& item : params.items) text += param_string(item);
      return text;
    case Json::Kind::object: {
      auto sorted = params.members;
      std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
      for (const auto& [key, value] : sorted) text += key + param_string(value);
      return text;
    }
  }
  return text;
}

std::string CryptocomApi::endpoint(const Request& request) const {
  return request.path.starts_with(root) ? request.path.substr(root.size()) : request.path;
}

std::vector<std::string> CryptocomApi::clients(const Request& request) {
  std::vector<std::string> ids;
  const auto body = parse_json(request.body);
  const auto* params = body ? body->find("params") : nullptr;
  if (!params) return ids;
  if (const auto* id = params->find("client_oid")) ids.push_back(id->scalar);
  if (const auto* id = params->find("order_id")) {
    if (const auto* order = exchange_.order(number_in(id->scalar))) ids.push_back(order->client_id);
  }
  if (const auto* id = params->find("list_id")) {
    for (const auto* order : exchange_.of_list(number_in(id->scalar))) ids.push_back(order->client_id);
  }
  if (const auto* list = params->find("order_list")) {
    for (const auto& item : list->items) ids.push_back(item.text_of("client_oid"));
  }
  return ids;
}

Reply CryptocomApi::answer(const Request& request, const Fault* fault, Instant now) {
  Call call;
  call.method = endpoint(request);
  call.fault = fault;
  call.now = now;
  Reply reply;
  JsonText text;
  try {
    check_envelope(request, call);
    check_rate(request, call);
    const bool errs = fault && fault->has("code") && !fault->has("with_id");
    const auto result = errs && !fault->has("executed") ? "" : run(call);
    if (errs) throw Refused{static_cast<int>(fault->number("code")), fault->text("message")};
    text.open('{').with_raw("id", whole(call.id)).with("method", call.method);
    text.with_raw("code", whole("0"));
    if (!call.message.empty()) text.with("message", call.message);
    if (!result.empty()) text.with_raw("result", result);
    text.close('}');
  } catch (const Refused& refused) {
    const auto known = messages().find(refused.code);
    const auto message = !refused.message.empty()    ? refused.message
                         : known != messages().end() ? known->second
                                                     : "ERROR";
    reply.status = http_of(refused.code);
    if (refused.code == 40401) reply.status = static_cast<int>(ground_.settings.number("notfound_http"));
    if (ground_.settings.on("error_http")) reply.status = static_cast<int>(ground_.settings.number("error_http"));
    ++ground_.stats.codes[std::to_string(refused.code)];
    text.open('{').with_raw("id", whole(call.id)).with("method", call.method);
    text.with_raw("code", whole(std::to_string(refused.code))).with("message", message);
    if (refused.order_id != 0) {
      text.key("result").open('{');
      text.with("order_id", std::to_string(refused.order_id)).with("client_oid", refused.client_id);
      text.close('}');
    }
    text.close('}');
  }
  reply.body = text.str();
  return reply;
}

void CryptocomApi::check_envelope(const Request& request, Call& call) {
  static const std::set<std::string> methods{"public/get-instruments",
                                             "public/get-risk-parameters",
                                             "public/get-tickers",
                                             "public/get-valuations",
                                             "private/create-order",
                                             "private/create-order-list",
                                             "private/cancel-order",
                                             "private/get-order-detail",
                                             "private/get-open-orders",
                                             "private/get-order-history",
                                             "private/get-trades",
                                             "private/user-balance",
                                             "private/get-instrument-fee-rate",
                                             "private/advanced/create-order",
                                             "private/advanced/create-oco",
                                             "private/advanced/cancel-order",
                                             "private/advanced/cancel-oco",
                                             "private/advanced/get-open-orders",
                                             "private/advanced/get-order-detail",
                                             "private/advanced/get-order-history",
                                             "private/advanced/get-order-list-detail"};
  if (methods.count(call.method) == 0) throw Refused{40002, ""};
  if (call.method.starts_with("public/")) {
    if (request.method != "GET") throw Refused{50001, ""};
    for (const auto& [name, value] : parse_query(request.query))
      call.params.members.emplace_back(name, Json{Json::Kind::text, value, {}, {}});
    return;
  }
  if (request.method != "POST") throw Refused{40003, ""};
  if (!lower(request.header("content-type")).starts_with("application/json")) throw Refused{40003, "content type"};
  const auto body = parse_json(request.body);
  if (!body || !body->is(Json::Kind::object)) throw Refused{40001, ""};
  call.body = *body;

  const auto* id = body->find("id");
  if (id && (!id->is(Json::Kind::number) || !digits_only(id->scalar))) throw Refused{40001, "id"};
  if (id) call.id = id->scalar;
  if (body->text_of("method") != call.method) throw Refused{40003, "method"};
  const auto* params = body->find("params");
  if (!params || !params->is(Json::Kind::object)) throw Refused{40003, "params"};
  call.params = *params;

  const auto* nonce = body->find("nonce");
  if (!nonce || !digits_only(nonce->scalar)) throw Refused{40101, "nonce"};
  // A quantity that is a number breaks the signature of the other side.
  auto orders = call.params.find("order_list") ? call.params.find("order_list")->items : std::vector<Json>{};
  orders.push_back(call.params);
  for (const auto& order : orders) {
    const auto is_number = [&](const char* name) {
      return order.find(name) && !order.find(name)->is(Json::Kind::text);
    };
    if (is_number("quantity")) throw Refused{40101, ""};
    if (is_number("price")) throw Refused{308, ""};
    if (is_number("ref_price")) throw Refused{229, ""};
    if (is_number("notional")) throw Refused{50001, ""};
  }
  const auto expected = hmac_sha256_hex(api_secret, call.method + (id ? id->scalar : "") + std::string{api_key} +
                                                        param_string(call.params) + nonce->scalar);
  if (body->text_of("api_key") != api_key || body->text_of("sig") != expected) {
    ++ground_.stats.bad_signatures;
    throw Refused{40101, ""};
  }
  const auto off = number_in(nonce->scalar) - millis(call.now);
  if (off > nonce_window_ms || off < -nonce_window_ms) throw Refused{40102, ""};
}

void CryptocomApi::check_rate(const Request& request, const Call& call) {
  const auto& name = call.method;
  std::int64_t limit = 3;
  Micros span = 100ms;
  if (name.starts_with("public/")) {
    limit = 100;
    span = 1s;
  } else if (name == "private/create-order" || name == "private/cancel-order") {
    limit = 15;
  } else if (name == "private/get-order-detail") {
    limit = 30;
  } else if (name == "private/get-trades" || name == "private/get-order-history") {
    limit = 1;
    span = 1s;
  }
  auto& window = windows_.try_emplace(name, limit, span).first->second;
  if (!window.over(request.arrived)) return;
  ++ground_.stats.over[name];
  if (ground_.settings.on("enforce_limits")) throw Refused{42901, ""};
}

CryptocomApi::Outcome CryptocomApi::run(Call& call) {
  const auto& name = call.method;
  if (name == "public/get-instruments") return instruments(call);
  if (name == "public/get-risk-parameters") return risk_parameters();
  if (name == "public/get-tickers") return tickers(call);
  if (name == "public/get-valuations") return valuations(call);
  if (name == "private/create-order") return create(call);
  if (name == "private/create-order-list") throw Refused{140001, ""};
  if (name == "private/cancel-order") return cancel(call, false);
  if (name == "private/get-order-detail") return detail(call, false);
  if (name == "private/get-open-orders") return open_orders(call, false);
  if (name == "private/get-order-history") return history(call, false);
  if (name == "private/get-trades") return trades(call);
  if (name == "private/user-balance") return balance();
  if (name == "private/get-instrument-fee-rate") return fee_rate(call);
  if (name == "private/advanced/create-order") return create_advanced(call);
  if (name == "private/advanced/create-oco") return create_pair(call);
  if (name == "private/advanced/cancel-order") return cancel(call, true);
  if (name == "private/advanced/cancel-oco") return cancel_pair(call);
  if (name == "private/advanced/get-open-orders") return open_orders(call, true);
  if (name == "private/advanced/get-order-detail") return detail(call, true);
  if (name == "private/advanced/get-order-history") return history(call, true);
  return list_detail(call);
}

// ---- The market --------------------------------------------------------------------------------

CryptocomApi::Outcome CryptocomApi::instruments(const Call& call) {
  const auto left_out = call.fault ? call.fault->text("leave_out") : "";
  JsonText text;
  text.open('{').key("data").open('[');
  for (const auto& [symbol, market] : exchange_.markets()) {
    if (symbol == left_out) continue;
    text.open('{').with("symbol", symbol).with("inst_type", "CCY_PAIR");
    text.with("display_name", market.base + "/" + market.quote);
    text.with("base_ccy", market.base).with("quote_ccy", market.quote);
    text.with_raw("quote_decimals", whole(std::to_string(market.tick.digits_needed())));
    text.with_raw("quantity_decimals", whole(std::to_string(market.step.digits_needed())));
    text.with("price_tick_size", market.tick.text()).with("qty_tick_size", market.step.text());
    text.with("max_leverage", "50").with_raw("tradable", market.open ? "true" : "false");
    text.with_raw("expiry_timestamp_ms", whole("0"));
    text.with_raw("margin_buy_enabled", "false").with_raw("margin_sell_enabled", "false");
    text.close('}');
  }
  // What is no spot pair is listed too.
  text.open('{').with("symbol", "BTCUSD-PERP").with("inst_type", "PERPETUAL_SWAP");
  text.with("display_name", "BTCUSD Perpetual").with("base_ccy", "BTC").with("quote_ccy", "USD");
  text.with_raw("quote_decimals", whole("1")).with_raw("quantity_decimals", whole("4"));
  text.with("price_tick_size", "0.1").with("qty_tick_size", "0.0001").with("max_leverage", "50");
  text.with_raw("tradable", "true").with_raw("expiry_timestamp_ms", whole("0"));
  text.with("underlying_symbol", "BTCUSD-INDEX").close('}');
  return text.close(']').close('}').str();
}

// As captured in August 2026: limits of base currencies in dollars, and lists of derivatives whose
// members have the same names.
CryptocomApi::Outcome CryptocomApi::risk_parameters() {
  JsonText text;
  text.open('{');
  text.with("default_max_product_leverage_for_spot", "5.0");
  text.with("default_max_product_leverage_for_perps", "50.0");
  text.with("default_unit_margin_rate", "0.05").with_raw("default_collateral_cap", "null");
  text.with_raw("update_timestamp_ms", whole("1785542400000"));
  text.key("base_currency_config").open('[');
  std::set<std::string> listed;
  for (const auto& [symbol, market] : exchange_.markets()) {
    if (!listed.insert(market.base).second) continue;
    const auto rate = dollars(market.quote);
    const auto most = market.max_notional.is_zero() ? Decimal{1'000'000} : market.max_notional;
    text.open('{').with("instrument_name", market.base);
    text.with_raw("collateral_cap_notional", "null").with("minimum_haircut", "0.1");
    text.with("unit_margin_rate", "0.05").with("max_product_leverage_for_spot", "5.0");
    text.with("order_limit", "200.0");
    text.with("max_order_notional_usd", Decimal::multiply(most, rate, Rounding::down).text());
    text.with("min_order_notional_usd", Decimal::multiply(market.min_notional, rate, Rounding::up).text());
    text.close('}');
  }
  text.close(']').key("perpetual_swap_config").open('[');
  text.open('{').with("instrument_name", "ETH").with("min_order_notional_usd", "777.0");
  text.with("max_order_notional_usd", "888.0").close('}');
  return text.close(']').close('}').str();
}

Decimal CryptocomApi::dollars(const std::string& currency) const {
  if (exchange_.market(currency + "_USDT")) return exchange_.price(currency + "_USDT");
  return Decimal{1};
}

CryptocomApi::Outcome CryptocomApi::tickers(const Call& call) {
  const auto wanted = call.params.text_of("instrument_name");
  const auto left_out = call.fault ? call.fault->text("leave_out") : "";
  if (!wanted.empty() && !exchange_.market(wanted)) throw Refused{40004, "instrument_name"};
  JsonText text;
  text.open('{').key("data").open('[');
  for (const auto& [symbol, market] : exchange_.markets()) {
    if ((!wanted.empty() && wanted != symbol) || symbol == left_out) continue;
    const auto price = exchange_.price(symbol).text();
    text.open('{').with("i", symbol).with("a", price).with("b", price).with("k", price);
    text.with("h", price).with("l", price).with("c", "0").with("v", "1").with("vv", price);
    text.with_raw("t", whole(std::to_string(millis(call.now)))).close('}');
  }
  return text.close(']').close('}').str();
}

CryptocomApi::Outcome CryptocomApi::valuations(const Call& call) {
  const auto symbol = call.params.text_of("instrument_name");
  if (call.params.text_of("valuation_type") != "mark_price" || !exchange_.market(symbol)) throw Refused{40004, ""};
  JsonText text;
  text.open('{').key("data").open('[').open('{').with("v", exchange_.price(symbol).text());
  text.with_raw("t", whole(std::to_string(millis(call.now)))).close('}').close(']');
  return text.with("instrument_name", symbol).close('}').str();
}

// ---- Orders ------------------------------------------------------------------------------------

CryptocomApi::Outcome CryptocomApi::create(Call& call) {
  const auto type = call.params.text_of("type");
  if (trigger_kinds().count(type) == 1) throw Refused{140001, ""};
  auto wanted = read_order(call.params, call, false);
  if (call.fault && call.fault->has("code"))
    refuse_with_record(call, wanted, static_cast<int>(call.fault->number("code")));
  check_client_id(wanted.client_id);
  check_size(wanted);
  const auto fate = fate_for(call.fault, wanted.client_id);
  if (!ground_.settings.on("late_refusals") && !fate.reject && !exchange_.affordable(wanted))
    refuse_with_record(call, wanted, 306);
  const auto& order = exchange_.place(wanted, call.now, fate);
  JsonText text;
  text.open('{').with("order_id", std::to_string(order.id)).with("client_oid", order.client_id);
  return text.close('}').str();
}

CryptocomApi::Outcome CryptocomApi::create_advanced(Call& call) {
  if (trigger_kinds().count(call.params.text_of("type")) == 0) throw Refused{218, ""};
  auto wanted = read_order(call.params, call, true);
  if (call.fault && call.fault->has("code"))
    refuse_with_record(call, wanted, static_cast<int>(call.fault->number("code")));
  check_client_id(wanted.client_id);
  check_size(wanted);
  if (!ground_.settings.on("late_refusals") && exchange_.triggered(wanted)) throw Refused{50007, ""};
  const auto fate = fate_for(call.fault, wanted.client_id);
  if (call.fault && call.fault->text("stored_type") == "LIMIT" && call.fault->means(wanted.client_id)) {
    wanted.kind = Kind::limit;
    wanted.price = exchange_.price(wanted.symbol) + exchange_.price(wanted.symbol);
    wanted.trigger = {};
  }
  const auto& order = exchange_.place(wanted, call.now, fate);
  JsonText text;
  text.open('{').with("order_id", std::to_string(order.id)).with("client_oid", order.client_id);
  return text.close('}').str();
}

CryptocomApi::Outcome CryptocomApi::create_pair(Call& call) {
  const auto* list = call.params.find("order_list");
  if (!list || !list->is(Json::Kind::array) || list->items.size() != 2) throw Refused{50010, ""};
  std::vector<Wanted> legs;
  int limits = 0;
  for (const auto& item : list->items) {
    const auto type = item.text_of("type");
    const bool limit = type == "LIMIT";
    if (!limit && trigger_kinds().count(type) == 0) throw Refused{50010, ""};
    if (!limit && item.find("ref_price_type") && item.text_of("ref_price_type") != "MARK_PRICE") throw Refused{230, ""};
    limits += limit ? 1 : 0;
    legs.push_back(read_order(item, call, !limit));
    legs.back().advanced = true;
  }
  if (limits != 1 || legs[0].side != legs[1].side || legs[0].symbol != legs[1].symbol ||
      legs[0].quantity != legs[1].quantity)
    throw Refused{50010, ""};
  for (const auto& leg : legs) {
    check_client_id(leg.client_id);
    check_size(leg);
    const bool passed = leg.kind == Kind::limit ? exchange_.marketable(leg) : exchange_.triggered(leg);
    if (!ground_.settings.on("late_refusals") && passed) throw Refused{50007, ""};
  }
  if (legs[0].client_id == legs[1].client_id) throw Refused{204, ""};
  if (call.fault && call.fault->has("code")) {
    // Both are on record, and the answer names one.
    const auto code = static_cast<int>(call.fault->number("code"));
    Fate fate;
    fate.reject = messages().count(code) == 1 ? messages().at(code) : std::to_string(code);
    const auto id = exchange_.place_pair(legs[0], legs[1], call.now, fate, fate);
    throw Refused{code, call.fault->text("message"), exchange_.of_list(id)[0]->id, legs[0].client_id};
  }
  std::vector<Fate> fates;
  for (auto& leg : legs) {
    fates.push_back(fate_for(call.fault, leg.client_id));
    const bool as_limit = call.fault && call.fault->text("stored_type") == "LIMIT" &&
                          call.fault->means(leg.client_id) && leg.kind != Kind::limit;
    if (!as_limit) continue;
    leg.kind = Kind::limit;
    leg.price = exchange_.price(leg.symbol) + exchange_.price(leg.symbol);
    leg.trigger = {};
  }
  const auto id = exchange_.place_pair(legs[0], legs[1], call.now, fates[0], fates[1]);
  const auto digits = std::to_string(id);
  JsonText text;
  text.open('{').key("list_id");
  ground_.settings.text("list_id") == "number" ? text.raw(digits) : text.text(digits);
  return text.close('}').str();
}

Wanted CryptocomApi::read_order(const Json& params, const Call& call, bool advanced) const {
  const auto need = [&](const char* name) {
    const auto* found = params.find(name);
    if (!found || found->scalar.empty()) throw Refused{40004, name};
    return found->scalar;
  };
  Wanted wanted;
  wanted.advanced = advanced;
  wanted.symbol = need("instrument_name");
  const auto found = exchange_.markets().find(wanted.symbol);
  if (found == exchange_.markets().end()) throw Refused{209, ""};
  const Market& market = found->second;
  const auto side = need("side");
  if (side != "BUY" && side != "SELL") throw Refused{220, ""};
  wanted.side = side == "BUY" ? Side::buy : Side::sell;

  const auto type = need("type");
  if (const auto trigger = trigger_kinds().find(type); trigger != trigger_kinds().end()) {
    wanted.kind = trigger->second;
  } else if (type == "LIMIT" || type == "MARKET") {
    wanted.kind = type == "LIMIT" ? Kind::limit : Kind::market;
  } else {
    throw Refused{218, ""};
  }
  if (const auto* quantity = params.find("quantity")) {
    const auto amount = plain(*quantity);
    if (!amount || !amount->is_positive() || !amount->is_multiple_of(market.step)) throw Refused{213, ""};
    wanted.quantity = *amount;
  } else if (wanted.kind == Kind::market && wanted.side == Side::buy && params.find("notional")) {
    const auto amount = plain(params.at("notional"));
    if (!amount || !amount->is_positive()) throw Refused{40004, "notional"};
    wanted.notional = *amount;
  } else {
    throw Refused{40004, "quantity"};
  }
  if (has_limit(wanted.kind)) {
    const auto* given = params.find("price");
    if (!given) throw Refused{40004, "price"};
    const auto price = plain(*given);
    if (!price || !price->is_positive() || !price->is_multiple_of(market.tick)) throw Refused{308, ""};
    wanted.price = *price;
  }
  if (conditional(wanted.kind)) {
    const auto* given = params.find("ref_price");
    if (!given) throw Refused{40004, "ref_price"};
    const auto trigger = plain(*given);
    if (!trigger || !trigger->is_positive() || !trigger->is_multiple_of(market.tick)) throw Refused{229, ""};
    wanted.trigger = *trigger;
    static const std::set<std::string> sources{"MARK_PRICE", "INDEX_PRICE", "LAST_PRICE"};
    if (sources.count(need("ref_price_type")) == 0) throw Refused{230, ""};
  }
  const auto life = params.text_of("time_in_force");
  if (life == "IMMEDIATE_OR_CANCEL") {
    wanted.life = Life::immediate_or_cancel;
  } else if (life == "FILL_OR_KILL") {
    wanted.life = Life::fill_or_kill;
  } else if (!life.empty() && life != "GOOD_TILL_CANCEL") {
    throw Refused{40003, "time_in_force"};
  }
  if (const auto* instructions = params.find("exec_inst")) {
    if (!instructions->is(Json::Kind::array)) throw Refused{40003, "exec_inst"};
    for (const auto& item : instructions->items) {
      const bool post_only = item.scalar == "POST_ONLY" || item.scalar == "SMART_POST_ONLY";
      if (!post_only) throw Refused{219, ""};
      if (wanted.kind != Kind::limit || exchange_.marketable(wanted)) throw Refused{43005, ""};
      wanted.kind = Kind::limit_maker;
    }
  }
  const auto margin = params.text_of("spot_margin");
  if (margin == "MARGIN") throw Refused{416, ""};
  if (!margin.empty() && margin != "SPOT") throw Refused{50001, ""};
  if (const auto fee = params.text_of("fee_instrument_name"); !fee.empty()) {
    const bool base = fee == market.base && wanted.side == Side::buy;
    if (!base && fee != market.quote && fee != "USD" && fee != "USDT" && fee != "EUR")
      throw Refused{40004, "fee_instrument_name"};
    wanted.fee_currency = fee;
  }
  wanted.client_id = params.text_of("client_oid");
  if (wanted.client_id.empty()) wanted.client_id = call.body.text_of("nonce");
  if (wanted.client_id.size() > 36) throw Refused{40003, "client_oid"};
  return wanted;
}

void CryptocomApi::check_client_id(const std::string& id) const {
  const auto& rule = ground_.settings.text("dup_check");
  if (rule == "none") return;
  for (const auto& order : exchange_.orders()) {
    if (order.client_id == id && (rule == "all" || !closed(order.status))) throw Refused{204, ""};
  }
}

void CryptocomApi::check_size(const Wanted& wanted) const {
  const auto& market = exchange_.markets().at(wanted.symbol);
  if (!market.open) throw Refused{309, ""};
  auto price = exchange_.price(wanted.symbol);
  if (has_limit(wanted.kind))
    price = wanted.price;
  else if (conditional(wanted.kind))
    price = wanted.trigger;
  const auto value =
      wanted.quantity.is_zero() ? wanted.notional : Decimal::multiply(wanted.quantity, price, Rounding::down);
  const bool small = !wanted.quantity.is_zero() && wanted.quantity < market.min_quantity;
  if (small || value < market.min_notional) throw Refused{415, ""};
  const bool large = !market.max_notional.is_zero() && value > market.max_notional;
  if (large || wanted.quantity > market.max_quantity) throw Refused{314, ""};
  const auto open = std::count_if(exchange_.orders().begin(), exchange_.orders().end(), [&](const auto& order) {
    return order.symbol == wanted.symbol && !closed(order.status);
  });
  if (open >= market.max_orders) throw Refused{318, ""};
}

// An error, and yet there is an order: REJECTED.
void CryptocomApi::refuse_with_record(Call& call, const Wanted& wanted, int code) {
  const auto known = messages().find(code);
  Fate fate;
  fate.reject = known == messages().end() ? std::to_string(code) : known->second;
  const auto with_ids = "," + ground_.settings.text("ids_with_refusal") + ",";
  const bool asked = call.fault && call.fault->has("with_id");
  if (!asked && with_ids.find("," + std::to_string(code) + ",") == std::string::npos) throw Refused{code, ""};
  const auto& order = exchange_.place(wanted, call.now, fate);
  throw Refused{code, call.fault ? call.fault->text("message") : "", order.id, order.client_id};
}

CryptocomApi::Outcome CryptocomApi::cancel(Call& call, bool advanced) {
  bool elsewhere = false;
  Order* const order = find(call.params, advanced, elsewhere);
  // Said to be done, and nothing is.
  const bool lies = elsewhere && !advanced;
  if (!order && !lies) throw Refused{212, ""};
  call.message = "NO_ERROR";
  JsonText text;
  text.open('{').with("order_id", order ? std::to_string(order->id) : call.params.text_of("order_id"));
  text.with("client_oid", order ? order->client_id : call.params.text_of("client_oid")).close('}');
  if (lies || (call.fault && call.fault->has("ignore"))) return text.str();
  if (call.fault && call.fault->has("fill_first")) exchange_.execute_part(order->id, Decimal{1}, call.now);
  if (!exchange_.cancel(order->id, call.now)) throw Refused{316, ""};
  return text.str();
}

CryptocomApi::Outcome CryptocomApi::cancel_pair(Call& call) {
  const auto legs = exchange_.of_list(number_in(call.params.text_of("list_id")));
  if (legs.empty()) throw Refused{212, ""};
  if (call.fault && call.fault->has("ignore")) return "";
  bool any = false;
  for (const auto* leg : legs) any = exchange_.cancel(leg->id, call.now) || any;
  if (!any) throw Refused{316, ""};
  return "";
}

// ---- Views -------------------------------------------------------------------------------------

Order* CryptocomApi::find(const Json& params, bool advanced, bool& other_namespace) {
  const auto id = params.text_of("order_id");
  const auto client = params.text_of("client_oid");
  if (id.empty() && client.empty()) throw Refused{40004, "order_id"};
  std::vector<Order*> found;
  if (!id.empty()) {
    if (Order* const order = exchange_.order(number_in(id))) {
      // What a trigger became is an order of the regular kind.
      const bool regular = !order->advanced || order->fired_id == number_in(id);
      if (regular != advanced) return order;
      other_namespace = true;
    }
    return nullptr;
  }
  for (Order* const order : exchange_.by_client_id(client)) {
    if (order->advanced == advanced) {
      found.push_back(order);
    } else {
      other_namespace = true;
    }
  }
  // Of several the one that lives.
  for (Order* const order : found) {
    if (!closed(order->status)) return order;
  }
  return found.empty() ? nullptr : found.back();
}

CryptocomApi::Outcome CryptocomApi::detail(Call& call, bool advanced) {
  bool elsewhere = false;
  Order* const order = find(call.params, advanced, elsewhere);
  if (!order) {
    if (elsewhere && !advanced && call.params.find("order_id")) return "{}";
    throw Refused{static_cast<int>(ground_.settings.number("notfound_code")), ""};
  }
  const auto shown = exchange_.shown(*order, call.method, call.now, true);
  if (!shown) throw Refused{static_cast<int>(ground_.settings.number("notfound_code")), ""};
  return order_json(*shown, call, advanced);
}

CryptocomApi::Outcome CryptocomApi::open_orders(Call& call, bool advanced) {
  const auto symbol = call.params.text_of("instrument_name");
  std::vector<Order*> open;
  for (const auto& order : exchange_.orders()) {
    const bool other = order.advanced && order.fired && ground_.settings.on("fired_in_lists");
    const bool here = order.advanced == advanced || (!advanced && other) || ground_.settings.on("both_books");
    if (here && !closed(order.status) && (symbol.empty() || order.symbol == symbol))
      open.push_back(exchange_.order(order.id));
  }
  return list_json(open, call, advanced);
}

CryptocomApi::Outcome CryptocomApi::history(Call& call, bool advanced) {
  const auto symbol = call.params.text_of("instrument_name");
  const auto* limit = call.params.find("limit");
  if (limit && !limit->is(Json::Kind::number)) throw Refused{40003, "limit"};
  const auto most = limit ? std::min<std::int64_t>(number_in(limit->scalar), 100) : 100;
  const auto start = call.params.find("start_time") ? instant_in(call.params.text_of("start_time")) : call.now - 24h;
  const auto end = call.params.find("end_time") ? instant_in(call.params.text_of("end_time")) : Instant::max();
  std::vector<Order*> ended;
  for (auto order = exchange_.orders().rbegin(); order != exchange_.orders().rend(); ++order) {
    const bool other = order->advanced && order->fired && ground_.settings.on("fired_in_lists");
    const bool here = order->advanced == advanced || (!advanced && other);
    if (here && closed(order->status) && (symbol.empty() || order->symbol == symbol) && order->created >= start &&
        order->created < end && static_cast<std::int64_t>(ended.size()) < most)
      ended.push_back(exchange_.order(order->id));
  }
  return list_json(ended, call, advanced);
}

CryptocomApi::Outcome CryptocomApi::list_detail(Call& call) {
  const auto* lists = call.params.find("list_id_list");
  if (!lists || !lists->is(Json::Kind::array)) throw Refused{40004, "list_id_list"};
  std::vector<Order*> legs;
  for (const auto& id : lists->items) {
    for (Order* const leg : exchange_.of_list(number_in(id.scalar))) legs.push_back(leg);
  }
  return list_json(legs, call, true);
}

std::string CryptocomApi::list_json(const std::vector<Order*>& orders, Call& call, bool advanced) {
  JsonText text;
  text.open('{').key("data").open('[');
  for (Order* const order : orders) {
    const auto shown = exchange_.shown(*order, call.method, call.now);
    // Of its state as of a while ago a reader of ended orders sees nothing, and the other way
    // round.
    if (shown && closed(shown->status) == closed(order->status)) text.raw(order_json(*shown, call, advanced));
  }
  return text.close(']').close('}').str();
}

std::string CryptocomApi::order_json(const Order& order, const Call& call, bool advanced) const {
  const auto& market = exchange_.markets().at(order.symbol);
  auto left_out = order.fate.left_out;
  std::string odd_status = order.fate.shown_status;
  if (call.fault && call.fault->means(order.client_id)) {
    const auto now = fate_of(*call.fault);
    left_out.insert(left_out.end(), now.left_out.begin(), now.left_out.end());
    if (!now.shown_status.empty()) odd_status = now.shown_status;
  }
  JsonText text;
  text.open('{');
  const auto put_raw = [&](std::string_view name, const std::string& value) {
    if (std::find(left_out.begin(), left_out.end(), name) == left_out.end()) text.with_raw(name, value);
  };
  const auto put = [&](std::string_view name, const std::string& value) {
    put_raw(name, JsonText{}.text(value).str());
  };
  Decimal fee;
  for (const auto& fill : order.fills) fee += fill.fee;
  const auto average =
      order.filled.is_zero() ? Decimal{} : Decimal::divide(order.value, order.filled, Rounding::half_even);
  const bool listed_twice = ground_.settings.on("both_books") && order.fired_id == 0;
  const bool regular_of_trigger = order.advanced && !advanced && !listed_twice;
  auto type = kind_text(order.kind);
  if (regular_of_trigger) type = has_limit(order.kind) ? "LIMIT" : "MARKET";
  auto status = status_text(order.status);
  if (conditional(order.kind) && !order.fired && order.status == Status::open)
    status = ground_.settings.text("triggers_shown");
  if (!odd_status.empty()) status = odd_status;
  auto usual_fee = order.side == Side::buy ? market.base : market.quote;
  if (!order.fee_currency.empty()) usual_fee = order.fee_currency;
  if (!order.fills.empty()) usual_fee = order.fills.back().fee_currency;

  put("account_id", "52e7c00f-1324-5a6e-bfa1-de445bde21a5");
  put("order_id", std::to_string(regular_of_trigger ? order.fired_id : order.id));
  put("client_oid", order.client_id);
  put("order_type", type);
  put("time_in_force", life_text(order.life));
  put("side", order.side == Side::buy ? "BUY" : "SELL");
  put_raw("exec_inst", order.kind == Kind::limit_maker ? R"(["POST_ONLY"])" : "[]");
  put("quantity", order.quantity.text_with(market.step.digits_needed()));
  if (has_limit(order.kind) || !conditional(order.kind))
    put("limit_price", order.price.text_with(market.tick.digits_needed()));
  put("order_value", Decimal::multiply(order.quantity, order.estimate, Rounding::down).text());
  put("maker_fee_rate", market.maker_fee.text());
  put("taker_fee_rate", market.taker_fee.text());
  put("avg_price", average.text());
  put("cumulative_quantity", order.filled.text_with(market.step.digits_needed()));
  put("cumulative_value", order.value.text());
  put("cumulative_fee", fee.text());
  put("status", status);
  put("update_user_id", "fd797356-55db-48c2-a44d-157aabf702e8");
  put("order_date", iso_seconds(order.created).substr(0, 10));
  put("instrument_name", order.symbol);
  put("fee_instrument_name", usual_fee);
  put_raw("create_time", whole(std::to_string(millis(order.created))));
  put("create_time_ns", nanos(order.created));
  put_raw("update_time", whole(std::to_string(millis(order.updated))));
  if (order.status == Status::rejected) {
    auto code = order.reason == "INSUFFICIENT_ACC_BALANCE" ? std::string{"306"} : order.reason;
    for (const auto& [number, name] : messages()) {
      if (name == order.reason) code = std::to_string(number);
    }
    put("reason", code);
    if (advanced) put("reject_reason", order.reason);
  }
  if (!advanced) return text.close('}').str();
  if (conditional(order.kind)) {
    put("ref_price", order.trigger.text_with(market.tick.digits_needed()));
    put("ref_price_type", "MARK_PRICE");
  }
  if (order.fired_id != 0) put("exchange_order_id", std::to_string(order.fired_id));
  if (order.list_id != 0) {
    put("list_id", std::to_string(order.list_id));
    put("contingency_type", "OCO");
    put("leg_id", std::to_string(order.leg));
  }
  return text.close('}').str();
}

CryptocomApi::Outcome CryptocomApi::trades(Call& call) {
  const auto symbol = call.params.text_of("instrument_name");
  const auto* limit = call.params.find("limit");
  if (limit && !limit->is(Json::Kind::number)) throw Refused{40003, "limit"};
  const auto most = static_cast<std::size_t>(limit ? std::min<std::int64_t>(number_in(limit->scalar), 100) : 100);
  const auto start = call.params.find("start_time") ? instant_in(call.params.text_of("start_time")) : call.now - 24h;
  const auto end = call.params.find("end_time") ? instant_in(call.params.text_of("end_time")) : Instant::max();
  struct Row {
    Instant at;
    std::string json;
  };
  std::vector<Row> rows;
  for (const auto& one : exchange_.orders()) {
    Order* const order = exchange_.order(one.id);
    if ((!symbol.empty() && order->symbol != symbol) || order->fills.empty()) continue;
    const auto shown = exchange_.shown(*order, call.method, call.now);
    if (!shown) continue;
    const auto id = std::to_string(order->fired_id != 0 ? order->fired_id : order->id);
    for (const auto& fill : shown->fills) {
      if (fill.at < start || fill.at >= end) continue;
      JsonText text;
      text.open('{').with("account_id", "52e7c00f-1324-5a6e-bfa1-de445bde21a5");
      text.with("event_date", iso_seconds(fill.at).substr(0, 10)).with("journal_type", "TRADING");
      text.with("traded_quantity", fill.quantity.text()).with("traded_price", fill.price.text());
      text.with("fees", (-fill.fee).text()).with("order_id", id);
      text.with("trade_id", std::to_string(fill.id));
      text.with("trade_match_id", std::to_string(fill.id + 1)).with("client_oid", order->client_id);
      text.with("taker_side", fill.maker ? "MAKER" : "TAKER");
      text.with("side", order->side == Side::buy ? "BUY" : "SELL");
      text.with("instrument_name", order->symbol);
      text.with("fee_instrument_name", fill.fee_currency).with("fee_credits", "0");
      text.with_raw("create_time", whole(std::to_string(millis(fill.at))));
      text.with("create_time_ns", nanos(fill.at)).with("transact_time_ns", nanos(fill.at));
      text.with("match_count", "1").close('}');
      rows.push_back({fill.at, text.str()});
    }
  }
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.at > b.at; });
  if (rows.size() > most) rows.resize(most);
  JsonText text;
  text.open('{').key("data").open('[');
  for (const auto& row : rows) text.raw(row.json);
  return text.close(']').close('}').str();
}

CryptocomApi::Outcome CryptocomApi::fee_rate(const Call& call) {
  const auto* market = exchange_.market(call.params.text_of("instrument_name"));
  if (!market) throw Refused{40004, "instrument_name"};
  const auto in_bps = [](Decimal rate) { return Decimal::multiply(rate, Decimal{10'000}, Rounding::half_even).text(); };
  JsonText text;
  text.open('{').with("instrument_name", market->symbol);
  text.with("effective_maker_rate_bps", in_bps(market->maker_fee));
  return text.with("effective_taker_rate_bps", in_bps(market->taker_fee)).close('}').str();
}

CryptocomApi::Outcome CryptocomApi::balance() {
  JsonText text;
  text.open('{').key("data").open('[').open('{').with("instrument_name", "USD");
  text.with("total_available_balance", "0").with("total_cash_balance", "0");
  text.key("position_balances").open('[');
  for (const auto& [currency, holding] : exchange_.holdings()) {
    if (holding.total.is_zero() && !ground_.settings.on("zero_balances")) continue;
    text.open('{').with("instrument_name", currency).with("quantity", holding.total.text());
    text.with("market_value", "0").with("collateral_eligible", "true").with("haircut", "0");
    text.with("collateral_amount", "0").with("max_withdrawal_balance", holding.free().text());
    text.with("reserved_qty", holding.locked.text()).close('}');
  }
  return text.close(']').close('}').close(']').close('}').str();
}

std::string CryptocomApi::whole(const std::string& digits) const {
  return ground_.settings.text("scalars") == "text" ? "\"" + digits + "\"" : digits;
}

}  // namespace tradeguard::fake
