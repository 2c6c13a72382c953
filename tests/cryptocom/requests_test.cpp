// What is sent to Crypto.com, to the byte.
#include <fstream>
#include <sstream>

#include <rapidjson/document.h>

#include "orders.hpp"
#include "tradeguard/signing.hpp"
#include "wire_answers.hpp"

namespace tradeguard::cryptocom {
namespace {

const Secret api_key{std::string{"test_api_key"}};
const Secret api_secret{std::string{"test_api_secret"}};
const Signer signer{api_key, api_secret};
const Instant stamp = at("2026-01-01T00:00:00.007Z");  // 1767225600007 ms

std::string file(const std::string& name) {
  std::ifstream in{std::string{TRADEGUARD_FIXTURES} + "/" + name};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Params params_of(const rapidjson::Value& object) {
  Params params;
  for (const auto& member : object.GetObject()) {
    const std::string name = member.name.GetString();
    const auto& value = member.value;
    if (value.IsNull()) params.members.emplace_back(name, nullptr);
    if (value.IsBool()) params.members.emplace_back(name, value.GetBool());
    if (value.IsInt64()) params.members.emplace_back(name, value.GetInt64());
    if (value.IsString()) params.members.emplace_back(name, std::string{value.GetString()});
    if (!value.IsArray()) continue;
    std::vector<Params> list;
    for (const auto& element : value.GetArray()) list.push_back(params_of(element));
    params.members.emplace_back(name, std::move(list));
  }
  return params;
}

rapidjson::Document body_of(const HttpRequest& request) {
  rapidjson::Document body;
  body.Parse(request.body.c_str());
  REQUIRE_FALSE(body.HasParseError());
  return body;
}

// The signature of a body, made from nothing but the body.
std::string signature_of(const rapidjson::Document& body) {
  return hmac_sha256_hex(api_secret, std::string{body["method"].GetString()} + std::to_string(body["id"].GetInt64()) +
                                         "test_api_key" + param_string(params_of(body["params"])) +
                                         std::to_string(body["nonce"].GetInt64()));
}

std::string without_signature(const HttpRequest& request) {
  return request.body.substr(0, request.body.find(",\"sig\""));
}

TEST_CASE("every signature vector is met, parameter string and signature") {
  rapidjson::Document vectors;
  vectors.Parse(file("signature-vectors.json").c_str());
  REQUIRE_FALSE(vectors.HasParseError());
  REQUIRE(vectors["vectors"].Size() == 8);
  for (const auto& vector : vectors["vectors"].GetArray()) {
    INFO(vector["case"].GetString());
    const Params params = params_of(vector["params"]);
    CHECK(param_string(params) == vector["param_string"].GetString());
    const auto request = build_private(vector["method"].GetString(), params,
                                       {vector["id"].GetInt64(), vector["nonce"].GetInt64()}, signer);
    const auto body = body_of(request);
    CHECK(std::string{body["sig"].GetString()} == vector["sig"].GetString());
    CHECK(body["id"].GetInt64() == vector["id"].GetInt64());
    CHECK(body["params"] == vector["params"]);
    CHECK(request.target == "/" + std::string{vector["method"].GetString()});
  }
}

TEST_CASE("an entry is a market order by quantity that pays its fee in the quote currency") {
  auto order = entry("entry", "0.0149", stamp);
  order.price = price("3350.5");  // what the signal saw is nobody else's business
  const auto request = build_order(order, 42, signer);
  CHECK(request.method == "POST");
  CHECK(request.target == "/private/create-order");
  CHECK(request.limit == "private/create-order");
  CHECK(request.headers == std::vector<std::pair<std::string, std::string>>{{"Content-Type", "application/json"}});
  CHECK(without_signature(request) ==
        R"({"id":42,"method":"private/create-order","params":{"instrument_name":"ETH_USDT",)"
        R"("side":"BUY","type":"MARKET","quantity":"0.0149","client_oid":"tg1-entry",)"
        R"("spot_margin":"SPOT","fee_instrument_name":"USDT"},"nonce":1767225600007,)"
        R"("api_key":"test_api_key")");
}

TEST_CASE("an exit is a market sale whose fee is left as it is") {
  CHECK(without_signature(build_order(exit_of("exit", "0.9", stamp), 43, signer)) ==
        R"({"id":43,"method":"private/create-order","params":{"instrument_name":"ETH_USDT",)"
        R"("side":"SELL","type":"MARKET","quantity":"0.9","client_oid":"tg1-exit",)"
        R"("spot_margin":"SPOT"},"nonce":1767225600007,"api_key":"test_api_key")");
}

TEST_CASE("a stop goes to the advanced book and names the price that triggers it") {
  CHECK(without_signature(build_stop(stop_market("stop", "0.9", "2910", stamp), 44, signer)) ==
        R"({"id":44,"method":"private/advanced/create-order","params":{)"
        R"("instrument_name":"ETH_USDT","side":"SELL","type":"STOP_LOSS","quantity":"0.9",)"
        R"("ref_price":"2910","ref_price_type":"MARK_PRICE","client_oid":"tg1-stop"},)"
        R"("nonce":1767225600007,"api_key":"test_api_key")");
  CHECK(without_signature(build_stop(stop_limit("stop", "0.9", "2910", "2880.9", stamp), 44, signer))
            .find(R"("type":"STOP_LIMIT","quantity":"0.9","ref_price":"2910",)"
                  R"("ref_price_type":"MARK_PRICE","client_oid":"tg1-stop","price":"2880.9")") != std::string::npos);
}

TEST_CASE("a pair is one request with a client id on both its legs") {
  const auto request =
      build_pair(stop_market("stop", "0.9", "2910", stamp), target("target", "0.9", "3090", stamp), 45, signer);
  CHECK(request.target == "/private/advanced/create-oco");
  CHECK(without_signature(request) ==
        R"({"id":45,"method":"private/advanced/create-oco","params":{"order_list":[)"
        R"({"instrument_name":"ETH_USDT","side":"SELL","type":"LIMIT","quantity":"0.9",)"
        R"("price":"3090","client_oid":"tg1-target"},)"
        R"({"instrument_name":"ETH_USDT","side":"SELL","type":"STOP_LOSS","quantity":"0.9",)"
        R"("ref_price":"2910","ref_price_type":"MARK_PRICE","client_oid":"tg1-stop"}]},)"
        R"("nonce":1767225600007,"api_key":"test_api_key")");
}

TEST_CASE("amounts are plain text without an exponent") {
  auto order = entry("entry", "0.00000001", stamp);
  CHECK(build_order(order, 1, signer).body.find(R"("quantity":"0.00000001")") != std::string::npos);
  order.quantity = qty("123456789012.000000000000000001");
  CHECK(build_order(order, 1, signer).body.find(R"("quantity":"123456789012.000000000000000001")") !=
        std::string::npos);
}

TEST_CASE("an order is named by the venue's id where it is known, in its own book") {
  const Serial serial{7, 8};
  CHECK(without_signature(build_cancel(Book::advanced, {"6498090546073120101", "tg1-s"}, serial, signer)) ==
        R"({"id":7,"method":"private/advanced/cancel-order","params":{)"
        R"("order_id":"6498090546073120101"},"nonce":8,"api_key":"test_api_key")");
  CHECK(without_signature(build_cancel(Book::regular, {"", "tg1-e"}, serial, signer)) ==
        R"({"id":7,"method":"private/cancel-order","params":{"client_oid":"tg1-e"},)"
        R"("nonce":8,"api_key":"test_api_key")");
  CHECK(build_order_read(Book::regular, {"", "tg1-e"}, serial, signer).target == "/private/get-order-detail");
  CHECK(build_order_read(Book::advanced, {"", "tg1-e"}, serial, signer).target == "/private/advanced/get-order-detail");
}

TEST_CASE("lists are asked for all markets, and in windows of nanoseconds") {
  const Serial serial{7, 8};
  CHECK(without_signature(build_open_orders(Book::advanced, serial, signer)) ==
        R"({"id":7,"method":"private/advanced/get-open-orders","params":{},"nonce":8,)"
        R"("api_key":"test_api_key")");
  CHECK(
      without_signature(build_all_orders(Book::regular, {1767225600000000000, 1767225660000000000}, serial, signer)) ==
      R"({"id":7,"method":"private/get-order-history","params":{)"
      R"("start_time":"1767225600000000000","end_time":"1767225660000000000","limit":100},)"
      R"("nonce":8,"api_key":"test_api_key")");
  CHECK(build_trades({1, 2}, serial, signer).target == "/private/get-trades");
  CHECK(build_account(serial, signer).target == "/private/user-balance");
}

TEST_CASE("public data is read with GET and no key") {
  for (const auto& request : {build_market_rules(), build_price(eth()), build_prices()}) {
    CHECK(request.method == "GET");
    CHECK(request.body.empty());
    CHECK(request.target.find("test_api_key") == std::string::npos);
  }
  CHECK(build_price(eth()).target == "/public/get-tickers?instrument_name=ETH_USDT");
}

TEST_CASE("what is sent is what was signed") {
  const std::vector<HttpRequest> requests{
      build_order(entry("entry", "0.5", stamp), 1, signer),
      build_stop(stop_limit("stop", "0.9", "2910", "2880.9", stamp), 2, signer),
      build_pair(stop_market("stop", "0.9", "2910", stamp), target("t", "0.9", "3090", stamp), 3, signer),
      build_all_orders(Book::advanced, {1, 2}, {4, 5}, signer)};
  for (const auto& request : requests) {
    const auto body = body_of(request);
    CHECK(std::string{body["sig"].GetString()} == signature_of(body));
    CHECK("/" + std::string{body["method"].GetString()} == request.target);
  }
}

}  // namespace
}  // namespace tradeguard::cryptocom
