#include "cryptocom_wire.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <set>

#include "tradeguard/foreign_text.hpp"
#include "tradeguard/json.hpp"
#include "tradeguard/signing.hpp"

namespace tradeguard::cryptocom {
namespace {

using Json = json::Value;
using json::Writer;

void append_signed(std::string& out, const Params& params);
void write(Writer& writer, const Params& params);
void write(Writer& writer, std::string_view characters);
std::string path_in(Book book, std::string_view action);
Params params_of(const OrderName& name);
Params trigger_params(const Order& stop);
std::int64_t nonce_of(const Order& order);

// The envelope of an answer; its parts point into the document it holds.
class Envelope {
 public:
  explicit Envelope(const HttpResponse& response);
  int http() const { return http_; }
  const std::optional<std::int64_t>& code() const { return code_; }
  const Json* result() const { return result_; }
  const std::optional<std::string>& id() const { return id_; }
  std::string foreign() const;  // what it says, bounded
  std::string said() const;     // "code 306: INSUFFICIENT_…: …"
  Oddity oddity(std::string_view what = {}) const;

 private:
  json::Document document_;
  int http_;
  std::optional<std::int64_t> code_;
  std::string code_text_;
  const Json* result_ = nullptr;
  std::optional<std::string> id_;
  std::string_view message_;
  std::string_view body_;
};

const Json* member(const Json* object, std::string_view name);
std::optional<std::string_view> scalar(const Json* value);
std::string_view scalar_in(const Json* object, std::string_view name);
std::string id_in(const Json* object, std::string_view name);
std::optional<std::int64_t> whole_number(std::optional<std::string_view> words);
template <class T>
std::optional<T> not_negative(const Json* object, std::string_view name);
std::optional<Decimal> without_sign(const Json* object, std::string_view name);
std::int64_t nanoseconds(const Json* row);
bool names_an_order(const Json* value, int depth = 0);
std::string_view name_of(const std::optional<std::int64_t>& code);

std::optional<Row> row_of(const Json& value);
std::optional<Fill> trade_of(const Json& value);
void note_unknown_words(const Envelope& envelope, const Json& value, const Row& row, std::vector<Oddity>& oddities);
template <class T, class Parse, class Look>
Page<T> read_page(const HttpResult& result, Parse parse, Look look);
template <class TableKind, class Fill>
TableKind read_table(const HttpResult& result, Fill fill);
template <class Accept>
PlaceReading read_placing(Act act, std::int64_t id, const HttpResult& result, Accept accept);

}  // namespace

// ---- Requests ----------------------------------------------------------------------------------

std::string param_string(const Params& params) {
  std::string text;
  append_signed(text, params);
  return text;
}

HttpRequest build_private(std::string_view method, const Params& params, Serial serial, Keys keys) {
  std::string payload{method};
  payload += std::to_string(serial.id);
  payload += keys.api_key.reveal();
  append_signed(payload, params);
  payload += std::to_string(serial.nonce);
  const std::string signature = hmac_sha256_hex(keys.api_secret, payload);
  wipe(payload);

  json::Buffer buffer;
  Writer writer{buffer};
  writer.StartObject();
  writer.Key("id");
  writer.Int64(serial.id);
  writer.Key("method");
  write(writer, method);
  writer.Key("params");
  write(writer, params);
  writer.Key("nonce");
  writer.Int64(serial.nonce);
  writer.Key("api_key");
  write(writer, keys.api_key.reveal());
  writer.Key("sig");
  write(writer, signature);
  writer.EndObject();

  HttpRequest request{.method = "POST", .target = "/" + std::string{method}};
  request.headers = {{"Content-Type", "application/json"}};
  request.body.assign(buffer.GetString(), buffer.GetSize());
  request.limit = method;
  return request;
}

// Spot is said aloud, so that an account with margin never borrows. The fee of a purchase is asked
// for in the quote currency: what was bought is then received whole.
HttpRequest build_order(const Order& order, std::int64_t id, Keys keys) {
  Params params{{{"instrument_name", order.symbol.text()},
                 {"side", std::string{text(order.side)}},
                 {"type", order.type == OrderType::limit ? "LIMIT" : "MARKET"},
                 {"quantity", order.quantity.text()},
                 {"client_oid", order.client_id},
                 {"spot_margin", "SPOT"}}};
  if (order.type == OrderType::limit && order.price) params.members.emplace_back("price", order.price->text());
  if (order.side == Side::buy) params.members.emplace_back("fee_instrument_name", order.symbol.quote());
  return build_private(path_in(Book::regular, "create-order"), params, {id, nonce_of(order)}, keys);
}

HttpRequest build_stop(const Order& stop, std::int64_t id, Keys keys) {
  return build_private(path_in(Book::advanced, "create-order"), trigger_params(stop), {id, nonce_of(stop)}, keys);
}

HttpRequest build_pair(const Order& stop, const Order& target, std::int64_t id, Keys keys) {
  Params limit{{{"instrument_name", target.symbol.text()},
                {"side", std::string{text(target.side)}},
                {"type", "LIMIT"},
                {"quantity", target.quantity.text()},
                {"price", target.price ? target.price->text() : ""},
                {"client_oid", target.client_id}}};
  Params params;
  params.members.emplace_back("order_list", std::vector<Params>{std::move(limit), trigger_params(stop)});
  return build_private(path_in(Book::advanced, "create-oco"), params, {id, nonce_of(stop)}, keys);
}

HttpRequest build_cancel(Book book, const OrderName& name, Serial serial, Keys keys) {
  return build_private(path_in(book, "cancel-order"), params_of(name), serial, keys);
}

HttpRequest build_detail(Book book, const OrderName& name, Serial serial, Keys keys) {
  return build_private(path_in(book, "get-order-detail"), params_of(name), serial, keys);
}

HttpRequest build_open_orders(Book book, Serial serial, Keys keys) {
  return build_private(path_in(book, "get-open-orders"), {}, serial, keys);
}

namespace {

// `limit` is the one number the venue wants as a number.
Params params_of(Window window) {
  return {{{"start_time", std::to_string(window.from)},
           {"end_time", std::to_string(window.until)},
           {"limit", std::int64_t{full_page}}}};
}

}  // namespace

HttpRequest build_history(Book book, Window window, Serial serial, Keys keys) {
  return build_private(path_in(book, "get-order-history"), params_of(window), serial, keys);
}

HttpRequest build_trades(Window window, Serial serial, Keys keys) {
  return build_private("private/get-trades", params_of(window), serial, keys);
}

HttpRequest build_balance(Serial serial, Keys keys) { return build_private("private/user-balance", {}, serial, keys); }

namespace {

HttpRequest public_get(const std::string& method, const std::string& query) {
  HttpRequest request{.method = "GET", .target = "/" + method + query};
  request.limit = method;
  return request;
}

}  // namespace

HttpRequest build_instruments() { return public_get("public/get-instruments", ""); }
HttpRequest build_risk_parameters() { return public_get("public/get-risk-parameters", ""); }
HttpRequest build_tickers() { return public_get("public/get-tickers", ""); }
HttpRequest build_ticker(const Symbol& symbol) {
  return public_get("public/get-tickers", "?instrument_name=" + percent_encoded(symbol.text()));
}

namespace {

void append_signed(std::string& out, const Params& params) {
  std::vector<const std::pair<std::string, Param>*> sorted;
  for (const auto& one : params.members) sorted.push_back(&one);
  std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->first < b->first; });
  for (const auto* one : sorted) {
    out += one->first;
    std::visit(overloaded{[&](std::nullptr_t) { out += "null"; }, [&](bool value) { out += value ? "true" : "false"; },
                          [&](std::int64_t value) { out += std::to_string(value); },
                          [&](const std::string& value) { out += value; },
                          [&](const std::vector<Params>& list) {
                            for (const Params& element : list) append_signed(out, element);
                          }},
               one->second);
  }
}

