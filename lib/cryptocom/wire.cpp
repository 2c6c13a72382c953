#include "wire.hpp"

#include <algorithm>
#include <array>

#include "tradeguard/foreign_json.hpp"
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

// An answer taken apart as far as all calls have it in common.
class Parsed {
 public:
  Parsed(Call call, Book book, const HttpResult& result);
  bool good() const { return heard.ruling.fate == Fate::accepted; }
  Node result() const { return json_ ? json_->root()["result"] : Node{}; }
  Node root() const { return json_ ? json_->root() : Node{}; }
  void puzzled_by(std::string_view what) {
    heard.oddities.push_back({heard.ruling.http, heard.ruling.code, bounded(what)});
  }
  template <class T>
  Read<T> read(T it) {
    return {std::move(heard), std::move(it)};
  }
  // A reading that did not come to its end, and one whose answer makes no sense.
  template <class T>
  Read<Result<T>> unread() {
    return read(Result<T>{tl::unexpected<Error>{exchange::unread(heard.ruling)}});
  }
  template <class T>
  Read<Result<T>> illegible() {
    oddity();
    return unread<T>();
  }
  void oddity() { heard.oddities.push_back({heard.ruling.http, heard.ruling.code, foreign_}); }

  Heard heard;

 private:
  std::optional<ForeignJson> json_;
  std::string foreign_;  // what it says, bounded
};

std::string id_in(Node id);
std::optional<Decimal> without_sign(Node amount);
std::int64_t nanoseconds(Node row);
bool names_an_order(Node value, int depth = 0);
std::optional<Row> row_of(Node value);
std::optional<Fill> fill_of(Node value);
void note_unknown_words(Parsed& answer, Node value, const Row& row);
template <class Accept>
Read<PlaceOutcome> read_placing(Book book, std::int64_t id, const HttpResult& result, Accept accept);

}  // namespace

// ---- Requests ----------------------------------------------------------------------------------

std::string param_string(const Params& params) {
  std::string text;
  append_signed(text, params);
  return text;
}

