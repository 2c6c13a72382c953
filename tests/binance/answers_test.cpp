// What leaves for Binance, character by character, and what is made of its answers, of the bad ones
// too.
#include "answers.hpp"

using namespace tradeguard;
using namespace tradeguard::binance;
using namespace tradeguard::binance_test;

namespace {

// The order of a story, good for the five seconds this venue gives.
Order five_seconds(Order order) {
  order.valid_until = order.stamp + 5s;
  return order;
}
Order buy() { return five_seconds(entry("entry", "1", noon)); }
Order stop() { return five_seconds(stop_market("stop", "0.9", "2910", noon)); }
Order limited_stop() { return five_seconds(stop_limit("stop", "0.9", "2910", "2880.9", noon)); }
Order goal() { return five_seconds(target("target", "0.9", "3090", noon)); }

std::string without_signature(const HttpRequest& request) {
  const auto cut = request.target.find("&signature=");
  REQUIRE(cut != std::string::npos);
  return request.method + " " + request.target.substr(0, cut);
}

const Spellings only_eth{{"ETHUSDT", eth()}};
const Instant later = noon + 1s;

template <class T>
bool failed_to_read(const Read<Result<T>>& read) {
  return !read.it.has_value();
}

PlaceOutcome made(const std::string& body) { return read_order_made(good(body), buy(), later).it; }

Sighting seen(const std::string& body) {
  const auto read = read_order(good(body), eth(), later);
  REQUIRE(read.it);
  REQUIRE(*read.it);
  return **read.it;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at_ = text.find(from);
  REQUIRE(at_ != std::string::npos);
  return text.replace(at_, from.size(), to);
}

InstrumentRules rules_from(const std::string& market) {
  const auto read = read_market_rules(good(markets(market)), dec("0.001"), later);
  REQUIRE(read.it);
  REQUIRE(read.it->rules.contains(eth()));
  return read.it->rules.at(eth());
}

}  // namespace

// ---- Asking
// --------------------------------------------------------------------------------------

TEST_CASE("signatures are those of the venue's own examples") {
  CHECK(signer().signature("symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
                           "&recvWindow=5000&timestamp=1499827319559") ==
        "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71");
  CHECK(signer().signature("symbol=" +
                           percent_encoded("\xEF\xBC\x91\xEF\xBC\x92\xEF\xBC\x93\xEF\xBC\x94"
                                           "\xEF\xBC\x95\xEF\xBC\x96") +
                           "&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
                           "&recvWindow=5000&timestamp=1499827319559") ==
        "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3");
}