void write(Writer& writer, std::string_view characters) {
  writer.String(characters.data(), static_cast<rapidjson::SizeType>(characters.size()));
}

void write(Writer& writer, const Params& params) {
  writer.StartObject();
  for (const auto& [key, param] : params.members) {
    writer.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
    std::visit(overloaded{[&](std::nullptr_t) { writer.Null(); }, [&](bool value) { writer.Bool(value); },
                          [&](std::int64_t value) { writer.Int64(value); },
                          [&](const std::string& value) { write(writer, value); },
                          [&](const std::vector<Params>& list) {
                            writer.StartArray();
                            for (const Params& element : list) write(writer, element);
                            writer.EndArray();
                          }},
               param);
  }
  writer.EndObject();
}

std::string path_in(Book book, std::string_view action) {
  return (book == Book::advanced ? "private/advanced/" : "private/") + std::string{action};
}

Params params_of(const OrderName& name) {
  if (!name.venue_id.empty()) return {{{"order_id", name.venue_id}}};
  return {{{"client_oid", name.client_id}}};
}

// Which price triggers is always said: the venue's pages disagree about the default.
Params trigger_params(const Order& stop) {
  const bool limit = stop.type == OrderType::stop_limit;
  Params params{{{"instrument_name", stop.symbol.text()},
                 {"side", std::string{text(stop.side)}},
                 {"type", limit ? "STOP_LIMIT" : "STOP_LOSS"},
                 {"quantity", stop.quantity.text()},
                 {"ref_price", stop.trigger ? stop.trigger->text() : ""},
                 {"ref_price_type", "MARK_PRICE"},
                 {"client_oid", stop.client_id}}};
  if (limit && stop.price) params.members.emplace_back("price", stop.price->text());
  return params;
}

std::int64_t nonce_of(const Order& order) { return to_micros(order.stamp) / 1000; }

}  // namespace

// ---- What an answer means ----------------------------------------------------------------------