HttpRequest build_private(std::string_view method, const Params& params, Serial serial, const Signer& signer) {
  std::string payload{method};
  payload += std::to_string(serial.id);
  payload += signer.api_key.reveal();
  append_signed(payload, params);
  payload += std::to_string(serial.nonce);
  const std::string signature = hmac_sha256_hex(signer.api_secret, payload);
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
  write(writer, signer.api_key.reveal());
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
HttpRequest build_order(const Order& order, std::int64_t id, const Signer& signer) {
  Params params{{{"instrument_name", order.symbol.text()},
                 {"side", std::string{text(order.side)}},
                 {"type", order.type == OrderType::limit ? "LIMIT" : "MARKET"},
                 {"quantity", order.quantity.text()},
                 {"client_oid", order.client_id},
                 {"spot_margin", "SPOT"}}};
  if (order.type == OrderType::limit && order.price) params.members.emplace_back("price", order.price->text());
  if (order.side == Side::buy) params.members.emplace_back("fee_instrument_name", order.symbol.quote());
  return build_private(path_in(Book::regular, "create-order"), params, {id, nonce_of(order)}, signer);
}

HttpRequest build_stop(const Order& stop, std::int64_t id, const Signer& signer) {
  return build_private(path_in(Book::advanced, "create-order"), trigger_params(stop), {id, nonce_of(stop)}, signer);
}

HttpRequest build_pair(const Order& stop, const Order& target, std::int64_t id, const Signer& signer) {
  Params limit{{{"instrument_name", target.symbol.text()},
                {"side", std::string{text(target.side)}},
                {"type", "LIMIT"},
                {"quantity", target.quantity.text()},
                {"price", target.price ? target.price->text() : ""},
                {"client_oid", target.client_id}}};
  Params params;
  params.members.emplace_back("order_list", std::vector<Params>{std::move(limit), trigger_params(stop)});
  return build_private(path_in(Book::advanced, "create-oco"), params, {id, nonce_of(stop)}, signer);
}

HttpRequest build_cancel(Book book, const OrderName& name, Serial serial, const Signer& signer) {
  return build_private(path_in(book, "cancel-order"), params_of(name), serial, signer);
}

HttpRequest build_order_read(Book book, const OrderName& name, Serial serial, const Signer& signer) {
  return build_private(path_in(book, "get-order-detail"), params_of(name), serial, signer);
}

HttpRequest build_open_orders(Book book, Serial serial, const Signer& signer) {
  return build_private(path_in(book, "get-open-orders"), {}, serial, signer);
}

namespace {

// `limit` is the one number the venue wants as a number.
Params params_of(Window window) {
  return {{{"start_time", std::to_string(window.from)},
           {"end_time", std::to_string(window.until)},
           {"limit", std::int64_t{page_size}}}};
}

}  // namespace

HttpRequest build_all_orders(Book book, Window window, Serial serial, const Signer& signer) {
  return build_private(path_in(book, "get-order-history"), params_of(window), serial, signer);
}

HttpRequest build_trades(Window window, Serial serial, const Signer& signer) {
  return build_private("private/get-trades", params_of(window), serial, signer);
}

HttpRequest build_account(Serial serial, const Signer& signer) {
  return build_private("private/user-balance", {}, serial, signer);
}

namespace {

HttpRequest public_get(const std::string& method, const std::string& query) {
  HttpRequest request{.method = "GET", .target = "/" + method + query};
  request.limit = method;
  return request;
}

}  // namespace

HttpRequest build_market_rules() { return public_get("public/get-instruments", ""); }
HttpRequest build_risk_parameters() { return public_get("public/get-risk-parameters", ""); }
HttpRequest build_prices() { return public_get("public/get-tickers", ""); }
HttpRequest build_price(const Symbol& symbol) {
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
  Fate create;
  Fate advanced;
  Fate cancel;
  Fate read;
};

// Refused is only what says that no order exists: what exists after all would be bought again.
// Whatever may have an order behind it, or is not documented, is looked up. A throttled or late
// request was not looked at, by definition of the code.
// clang-format off
using enum Fate;
constexpr Meaning codes[] = {
  //                                                     create     advanced   cancel     read
  {0, 0,         "OK",                                   accepted,  accepted,  accepted,  accepted},
  {202, 202,     "the account may not trade",            refused,   refused,   in_doubt,  refused},
  {204, 204,     "DUPLICATE_CLORDID",                    in_doubt,  in_doubt,  in_doubt,  refused},
  {205, 205,     "DUPLICATE_ORDERID",                    in_doubt,  in_doubt,  in_doubt,  refused},
  {208, 208,     "INSTRUMENT_NOT_TRADABLE",              refused,   refused,   in_doubt,  refused},
  {209, 209,     "INVALID_INSTRUMENT",                   refused,   refused,   in_doubt,  refused},
  {212, 212,     "INVALID_ORDERID",                      in_doubt,  in_doubt,  absent,    absent},
  {213, 213,     "INVALID_ORDERQTY",                     refused,   refused,   in_doubt,  refused},
  {218, 218,     "INVALID_ORDERTYPE",                    refused,   refused,   in_doubt,  refused},
  {219, 219,     "INVALID_EXEC_INST",                    refused,   refused,   in_doubt,  refused},
  {220, 220,     "INVALID_SIDE",                         refused,   refused,   in_doubt,  refused},
  {221, 221,     "INVALID_TIF",                          refused,   refused,   in_doubt,  refused},
  // An order was accepted before it was rejected: its record tells.
  {224, 224,     "REJ_BY_MATCHING_ENGINE",               in_doubt,  in_doubt,  in_doubt,  refused},
  {229, 229,     "INVALID_REF_PRICE",                    refused,   refused,   in_doubt,  refused},
  {230, 230,     "INVALID_REF_PRICE_TYPE",               refused,   refused,   in_doubt,  refused},
  {306, 306,     "INSUFFICIENT_AVAILABLE_BALANCE",       refused,   refused,   in_doubt,  refused},
  {307, 307,     "the market's status forbids it",       refused,   refused,   in_doubt,  refused},
  {308, 308,     "INVALID_PRICE",                        refused,   refused,   in_doubt,  refused},
  {309, 309,     "the market is not open",               refused,   refused,   in_doubt,  refused},
  {312, 312,     "above the limit-up price",             refused,   refused,   in_doubt,  refused},
  {313, 313,     "below the limit-down price",           refused,   refused,   in_doubt,  refused},
  {314, 314,     "above the largest order",              refused,   refused,   in_doubt,  refused},
  {315, 315,     "FAR_AWAY_LIMIT_PRICE",                 refused,   refused,   in_doubt,  refused},
  {316, 316,     "NO_ACTIVE_ORDER",                      in_doubt,  in_doubt,  absent,    absent},
  {318, 318,     "too many open orders",                 refused,   refused,   in_doubt,  refused},
  {319, 319,     "above the largest position",           refused,   refused,   in_doubt,  refused},
  {325, 325,     "EXCEED_DAILY_VOL_LIMIT",               refused,   refused,   in_doubt,  refused},
  {401, 401,     "the account may not trade",            refused,   refused,   in_doubt,  refused},
  {406, 406,     "the account may not trade",            refused,   refused,   in_doubt,  refused},
  {408, 408,     "the account may not trade",            refused,   refused,   in_doubt,  refused},
  {410, 410,     "the account may not trade",            refused,   refused,   in_doubt,  refused},
  {415, 415,     "BELOW_MIN_ORDER_SIZE",                 refused,   refused,   in_doubt,  refused},
  {416, 416,     "USER_NO_MARGIN_ACCESS",                refused,   refused,   in_doubt,  refused},
  // Nothing that is sent here can earn these.
  {613, 623,     "isolated margin",                      in_doubt,  in_doubt,  in_doubt,  refused},
  {1110, 1110,   "REDUCE_ONLY_REJECTED",                 in_doubt,  in_doubt,  in_doubt,  refused},
  // The codes of the API before this one: what they say of an order is not documented any more.
  {10001, 10009, "a code of the old API",                in_doubt,  in_doubt,  in_doubt,  refused},
  {20001, 20007, "a code of the old API",                in_doubt,  in_doubt,  in_doubt,  refused},
  {30003, 30025, "a code of the old API",                in_doubt,  in_doubt,  in_doubt,  refused},
  {40001, 40001, "BAD_REQUEST",                          refused,   refused,   in_doubt,  refused},
  {40002, 40002, "METHOD_NOT_FOUND",                     refused,   refused,   in_doubt,  refused},
  {40003, 40003, "INVALID_REQUEST",                      refused,   refused,   in_doubt,  refused},
  {40004, 40004, "MISSING_OR_INVALID_ARGUMENT",          refused,   refused,   in_doubt,  refused},
  {40005, 40005, "INVALID_DATE",                         refused,   refused,   in_doubt,  refused},
  // The first copy may have been executed.
  {40006, 40006, "DUPLICATE_REQUEST",                    in_doubt,  in_doubt,  in_doubt,  refused},
  {40101, 40101, "UNAUTHORIZED: the API key, its signature, its permission to trade or its list of "
                 "addresses",                            refused,   refused,   in_doubt,  refused},
  {40102, 40102, "INVALID_NONCE",                        clock,     clock,     clock,     refused},
  {40103, 40103, "IP_ILLEGAL: the API key is not for this address",
                                                         refused,   refused,   in_doubt,  refused},
  {40104, 40104, "USER_TIER_INVALID: the API key's account may not do this",
                                                         refused,   refused,   in_doubt,  refused},
  {40401, 40401, "NOT_FOUND",                            in_doubt,  in_doubt,  absent,    absent},
  {40801, 40801, "REQUEST_TIMEOUT",                      in_doubt,  in_doubt,  in_doubt,  in_doubt},
  {42901, 42901, "TOO_MANY_REQUESTS",                    throttled, throttled, throttled, throttled},
  // An order existed, and may have been filled in part.
  {43003, 43003, "FILL_OR_KILL not filled",              in_doubt,  in_doubt,  in_doubt,  refused},
  {43004, 43004, "IMMEDIATE_OR_CANCEL not filled",       in_doubt,  in_doubt,  in_doubt,  refused},
  {43005, 43005, "POST_ONLY_REJ",                        in_doubt,  in_doubt,  in_doubt,  refused},
  {43012, 43012, "SELF_TRADE_PREVENTION",                in_doubt,  in_doubt,  in_doubt,  refused},
  {50001, 50001, "ERR_INTERNAL",                         in_doubt,  in_doubt,  in_doubt,  in_doubt},
  // Of create-order nobody documents it; a wallet's call means something else by it.
  {50002, 50002, "INVALID_PRICE",                        in_doubt,  refused,   in_doubt,  refused},
  {50007, 50007, "INVALID_TRIGGER_PRICE",                refused,   refused,   in_doubt,  refused},
  {50010, 50010, "INVALID_ORDER_PARAMETERS",             refused,   refused,   in_doubt,  refused},
  {120009, 120009, "rejected upstream",                  in_doubt,  in_doubt,  in_doubt,  refused},
  {130008, 130008, "NON_APPLICABLE",                     in_doubt,  in_doubt,  in_doubt,  refused},
  {140001, 140001, "API_DISABLED: this endpoint does not serve that type of order; the account is "
                   "not disabled",                       refused,   refused,   in_doubt,  refused},
  // Not among the answers that are known to come before an order is looked at: "retry later" would be
  // a second purchase if the maintenance began between the order and its answer.
  {9010001, 9010001, "SYSTEM_MAINTENANCE",               in_doubt,  in_doubt,  in_doubt,  in_doubt},
};
constexpr Meaning other_code =
  {0, 0,         "a code nobody documents",              in_doubt,  in_doubt,  in_doubt,  refused};

// Without a code in the body, the gateway speaks.
constexpr Meaning statuses[] = {
  // A firewall, a ban, a law: nobody behind them saw the request.
  {403, 403,     "HTTP 403: a firewall",                 throttled, throttled, throttled, throttled},
  {404, 404,     "HTTP 404",                             in_doubt,  in_doubt,  in_doubt,  absent},
  {408, 408,     "HTTP 408",                             in_doubt,  in_doubt,  in_doubt,  in_doubt},
  {418, 418,     "HTTP 418: a ban",                      throttled, throttled, throttled, throttled},
  {429, 429,     "HTTP 429",                             throttled, throttled, throttled, throttled},
  {451, 451,     "HTTP 451: not served from this country or address",
                                                         throttled, throttled, throttled, throttled},
  {500, 599,     "HTTP 5xx",                             in_doubt,  in_doubt,  in_doubt,  in_doubt},
};
constexpr Meaning other_status =
  {0, 0,         "no code, any other HTTP status",       in_doubt,  in_doubt,  in_doubt,  refused};
// clang-format on

const Meaning& meaning_of(int http_status, std::optional<std::int64_t> code) {
  const auto among = [](auto& rows, std::int64_t number, const Meaning& other) -> const Meaning& {
    for (const Meaning& row : rows)
      if (row.first <= number && number <= row.last) return row;
    return other;
  };
  return code ? among(codes, *code, other_code) : among(statuses, http_status, other_status);
}

Fate column(const Meaning& meaning, Call call, Book book) {
  switch (call) {
    case Call::create:
      return book == Book::advanced ? meaning.advanced : meaning.create;
    case Call::cancel:
      return meaning.cancel;
    case Call::read:
      return meaning.read;
  }
  return Fate::in_doubt;
}

}  // namespace