// The key is the first of RFC 8032, the signature that of the openssl command.
TEST_CASE("a secret that is PEM signs with Ed25519, ready to stand in a query") {
  const Signer pem{secret("key"), secret("-----BEGIN PRIVATE KEY-----\n"
                                         "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                                         "-----END PRIVATE KEY-----\n")};
  REQUIRE_FALSE(pem.broken());
  CHECK(pem.signature("symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
                      "&recvWindow=5000&timestamp=1499827319559") ==
        "3fhuDZ9nYMviDQ5OEtJBJS11jUZDTRzRQ%2BTQMarm%2BLErFiJvUiVPQjTzDoWZQe4miPX%2ByHk1v%"
        "2FZ7TWLYjIbmCA%3D%3D");
}

TEST_CASE("a key that cannot sign is said, without showing it") {
  const Signer broken{secret("key"), secret("-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n")};
  REQUIRE(broken.broken());
  CHECK(broken.broken()->fault == Fault::configuration);
  CHECK(broken.broken()->what.find("nonsense") == std::string::npos);
  CHECK(Signer{secret("key"), secret("")}.broken());
  CHECK(Signer{secret(""), secret("secret")}.broken());
  CHECK_FALSE(signer().broken());
}

TEST_CASE("what is signed is what is sent, and the signature stands last") {
  const auto request = build_order(signer(), buy());
  const auto query = request.target.find('?') + 1;
  const auto mark = request.target.find("&signature=");
  CHECK(request.target.substr(mark + 11) == signer().signature(request.target.substr(query, mark - query)));
  REQUIRE(request.headers.size() == 1);
  CHECK(request.headers.front().first == "X-MBX-APIKEY");
  CHECK(request.headers.front().second == signer().api_key());
  CHECK(request.body.empty());
}

TEST_CASE("orders leave as planned, with the stamp of their claim") {
  auto order = buy();
  order.stamp += 7ms + 900us;
  order.price = price("2999.5");  // what the signal saw is no limit
  CHECK(without_signature(build_order(signer(), order)) ==
        "POST /api/v3/order?symbol=ETHUSDT&side=BUY&type=MARKET&quantity=1&newClientOrderId=tg1-entry"
        "&newOrderRespType=FULL&recvWindow=4992&timestamp=1735732800007");
  CHECK(without_signature(build_order(signer(), five_seconds(exit_of("exit", "0.9", noon)))) ==
        "POST "
        "/api/v3/order?symbol=ETHUSDT&side=SELL&type=MARKET&quantity=0.9&newClientOrderId=tg1-exit"
        "&newOrderRespType=FULL&recvWindow=5000&timestamp=1735732800000");
  CHECK(without_signature(build_order(signer(), stop())) ==
        "POST /api/v3/order?symbol=ETHUSDT&side=SELL&type=STOP_LOSS&quantity=0.9&stopPrice=2910"
        "&newClientOrderId=tg1-stop&newOrderRespType=FULL&recvWindow=5000&timestamp=1735732800000");
  CHECK(without_signature(build_order(signer(), limited_stop())) ==
        "POST "
        "/api/v3/order?symbol=ETHUSDT&side=SELL&type=STOP_LOSS_LIMIT&timeInForce=GTC&quantity=0.9"
        "&price=2880.9&stopPrice=2910&newClientOrderId=tg1-stop&newOrderRespType=FULL&recvWindow=5000"
        "&timestamp=1735732800000");
}

TEST_CASE("a pair leaves as one request, its target above and its stop below") {
  CHECK(without_signature(build_pair(signer(), limited_stop(), goal())) ==
        "POST /api/v3/orderList/oco?symbol=ETHUSDT&listClientOrderId=tg1-ltop&side=SELL&quantity=0.9"
        "&aboveType=LIMIT_MAKER&aboveClientOrderId=tg1-target&abovePrice=3090"
        "&belowType=STOP_LOSS_LIMIT&belowClientOrderId=tg1-stop&belowStopPrice=2910&belowPrice=2880.9"
        "&belowTimeInForce=GTC&newOrderRespType=FULL&recvWindow=5000&timestamp=1735732800000");
  CHECK(without_signature(build_pair(signer(), stop(), goal())) ==
        "POST /api/v3/orderList/oco?symbol=ETHUSDT&listClientOrderId=tg1-ltop&side=SELL&quantity=0.9"
        "&aboveType=LIMIT_MAKER&aboveClientOrderId=tg1-target&abovePrice=3090"
        "&belowType=STOP_LOSS&belowClientOrderId=tg1-stop&belowStopPrice=2910"
        "&newOrderRespType=FULL&recvWindow=5000&timestamp=1735732800000");
  CHECK(build_pair(signer(), stop(), goal()).limit == orders_limit);
  CHECK(build_pair(signer(), stop(), goal()).weight == 2);
}

TEST_CASE("the smallest amounts leave as plain decimals") {
  auto order = five_seconds(entry("entry", "0.00000001", noon));
  CHECK(build_order(signer(), order).target.find("&quantity=0.00000001&") != std::string::npos);
}

TEST_CASE("a pair has a name of its own, made of its stop's") {
  const AccountKey account{"binance", "main"};
  const auto stop_id = client_order_id(account, "tg1-e1-x", Leg::stop, 9999);
  const auto name = list_client_id(stop_id);
  CHECK(name.size() == stop_id.size());
  CHECK(name.substr(0, 5) == "tg1-l");
  CHECK(name.substr(5) == stop_id.substr(5));
  CHECK(list_client_id("a") == "l-a");
  CHECK(list_client_id("tg1-a") != list_client_id("tg1-b"));
}

TEST_CASE("questions leave with the venue's time, and cost what the venue says") {
  const auto check = [](const HttpRequest& request, const std::string& expected, int weight) {
    CHECK(without_signature(request) == expected + "&recvWindow=5000&timestamp=1735732801000");
    CHECK(request.limit == weight_limit);
    CHECK(request.weight == weight);
  };
  const auto symbol = eth();
  check(build_cancel(signer(), {"tg1-stop", "29", eth(), Leg::stop}, later),
        "DELETE /api/v3/order?symbol=ETHUSDT&orderId=29", 1);
  check(build_cancel(signer(), {"tg1-stop", "", eth(), Leg::stop}, later),
        "DELETE /api/v3/order?symbol=ETHUSDT&origClientOrderId=tg1-stop", 1);
  check(build_order_by_venue_id(signer(), eth(), "6498090546073120100", later),
        "GET /api/v3/order?symbol=ETHUSDT&orderId=6498090546073120100", 4);
  check(build_order_by_client_id(signer(), eth(), "tg1-entry", later),
        "GET /api/v3/order?symbol=ETHUSDT&origClientOrderId=tg1-entry", 4);
  check(build_open_orders(signer(), &symbol, later), "GET /api/v3/openOrders?symbol=ETHUSDT", 6);
  CHECK(without_signature(build_open_orders(signer(), nullptr, later)) ==
        "GET /api/v3/openOrders?recvWindow=5000&timestamp=1735732801000");
  check(build_all_orders(signer(), eth(), Window{noon, noon + 24h}, later),
        "GET "
        "/api/v3/allOrders?symbol=ETHUSDT&startTime=1735732800000&endTime=1735819200000&limit=1000",
        20);
  check(build_all_orders(signer(), eth(), std::nullopt, later), "GET /api/v3/allOrders?symbol=ETHUSDT&limit=1000", 20);
  check(build_pair_read(signer(), "tg1-ltop", later), "GET /api/v3/orderList?origClientOrderId=tg1-ltop", 4);
  check(build_trades(signer(), eth(), "28", later), "GET /api/v3/myTrades?symbol=ETHUSDT&orderId=28&limit=1000", 5);
  check(build_account(signer(), later), "GET /api/v3/account?omitZeroBalances=true", 20);
}

TEST_CASE("what everybody may ask is neither signed nor keyed") {
  const auto time = build_time();
  CHECK(time.target == "/api/v3/time");
  CHECK(time.headers.empty());
  const auto rules = build_market_rules({"ETHUSDT", "BTCUSDT"});
  CHECK(rules.target == "/api/v3/exchangeInfo?symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D");
  CHECK(rules.headers.empty());
  CHECK(build_prices({"ETHUSDT"}).target == "/api/v3/ticker/price?symbols=%5B%22ETHUSDT%22%5D");
}

// ---- What became of an order
// ---------------------------------------------------------------------

TEST_CASE("the answer to a market order is its record, with the fees that were taken from the base") {
  const auto outcome = made(market_answer);
  REQUIRE(is<Accepted>(outcome));
  const auto& accepted = std::get<Accepted>(outcome);
  CHECK(accepted.venue_id == "6498090546073120100");
  REQUIRE(accepted.record);
  const auto& record = *accepted.record;
  CHECK(record.client_id == "tg1-entry");
  CHECK(record.venue_id == "6498090546073120100");
  CHECK(record.symbol == eth());
  CHECK(record.side == Side::buy);
  CHECK(record.type == OrderType::market);
  CHECK(record.status == VenueStatus::filled);
  CHECK(record.quantity == qty("1"));
  CHECK(record.filled == qty("1"));
  CHECK(record.filled_value == money("3000"));
  CHECK(record.fee_base == qty("0.0004"));
  CHECK_FALSE(record.price);
  CHECK_FALSE(record.trigger);
  CHECK(record.exchange_time == noon + 123ms);
  CHECK(record.at == later);
}

TEST_CASE("a market order that ran out of book is closed with its part") {
  const auto body = replaced(replaced(market_answer, "\"FILLED\"", "\"EXPIRED\""), R"("executedQty":"1.00000000")",
                             R"("executedQty":"0.4")");
  const auto outcome = made(replaced(body, R"(,
          {"price":"3000.00000000","qty":"0.60000000","commission":"0.00200000","commissionAsset":"BNB","tradeId":57})",
                                     ""));
  REQUIRE(is<Accepted>(outcome));
  const auto& record = std::get<Accepted>(outcome).record;
  REQUIRE(record);
  CHECK(record->status == VenueStatus::expired);
  CHECK(record->filled == qty("0.4"));
  CHECK(record->fee_base == qty("0.0004"));
}

TEST_CASE("fees are known only where the fills add up to what was filled") {
  const auto fee = [](const std::string& body) { return std::get<Accepted>(made(body)).record->fee_base; };
  CHECK_FALSE(fee(replaced(market_answer, R"("qty":"0.60000000")", R"("qty":"0.5")")));
  CHECK_FALSE(fee(replaced(market_answer, R"("qty":"0.60000000",)", "")));
  CHECK_FALSE(fee(replaced(market_answer, "\"fills\"", "\"filled\"")));
  CHECK_FALSE(fee(replaced(market_answer, R"("commission":"0.00200000")", R"("commission":null)")));
}

TEST_CASE("the answer to a pair tells of both legs what was stored") {
  const auto read = read_pair_made(good(pair_answer), limited_stop(), goal(), later);
  REQUIRE(is<Accepted>(read.it.stop));
  REQUIRE(read.it.target);
  REQUIRE(is<Accepted>(*read.it.target));
  const auto& stop_leg = std::get<Accepted>(read.it.stop);
  const auto& target_leg = std::get<Accepted>(*read.it.target);
  CHECK(stop_leg.venue_id == "20569");
  CHECK(target_leg.venue_id == "20570");
  REQUIRE(stop_leg.record);
  REQUIRE(target_leg.record);
  CHECK(sighted_as_planned(limited_stop(), *stop_leg.record));
  CHECK(sighted_as_planned(goal(), *target_leg.record));
  CHECK_FALSE(stop_leg.record->fired);
  CHECK(read.oddities.empty());
}

TEST_CASE("a pair stored as something else does not pass for what was planned") {
  const auto stored =
      read_pair_made(good(replaced(pair_answer, "STOP_LOSS_LIMIT", "LIMIT")), limited_stop(), goal(), later);
  const auto& record = std::get<Accepted>(stored.it.stop).record;
  REQUIRE(record);
  CHECK(record->type == OrderType::limit);
  CHECK_FALSE(sighted_as_planned(limited_stop(), *record));
}

TEST_CASE("a pair whose reports miss a leg has its id from the list, and else is in doubt about it") {
  const auto reports = pair_answer.substr(0, pair_answer.find(R"("orderReports")"));
  const auto listed = read_pair_made(good(reports + R"("orderReports":[]})"), limited_stop(), goal(), later);
  REQUIRE(is<Accepted>(listed.it.stop));
  CHECK(std::get<Accepted>(listed.it.stop).venue_id == "20569");
  CHECK_FALSE(std::get<Accepted>(listed.it.stop).record);

  auto other = goal();
  other.client_id = "tg1-other";
  const auto missing = read_pair_made(good(pair_answer), limited_stop(), other, later);
  CHECK(is<Accepted>(missing.it.stop));
  CHECK(is<InDoubt>(*missing.it.target));
  CHECK_FALSE(missing.oddities.empty());
}

TEST_CASE("the answer to a pair that was refused is of both") {
  const auto read = read_pair_made(
      answered(400, R"({"code":-2010,"msg":"The relationship of the prices for the orders is not correct."})"),
      limited_stop(), goal(), later);
  REQUIRE(is<Refused>(read.it.stop));
  CHECK(std::get<Refused>(read.it.stop).code == "-2010");
  CHECK(is<Refused>(*read.it.target));
}

TEST_CASE("an id that rests already is doubt, to be looked up, and not a refusal") {
  const auto duplicate = answered(400, R"({"code":-2010,"msg":"Duplicate order sent."})");
  CHECK(is<InDoubt>(read_order_made(duplicate, stop(), later).it));
}

TEST_CASE("throttled and clock answers are unsent, and say why") {
  const auto outcome = [](int status, const char* code) {
    return read_order_made(answered(status, std::string{R"({"code":)"} + code + R"(,"msg":"No."})"), buy(), later).it;
  };
  for (const auto& [status, code, why] :
       {std::tuple{429, "-1003", Unsent::Why::throttled}, std::tuple{429, "-1015", Unsent::Why::throttled},
        std::tuple{418, "-1003", Unsent::Why::throttled}, std::tuple{400, "-1021", Unsent::Why::clock}}) {
    const auto one = outcome(status, code);
    REQUIRE(is<Unsent>(one));
    CHECK(std::get<Unsent>(one).why == why);
  }
}

TEST_CASE("a creation answered with something else is in doubt, and told") {
  for (const std::string body :
       {"", "{}", "[]", "null", "true", "17", "\"text\"", "<html><body>502</body></html>", "{\"orderId\":28}",
        R"({"orderId":"","clientOrderId":"tg1-entry"})", R"({"orderId":-1,"clientOrderId":"tg1-entry"})",
        R"({"orderId":1.5,"clientOrderId":"tg1-entry"})", R"({"orderId":{},"clientOrderId":"tg1-entry"})",
        R"({"orderId":99999999999999999999,"clientOrderId":"tg1-entry"})",
        R"({"orderId":28,"clientOrderId":"tg1-other"})", R"({"orderId":28,"clientOrderId":["tg1-entry"]})",
        R"({"symbol":"BTCUSDT","orderId":28,"clientOrderId":"tg1-entry"})", R"({"code":0,"msg":"success"})"}) {
    INFO(body);
    const auto read = read_order_made(good(body), buy(), later);
    CHECK(is<InDoubt>(read.it));
    const auto pair = read_pair_made(good(body), limited_stop(), goal(), later);
    CHECK(is<InDoubt>(pair.it.stop));
    CHECK(is<InDoubt>(*pair.it.target));
    CHECK_FALSE(pair.oddities.empty());
  }
  CHECK_FALSE(read_order_made(good("<html>"), buy(), later).oddities.empty());
}

TEST_CASE("an answer that shows an order but not its end is an acknowledgement and no sighting") {
  const auto read =
      read_order_made(good(R"({"symbol":"ETHUSDT","orderId":28,"clientOrderId":"tg1-entry"})"), buy(), later);
  REQUIRE(is<Accepted>(read.it));
  CHECK(std::get<Accepted>(read.it).venue_id == "28");
  CHECK_FALSE(std::get<Accepted>(read.it).record);

  const auto unknown = read_order_made(good(replaced(market_answer, "\"FILLED\"", "\"ENLIGHTENED\"")), buy(), later);
  REQUIRE(is<Accepted>(unknown.it));
  CHECK_FALSE(std::get<Accepted>(unknown.it).record);
  CHECK(unknown.oddities.at(0).text == "status ENLIGHTENED");
}

TEST_CASE("an answer cut off anywhere is neither yes nor no") {
  const std::string refusal = R"({"code":-1121,"msg":"Invalid symbol."})";
  for (std::size_t length = 0; length < market_answer.size(); ++length)
    if (!is<InDoubt>(made(market_answer.substr(0, length)))) FAIL("accepted after " << length << " bytes");
  for (std::size_t length = 0; length < pair_answer.size(); ++length) {
    const auto legs = read_pair_made(good(pair_answer.substr(0, length)), limited_stop(), goal(), later).it;
    if (!is<InDoubt>(legs.stop) || !is<InDoubt>(*legs.target)) FAIL("accepted after " << length << " bytes");
  }
  for (std::size_t length = 0; length < refusal.size(); ++length)
    for (const int status : {200, 400, 401})
      if (!is<InDoubt>(read_order_made(answered(status, refusal.substr(0, length)), buy(), later).it))
        FAIL("refused after " << length << " bytes with " << status);
  CHECK(is<InDoubt>(made(market_answer + std::string(1, '\0'))));
  CHECK(is<InDoubt>(made(market_answer + "}")));
}

TEST_CASE("numbers may stand where texts do and texts where numbers do") {
  std::string numbers = market_answer;
  for (const char* name : {"origQty", "executedQty", "cummulativeQuoteQty"}) {
    const auto from = numbers.find('"', numbers.find(std::string{name} + "\":") + std::string_view{name}.size() + 1);
    const auto to = numbers.find('"', from + 1);
    numbers = numbers.erase(to, 1).erase(from, 1);
  }
  numbers = replaced(numbers, "6498090546073120100", "\"6498090546073120100\"");
  const auto usual = made(market_answer);
  const auto outcome = made(replaced(numbers, "1735732800123", "\"1735732800123\""));
  REQUIRE(is<Accepted>(outcome));
  CHECK(std::get<Accepted>(outcome).record == std::get<Accepted>(usual).record);
}

// ---- Reading orders
// ------------------------------------------------------------------------------

TEST_CASE("each status of the venue has its meaning, and a new one is told") {
  for (const auto& [word, status] :
       {std::pair{"NEW", VenueStatus::open}, std::pair{"PENDING_NEW", VenueStatus::open},
        std::pair{"PARTIALLY_FILLED", VenueStatus::open}, std::pair{"PENDING_CANCEL", VenueStatus::open},
        std::pair{"FILLED", VenueStatus::filled}, std::pair{"CANCELED", VenueStatus::cancelled},
        std::pair{"REJECTED", VenueStatus::rejected}, std::pair{"EXPIRED", VenueStatus::expired},
        std::pair{"EXPIRED_IN_MATCH", VenueStatus::expired}}) {
    const auto read = read_order(good(shown_order("tg1-stop", "29", word)), eth(), later);
    CHECK((*read.it)->status == status);
    CHECK(read.oddities.empty());
  }
  const auto read = read_order(good(shown_order("tg1-stop", "29", "CANCELLED")), eth(), later);
  CHECK((*read.it)->status == VenueStatus::unknown);
  CHECK(read.oddities.at(0).text == "status CANCELLED");
}

TEST_CASE("what the venue stored is read as it stored it") {
  const auto market_stop = seen(shown_order("tg1-stop", "29"));
  CHECK(sighted_as_planned(stop(), market_stop));
  CHECK(market_stop.exchange_time == noon + 123ms);
  CHECK_FALSE(market_stop.price);

  const auto limited = seen(shown_order("tg1-stop", "29", "NEW", "0.00000000",
                                        R"("type":"STOP_LOSS_LIMIT","price":"2880.90","stopPrice":"2910.00")"));
  CHECK(sighted_as_planned(limited_stop(), limited));

  const auto above =
      seen(shown_order("tg1-target", "30", "NEW", "0.00000000",
                       R"("type":"LIMIT_MAKER","price":"3090.00","stopPrice":"0.00000000")", "SELL", true));
  CHECK(sighted_as_planned(goal(), above));
  CHECK_FALSE(above.fired);

  const auto strange = seen(shown_order("tg1-stop", "29", "NEW", "0.00000000", R"("type":"TAKE_PROFIT","price":"1")"));
  CHECK(strange.status == VenueStatus::unknown);
}

TEST_CASE("a trigger that was hit and still rests is fired, and one that is done is not") {
  const auto prices = R"("type":"STOP_LOSS_LIMIT","price":"2880.90","stopPrice":"2910.00")";
  CHECK(seen(shown_order("tg1-stop", "29", "NEW", "0.0", prices, "SELL", true)).fired);
  CHECK(seen(shown_order("tg1-stop", "29", "PARTIALLY_FILLED", "0.4", prices, "SELL", true)).fired);
  CHECK_FALSE(seen(shown_order("tg1-stop", "29", "NEW", "0.0", prices)).fired);
  CHECK_FALSE(seen(shown_order("tg1-stop", "29", "FILLED", "0.9", prices, "SELL", true)).fired);
}

TEST_CASE("what a record leaves out is not guessed") {
  const auto without_filled = seen(replaced(shown_order("tg1-stop", "29", "FILLED"), "executedQty", "executed"));
  CHECK(without_filled.status == VenueStatus::filled);
  CHECK_FALSE(without_filled.filled);
  CHECK_FALSE(without_filled.fee_base);
  const auto unknown_value = seen(replaced(shown_order("tg1-stop", "29", "FILLED", "0.9"),
                                           R"("cummulativeQuoteQty":"0.00000000")", R"("cummulativeQuoteQty":"-1.0")"));
  CHECK(unknown_value.filled == qty("0.9"));
  CHECK_FALSE(unknown_value.filled_value);
  CHECK(seen(replaced(shown_order("tg1-stop", "29"), "origQty", "quantity")).status == VenueStatus::unknown);
  CHECK(seen(replaced(shown_order("tg1-stop", "29"), "\"SELL\"", "\"HOLD\"")).status == VenueStatus::unknown);
  CHECK_FALSE(seen(replaced(shown_order("tg1-stop", "29"), "\"time\":1735732800123", "\"time\":-1")).exchange_time);
}

TEST_CASE("trades complete what the order's own record leaves out") {
  const auto fees = [](const char* traded, const char* value) { return Fees{qty(traded), qty("0.001"), money(value)}; };
  // Filled, and nothing of it: a contradiction, and no word of how much.
  auto order = seen(shown_order("tg1-entry", "28", "FILLED", "0", R"("type":"MARKET","price":"0")", "BUY"));
  CHECK(order.status == VenueStatus::filled);
  CHECK_FALSE(order.filled);
  auto whole = order;
  complete(whole, fees("0.9", "2700"), qty("0.9"));
  CHECK(whole.status == VenueStatus::filled);
  CHECK(whole.filled == qty("0.9"));
  CHECK(whole.filled_value == money("2700"));
  CHECK(whole.fee_base == qty("0.001"));
  // Not all of it: what is known counts, and it is not over.
  auto part = order;
  complete(part, fees("0.4", "1200"), qty("0.9"));
  CHECK(part.status == VenueStatus::open);
  CHECK(part.filled == qty("0.4"));
  // A leg that ended with who knows how much does not rest.
  auto leg = seen(shown_order("tg1-stop", "29", "FILLED", "0"));
  complete(leg, fees("0.4", "1200"), qty("0.9"));
  CHECK(leg.status == VenueStatus::filled);
  CHECK_FALSE(leg.filled);
  // A value that is not said is not zero, and trades that are of another sum say nothing.
  auto valueless = seen(shown_order("tg1-stop", "29", "FILLED", "0.9"));
  CHECK_FALSE(valueless.filled_value);
  complete(valueless, fees("0.4", "1200"), qty("0.9"));
  CHECK_FALSE(valueless.filled_value);
  complete(valueless, fees("0.9", "2700"), qty("0.9"));
  CHECK(valueless.filled_value == money("2700"));
}

TEST_CASE("an order that does not exist here is no order and no error") {
  const auto gone = read_order(answered(400, R"({"code":-2013,"msg":"Order does not exist."})"), eth(), later);
  REQUIRE(gone.it);
  CHECK_FALSE(*gone.it);
  const auto old = read_order(answered(400, R"({"code":-2026,"msg":"Archived."})"), eth(), later);
  CHECK_FALSE(*old.it);
  CHECK(old.ruling.fate == Fate::archived);
}

TEST_CASE("a reading that failed is an error and not an empty answer") {
  const HttpResult lost = tl::unexpected{HttpFailure{true, "no answer in time"}};
  for (const auto& result :
       {lost, answered(502, "<html>"), answered(429, R"({"code":-1003,"msg":"No."})"), good(""), good("null"),
        good("{\"a\":1}"), good("[1,\"x\",null,{}"), answered(400, R"({"code":-1102,"msg":"No."})")}) {
    CHECK(failed_to_read(read_order(result, eth(), later)));
    CHECK(failed_to_read(read_orders(result, only_eth, later)));
    CHECK(failed_to_read(read_trades(result, eth())));
    CHECK(failed_to_read(read_pair(result)));
    CHECK(failed_to_read(read_market_rules(result, dec("0.001"), later)));
    CHECK(failed_to_read(read_prices(result)));
    CHECK(failed_to_read(read_account(result)));
    CHECK(failed_to_read(read_time(result)));
  }
  const auto key = read_account(answered(401, R"({"code":-2015,"msg":"Invalid API-key, IP, or permissions."})"));
  REQUIRE_FALSE(key.it);
  CHECK(key.it.error().fault == Fault::configuration);
}

TEST_CASE("of a list the own orders are read, and what is not ours does not spoil it") {
  const auto list = "[" + shown_order("tg1-stop", "29") + "," +
                    shown_order("somebody", "30", "NEW", "0.0", R"("type":"TRAILING","price":[])") + "," +
                    replaced(shown_order("tg1-far", "31"), "ETHUSDT", "SOLUSDT") + "," +
                    replaced(shown_order("tg1-odd", "32"), "ETHUSDT", "\xE5\xB8\x81USDT") + "]";
  const auto read = read_orders(good(list), only_eth, later);
  REQUIRE(read.it);
  CHECK(read.it->whole);
  CHECK(read.it->shown == 4);
  REQUIRE(read.it->rows.size() == 1);
  CHECK(read.it->rows.front() == seen(shown_order("tg1-stop", "29")));
  CHECK(read.it->foreign_names == std::set<std::string>{"SOLUSDT"});
  CHECK(read.oddities.empty());
}

TEST_CASE("a list with an order that cannot be told apart proves nothing, and keeps the others") {
  for (const std::string odd :
       {"17", "null", "{}", R"({"symbol":"ETHUSDT","orderId":5})", R"({"symbol":"ETHUSDT","clientOrderId":"tg1-x"})",
        R"({"clientOrderId":"tg1-x","orderId":5})"}) {
    const auto read = read_orders(good("[" + odd + "," + shown_order("tg1-stop", "29") + "]"), only_eth, later);
    REQUIRE(read.it);
    CHECK_FALSE(read.it->whole);
    CHECK(read.it->rows.size() == 1);
    CHECK_FALSE(read.oddities.empty());
  }
}

TEST_CASE("an empty list is a list") {
  const auto read = read_orders(good("[]"), only_eth, later);
  REQUIRE(read.it);
  CHECK(read.it->shown == 0);
  CHECK(read.it->whole);
}

TEST_CASE("the legs of a pair have their ids, and a pair that is not there has none") {
  const auto legs = read_pair(good(list_answer));
  REQUIRE(legs.it);
  CHECK(*legs.it == PairLegs{{"tg1-stop", "4"}, {"tg1-target", "5"}});
  const auto none = read_pair(answered(400, R"({"code":-2018,"msg":"Order list does not exist."})"));
  REQUIRE(none.it);
  CHECK(none.it->empty());
}

TEST_CASE("of the trades the fees in base are added up") {
  const auto fees = read_trades(good(trades_answer), eth());
  REQUIRE(fees.it);
  CHECK(fees.it->traded == qty("1"));
  CHECK(fees.it->in_base == qty("0.0004"));
  CHECK(fees.it->value);
  CHECK_FALSE(read_trades(good(R"([{"qty":"1","commission":"0","commissionAsset":"USDT"}])"), eth()).it->value);
  CHECK(failed_to_read(read_trades(good(R"([{"qty":"1"}])"), eth())));
  // Absurd amounts are no trades: their sum does not fit.
  std::string absurd = "[";
  for (int i = 0; i < 300; ++i)
    absurd +=
        std::string{i == 0 ? "" : ","} + R"({"qty":"999999999999999999","commission":"1","commissionAsset":"ETH"})";
  CHECK(failed_to_read(read_trades(good(absurd + "]"), eth())));
}

TEST_CASE("a cancellation is acknowledged, or there is nothing to cancel, or nobody knows") {
  CHECK(is<CancelAcknowledged>(read_cancelled(good(shown_order("cancel-1", "29", "CANCELED"))).it));
  CHECK(is<CancelGone>(read_cancelled(answered(400, R"({"code":-2011,"msg":"Unknown order sent."})")).it));
  CHECK(is<InDoubt>(read_cancelled(answered(400, R"({"code":-1022,"msg":"No."})")).it));
  CHECK(is<InDoubt>(read_cancelled(answered(500, "")).it));
  CHECK(is<InDoubt>(read_cancelled(good("<html>")).it));
  CHECK(is<Unsent>(read_cancelled(answered(429, "")).it));
  const HttpResult unsent = tl::unexpected{HttpFailure{false, "refused"}};
  CHECK(is<Unsent>(read_cancelled(unsent).it));
}

// ---- The market
// ----------------------------------------------------------------------------------

TEST_CASE("of a market's filters the stricter of each two counts, and one that is off does not") {
  const auto usual = rules_from(market_shown("TRADING", all_types, usual_filters));
  CHECK(usual.tick == price("0.01"));
  CHECK(usual.step == qty("0.0001"));
  CHECK(usual.min_quantity == qty("0.0001"));
  CHECK(usual.max_quantity == qty("1500.5"));
  CHECK(usual.min_notional == money("5"));
  CHECK(usual.max_open_stops == 5);
  CHECK(usual.highest_fee_rate == dec("0.001"));
  CHECK(usual.tradable);
  CHECK(usual.stop_market);
  CHECK(usual.read_at == later);

  const auto strict = rules_from(market_shown("TRADING", all_types,
                                              R"({"filterType":"PRICE_FILTER","tickSize":0.5},
         {"filterType":"LOT_SIZE","minQty":"0.001","maxQty":"0","stepSize":"0.001"},
         {"filterType":"MARKET_LOT_SIZE","minQty":"0.01","maxQty":"7","stepSize":"0.01"},
         {"filterType":"MIN_NOTIONAL","minNotional":"10"},{"filterType":"NOTIONAL","minNotional":"7"},
         {"filterType":"MAX_NUM_ORDERS","maxNumOrders":4},{"filterType":"SOMETHING_NEW","x":{"y":[1]}})"));
  CHECK(strict.tick == price("0.5"));
  CHECK(strict.step == qty("0.01"));
  CHECK(strict.min_quantity == qty("0.01"));
  CHECK(strict.max_quantity == qty("7"));
  CHECK(strict.min_notional == money("10"));
  CHECK(strict.max_open_stops == 2);
}

TEST_CASE("the price band is that of the side that sells, and of several the narrowest") {
  CHECK(rules_from(market_shown("TRADING", all_types, R"({"filterType":"PRICE_FILTER","minPrice":"0.5",
         "maxPrice":"1000.00","tickSize":"0.01"},{"filterType":"LOT_SIZE","minQty":"0","maxQty":"0","stepSize":"1"},
         {"filterType":"PERCENT_PRICE_BY_SIDE","bidMultiplierUp":"1.1","bidMultiplierDown":"0.5",
          "askMultiplierUp":"1.2","askMultiplierDown":"0.9","avgPriceMins":5})"))
            .lowest_sell == dec("0.9"));
  const auto both = rules_from(market_shown("TRADING", all_types, R"(
         {"filterType":"PRICE_FILTER","minPrice":"0.5","maxPrice":"1000.00","tickSize":"0.01"},
         {"filterType":"LOT_SIZE","minQty":"0","maxQty":"0","stepSize":"1"},
         {"filterType":"PERCENT_PRICE","multiplierUp":"1.5","multiplierDown":"0.95","avgPriceMins":5},
         {"filterType":"PERCENT_PRICE_BY_SIDE","bidMultiplierUp":"1.1","bidMultiplierDown":"0.99",
          "askMultiplierUp":"1.2","askMultiplierDown":"0.9","avgPriceMins":5})"));
  CHECK(both.lowest_sell == dec("0.95"));
  CHECK(both.highest_sell == dec("1.2"));
  CHECK(both.min_price == price("0.5"));
  CHECK(both.max_price == price("1000"));
  const auto none = rules_from(market_shown("TRADING", all_types, R"(
         {"filterType":"PRICE_FILTER","minPrice":"0.00000000","maxPrice":"0.00000000","tickSize":"0.01"},
         {"filterType":"LOT_SIZE","minQty":"0","maxQty":"0","stepSize":"1"})"));
  CHECK(none.lowest_sell.is_zero());
  CHECK(none.highest_sell.is_zero());
  CHECK(none.max_price.is_zero());
}

TEST_CASE(
    "without filters the precision of the assets is what is left, and without that the market is "
    "absent") {
  const auto rules = rules_from(market_shown("TRADING", all_types, ""));
  CHECK(rules.tick == price("0.00000001"));
  CHECK(rules.step == qty("0.00000001"));
  CHECK(rules.max_quantity == qty("0"));
  CHECK(rules.max_open_stops == 0);
  const auto bare = read_market_rules(
      good(markets(R"({"symbol":"ETHUSDT","status":"TRADING","baseAsset":"ETH","quoteAsset":"USDT"})")), dec("0.001"),
      later);
  REQUIRE(bare.it);
  CHECK(bare.it->rules.empty());
  CHECK_FALSE(bare.oddities.empty());
}

TEST_CASE("a market is tradable when it trades spot at the market") {
  CHECK_FALSE(rules_from(market_shown("HALT", all_types, usual_filters)).tradable);
  CHECK_FALSE(rules_from(market_shown("CANCEL_ONLY", all_types, usual_filters)).tradable);
  CHECK_FALSE(rules_from(market_shown("TRADING", R"("LIMIT")", usual_filters)).tradable);
  auto margin = market_shown("TRADING", all_types, usual_filters);
  CHECK_FALSE(
      rules_from(replaced(margin, R"("isSpotTradingAllowed":true)", R"("isSpotTradingAllowed":false)")).tradable);
}

TEST_CASE("what a market has of stops and pairs is its own") {
  CHECK_FALSE(rules_from(market_shown("TRADING", R"("MARKET","STOP_LOSS_LIMIT")", usual_filters)).stop_market);
  const auto without = read_market_rules(
      good(markets(market_shown("TRADING", all_types, usual_filters, R"("ocoAllowed":false,)"))), dec("0.001"), later);
  CHECK(without.it->without_pairs == std::set<Symbol>{eth()});
  const auto with =
      read_market_rules(good(markets(market_shown("TRADING", all_types, usual_filters))), dec("0.001"), later);
  CHECK(with.it->without_pairs.empty());
}

TEST_CASE("a market whose name we could not write is left out and told") {
  const auto odd = replaced(market_shown("TRADING", all_types, usual_filters), "\"ETH\"", "\"eth\"");
  const auto read = read_market_rules(good(markets(odd + "," + market_shown("TRADING", all_types, usual_filters))),
                                      dec("0.001"), later);
  CHECK(read.it->rules.size() == 1);
  CHECK(read.oddities.at(0).text == "a market called ETHUSDT");
}

TEST_CASE("prices are read by name, and one that is none is absent") {
  const auto read = read_prices(good(R"([{"symbol":"ETHUSDT","price":"3000.50"},{"symbol":"BTCUSDT","price":95000.25},
                                         {"symbol":"SOLUSDT","price":"0"},{"symbol":"XRPUSDT","price":"high"}])"));
  REQUIRE(read.it);
  CHECK(*read.it == Prices{{"BTCUSDT", price("95000.25")}, {"ETHUSDT", price("3000.5")}});
  CHECK_FALSE(read.oddities.empty());
}

TEST_CASE("balances are free and total, and a list that is not whole is none") {
  const auto read = read_account(good(account_answer));
  REQUIRE(read.it);
  CHECK(read.it->id == "354937868");
  CHECK(read.it->balances.at("ETH").free == dec("0.1"));
  CHECK(read.it->balances.at("ETH").total == dec("1"));
  CHECK(read.it->balances.at("USDT").total == dec("7000"));
  CHECK(failed_to_read(read_account(good(R"({"balances":[{"asset":"ETH","free":"1"}]})"))));
  CHECK(read_account(good(R"({"balances":[]})")).it->id.empty());
}

TEST_CASE("the venue's clock is compared with the middle of the way") {
  const HttpResult answer = HttpResponse{.status = 200,
                                         .body = R"({"serverTime":1735732803000})",
                                         .headers = {},
                                         .sent = noon - 100ms,
                                         .answered = noon + 300ms};
  CHECK(read_time(answer).it == 2900ms);
  CHECK(failed_to_read(read_time(good(R"({"serverTime":"soon"})"))));
  CHECK(failed_to_read(read_time(good(R"({"serverTime":9223372036854775807})"))));
}

// ---- Hostile answers
// -----------------------------------------------------------------------------

TEST_CASE("a million brackets are no answer and no crash") {
  std::string deep(1'000'000, '[');
  CHECK(is<InDoubt>(made(deep)));
  CHECK(failed_to_read(read_orders(good(deep), only_eth, later)));
  deep += std::string(1'000'000, ']');
  const auto list = read_orders(good(deep), only_eth, later);
  REQUIRE(list.it);
  CHECK_FALSE(list.it->whole);
  std::string nested;
  for (int i = 0; i < 100'000; ++i) nested += R"({"orderReports":)";
  CHECK(is<InDoubt>(made(nested + "[]" + std::string(100'000, '}'))));
}

TEST_CASE("members of every wrong kind are read without harm") {
  for (const std::string wrong :
       {"null", "true", "[]", "{}", "-1", "1e400", "\"\"", "\"NaN\"", "99999999999999999999999"})
    for (const std::string name :
         {"symbol", "orderId", "clientOrderId", "transactTime", "price", "origQty", "executedQty",
          "cummulativeQuoteQty", "status", "type", "side", "fills", "workingTime"}) {
      const auto mark = "\"" + name + "\":";
      auto body = market_answer;
      auto from = body.find(mark) + mark.size();
      const auto to = name == "fills" ? body.find("],", from) + 1 : body.find(',', from);
      body.replace(from, to - from, wrong);
      INFO(name << " = " << wrong);
      const auto outcome = made(body);
      if (const auto* accepted = std::get_if<Accepted>(&outcome)) {
        CHECK(accepted->venue_id == "6498090546073120100");
        if (accepted->record) CHECK(accepted->record->status == VenueStatus::filled);
      } else {
        CHECK(is<InDoubt>(outcome));
      }
    }
}