namespace {

struct Meaning {
  std::int64_t first;
  std::int64_t last;
  std::string_view name;
  Answer create;
  Answer advanced;
  Answer cancel;
  Answer read;
};

// Refused is only what says that no order exists: what exists after all would be bought again.
// Whatever may have an order behind it, or is not documented, is looked up. A throttled or late
// request was not looked at, by definition of the code.
// clang-format off
using enum Answer;
constexpr Meaning codes[] = {
  //                                                     create     advanced   cancel     read
  {0, 0,         "OK",                                   accepted,  accepted,  accepted,  accepted},
  {202, 202,     "the account may not trade",            refused,   refused,   in_doubt,  failed},
  {204, 204,     "DUPLICATE_CLORDID",                    in_doubt,  in_doubt,  in_doubt,  failed},
  {205, 205,     "DUPLICATE_ORDERID",                    in_doubt,  in_doubt,  in_doubt,  failed},
  {208, 208,     "INSTRUMENT_NOT_TRADABLE",              refused,   refused,   in_doubt,  failed},
  {209, 209,     "INVALID_INSTRUMENT",                   refused,   refused,   in_doubt,  failed},
  {212, 212,     "INVALID_ORDERID",                      in_doubt,  in_doubt,  gone,      not_here},
  {213, 213,     "INVALID_ORDERQTY",                     refused,   refused,   in_doubt,  failed},
  {218, 218,     "INVALID_ORDERTYPE",                    refused,   refused,   in_doubt,  failed},
  {219, 219,     "INVALID_EXEC_INST",                    refused,   refused,   in_doubt,  failed},
  {220, 220,     "INVALID_SIDE",                         refused,   refused,   in_doubt,  failed},
  {221, 221,     "INVALID_TIF",                          refused,   refused,   in_doubt,  failed},
  // An order was accepted before it was rejected: its record tells.
  {224, 224,     "REJ_BY_MATCHING_ENGINE",               in_doubt,  in_doubt,  in_doubt,  failed},
  {229, 229,     "INVALID_REF_PRICE",                    refused,   refused,   in_doubt,  failed},
  {230, 230,     "INVALID_REF_PRICE_TYPE",               refused,   refused,   in_doubt,  failed},
  {306, 306,     "INSUFFICIENT_AVAILABLE_BALANCE",       refused,   refused,   in_doubt,  failed},
  {307, 307,     "the market's status forbids it",       refused,   refused,   in_doubt,  failed},
  {308, 308,     "INVALID_PRICE",                        refused,   refused,   in_doubt,  failed},
  {309, 309,     "the market is not open",               refused,   refused,   in_doubt,  failed},
  {312, 312,     "above the limit-up price",             refused,   refused,   in_doubt,  failed},
  {313, 313,     "below the limit-down price",           refused,   refused,   in_doubt,  failed},
  {314, 314,     "above the largest order",              refused,   refused,   in_doubt,  failed},
  {315, 315,     "FAR_AWAY_LIMIT_PRICE",                 refused,   refused,   in_doubt,  failed},
  {316, 316,     "NO_ACTIVE_ORDER",                      in_doubt,  in_doubt,  gone,      not_here},
  {318, 318,     "too many open orders",                 refused,   refused,   in_doubt,  failed},
  {319, 319,     "above the largest position",           refused,   refused,   in_doubt,  failed},
  {325, 325,     "EXCEED_DAILY_VOL_LIMIT",               refused,   refused,   in_doubt,  failed},
  {401, 401,     "the account may not trade",            refused,   refused,   in_doubt,  failed},
  {406, 406,     "the account may not trade",            refused,   refused,   in_doubt,  failed},
  {408, 408,     "the account may not trade",            refused,   refused,   in_doubt,  failed},
  {410, 410,     "the account may not trade",            refused,   refused,   in_doubt,  failed},
  {415, 415,     "BELOW_MIN_ORDER_SIZE",                 refused,   refused,   in_doubt,  failed},
  {416, 416,     "USER_NO_MARGIN_ACCESS",                refused,   refused,   in_doubt,  failed},
  // Nothing that is sent here can earn these.
  {613, 623,     "isolated margin",                      in_doubt,  in_doubt,  in_doubt,  failed},
  {1110, 1110,   "REDUCE_ONLY_REJECTED",                 in_doubt,  in_doubt,  in_doubt,  failed},
  // The codes of the API before this one: what they say of an order is not documented any more.
  {10001, 10009, "a code of the old API",                in_doubt,  in_doubt,  in_doubt,  failed},
  {20001, 20007, "a code of the old API",                in_doubt,  in_doubt,  in_doubt,  failed},
  {30003, 30025, "a code of the old API",                in_doubt,  in_doubt,  in_doubt,  failed},
  {40001, 40001, "BAD_REQUEST",                          refused,   refused,   in_doubt,  failed},
  {40002, 40002, "METHOD_NOT_FOUND",                     refused,   refused,   in_doubt,  failed},
  {40003, 40003, "INVALID_REQUEST",                      refused,   refused,   in_doubt,  failed},
  {40004, 40004, "MISSING_OR_INVALID_ARGUMENT",          refused,   refused,   in_doubt,  failed},
  {40005, 40005, "INVALID_DATE",                         refused,   refused,   in_doubt,  failed},
  // The first copy may have been executed.
  {40006, 40006, "DUPLICATE_REQUEST",                    in_doubt,  in_doubt,  in_doubt,  failed},
  {40101, 40101, "UNAUTHORIZED: the API key, its signature, its permission to trade or its list of "
                 "addresses",                            refused,   refused,   in_doubt,  failed},
  {40102, 40102, "INVALID_NONCE",                        clock_off, clock_off, clock_off, failed},
  {40103, 40103, "IP_ILLEGAL: the API key is not for this address",
                                                         refused,   refused,   in_doubt,  failed},
  {40104, 40104, "USER_TIER_INVALID: the API key's account may not do this",
                                                         refused,   refused,   in_doubt,  failed},
  {40401, 40401, "NOT_FOUND",                            in_doubt,  in_doubt,  gone,      not_here},
  {40801, 40801, "REQUEST_TIMEOUT",                      in_doubt,  in_doubt,  in_doubt,  wait},
  {42901, 42901, "TOO_MANY_REQUESTS",                    throttled, throttled, throttled, wait},
  // An order existed, and may have been filled in part.
  {43003, 43003, "FILL_OR_KILL not filled",              in_doubt,  in_doubt,  in_doubt,  failed},
  {43004, 43004, "IMMEDIATE_OR_CANCEL not filled",       in_doubt,  in_doubt,  in_doubt,  failed},
  {43005, 43005, "POST_ONLY_REJ",                        in_doubt,  in_doubt,  in_doubt,  failed},
  {43012, 43012, "SELF_TRADE_PREVENTION",                in_doubt,  in_doubt,  in_doubt,  failed},
  {50001, 50001, "ERR_INTERNAL",                         in_doubt,  in_doubt,  in_doubt,  wait},
  // Of create-order nobody documents it; a wallet's call means something else by it.
  {50002, 50002, "INVALID_PRICE",                        in_doubt,  refused,   in_doubt,  failed},
  {50007, 50007, "INVALID_TRIGGER_PRICE",                refused,   refused,   in_doubt,  failed},
  {50010, 50010, "INVALID_ORDER_PARAMETERS",             refused,   refused,   in_doubt,  failed},
  {120009, 120009, "rejected upstream",                  in_doubt,  in_doubt,  in_doubt,  failed},
  {130008, 130008, "NON_APPLICABLE",                     in_doubt,  in_doubt,  in_doubt,  failed},
  {140001, 140001, "API_DISABLED: this endpoint does not serve that type of order; the account is "
                   "not disabled",                       refused,   refused,   in_doubt,  failed},
  // Not among the answers that are known to come before an order is looked at: "retry later" would be
  // a second purchase if the maintenance began between the order and its answer.
  {9010001, 9010001, "SYSTEM_MAINTENANCE",               in_doubt,  in_doubt,  in_doubt,  wait},
};
constexpr Meaning other_code =
  {0, 0,         "a code nobody documents",              in_doubt,  in_doubt,  in_doubt,  failed};

// Without a code in the body, the gateway speaks.
constexpr Meaning statuses[] = {
  // A firewall, a ban, a law: nobody behind them saw the request.
  {403, 403,     "HTTP 403: a firewall",                 throttled, throttled, throttled, wait},
  {404, 404,     "HTTP 404",                             in_doubt,  in_doubt,  in_doubt,  not_here},
  {408, 408,     "HTTP 408",                             in_doubt,  in_doubt,  in_doubt,  wait},
  {418, 418,     "HTTP 418: a ban",                      throttled, throttled, throttled, wait},
  {429, 429,     "HTTP 429",                             throttled, throttled, throttled, wait},
  {451, 451,     "HTTP 451: not served from this country or address",
                                                         throttled, throttled, throttled, wait},
  {500, 599,     "HTTP 5xx",                             in_doubt,  in_doubt,  in_doubt,  wait},
};
constexpr Meaning other_status =
  {0, 0,         "no code, any other HTTP status",       in_doubt,  in_doubt,  in_doubt,  failed};
// clang-format on

const Meaning& meaning_of(int http_status, std::optional<std::int64_t> code) {
  const auto among = [](auto& rows, std::int64_t number, const Meaning& other) -> const Meaning& {
    for (const Meaning& row : rows)
      if (row.first <= number && number <= row.last) return row;
    return other;
  };
  return code ? among(codes, *code, other_code) : among(statuses, http_status, other_status);
}

Answer column(const Meaning& meaning, Act act) {
  switch (act) {
    case Act::create:
      return meaning.create;
    case Act::create_advanced:
      return meaning.advanced;
    case Act::cancel:
      return meaning.cancel;
    case Act::read:
      return meaning.read;
  }
  return Answer::failed;
}

}  // namespace