Fate fate_of(Call call, Book book, int http_status, std::optional<std::int64_t> code) {
  const Fate by_table = column(meaning_of(http_status, code), call, book);
  // A yes in a no is neither.
  const bool good = http_status >= 200 && http_status < 300;
  if (by_table == Fate::accepted && !good) return call == Call::read ? Fate::refused : Fate::in_doubt;
  return by_table;
}

namespace {

Hush hush_of(const HttpResponse& response, const std::optional<std::int64_t>& code, std::string_view foreign) {
  constexpr Micros ban_without_word = 120s;
  const bool restricted = foreign.find("restricted location") != std::string::npos;
  if (response.status == 451 || restricted)
    return {.not_served = "HTTP " + std::to_string(response.status) + ": not served from this country or address"};
  const bool throttling = response.status == 429 || code == 42901;
  const bool shut_out = !code && (response.status == 403 || response.status == 418);
  if (!throttling && !shut_out) return {};
  const auto asked = retry_after(response);
  // The documented limits are of tenths of a second and name no pause: the pace is kept elsewhere.
  if (throttling && (!asked || *asked == Micros{0})) return {};
  return {.length = asked.value_or(ban_without_word)};
}

}  // namespace

std::string outcome_table() {
  std::string table;
  const auto padded = [](std::string_view cell, std::size_t width) {
    std::string out{cell};
    out.resize(std::max(width, out.size()), ' ');
    return out + " ";
  };
  const auto line = [&](std::string_view key, const Meaning& row) {
    table += padded(key, 11);
    for (const Fate fate : {row.create, row.advanced, row.cancel, row.read}) table += padded(text(fate), 9);
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

Ruling ruling(Call call, Book book, const HttpResult& result) { return Parsed{call, book, result}.heard.ruling; }

// ---- Answers -----------------------------------------------------------------------------------

Read<PlaceOutcome> read_order_made(Book book, std::int64_t id, const ClientOrderId& client_id,
                                   const HttpResult& result) {
  return read_placing(book, id, result, [&](Node made) -> std::optional<Accepted> {
    const std::string order_id = id_in(made["order_id"]);
    const std::string_view echoed = made["client_oid"].text();
    if (order_id.empty() || (!echoed.empty() && echoed != client_id)) return std::nullopt;
    return Accepted{order_id, std::nullopt};
  });
}

Read<PlaceOutcome> read_pair_made(std::int64_t id, const HttpResult& result) {
  return read_placing(Book::advanced, id, result, [](Node made) -> std::optional<Accepted> {
    if (id_in(made["list_id"]).empty()) return std::nullopt;
    return Accepted{};
  });
}

Read<CancelOutcome> read_cancelled(const HttpResult& result) {
  Parsed answer{Call::cancel, Book::regular, result};
  const CancelOutcome outcome = cancelled(answer.heard.ruling);
  if (result && std::holds_alternative<InDoubt>(outcome)) answer.oddity();
  return answer.read(outcome);
}

namespace {

template <class T, class Parse, class Look>
Read<Result<Page<T>>> read_page(const HttpResult& result, Parse parse, Look look) {
  Parsed answer{Call::read, Book::regular, result};
  if (answer.good() && !answer.result()["data"].is_list()) return answer.illegible<Page<T>>();
  // A list that is not there is not an empty list.
  if (answer.heard.ruling.fate == Fate::absent) return answer.illegible<Page<T>>();
  if (!answer.good()) return answer.unread<Page<T>>();
  Page<T> page;
  for (const Node& value : answer.result()["data"].elements()) {
    page.shown += 1;
    if (auto row = parse(value)) {
      look(answer, value, *row);
      page.rows.push_back(std::move(*row));
    }
  }
  page.whole = page.rows.size() == page.shown;
  if (!page.whole) answer.puzzled_by("a row that cannot be read");
  return answer.read(Result<Page<T>>{std::move(page)});
}

}  // namespace

Read<Result<Page<Row>>> read_orders(const HttpResult& result) {
  return read_page<Row>(result, row_of, note_unknown_words);
}

Read<Result<Page<Fill>>> read_trades(const HttpResult& result) {
  return read_page<Fill>(result, fill_of, [](const Parsed&, Node, const Fill&) {});
}

// Asked in the wrong book, the venue answers a success with nothing in it.
Read<Result<Page<Row>>> read_order(const HttpResult& result) {
  Parsed answer{Call::read, Book::regular, result};
  const Node shown = answer.result();
  if (answer.good() && (!shown || shown.is_null() || (shown.is_object() && shown.size() == 0)))
    answer.heard.ruling.fate = Fate::absent;
  Page<Row> page{.whole = true};
  if (answer.heard.ruling.fate == Fate::absent) return answer.read(Result<Page<Row>>{std::move(page)});
  if (!answer.good()) return answer.unread<Page<Row>>();
  auto row = row_of(shown);
  if (!row) return answer.illegible<Page<Row>>();
  note_unknown_words(answer, shown, *row);
  page.rows.push_back(std::move(*row));
  page.shown = 1;
  return answer.read(Result<Page<Row>>{std::move(page)});
}

template <class T>
std::optional<Window> window_behind(const Page<T>& page, Window window) {
  if (page.shown < page_size || !page.whole || page.rows.empty()) return std::nullopt;
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

namespace {

// `take` fills the table, and says false where the answer makes no sense. A table that is not there is not empty.
template <class Rows, class Take>
Read<Result<Rows>> read_table(const HttpResult& result, Take take) {
  Parsed answer{Call::read, Book::regular, result};
  if (answer.heard.ruling.fate == Fate::absent) return answer.illegible<Rows>();
  if (!answer.good()) return answer.unread<Rows>();
  Rows rows;
  if (!take(answer.result(), rows)) return answer.illegible<Rows>();
  return answer.read(Result<Rows>{std::move(rows)});
}

}  // namespace

Read<Result<std::map<Symbol, Instrument>>> read_market_rules(const HttpResult& result) {
  using Instruments = std::map<Symbol, Instrument>;
  return read_table<Instruments>(result, [](Node body, Instruments& table) {
    for (const Node& row : body["data"].elements()) {
      const auto symbol = Symbol::parse(row["symbol"].text());
      const auto tick = row["price_tick_size"].amount<Price>();
      const auto step = row["qty_tick_size"].amount<Quantity>();
      if (!symbol || row["inst_type"].text() != "CCY_PAIR") continue;
      if (!tick || !step || !tick->is_positive() || !step->is_positive()) continue;
      table.emplace(*symbol, Instrument{*tick, *step, row["tradable"].flag() == true});
    }
    return body["data"].is_list();
  });
}

// Other lists of the same answer hold limits of derivatives, under the same names.
Read<Result<std::map<std::string, OrderLimits>>> read_risk_parameters(const HttpResult& result) {
  using Limits = std::map<std::string, OrderLimits>;
  return read_table<Limits>(result, [](Node body, Limits& table) {
    const auto amount = [](Node row, std::string_view name) { return row[name].amount<Money>().value_or(Money{}); };
    for (const Node& row : body["base_currency_config"].elements()) {
      const std::string base{row["instrument_name"].text()};
      if (base.empty()) continue;
      table.emplace(base, OrderLimits{amount(row, "min_order_notional_usd"), amount(row, "max_order_notional_usd"),
                                      amount(row, "daily_notional_limit")});
    }
    return body["base_currency_config"].is_list();
  });
}

Read<Result<Prices>> read_prices(const HttpResult& result, const std::optional<Symbol>& asked) {
  return read_table<Prices>(result, [&](Node body, Prices& table) {
    const Node rows = body["data"];
    for (const Node& row : rows.elements()) {
      const bool nameless = rows.size() == 1 && row.is_object() && !row.holds("i");
      const auto symbol = nameless ? asked : Symbol::parse(row["i"].text());
      if (const auto last = row["a"].price(); symbol && last) table.emplace(*symbol, *last);
    }
    return rows.is_list();
  });
}

Read<Result<Balances>> read_balances(const HttpResult& result) {
  return read_table<Balances>(result, [](Node body, Balances& balances) {
    const auto accounts = body["data"].elements();
    if (accounts.empty() || !accounts.front()["position_balances"].is_list()) return false;
    for (const Node& row : accounts.front()["position_balances"].elements()) {
      const std::string currency{row["instrument_name"].text()};
      if (currency.empty()) return false;  // it may be of any currency
      const auto total = row["quantity"].decimal();
      const auto locked = row["reserved_qty"].amount<Quantity>();
      // Of two rows of one currency, which is true is not ours to guess.
      if (!total || !locked || balances.known.contains(currency)) {
        balances.unread.insert(currency);
        continue;
      }
      balances.known.emplace(currency, Balance{std::max(Decimal{}, *total - locked->value), *total});
    }
    for (const std::string& currency : balances.unread) balances.known.erase(currency);
    return true;
  });
}

namespace {

// What it says, bounded: its message, or its page where it has no code.
std::string foreign_in(Node root, const std::optional<std::int64_t>& code, std::string_view body) {
  const std::string_view message = root["message"].text();
  return bounded(!message.empty() ? message : code ? std::string_view{} : body);
}

std::string said_of(int http, const Ruling& ruling, const std::optional<std::int64_t>& code,
                    const std::string& theirs) {
  const bool gateway = !code && (http == 403 || http == 418 || http == 451);
  if (gateway) return std::string{meaning_of(http, std::nullopt).name};  // its page says no more
  std::string words = code ? "code " + ruling.code : "HTTP " + std::to_string(http) + " without a code";
  if (code && *code != 0) words.append(", ").append(meaning_of(0, code).name);
  return theirs.empty() ? words : words + ": " + theirs;
}

Parsed::Parsed(Call call, Book book, const HttpResult& result) {
  Ruling& ruling = heard.ruling;
  if (!result) {
    ruling = unanswered(result.error());
    return;
  }
  json_.emplace(result->body);
  const Node root = json_->root();
  const auto code = root["code"].whole_number();
  foreign_ = foreign_in(root, code, result->body);
  ruling.http = result->status;
  ruling.code = bounded(root["code"].text());
  ruling.fate = fate_of(call, book, result->status, code);
  ruling.message = std::string{meaning_of(result->status, code).name};
  if (!foreign_.empty() && foreign_ != ruling.message) ruling.message += ": " + foreign_;
  ruling.said = said_of(result->status, ruling, code, foreign_);
  ruling.lasting = result->status == 451 || code == 40101 || code == 40103 || code == 40104;
  ruling.hush = hush_of(*result, code, foreign_);
  if (call == Call::read && ruling.fate == Fate::refused) oddity();
}

// "0" is the venue's word for none. An id that went through a double somewhere is no id.
std::string id_in(Node value) {
  const std::string_view id = value.text();
  const bool plain = !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
  return plain && id != "0" ? std::string{id} : std::string{};
}

std::optional<Decimal> without_sign(Node value) {
  const auto amount = value.decimal();
  return amount && amount->is_negative() ? -*amount : amount;
}

// Said in milliseconds here, in nanoseconds there; 0: not said.
std::int64_t nanoseconds(Node row) {
  for (const char* name : {"create_time_ns", "create_time"}) {
    const auto number = row[name].whole_number();
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
bool names_an_order(Node value, int depth) {
  if (depth > 3) return false;
  bool named = false;
  value.for_each([&](std::string_view name, Node inner) {
    const std::string_view words = inner.text();
    const bool id = (name == "order_id" || name == "list_id") && !words.empty() && words != "0";
    named = named || id || names_an_order(inner, depth + 1);
  });
  return named;
}

template <class Accept>
Read<PlaceOutcome> read_placing(Book book, std::int64_t id, const HttpResult& result, Accept accept) {
  Parsed answer{Call::create, book, result};
  const Ruling& ruling = answer.heard.ruling;
  if (!result) return answer.read(not_placed(ruling));
  const auto doubt = [&](const char* why) {
    answer.oddity();
    return answer.read(PlaceOutcome{InDoubt{why + ruling.said}});
  };
  // -1 is the venue's word for a request whose id it did not see.
  const auto named = answer.root()["id"].scalar();
  if (named && *named != "-1" && *named != std::to_string(id)) return doubt("the answer to another request: ");
  if (!answer.good()) {
    if (names_an_order(answer.result())) return doubt("an error and an order id: ");
    PlaceOutcome outcome = not_placed(ruling);
    if (std::holds_alternative<InDoubt>(outcome)) answer.oddity();
    return answer.read(std::move(outcome));
  }
  if (auto accepted = accept(answer.result())) return answer.read(PlaceOutcome{std::move(*accepted)});
  return doubt("accepted without a word of what: ");
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

std::optional<Price> price_in(Node row, const char* name, const char* older_name) {
  const auto price = row[name].price();
  return price ? price : row[older_name].price();
}

std::string reason_in(Node row) {
  for (const char* name : {"reject_reason", "reason"}) {
    const std::string_view words = row[name].text();
    if (!words.empty() && words != "0" && words != "NO_ERROR") return bounded(words);
  }
  return {};
}

// Without ids a row is nobody's, and could be anybody's.
std::optional<Row> row_of(Node value) {
  Row row{.order_id = id_in(value["order_id"])};
  const Node client_id = value["client_oid"];
  if (row.order_id.empty()) return std::nullopt;
  if (value.holds("client_oid") && !client_id.is_null() && !client_id.is_text()) return std::nullopt;
  row.client_id = client_id.text();
  row.executed_id = id_in(value["exchange_order_id"]);
  if (row.executed_id == row.order_id) row.executed_id.clear();
  row.account_id = id_in(value["account_id"]);
  row.symbol = Symbol::parse(value["instrument_name"].text());
  row.side = parse_side(value["side"].text());
  const std::string_view type = value["order_type"].text();
  const std::string_view shown = type.empty() ? value["type"].text() : type;
  row.type = type_of(shown);
  row.type_shown = !shown.empty();
  row.status = status_of(value["status"].text());
  row.quantity = value["quantity"].amount<Quantity>();
  row.filled = value["cumulative_quantity"].amount<Quantity>();
  row.filled_value = value["cumulative_value"].amount<Money>();
  row.average = price_in(value, "avg_price", "average_price");
  row.fee = without_sign(value["cumulative_fee"]);
  row.fee_currency = value["fee_instrument_name"].text();
  row.price = price_in(value, "limit_price", "price");
  row.trigger = price_in(value, "ref_price", "trigger_price");
  const auto zero = value["ref_price"].amount<Price>();
  row.trigger_zero = zero && zero->is_zero();
  row.created_ns = nanoseconds(value);
  row.reason = reason_in(value);
  return row;
}

void note_unknown_words(Parsed& answer, Node value, const Row& row) {
  if (!row.client_id.starts_with(client_id_prefix)) return;
  if (row.status == VenueStatus::unknown)
    answer.puzzled_by("an unknown status: " + std::string{value["status"].text()});
  if (!row.type && row.type_shown)
    answer.puzzled_by("an unknown type of order: " + std::string{value["order_type"].text()});
}

std::optional<Fill> fill_of(Node value) {
  Fill fill{.order_id = id_in(value["order_id"]),
            .client_id = std::string{value["client_oid"].text()},
            .trade_id = id_in(value["trade_id"])};
  if (fill.order_id.empty()) return std::nullopt;
  fill.quantity = value["traded_quantity"].amount<Quantity>();
  fill.price = price_in(value, "traded_price", "price");
  fill.fee = without_sign(value["fees"]);
  fill.fee_currency = value["fee_instrument_name"].text();
  fill.created_ns = nanoseconds(value);
  return fill;
}

}  // namespace
}  // namespace tradeguard::cryptocom
