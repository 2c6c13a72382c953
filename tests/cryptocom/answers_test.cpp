// What an answer of Crypto.com means: one table, and the readers of each answer.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "wire_answers.hpp"

namespace tradeguard::cryptocom {
namespace {

Read<PlaceOutcome> read_create(const HttpResult& result) {
  return read_order_made(Book::regular, 1, "tg1-entry", result);
}
const HttpResult good_create =
    answered("private/create-order", R"({"order_id":"5755600460443882762","client_oid":"tg1-entry"})");

// ---- The table
// -----------------------------------------------------------------------------------

// Written anew with TRADEGUARD_TEST_WRITE_GOLDEN=1 in the environment; then read the difference.
TEST_CASE("the table of outcomes is the one that was agreed on") {
  const std::string path = std::string{TRADEGUARD_FIXTURES} + "/outcomes.golden";
  if (std::getenv("TRADEGUARD_TEST_WRITE_GOLDEN") != nullptr) std::ofstream{path} << outcome_table();
  std::ostringstream golden;
  golden << std::ifstream{path}.rdbuf();
  CHECK(outcome_table() == golden.str());
}

TEST_CASE("only what is known to leave no order behind is a refusal of a create") {
  // The definite ones of the venue's pages, and the checks it makes before it takes an order.
  const std::set<std::int64_t> refusals{202,   208,   209,   213,   218,   219,   220,   221,   229,   230,
                                        306,   307,   308,   309,   312,   313,   314,   315,   318,   319,
                                        325,   401,   406,   408,   410,   415,   416,   40001, 40002, 40003,
                                        40004, 40005, 40101, 40103, 40104, 50007, 50010, 140001};
  for (std::int64_t code = -2; code < 200'000; ++code) {
    const Fate answer = fate_of(Call::create, Book::regular, 200, code);
    if (refusals.contains(code) != (answer == Fate::refused)) FAIL("code " << code);
    if ((code == 0) != (answer == Fate::accepted)) FAIL("code " << code);
  }
}

TEST_CASE(
    "without a code every HTTP status of a create is doubt, but for those of a gateway that let nothing through") {
  const std::set<int> unseen{403, 418, 429, 451};
  for (int status = 100; status < 600; ++status) {
    INFO(status);
    CHECK(fate_of(Call::create, Book::regular, status, std::nullopt) ==
          (unseen.contains(status) ? Fate::throttled : Fate::in_doubt));
  }
}

TEST_CASE("a success in an answer that is none is doubt") {
  for (const int status : {400, 401, 429, 500, 502}) {
    CHECK(fate_of(Call::create, Book::regular, status, 0) == Fate::in_doubt);
    CHECK(fate_of(Call::create, Book::advanced, status, 0) == Fate::in_doubt);
    CHECK(fate_of(Call::cancel, Book::regular, status, 0) == Fate::in_doubt);
    CHECK(fate_of(Call::read, Book::regular, status, 0) == Fate::refused);
  }
}

// ---- Placing
// -------------------------------------------------------------------------------------

TEST_CASE("an accepted order is known by its id, which stays text") {
  const auto reading = read_create(good_create);
  CHECK(get<Accepted>(reading.it).venue_id == "5755600460443882762");
  CHECK_FALSE(get<Accepted>(reading.it).record);
  CHECK(reading.oddities.empty());
  CHECK(get<Accepted>(
            read_create(answered("private/create-order", R"({"order_id":9223372036854775807,"client_oid":null})")).it)
            .venue_id == "9223372036854775807");
}

TEST_CASE("code, id and message may be text or numbers, and a message may come with a success") {
  const auto reading =
      read_create(http(200, R"({"id":"1","code":"0","message":"NO_ERROR","result":{"order_id":1234}})"));
  CHECK(get<Accepted>(reading.it).venue_id == "1234");
  const auto refused = read_create(http(400, R"({"id":-1,"code":"306","message":"NO MONEY"})"));
  CHECK(get<Refused>(refused.it).code == "306");
  CHECK(get<Refused>(refused.it).message == "INSUFFICIENT_AVAILABLE_BALANCE: NO MONEY");
}

TEST_CASE("an accepted pair has no order's id") {
  for (const char* list : {"6498090546073120100", R"("6498090546073120100")"}) {
    const auto reading =
        read_pair_made(1, answered("private/advanced/create-oco", R"({"list_id":)" + std::string{list} + "}"));
    CHECK(get<Accepted>(reading.it).venue_id.empty());
  }
  for (const char* result : {"{}", "null", R"({"list_id":null})", R"({"list_id":0})", "[]"})
    CHECK(std::holds_alternative<InDoubt>(read_pair_made(1, answered("private/advanced/create-oco", result)).it));
}

TEST_CASE("a success that names no order, or another one, is doubt") {
  for (const char* result : {"{}", "null", "[]", "\"\"", R"({"order_id":""})", R"({"order_id":"0"})",
                             R"({"order_id":null})", R"({"order_id":{}})", R"({"order_id":1.5e18})",
                             R"({"order_id":"1","order_id":"2"})", R"({"order_id":"1","client_oid":"tg1-other"})"}) {
    INFO(result);
    const auto reading = read_create(answered("private/create-order", result));
    CHECK(std::holds_alternative<InDoubt>(reading.it));
    CHECK(reading.oddities.size() == 1);
  }
  CHECK(std::holds_alternative<InDoubt>(read_create(http(200, R"({"code":0})")).it));
}

TEST_CASE("the answer to another request settles nothing") {
  const auto other = [](const char* code, const char* id) {
    return http(
        200, R"({"id":)" + std::string{id} + R"(,"code":)" + code + R"(,"result":{"order_id":"5755600460443882762"}})");
  };
  CHECK(std::holds_alternative<InDoubt>(read_create(other("0", "2")).it));
  CHECK(std::holds_alternative<InDoubt>(read_create(http(400, R"({"id":2,"code":306})")).it));
  CHECK(std::holds_alternative<Accepted>(read_create(other("0", "1")).it));
  CHECK(std::holds_alternative<Accepted>(read_create(other("0", "-1")).it));
}

TEST_CASE("an error with an order's id is doubt, wherever the id stands") {
  for (const char* code : {"306", "314", "315", "325", "415", "43004", "140001", "42901", "40102"})
    for (const char* result :
         {R"({"order_id":"5755600460443882762"})", R"({"order_id":5755600460443882762})",
          R"([{"code":306,"order_id":"5755600460443882762"}])", R"({"order_list":[{"order_id":"1"}]})",
          R"({"order_id":"1","order_id":"2"})", R"({"list_id":"6498090546073120100"})"}) {
      INFO(code << " " << result);
      const auto reading = read_create(coded(400, code, R"(,"result":)" + std::string{result}));
      CHECK(std::holds_alternative<InDoubt>(reading.it));
      CHECK(reading.oddities.size() == 1);
    }
  // No order's id is none.
  for (const char* result : {"{}", "null", R"({"order_id":"0"})", R"({"order_id":null})"})
    CHECK(std::holds_alternative<Refused>(read_create(coded(400, "306", R"(,"result":)" + std::string{result})).it));
}

TEST_CASE("a request that never left is unsent, and one that may have left is in doubt") {
  CHECK(get<Unsent>(read_create(lost(false)).it).why == Unsent::Why::not_connected);
  CHECK(get<InDoubt>(read_create(lost(true)).it).message == "the connection broke");
  CHECK(std::holds_alternative<InDoubt>(read_pair_made(1, lost(true)).it));
}

TEST_CASE("throttled and late requests were not looked at") {
  CHECK(get<Unsent>(read_create(coded(429, "42901")).it).why == Unsent::Why::throttled);
  CHECK(get<Unsent>(read_create(http(429, "<html>slow down</html>")).it).why == Unsent::Why::throttled);
  CHECK(get<Unsent>(read_create(coded(400, "40102")).it).why == Unsent::Why::clock);
}

TEST_CASE("a refused key is said to be the key, a disabled type not to be the account") {
  CHECK(get<Refused>(read_create(coded(401, "40101")).it).message.find("API key") != std::string::npos);
  CHECK(get<Refused>(read_create(coded(401, "40103")).it).message.find("API key") != std::string::npos);
  for (const int status : {400, 500}) {
    const auto disabled = read_create(coded(status, "140001", R"(,"message":"API_DISABLED")"));
    CHECK(get<Refused>(disabled.it).message ==
          "API_DISABLED: this endpoint does not serve that type of order; the account is not "
          "disabled: API_DISABLED");
  }
}

TEST_CASE("an answer that was not understood is told, bounded and without a signature") {
  const auto reading = read_create(http(502, "<html>" + std::string(64, 'a') + std::string(1000, '-') + "</html>"));
  REQUIRE(reading.oddities.size() == 1);
  CHECK(reading.oddities[0].http == 502);
  CHECK(reading.oddities[0].code.empty());
  CHECK(reading.oddities[0].text.size() <= 200);
  CHECK(reading.oddities[0].text.starts_with("<html>***-----"));
  const auto unknown = read_create(coded(200, "777777", R"(,"message":"SURPRISE")"));
  REQUIRE(unknown.oddities.size() == 1);
  CHECK(unknown.oddities[0].code == "777777");
  CHECK(unknown.oddities[0].text == "SURPRISE");
}

// ---- Cancelling
// ----------------------------------------------------------------------------------

TEST_CASE("a cancel is acknowledged, gone, unsent or in doubt") {
  const auto index = [](const HttpResult& result) { return read_cancelled(result).it.index(); };
  CHECK(index(coded(200, "0")) == 0);
  CHECK(index(coded(200, "0", R"(,"message":"NO_ERROR","result":{})")) == 0);
  for (const char* gone : {"316", "212", "40401"}) CHECK(index(coded(400, gone)) == 1);
  CHECK(index(lost(false)) == 2);
  CHECK(index(coded(429, "42901")) == 2);
  CHECK(index(coded(400, "40102")) == 2);
  for (const char* doubt : {"50001", "40101", "777777", "null", "{}"}) CHECK(index(coded(400, doubt)) == 3);
  CHECK(index(lost(true)) == 3);
  CHECK(index(http(200, "")) == 3);
  CHECK(index(http(404, "<html>not found</html>")) == 3);
}

// ---- Orders
// --------------------------------------------------------------------------------------

TEST_CASE("a filled entry is read to the last digit") {
  const auto page = read_order(answered("private/get-order-detail", filled_entry));
  REQUIRE(page.ruling.fate == Fate::accepted);
  REQUIRE(page.it->rows.size() == 1);
  const Row& row = page.it->rows.front();
  CHECK(row.order_id == "5755600460443882762");
  CHECK(row.client_id == "tg1-entry");
  CHECK(row.executed_id.empty());
  CHECK(row.account_id == "52e7c00f-1324-5a6z-bfgt-de445bde21a5");
  CHECK(row.symbol == symbol("ETH_USDT"));
  CHECK(row.side == Side::buy);
  CHECK(row.type == OrderType::market);
  CHECK(row.status == VenueStatus::filled);
  CHECK(row.quantity == qty("1"));
  CHECK(row.filled == qty("1"));
  CHECK(row.filled_value == money("3000"));
  CHECK(row.fee == dec("3"));
  CHECK(row.fee_currency == "USDT");
  CHECK_FALSE(row.price);
  CHECK_FALSE(row.trigger);
  CHECK(row.created_ns == 1767225600123456789);
  CHECK(row.reason.empty());
  CHECK(page.it->whole);
  CHECK(page.oddities.empty());
}

TEST_CASE("legs are read from the advanced book, ids as numbers or text") {
  const auto page = read_orders(listed("private/advanced/get-open-orders", resting_stop + "," + resting_target));
  REQUIRE(page.it->rows.size() == 2);
  const Row& stop = page.it->rows[0];
  CHECK(stop.order_id == "6498090546073120101");
  CHECK(stop.type == OrderType::stop_market);
  CHECK(stop.status == VenueStatus::open);
  CHECK(stop.trigger == price("2910"));
  CHECK_FALSE(stop.price);
  CHECK(stop.executed_id.empty());
  CHECK(stop.created_ns == 1767225601000000000);
  const Row& limit = page.it->rows[1];
  CHECK(limit.type == OrderType::limit);
  CHECK(limit.price == price("3090"));
  CHECK_FALSE(limit.trigger);
  CHECK(limit.executed_id == "5755600460443882790");
  CHECK(limit.created_ns == 1767225601000000000);
}

TEST_CASE("amounts as numbers keep digits no double has") {
  const auto page = read_orders(listed("m", with(with(filled_entry, "quantity", "0.123456789012345678"),
                                                 "cumulative_quantity", "123456789.123456789012345678")));
  CHECK(page.it->rows.at(0).quantity == qty("0.123456789012345678"));
  CHECK(page.it->rows.at(0).filled == qty("123456789.123456789012345678"));
}

TEST_CASE("each status has its word, and an unknown one is told and not guessed") {
  const auto status = [](const std::string& word) {
    return read_orders(listed("m", with(filled_entry, "status", "\"" + word + "\"")));
  };
  for (const char* open : {"NEW", "PENDING", "ACTIVE", "UNTRIGGERED"})
    CHECK(status(open).it->rows.at(0).status == VenueStatus::open);
  CHECK(status("FILLED").it->rows.at(0).status == VenueStatus::filled);
  CHECK(status("CANCELED").it->rows.at(0).status == VenueStatus::cancelled);
  CHECK(status("CANCELLED").it->rows.at(0).status == VenueStatus::cancelled);
  CHECK(status("REJECTED").it->rows.at(0).status == VenueStatus::rejected);
  CHECK(status("EXPIRED").it->rows.at(0).status == VenueStatus::expired);
  for (const char* unknown : {"PARTIALLY_FILLED", "filled", "", "DONE"}) {
    const auto page = status(unknown);
    CHECK(page.it->rows.at(0).status == VenueStatus::unknown);
    CHECK(page.oddities.size() == 1);
  }
  // What others do in the account is theirs.
  CHECK(read_orders(listed("m", with(with(filled_entry, "status", "\"DONE\""), "client_oid", "\"mine\"")))
            .oddities.empty());
}

TEST_CASE("a trigger's type is what the venue stored") {
  const auto type = [](const std::string& word) {
    return read_orders(listed("m", with(resting_stop, "order_type", "\"" + word + "\""))).it->rows.at(0).type;
  };
  CHECK(type("STOP_LIMIT") == OrderType::stop_limit);
  CHECK(type("LIMIT") == OrderType::limit);
  CHECK_FALSE(type("TAKE_PROFIT"));
  CHECK_FALSE(type("TAKE_PROFIT_LIMIT"));
}

TEST_CASE("a rejected order says why") {
  const auto row = with(filled_entry, "status", R"("REJECTED","reason":"43012")");
  CHECK(read_orders(listed("m", row)).it->rows.at(0).reason == "43012");
  CHECK(read_orders(listed("m", with(resting_stop, "leg_id", R"("2","reject_reason":"NO BALANCE")")))
            .it->rows.at(0)
            .reason == "NO BALANCE");
}

TEST_CASE("an order that is not in this book is not here, which is no failure") {
  for (const char* result : {"{}", "null"})
    CHECK(read_order(answered("private/get-order-detail", result)).ruling.fate == Fate::absent);
  CHECK(read_order(http(200, R"({"code":0})")).ruling.fate == Fate::absent);
  CHECK(read_order(coded(404, "40401")).ruling.fate == Fate::absent);
  CHECK(read_order(coded(200, "40401")).ruling.fate == Fate::absent);
  CHECK(read_order(http(404, "")).ruling.fate == Fate::absent);
  CHECK(read_order(coded(500, "50001")).ruling.fate == Fate::in_doubt);
  CHECK(read_order(lost(true)).ruling.fate == Fate::in_doubt);
  CHECK(read_order(lost(false)).ruling.fate == Fate::not_connected);
  CHECK(read_order(coded(401, "40101")).ruling.fate == Fate::refused);
  CHECK(read_order(http(200, "<html>")).ruling.fate == Fate::refused);
}

TEST_CASE("a list that is not there is not an empty list") {
  CHECK(read_orders(listed("m", "")).ruling.fate == Fate::accepted);
  CHECK(read_orders(listed("m", "")).it->whole);
  for (const char* result :
       {"{}", "null", "[]", R"({"data":null})", R"({"data":{}})", R"({"data":[],"data":[]})", R"({"order_list":[]})"}) {
    INFO(result);
    CHECK_FALSE(read_orders(answered("m", result)).it);
  }
  CHECK_FALSE(read_orders(coded(200, "40401")).it);
  CHECK_FALSE(read_orders(http(404, "")).it);
}

TEST_CASE("a row that cannot be read makes its page incomplete") {
  for (const std::string& row :
       {std::string{"null"}, std::string{"[]"}, std::string{"{}"}, without(filled_entry, "order_id"),
        with(filled_entry, "client_oid", "{}"), with(filled_entry, "client_oid", R"("a","client_oid":"b")"),
        with(filled_entry, "order_id", R"("1","order_id":"2")")}) {
    INFO(row);
    const auto page = read_orders(listed("m", filled_entry + "," + row));
    CHECK(page.ruling.fate == Fate::accepted);
    CHECK(page.it->rows.size() == 1);
    CHECK(page.it->shown == 2);
    CHECK_FALSE(page.it->whole);
    CHECK(page.oddities.size() == 1);
  }
}

TEST_CASE("what a row does not say, or says twice or below zero, is not known") {
  const auto row = [](const std::string& changed) { return read_orders(listed("m", changed)).it->rows.at(0); };
  for (const char* value : {"null", "{}", "[]", "\"\"", "\"x\"", "\"-1\"", "-1", "\" 1\"", "\"1e99\"",
                            R"("1","cumulative_quantity":"2")"}) {
    INFO(value);
    CHECK_FALSE(row(with(filled_entry, "cumulative_quantity", value)).filled);
  }
  CHECK_FALSE(row(with(filled_entry, "side", "\"buy\"")).side);
  CHECK_FALSE(row(with(filled_entry, "instrument_name", "\"BTCUSD-PERP\"")).symbol);
  CHECK(row(with(filled_entry, "cumulative_fee", "\"-3.0\"")).fee == dec("3"));
  CHECK(row(with(with(filled_entry, "create_time", "-5"), "create_time_ns", "\"never\"")).created_ns == 0);
  CHECK(row(with(filled_entry, "client_oid", "null")).client_id.empty());
}

TEST_CASE("times are said in milliseconds, microseconds or nanoseconds, and beyond any year not at all") {
  const auto created = [](const char* number) {
    return read_orders(listed("m", with(with(filled_entry, "create_time_ns", "null"), "create_time", number)))
        .it->rows.at(0)
        .created_ns;
  };
  CHECK(created("1767225600123") == 1767225600123000000);
  CHECK(created("\"1767225600123456\"") == 1767225600123456000);
  CHECK(created("1767225600123456789") == 1767225600123456789);
  CHECK(created("8999999999999") == 8999999999999000000);
  for (const char* beyond : {"9223372036854775807", "9223372036854775808", "9000000000000000000", "-1", "0"})
    CHECK(created(beyond) == 0);
  CHECK(created("99999999999999") == 99999999999999000);
}

TEST_CASE("trades tell what was taken") {
  const auto page = read_trades(listed("private/get-trades", trade_in_base));
  REQUIRE(page.it->rows.size() == 1);
  CHECK(page.it->rows[0].order_id == "5755600460443882762");
  CHECK(page.it->rows[0].client_id == "tg1-entry");
  CHECK(page.it->rows[0].trade_id == "5755600460443882763");
  CHECK(page.it->rows[0].quantity == qty("0.4"));
  CHECK(page.it->rows[0].fee == dec("0.0004"));
  CHECK(page.it->rows[0].fee_currency == "ETH");
}

// ---- Pages
// ---------------------------------------------------------------------------------------

Page<Row> page_of(std::size_t rows, std::int64_t first_ms, std::int64_t step_ms) {
  std::string list;
  for (std::size_t i = 0; i < rows; ++i)
    list += (i == 0 ? "" : ",") + std::string{R"({"order_id":")"} + std::to_string(i + 1) + R"(","create_time":)" +
            std::to_string(first_ms + static_cast<std::int64_t>(i) * step_ms) + "}";
  return *read_orders(listed("m", list)).it;
}

TEST_CASE("behind a full page stands the next one, whichever end the venue begins at") {
  constexpr std::int64_t ms = 1'000'000;
  const Window window{1767225000000 * ms, 1767226000000 * ms};
  CHECK_FALSE(window_behind(page_of(99, 1767225900000, -1000), window));
  const auto older = window_behind(page_of(100, 1767225900000, -1000), window);
  REQUIRE(older);
  CHECK(older->from == window.from);
  CHECK(older->until == (1767225900000 - 99 * 1000 + 1) * ms);
  const auto younger = window_behind(page_of(100, 1767225100000, 1000), window);
  REQUIRE(younger);
  CHECK(younger->from == (1767225100000 + 99 * 1000) * ms);
  CHECK(younger->until == window.until);
  // A page of one moment leads nowhere, nor does one without times.
  const Window moment{window.from, 1767225900001 * ms};
  CHECK_FALSE(window_behind(page_of(100, 1767225900000, 0), moment));
  CHECK_FALSE(window_behind(page_of(100, 0, 0), window));
}

// ---- Tables
// --------------------------------------------------------------------------------------

TEST_CASE("instruments are the spot markets that can be read") {
  const auto table = read_market_rules(listed("public/get-instruments", R"(
    {"symbol":"ETH_USDT","inst_type":"CCY_PAIR","price_tick_size":"0.01","qty_tick_size":"0.0001","tradable":true},
    {"symbol":"BTC_USD","inst_type":"CCY_PAIR","price_tick_size":0.01,"qty_tick_size":1e-5,"tradable":"false"},
    {"symbol":"BTCUSD-PERP","inst_type":"PERPETUAL_SWAP","price_tick_size":"0.1","qty_tick_size":"0.0001","tradable":true},
    {"symbol":"AAA_USD","inst_type":"CCY_PAIR","price_tick_size":"0","qty_tick_size":"0.1","tradable":true},
    {"symbol":"BBB_USD","inst_type":"CCY_PAIR","qty_tick_size":"0.1","tradable":true},
    {"symbol":"CCC_USD","inst_type":"WARRANT","price_tick_size":"1","qty_tick_size":"1","tradable":true},
    null)"));
  REQUIRE(table.it);
  REQUIRE(table.it->size() == 2);
  CHECK(table.it->at(symbol("ETH_USDT")).tick == price("0.01"));
  CHECK(table.it->at(symbol("ETH_USDT")).step == qty("0.0001"));
  CHECK(table.it->at(symbol("ETH_USDT")).tradable);
  CHECK(table.it->at(symbol("BTC_USD")).step == qty("0.00001"));
  CHECK_FALSE(table.it->at(symbol("BTC_USD")).tradable);
}

TEST_CASE("least and largest orders are those of base currencies, in dollars, and of nothing else") {
  const auto table = read_risk_parameters(answered("public/get-risk-parameters", R"({
    "default_max_product_leverage_for_spot":"5.0","update_timestamp_ms":1785542400000,
    "base_currency_config":[
      {"instrument_name":"BTC","min_order_notional_usd":"1.0","max_order_notional_usd":"1000000.0",
       "order_limit":"200.0","daily_notional_limit":null},
      {"instrument_name":"NEW","min_order_notional_usd":2.5,"max_order_notional_usd":200,
       "daily_notional_limit":"5000.0"},
      {"instrument_name":"ODD","min_order_notional_usd":"-1","max_order_notional_usd":"much"},
      {"min_order_notional_usd":"9.0"}, null],
    "perpetual_swap_config":[{"instrument_name":"BTC","min_order_notional_usd":"777.0"}],
    "futures_config":[{"instrument_name":"ETH","min_order_notional_usd":"777.0"}]})"));
  REQUIRE(table.it);
  REQUIRE(table.it->size() == 3);
  CHECK(table.it->at("BTC").least == money("1"));
  CHECK(table.it->at("BTC").most == money("1000000"));
  CHECK(table.it->at("BTC").in_a_day == money("0"));
  CHECK(table.it->at("NEW").least == money("2.5"));
  CHECK(table.it->at("NEW").most == money("200"));
  CHECK(table.it->at("NEW").in_a_day == money("5000"));
  CHECK(table.it->at("ODD").least == money("0"));
  CHECK(table.it->at("ODD").most == money("0"));
  CHECK_FALSE(read_risk_parameters(answered("public/get-risk-parameters", R"({"data":[]})")).it);
}

TEST_CASE("tickers tell the last trade, and a market without one is absent") {
  const auto table = read_prices(listed("public/get-tickers", R"(
    {"i":"ETH_USDT","a":"3000.5","b":"3000","k":"3001","t":1767225600000},
    {"i":"BTC_USDT","a":null},{"i":"XXX_USDT","a":"0"},{"i":"YYY_USDT","a":"-1"},
    {"i":"ZZZ_USDT","a":0.000001},{"a":"5"},7)"),
                                 std::nullopt);
  CHECK(table.it->size() == 2);
  CHECK(table.it->at(symbol("ETH_USDT")) == price("3000.5"));
  CHECK(table.it->at(symbol("ZZZ_USDT")) == price("0.000001"));
  const auto nameless = read_prices(listed("public/get-tickers", R"({"a":"5"})"), symbol("ETH_USDT"));
  CHECK(nameless.it->at(symbol("ETH_USDT")) == price("5"));
  CHECK_FALSE(read_prices(answered("m", "{}"), std::nullopt).it);
  CHECK(read_prices(http(503, "down"), std::nullopt).ruling.fate == Fate::in_doubt);
}

TEST_CASE("what is reserved is not free, and a balance that cannot be read is not taken for none") {
  const auto table = read_balances(listed("private/user-balance", R"({"position_balances":[
    {"instrument_name":"ETH","quantity":"1.5","reserved_qty":"0.9","max_withdrawal_balance":"0.6"},
    {"instrument_name":"USDT","quantity":1000.123456789,"reserved_qty":0},
    {"instrument_name":"BTC","quantity":"1","reserved_qty":"2"},
    {"instrument_name":"CRO","quantity":"1"},
    {"instrument_name":"DOT","quantity":"1","reserved_qty":"0"},
    {"instrument_name":"DOT","quantity":"2","reserved_qty":"0"}]})"));
  REQUIRE(table.it);
  CHECK(table.it->known.size() == 3);
  CHECK(table.it->known.at("ETH").free == dec("0.6"));
  CHECK(table.it->known.at("ETH").total == dec("1.5"));
  CHECK(table.it->known.at("USDT").free == dec("1000.123456789"));
  CHECK(table.it->known.at("BTC").free == Decimal{});
  CHECK(table.it->unread == std::set<std::string>{"CRO", "DOT"});
  // A row without a name may be of any currency.
  CHECK_FALSE(read_balances(listed("m", R"({"position_balances":[{"quantity":"1","reserved_qty":"0"}]})")).it);
  for (const char* result : {"{}", R"({"data":[]})", R"({"data":[{}]})", R"({"data":[null]})"})
    CHECK_FALSE(read_balances(answered("private/user-balance", result)).it);
}

}  // namespace
}  // namespace tradeguard::cryptocom