std::string_view text(Answer answer) {
  switch (answer) {
    case Answer::accepted:
      return "accepted";
    case Answer::refused:
      return "refused";
    case Answer::throttled:
      return "throttled";
    case Answer::clock_off:
      return "clock_off";
    case Answer::in_doubt:
      return "in_doubt";
    case Answer::gone:
      return "gone";
    case Answer::not_here:
      return "not_here";
    case Answer::wait:
      return "wait";
    case Answer::failed:
      return "failed";
  }
  return "";
}

Answer answer_of(Act act, int http_status, std::optional<std::int64_t> code) {
  const Answer by_table = column(meaning_of(http_status, code), act);
  // A yes in a no is neither.
  const bool good = http_status >= 200 && http_status < 300;
  if (by_table == Answer::accepted && !good) return act == Act::read ? Answer::failed : Answer::in_doubt;
  return by_table;
}

std::optional<Hush> hush_in(const HttpResponse& response) {
  constexpr Micros ban_without_word = 120s;
  const Envelope envelope{response};
  const std::string status = std::to_string(response.status);
  const bool restricted = envelope.foreign().find("restricted location") != std::string::npos;
  if (response.status == 451 || restricted)
    return Hush{{}, status, "HTTP " + status + ": not served from this country or address"};
  const bool throttling = response.status == 429 || envelope.code() == 42901;
  const bool shut_out = !envelope.code() && (response.status == 403 || response.status == 418);
  if (!throttling && !shut_out) return std::nullopt;
  const auto asked = retry_after(response);
  // The documented limits are of tenths of a second and name no pause: the pace is kept elsewhere.
  if (throttling && (!asked || *asked == Micros{0})) return std::nullopt;
  return Hush{asked.value_or(ban_without_word), status, ""};
}

std::string outcome_table() {
  std::string table;
  const auto padded = [](std::string_view cell, std::size_t width) {
    std::string out{cell};
    out.resize(std::max(width, out.size()), ' ');
    return out + " ";
  };
  const auto line = [&](std::string_view key, const Meaning& row) {
    table += padded(key, 11);
    for (const Act act : {Act::create, Act::create_advanced, Act::cancel, Act::read})
      table += padded(text(column(row, act)), 9);
    table.append(row.name).append("\n");
  };
  table += "code        create    advanced  cancel    read      meaning\n";
  for (const Meaning& row : codes)
    line(std::to_string(row.first) + (row.last > row.first ? "-" + std::to_string(row.last) : ""), row);
  line("other", other_code);
  table += "http        create    advanced  cancel    read      meaning\n";
  for (const Meaning& row : statuses)
    line(std::to_string(row.first) + (row.last > row.first ? "-" + std::to_string(row.last) : ""), row);
  line("other", other_status);
  return table;
}

