// Whatever comes instead of an answer: nothing crashes, and nothing of it is a yes or a no.
#include <random>

#include "orders.hpp"
#include "search.hpp"
#include "wire_answers.hpp"

namespace tradeguard::cryptocom {
namespace {

bool is_settled(const PlaceOutcome& outcome) {
  return std::holds_alternative<Accepted>(outcome) || std::holds_alternative<Refused>(outcome);
}

// Every reader there is; true when one of the two that place orders took it for a yes or a no.
bool read_with_all(const HttpResult& result) {
  const auto order = read_order_made(Book::regular, 1, "tg1-entry", result);
  const auto stop = read_order_made(Book::advanced, 1, "tg1-stop", result);
  const auto pair = read_pair_made(1, result);
  read_cancelled(result);
  const auto rows = read_orders(result);
  if (rows.it) window_behind(*rows.it, {0, 1});
  read_order(result);
  const auto trades = read_trades(result);
  read_market_rules(result);
  read_prices(result, eth());
  read_balances(result);
  // What was read is thought about too, under every name it gives itself.
  const auto shown = rows.it ? rows.it->rows : std::vector<Row>{};
  Records records{shown, shown, trades.it ? trades.it->rows : std::vector<Fill>{}, {}};
  for (const OrderQuery& query : own_queries(records)) {
    executed_to_read(query, records);
    for (const Sighting& sighting : sightings_of(query, records, {})) CHECK_FALSE(sighting.client_id.empty());
  }
  return is_settled(order.it) || is_settled(stop.it) || is_settled(pair.it);
}

const std::vector<std::string> bodies{
    R"({"id":1,"method":"private/create-order","code":0,"result":{"order_id":"5755600460443882762","client_oid":"tg1-entry"}})",
    R"({"id":1,"method":"private/advanced/create-oco","code":0,"result":{"list_id":6498090546073120100}})",
    R"({"id":1,"method":"private/create-order","code":306,"message":"INSUFFICIENT_AVAILABLE_BALANCE"})",
    R"({"id":1,"code":306,"message":"INSUFFICIENT_AVAILABLE_BALANCE","result":{"order_id":"5755600460443882762"}})",
    R"({"id":1,"method":"private/cancel-order","message":"NO_ERROR","code":0,"result":{"client_oid":"x"}})",
    R"({"id":1,"code":0,"result":{"data":[{"position_balances":[{"instrument_name":"ETH","quantity":"1","reserved_qty":"0"}]}]}})",
    R"({"id":1,"code":0,"result":{"data":[{"symbol":"ETH_USDT","inst_type":"CCY_PAIR","price_tick_size":"0.01","qty_tick_size":"0.1","tradable":true}]}})",
    R"({"id":1,"code":0,"result":{"data":[{"i":"ETH_USDT","a":"3000","b":null}]}})",
    R"({"id":1,"code":0,"result":)" + filled_entry + "}",
    R"({"id":1,"code":0,"result":{"data":[)" + resting_stop + "," + resting_target + "]}}",
    R"({"id":1,"code":0,"result":{"data":[)" + trade_in_base + "]}}"};

TEST_CASE("an answer that breaks off anywhere is neither a yes nor a no") {
  for (const std::string& body : bodies)
    for (std::size_t size = 0; size < body.size(); ++size)
      for (const int status : {200, 400, 500})
        if (read_with_all(http(status, body.substr(0, size)))) FAIL(status << " " << body.substr(0, size));
}

TEST_CASE("what stands behind a whole answer spoils it") {
  for (const std::string& body : bodies)
    for (const std::string behind : {"}", "{", body.c_str(), "0", "\"", "<html>"})
      CHECK_FALSE(read_with_all(http(200, body + behind)));
  CHECK_FALSE(read_with_all(http(200, bodies[0] + std::string(1, '\0') + "}")));
  CHECK_FALSE(read_with_all(http(200, std::string(1, '\0') + bodies[0])));
}

TEST_CASE("pages of gateways, deep nesting and wrong types settle nothing") {
  const auto nested = [](std::size_t depth, char open, char close) {
    return std::string(depth, open) + std::string(depth, close);
  };
  std::string deep_objects;
  for (int i = 0; i < 20'000; ++i) deep_objects += "{\"result\":";
  const std::vector<std::string> hostile{"",
                                         " ",
                                         "null",
                                         "true",
                                         "0",
                                         "\"code\"",
                                         "[]",
                                         "{}",
                                         "<html><body>502 Bad Gateway</body></html>",
                                         std::string(100'000, '['),
                                         nested(100'000, '[', ']'),
                                         deep_objects,
                                         R"({"id":1,"code":0,"result":)" + nested(100'000, '[', ']') + "}",
                                         deep_objects + "0" + std::string(20'000, '}'),
                                         R"({"code":null,"result":{"order_id":"1"}})",
                                         R"({"code":{},"result":{"order_id":"1"}})",
                                         R"({"code":[0],"result":{"order_id":"1"}})",
                                         R"({"code":"","result":{"order_id":"1"}})",
                                         R"({"code":0.0,"result":{"order_id":"1"}})",
                                         R"({"code":"00x","result":{"order_id":"1"}})",
                                         R"({"code":99999999999999999999,"result":{"order_id":"1"}})",
                                         R"({"code":0,"code":306,"result":{"order_id":"1"}})",
                                         R"({"code":306,"code":0})",
                                         R"({"Code":0,"result":{"order_id":"1","list_id":"1"}})",
                                         R"({"result":{"code":0,"order_id":"1","list_id":"1"}})",
                                         "{\"code\":0,\"result\":{\"order_id\":\"\xff\xfe\"}}",
                                         "\xef\xbb\xbf"
                                         "{}",
                                         R"({"code":NaN})",
                                         R"({"code":Infinity})",
                                         R"({'code':0})"};
  for (const std::string& body : hostile)
    for (const int status : {0, 200, 204, 302, 400, 401, 403, 404, 408, 418, 500, 502, 503, 504, 999}) {
      INFO(status << " " << body.substr(0, 80));
      CHECK_FALSE(read_with_all(http(status, body)));
    }
}

TEST_CASE("a body of millions of bytes is read or left, and its echo stays short") {
  const auto reading = read_order_made(Book::regular, 1, "tg1-entry", http(500, std::string(8U << 20, 'x')));
  CHECK(std::get<InDoubt>(reading.it).message.size() < 300);
  CHECK_FALSE(read_with_all(http(200, std::string(17U << 20, ' ') + bodies[0])));
}

TEST_CASE("null in any place of an answer crashes nothing") {
  for (const std::string& body : bodies) {
    for (auto colon = body.find(':'); colon != std::string::npos; colon = body.find(':', colon + 1)) {
      const auto end = body.find_first_of(",}", colon);
      std::string changed = body;
      read_with_all(http(200, changed.replace(colon + 1, end - colon - 1, "null")));
      changed = body;
      read_with_all(http(200, changed.replace(colon + 1, end - colon - 1, "\"\"")));
      changed = body;
      read_with_all(http(200, changed.replace(colon + 1, end - colon - 1, "[{}]")));
    }
  }
  SUCCEED();
}

// A byte changed anywhere may still be an answer, but never a yes to another order.
TEST_CASE("an answer with any byte changed crashes nothing and accepts no other order") {
  std::mt19937 dice{20260101};
  for (std::size_t round = 0; round < 20'000; ++round) {
    std::string body = bodies[round % bodies.size()];
    for (std::size_t changes = 0; changes <= round % 3; ++changes)
      body[dice() % body.size()] = static_cast<char>(dice() % 256);
    read_with_all(http(200, body));
    const auto reading = read_order_made(Book::regular, 1, "tg1-entry", http(200, body));
    if (const auto* accepted = std::get_if<Accepted>(&reading.it)) CHECK_FALSE(accepted->venue_id.empty());
  }
}

}  // namespace
}  // namespace tradeguard::cryptocom