std::string bounded(std::string_view foreign) {
  constexpr std::size_t most = 200;
  constexpr std::size_t signature_like = 32;
  constexpr std::string_view hexadecimal = "0123456789abcdefABCDEF";
  std::string out;
  for (std::size_t at = 0; at < foreign.size() && out.size() <= most;) {
    std::size_t end = at;
    while (end < foreign.size() && end - at <= most && hexadecimal.find(foreign[end]) != std::string_view::npos) ++end;
    if (end - at >= signature_like) {
      out += "***";
      while (end < foreign.size() && hexadecimal.find(foreign[end]) != std::string_view::npos) ++end;
      at = end;
    } else {
      end = std::max(end, at + 1);
      out += foreign.substr(at, end - at);
      at = end;
    }
  }
  return std::string{cut_between_characters(out, most)};
}

// ---- Answers -----------------------------------------------------------------------------------

PlaceReading read_order_answer(Act act, std::int64_t id, const ClientOrderId& client_id, const HttpResult& result) {
  return read_placing(act, id, result, [&](const Json* body) -> std::optional<Accepted> {
    const std::string order_id = id_in(body, "order_id");
    const std::string_view echoed = scalar_in(body, "client_oid");
    if (order_id.empty() || (!echoed.empty() && echoed != client_id)) return std::nullopt;
    return Accepted{order_id, std::nullopt};
  });
}

PlaceReading read_pair_answer(std::int64_t id, const HttpResult& result) {
  return read_placing(Act::create_advanced, id, result, [](const Json* body) -> std::optional<Accepted> {
    if (id_in(body, "list_id").empty()) return std::nullopt;
    return Accepted{};
  });
}

CancelReading read_cancel_answer(const HttpResult& result) {
  if (!result) {
    if (!result.error().sent) return {Unsent{Unsent::Why::not_connected, result.error().what}, std::nullopt};
    return {InDoubt{result.error().what}, std::nullopt};
  }
  const Envelope envelope{*result};
  switch (answer_of(Act::cancel, envelope.http(), envelope.code())) {
    case Answer::accepted:
      return {CancelAcknowledged{}, std::nullopt};
    case Answer::gone:
      return {CancelGone{}, std::nullopt};
    case Answer::throttled:
      return {Unsent{Unsent::Why::throttled, envelope.said()}, std::nullopt};
    case Answer::clock_off:
      return {Unsent{Unsent::Why::clock, envelope.said()}, std::nullopt};
    case Answer::refused:
    case Answer::in_doubt:
    case Answer::not_here:
    case Answer::wait:
    case Answer::failed:
      break;
  }
  return {InDoubt{envelope.said()}, envelope.oddity()};
}

Page<Row> read_orders(const HttpResult& result) {
  return read_page<Row>(result, row_of,
                        [](const Envelope& envelope, const Json& value, const Row& row, Page<Row>& page) {
                          note_unknown_words(envelope, value, row, page.oddities);
                        });
}

Page<Fill> read_trades(const HttpResult& result) {
  return read_page<Fill>(result, trade_of, [](const Envelope&, const Json&, const Fill&, Page<Fill>&) {});
}

// Asked in the wrong book, the venue answers a success with nothing in it.
Page<Row> read_order(const HttpResult& result) {
  Page<Row> page;
  if (!result) {
    page.answer = Answer::wait;
    page.why = result.error().what;
    return page;
  }
  const Envelope envelope{*result};
  page.answer = answer_of(Act::read, envelope.http(), envelope.code());
  if (page.answer == Answer::accepted) {
    const Json* body = envelope.result();
    const bool empty = body == nullptr || body->IsNull() || (body->IsObject() && body->ObjectEmpty());
    const auto row = empty ? std::nullopt : row_of(*body);
    if (empty) {
      page.answer = Answer::not_here;
    } else if (!row) {
      page.answer = Answer::failed;
    } else {
      page.rows.push_back(*row);
      page.size = 1;
      note_unknown_words(envelope, *body, *row, page.oddities);
    }
  }
  page.whole = page.answer == Answer::accepted || page.answer == Answer::not_here;
  if (!page.whole) page.why = envelope.said();
  if (page.answer == Answer::failed) page.oddities.push_back(envelope.oddity());
  return page;
}

template <class T>
std::optional<Window> window_behind(const Page<T>& page, Window window) {
  if (page.size < full_page || !page.whole || page.rows.empty()) return std::nullopt;
  const auto earlier = [](const T& a, const T& b) { return a.created_ns < b.created_ns; };
  const auto [oldest, newest] = std::minmax_element(page.rows.begin(), page.rows.end(), earlier);
  if (oldest->created_ns <= 0) return std::nullopt;
  // Which end a page begins at is not documented. Its last millisecond is read again: the venue may
  // say its times coarser than it keeps them.
  constexpr std::int64_t millisecond = 1'000'000;
  const bool ascending = page.rows.front().created_ns < page.rows.back().created_ns;
  Window next = window;
  if (ascending)
    next.from = std::max(window.from, newest->created_ns / millisecond * millisecond);
  else
    next.until = std::min(window.until, (oldest->created_ns / millisecond + 1) * millisecond);
  if (next.from == window.from && next.until == window.until) return std::nullopt;
  return next;
}
template std::optional<Window> window_behind(const Page<Row>& page, Window window);
template std::optional<Window> window_behind(const Page<Fill>& page, Window window);

Table<Symbol, Instrument> read_instruments(const HttpResult& result) {
  using Instruments = Table<Symbol, Instrument>;
  return read_table<Instruments>(result, [](const Json* body, Instruments& table) {
    const Json* rows = member(body, "data");
    if (rows == nullptr || !rows->IsArray()) return false;
    for (const Json& row : rows->GetArray()) {
      const auto symbol = Symbol::parse(scalar_in(&row, "symbol"));
      const auto tick = not_negative<Price>(&row, "price_tick_size");
      const auto step = not_negative<Quantity>(&row, "qty_tick_size");
      if (!symbol || scalar_in(&row, "inst_type") != "CCY_PAIR") continue;
      if (!tick || !step || !tick->is_positive() || !step->is_positive()) continue;
      table.rows.emplace(*symbol, Instrument{*tick, *step, scalar_in(&row, "tradable") == "true"});
    }
    return true;
  });
}

// Other lists of the same answer hold limits of derivatives, under the same names.
Table<std::string, OrderLimits> read_risk_parameters(const HttpResult& result) {
  using Limits = Table<std::string, OrderLimits>;
  return read_table<Limits>(result, [](const Json* body, Limits& table) {
    const Json* rows = member(body, "base_currency_config");
    if (rows == nullptr || !rows->IsArray()) return false;
    const auto amount = [](const Json& row, const char* name) {
      return not_negative<Money>(&row, name).value_or(Money{});
    };
    for (const Json& row : rows->GetArray()) {
      const std::string base{scalar_in(&row, "instrument_name")};
      if (base.empty()) continue;
      table.rows.emplace(base, OrderLimits{amount(row, "min_order_notional_usd"), amount(row, "max_order_notional_usd"),
                                           amount(row, "daily_notional_limit")});
    }
    return true;
  });
}

Table<Symbol, Price> read_tickers(const HttpResult& result, const std::optional<Symbol>& asked) {
  using Tickers = Table<Symbol, Price>;
  return read_table<Tickers>(result, [&](const Json* body, Tickers& table) {
    const Json* rows = member(body, "data");
    if (rows == nullptr || !rows->IsArray()) return false;
    for (const Json& row : rows->GetArray()) {
      const bool nameless = rows->Size() == 1 && row.IsObject() && !row.HasMember("i");
      const auto symbol = nameless ? asked : Symbol::parse(scalar_in(&row, "i"));
      const auto last = not_negative<Price>(&row, "a");
      if (symbol && last && last->is_positive()) table.rows.emplace(*symbol, *last);
    }
    return true;
  });
}

Table<std::string, Balance> read_balances(const HttpResult& result) {
  using Balances = Table<std::string, Balance>;
  return read_table<Balances>(result, [](const Json* body, Balances& table) {
    const Json* accounts = member(body, "data");
    if (accounts == nullptr || !accounts->IsArray() || accounts->Empty()) return false;
    const Json* rows = member(&*accounts->Begin(), "position_balances");
    if (rows == nullptr || !rows->IsArray()) return false;
    for (const Json& row : rows->GetArray()) {
      const std::string currency{scalar_in(&row, "instrument_name")};
      if (currency.empty()) return false;  // it may be of any currency
      const auto total = Decimal::parse(scalar_in(&row, "quantity"));
      const auto locked = not_negative<Quantity>(&row, "reserved_qty");
      if (!total || !locked) {
        table.unread.insert(currency);
        continue;
      }
      const Decimal free = std::max(Decimal{}, *total - locked->value);
      if (!table.rows.emplace(currency, Balance{free, *total}).second) table.unread.insert(currency);
    }
    // Of two rows of one currency, which is true is not ours to guess.
    for (const std::string& currency : table.unread) table.rows.erase(currency);
    return true;
  });
}

namespace {

constexpr std::size_t largest_body = 16U << 20;
// Numbers stay the text they came as: an id of 19 digits or a price does not survive a double.
// Nesting costs heap and not stack.
constexpr unsigned parse_flags =
    rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;

Envelope::Envelope(const HttpResponse& response) : http_{response.status}, body_{response.body} {
  // A zero byte ends the parser's input: what stands behind it would go unread.
  if (body_.size() > largest_body || body_.find('\0') != std::string_view::npos) return;
  document_.Parse<parse_flags>(body_.data(), body_.size());
  if (document_.HasParseError() || !document_.IsObject()) return;
  code_text_ = scalar_in(&document_, "code");
  code_ = whole_number(code_text_);
  result_ = member(&document_, "result");
  message_ = scalar_in(&document_, "message");
  if (const auto id = scalar(member(&document_, "id"))) id_ = std::string{*id};
}

std::string Envelope::foreign() const {
  return bounded(!message_.empty() ? message_ : code_ ? std::string_view{} : body_);
}

std::string Envelope::said() const {
  const bool gateway = !code_ && (http_ == 403 || http_ == 418 || http_ == 451);
  if (gateway) return std::string{meaning_of(http_, std::nullopt).name};  // its page says no more
  std::string words = code_ ? "code " + bounded(code_text_) : "HTTP " + std::to_string(http_) + " without a code";
  if (code_ && *code_ != 0) words.append(", ").append(name_of(code_));
  const std::string theirs = foreign();
  return theirs.empty() ? words : words + ": " + theirs;
}

Oddity Envelope::oddity(std::string_view what) const {
  return {http_, bounded(code_text_), what.empty() ? foreign() : bounded(what)};
}

std::string_view name_of(const std::optional<std::int64_t>& code) { return meaning_of(0, code).name; }

// A name that stands twice says two things, which is saying nothing.
const Json* member(const Json* object, std::string_view name) {
  if (object == nullptr || !object->IsObject()) return nullptr;
  const Json* found = nullptr;
  for (const auto& one : object->GetObject()) {
    if (std::string_view{one.name.GetString(), one.name.GetStringLength()} != name) continue;
    if (found != nullptr) return nullptr;
    found = &one.value;
  }
  return found;
}

// Numbers came as text already.
std::optional<std::string_view> scalar(const Json* value) {
  if (value == nullptr) return std::nullopt;
  if (value->IsBool()) return value->GetBool() ? "true" : "false";
  if (!value->IsString()) return std::nullopt;
  return std::string_view{value->GetString(), value->GetStringLength()};
}

std::string_view scalar_in(const Json* object, std::string_view name) {
  return scalar(member(object, name)).value_or("");
}

// "0" is the venue's word for none. An id that went through a double somewhere is no id.
std::string id_in(const Json* object, std::string_view name) {
  const std::string_view id = scalar_in(object, name);
  const bool plain = !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
  return plain && id != "0" ? std::string{id} : std::string{};
}

std::optional<std::int64_t> whole_number(std::optional<std::string_view> words) {
  if (!words) return std::nullopt;
  std::int64_t number = 0;
  const char* end = words->data() + words->size();
  const auto [stopped, error] = std::from_chars(words->data(), end, number);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return number;
}

template <class T>
std::optional<T> not_negative(const Json* object, std::string_view name) {
  const auto amount = T::parse(scalar_in(object, name));
  return amount && !amount->is_negative() ? amount : std::nullopt;
}

std::optional<Decimal> without_sign(const Json* object, std::string_view name) {
  const auto amount = Decimal::parse(scalar_in(object, name));
  return amount && amount->is_negative() ? -*amount : amount;
}

// Said in milliseconds here, in nanoseconds there; 0: not said.
std::int64_t nanoseconds(const Json* row) {
  for (const char* name : {"create_time_ns", "create_time"}) {
    const auto number = whole_number(scalar(member(row, name)));
    if (!number || *number <= 0) continue;
    constexpr std::int64_t in_ms = 9'000'000'000'000;  // the year 2255, and as nanoseconds no overflow
    constexpr std::int64_t in_us = in_ms * 1000;
    if (*number < in_ms) return *number * 1'000'000;
    if (*number < in_us) return *number * 1000;
    if (*number < in_us * 1000) return *number;
  }
  return 0;
}

// Whether an answer speaks of an order that exists, wherever in its result it does.
bool names_an_order(const Json* value, int depth) {
  if (value == nullptr || depth > 3) return false;
  if (value->IsArray())
    return std::any_of(value->Begin(), value->End(), [&](const Json& one) { return names_an_order(&one, depth + 1); });
  if (!value->IsObject()) return false;
  for (const auto& one : value->GetObject()) {
    const std::string_view name{one.name.GetString(), one.name.GetStringLength()};
    const auto words = scalar(&one.value);
    if ((name == "order_id" || name == "list_id") && words && !words->empty() && *words != "0") return true;
    if (names_an_order(&one.value, depth + 1)) return true;
  }
  return false;
}

template <class Accept>
PlaceReading read_placing(Act act, std::int64_t id, const HttpResult& result, Accept accept) {
  if (!result) {
    if (!result.error().sent) return {Unsent{Unsent::Why::not_connected, result.error().what}, std::nullopt};
    return {InDoubt{result.error().what}, std::nullopt};
  }
  const Envelope envelope{*result};
  const auto doubt = [&](const char* why) { return PlaceReading{InDoubt{why + envelope.said()}, envelope.oddity()}; };
  // -1 is the venue's word for a request whose id it did not see.
  if (envelope.id() && *envelope.id() != "-1" && *envelope.id() != std::to_string(id))
    return doubt("the answer to another request: ");
  const Answer meant = answer_of(act, envelope.http(), envelope.code());
  if (meant != Answer::accepted && names_an_order(envelope.result())) return doubt("an error and an order id: ");
  switch (meant) {
    case Answer::accepted:
      if (auto accepted = accept(envelope.result())) return {std::move(*accepted), std::nullopt};
      return doubt("accepted without a word of what: ");
    case Answer::refused: {
      const std::string theirs = envelope.foreign();
      std::string message{name_of(envelope.code())};
      if (!theirs.empty() && theirs != message) message += ": " + theirs;
      return {Refused{std::to_string(*envelope.code()), std::move(message)}, std::nullopt};
    }
    case Answer::throttled:
      return {Unsent{Unsent::Why::throttled, envelope.said()}, std::nullopt};
    case Answer::clock_off:
      return {Unsent{Unsent::Why::clock, envelope.said()}, std::nullopt};
    case Answer::in_doubt:
    case Answer::gone:
    case Answer::not_here:
    case Answer::wait:
    case Answer::failed:
      break;
  }
  return doubt("");
}

template <class T, class Parse, class Look>
Page<T> read_page(const HttpResult& result, Parse parse, Look look) {
  Page<T> page;
  if (!result) {
    page.answer = Answer::wait;
    page.why = result.error().what;
    return page;
  }
  const Envelope envelope{*result};
  page.answer = answer_of(Act::read, envelope.http(), envelope.code());
  const Json* rows = member(envelope.result(), "data");
  // A list that is not there is not an empty list.
  if (page.answer == Answer::not_here) page.answer = Answer::failed;
  if (page.answer == Answer::accepted && (rows == nullptr || !rows->IsArray())) page.answer = Answer::failed;
  if (page.answer != Answer::accepted) {
    page.why = envelope.said();
    if (page.answer == Answer::failed) page.oddities.push_back(envelope.oddity());
    return page;
  }
  page.size = rows->Size();
  for (const Json& value : rows->GetArray()) {
    if (auto row = parse(value)) {
      look(envelope, value, *row, page);
      page.rows.push_back(std::move(*row));
    }
  }
  page.whole = page.rows.size() == page.size;
  if (!page.whole) page.oddities.push_back(envelope.oddity("a row that cannot be read"));
  return page;
}

// Refusals that no later run gets around: the key, its address or its account, and the country.
bool lasting(const Envelope& envelope) {
  const std::int64_t code = envelope.code().value_or(0);
  return envelope.http() == 451 || code == 40101 || code == 40103 || code == 40104;
}

template <class TableKind, class Fill>
TableKind read_table(const HttpResult& result, Fill fill) {
  TableKind table;
  if (!result) {
    table.answer = Answer::wait;
    table.why = result.error().what;
    return table;
  }
  const Envelope envelope{*result};
  table.answer = answer_of(Act::read, envelope.http(), envelope.code());
  if (table.answer == Answer::not_here) table.answer = Answer::failed;
  if (table.answer == Answer::accepted && !fill(envelope.result(), table)) table.answer = Answer::failed;
  if (table.answer != Answer::accepted) table.why = envelope.said();
  if (table.answer == Answer::failed) table.oddity = envelope.oddity();
  if (lasting(envelope)) table.fault = Fault::configuration;
  return table;
}

VenueStatus status_of(std::string_view word) {
  for (const char* open : {"NEW", "PENDING", "ACTIVE", "UNTRIGGERED"})
    if (word == open) return VenueStatus::open;
  if (word == "FILLED") return VenueStatus::filled;
  if (word == "CANCELED" || word == "CANCELLED") return VenueStatus::cancelled;
  if (word == "REJECTED") return VenueStatus::rejected;
  if (word == "EXPIRED") return VenueStatus::expired;
  return VenueStatus::unknown;
}

std::optional<OrderType> type_of(std::string_view word) {
  if (word == "MARKET") return OrderType::market;
  if (word == "LIMIT") return OrderType::limit;
  if (word == "STOP_LOSS") return OrderType::stop_market;
  if (word == "STOP_LIMIT") return OrderType::stop_limit;
  return std::nullopt;
}

// "0" stands where an order has no such price.
std::optional<Price> price_in(const Json* row, const char* name, const char* older_name) {
  for (const char* one : {name, older_name})
    if (const auto price = not_negative<Price>(row, one); price && price->is_positive()) return price;
  return std::nullopt;
}

std::string reason_in(const Json* row) {
  for (const char* name : {"reject_reason", "reason"}) {
    const std::string_view words = scalar_in(row, name);
    if (!words.empty() && words != "0" && words != "NO_ERROR") return bounded(words);
  }
  return {};
}

// Without ids a row is nobody's, and could be anybody's.
std::optional<Row> row_of(const Json& value) {
  Row row{.order_id = id_in(&value, "order_id")};
  const Json* client_id = member(&value, "client_oid");
  const bool has_client_id = value.IsObject() && value.HasMember("client_oid");
  if (row.order_id.empty()) return std::nullopt;
  if (has_client_id && (client_id == nullptr || (!client_id->IsNull() && !client_id->IsString()))) return std::nullopt;
  row.client_id = scalar(client_id).value_or("");
  row.executed_id = id_in(&value, "exchange_order_id");
  if (row.executed_id == row.order_id) row.executed_id.clear();
  row.account_id = id_in(&value, "account_id");
  row.symbol = Symbol::parse(scalar_in(&value, "instrument_name"));
  row.side = parse_side(scalar_in(&value, "side"));
  const std::string_view type = scalar_in(&value, "order_type");
  const std::string_view shown = type.empty() ? scalar_in(&value, "type") : type;
  row.type = type_of(shown);
  row.type_shown = !shown.empty();
  row.status = status_of(scalar_in(&value, "status"));
  row.quantity = not_negative<Quantity>(&value, "quantity");
  row.filled = not_negative<Quantity>(&value, "cumulative_quantity");
  row.filled_value = not_negative<Money>(&value, "cumulative_value");
  row.average = price_in(&value, "avg_price", "average_price");
  row.fee = without_sign(&value, "cumulative_fee");
  row.fee_currency = scalar_in(&value, "fee_instrument_name");
  row.price = price_in(&value, "limit_price", "price");
  row.trigger = price_in(&value, "ref_price", "trigger_price");
  const auto zero = not_negative<Price>(&value, "ref_price");
  row.trigger_zero = zero && zero->is_zero();
  row.created_ns = nanoseconds(&value);
  row.reason = reason_in(&value);
  return row;
}

void note_unknown_words(const Envelope& envelope, const Json& value, const Row& row, std::vector<Oddity>& oddities) {
  if (!row.client_id.starts_with(client_id_prefix)) return;
  const auto odd = [&](std::string_view what, const char* name) {
    oddities.push_back(envelope.oddity(std::string{what} + std::string{scalar_in(&value, name)}));
  };
  if (row.status == VenueStatus::unknown) odd("an unknown status: ", "status");
  if (!row.type && row.type_shown) odd("an unknown type of order: ", "order_type");
}

std::optional<Fill> trade_of(const Json& value) {
  Fill trade{.order_id = id_in(&value, "order_id"),
             .client_id = std::string{scalar_in(&value, "client_oid")},
             .trade_id = id_in(&value, "trade_id")};
  if (trade.order_id.empty()) return std::nullopt;
  trade.quantity = not_negative<Quantity>(&value, "traded_quantity");
  trade.price = price_in(&value, "traded_price", "price");
  trade.fee = without_sign(&value, "fees");
  trade.fee_currency = scalar_in(&value, "fee_instrument_name");
  trade.created_ns = nanoseconds(&value);
  return trade;
}

}  // namespace
}  // namespace tradeguard::cryptocom
