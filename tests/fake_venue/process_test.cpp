// The fake venue as tests meet it: a process with a certificate, three APIs, and controls.
#include <signal.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "fake_venue_client.hpp"
#include "tls_call.hpp"

namespace tradeguard::fake {
namespace {

using Venue = FakeVenueProcess;
const Instant noon = *parse_iso("2025-01-01T12:00:00Z");

std::int64_t millis(Instant at) { return to_micros(at) / 1000; }

// A private call at Crypto.com. Its parameters are flat text, in the order of their names.
Answered cryptocom(Venue& venue, const std::string& method, const Pairs& params, Instant nonce = noon) {
  std::string signed_params;
  JsonText json;
  json.open('{');
  for (const auto& [name, value] : params) {
    signed_params += name + value;
    json.with(name, value);
  }
  const auto stamp = std::to_string(millis(nonce));
  const auto signature =
      hmac_sha256_hex(Venue::api_secret, method + "7" + std::string{Venue::api_key} + signed_params + stamp);
  JsonText body;
  body.open('{').with_raw("id", "7").with("method", method).with_raw("nonce", stamp);
  body.with("api_key", Venue::api_key).with("sig", signature);
  body.with_raw("params", json.close('}').str()).close('}');
  return tls_call(venue.port(), venue.ca_file(), "POST", "/exchange/v1/" + method,
                  {{"Content-Type", "application/json"}}, body.str());
}

const Pairs buy{
    {"client_oid", "tg1-e"}, {"instrument_name", "ETH_USDT"}, {"quantity", "0.5"}, {"side", "BUY"}, {"type", "MARKET"}};

std::string code_of(const Answered& answer) {
  const auto json = parse_json(answer.body);
  return json ? json->text_of("code") : "no JSON: " + answer.body;
}

Answered binance(Venue& venue, const std::string& method, const std::string& path, std::string query,
                 Instant stamp = noon, bool ed25519 = false) {
  query += "&timestamp=" + std::to_string(millis(stamp));
  std::string signature;
  if (ed25519) {
    std::ifstream file{venue.ed25519_key_file()};
    std::stringstream pem;
    pem << file.rdbuf();
    for (const char c : Ed25519Pair::from_pem(pem.str())->sign_base64(query)) {
      signature += c == '+' ? "%2B" : c == '/' ? "%2F" : c == '=' ? "%3D" : std::string{c};
    }
  } else {
    signature = hmac_sha256_hex(Venue::api_secret, query);
  }
  const auto key = ed25519 ? Venue::ed25519_api_key : Venue::api_key;
  return tls_call(venue.port(), venue.ca_file(), method, "/api/v3/" + path + "?" + query + "&signature=" + signature,
                  {{"X-MBX-APIKEY", std::string{key}}});
}

TEST_CASE("the process is ready when it says so, is trusted by its CA alone, and ends when told") {
  pid_t pid = 0;
  {
    Venue venue{{"/price?symbol=ETH_USDT&price=3100.5"}};
    pid = venue.pid();
    const auto target = "/exchange/v1/public/get-tickers?instrument_name=ETH_USDT";
    const auto answer = tls_call(venue.port(), venue.ca_file(), "GET", target);
    CHECK(answer.status == 200);
    CHECK(answer.body.find(R"("a":"3100.5")") != std::string::npos);
    Venue other;
    CHECK_FALSE(tls_call(venue.port(), other.ca_file(), "GET", target).complete);
  }
  CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("Crypto.com's envelope is checked: signature, nonce, types") {
  Venue venue;
  venue.set_clock(noon);
  CHECK(code_of(cryptocom(venue, "private/create-order", buy)) == "0");
  CHECK(code_of(cryptocom(venue, "private/create-order", buy)) == "204");
  CHECK(code_of(cryptocom(venue, "private/user-balance", {}, noon + 60s)) == "0");
  CHECK(code_of(cryptocom(venue, "private/user-balance", {}, noon + 61s)) == "40102");
  CHECK(code_of(cryptocom(venue, "private/user-balance", {}, noon - 61s)) == "40102");
  // Signed in another order than it has.
  CHECK(code_of(cryptocom(venue, "private/get-order-detail", {{"z", "1"}, {"a", "2"}})) == "40101");
  CHECK(code_of(cryptocom(venue, "private/no-such-method", {})) == "40002");
  CHECK(code_of(tls_call(venue.port(), venue.ca_file(), "POST", "/exchange/v1/public/get-tickers")) == "50001");
  CHECK(venue.stats().text_of("bad_signatures") == "1");
  CHECK(venue.orders("tg1-e").size() == 1);
}

TEST_CASE("a trigger lives in a namespace of its own, and its fill under an id of its own") {
  Venue venue;
  venue.set_clock(noon);
  cryptocom(venue, "private/create-order", buy);
  const Pairs stop{{"client_oid", "tg1-s"}, {"instrument_name", "ETH_USDT"},  {"quantity", "0.4995"},
                   {"ref_price", "2910"},   {"ref_price_type", "MARK_PRICE"}, {"side", "SELL"},
                   {"type", "STOP_LOSS"}};
  CHECK(code_of(cryptocom(venue, "private/create-order", stop)) == "140001");
  CHECK(code_of(cryptocom(venue, "private/advanced/create-order", stop)) == "0");
  CHECK(code_of(cryptocom(venue, "private/get-order-detail", {{"client_oid", "tg1-s"}})) == "40401");
  const auto order = venue.orders("tg1-s").at(0);
  // Said to be done, and it is not.
  CHECK(code_of(cryptocom(venue, "private/cancel-order", {{"order_id", order.text_of("id")}})) == "0");
  CHECK(venue.orders("tg1-s").at(0).text_of("status") == "open");

  venue.set_price("ETH_USDT", Decimal{2900});
  const auto fired = venue.orders("tg1-s").at(0);
  CHECK(fired.text_of("status") == "filled");
  const auto detail = cryptocom(venue, "private/advanced/get-order-detail", {{"client_oid", "tg1-s"}});
  CHECK(detail.body.find("\"exchange_order_id\":\"" + fired.text_of("fired_id")) != std::string::npos);
  const auto trades = cryptocom(venue, "private/get-trades", {});
  CHECK(trades.body.find("\"order_id\":\"" + fired.text_of("fired_id")) != std::string::npos);
  CHECK(venue.conserved());
}

TEST_CASE("each fault spoils the requests it is meant for, and the next is as usual") {
  Venue venue;
  venue.set_clock(noon);
  const auto create = [&](const std::string& id) {
    auto params = buy;
    params[0].second = id;
    params[2].second = "0.01";
    return cryptocom(venue, "private/create-order", params);
  };
  const std::string on = "private/create-order";

  venue.fault(on, {{"drop", "after"}});
  CHECK_FALSE(create("a").complete);
  CHECK(venue.orders("a").size() == 1);
  venue.fault(on, {{"drop", "before"}, {"client", "b"}});
  CHECK(create("other").complete);
  CHECK_FALSE(create("b").complete);
  CHECK(venue.orders("b").empty());
  venue.fault(on, {{"status", "503"}, {"body", "html"}, {"executed", "1"}});
  CHECK(create("c").status == 503);
  CHECK(venue.orders("c").size() == 1);
  venue.fault(on, {{"truncate", "10"}});
  CHECK_FALSE(create("d").complete);
  venue.fault(on, {{"code", "415"}});
  CHECK(code_of(create("e")) == "415");
  CHECK(venue.orders("e").empty());
  venue.fault(on, {{"code", "306"}, {"with_id", "1"}});
  CHECK(create("f").body.find("\"order_id\"") != std::string::npos);
  CHECK(venue.orders("f").at(0).text_of("status") == "rejected");
  venue.fault(on, {{"reject_async", "INSUFFICIENT_ACC_BALANCE"}});
  CHECK(code_of(create("g")) == "0");
  CHECK(venue.orders("g").at(0).text_of("status") == "rejected");
  venue.fault(on, {{"fill", "0.5"}});
  CHECK(code_of(create("h")) == "0");
  CHECK(venue.orders("h").at(0).text_of("filled") == "0.005");
  venue.fault(on, {{"lag", "2"}, {"views", "private/get-order-detail"}});
  create("i");
  const Pairs that{{"client_oid", "i"}};
  CHECK(code_of(cryptocom(venue, "private/get-order-detail", that)) == "40401");
  CHECK(code_of(cryptocom(venue, "private/get-order-detail", that)) == "40401");
  CHECK(code_of(cryptocom(venue, "private/get-order-detail", that)) == "0");
  CHECK(code_of(create("j")) == "0");
  CHECK_THROWS(venue.fault(on, {{"no-such-effect", "1"}}));
  CHECK(venue.stats().text_of("faults_waiting") == "0");
}

TEST_CASE("a venue that does not listen refuses the connection") {
  Venue venue;
  venue.set_clock(noon);
  venue.listen(false);
  CHECK_FALSE(cryptocom(venue, "private/user-balance", {}).complete);
  venue.listen(true);
  CHECK(code_of(cryptocom(venue, "private/user-balance", {})) == "0");
}

TEST_CASE("limits are counted always and enforced when told") {
  Venue venue;
  venue.set_clock(noon);
  CHECK(code_of(cryptocom(venue, "private/get-trades", {})) == "0");
  CHECK(code_of(cryptocom(venue, "private/get-trades", {})) == "0");
  CHECK(venue.stats().at("over").text_of("private/get-trades") == "1");
  venue.set("enforce_limits", "1");
  const auto refused = cryptocom(venue, "private/get-trades", {});
  CHECK(refused.status == 429);
  CHECK(code_of(refused) == "42901");
}

TEST_CASE("Binance checks key, signature, time, parameters and filters") {
  Venue venue;
  venue.set_clock(noon);
  const std::string order = "symbol=ETHUSDT&side=BUY&type=MARKET&newClientOrderId=tg1-e&quantity=";
  CHECK(binance(venue, "POST", "order", order + "0.5").status == 200);
  CHECK(binance(venue, "POST", "order", order + "0.5", noon, true).status == 200);
  CHECK(code_of(binance(venue, "POST", "order", order + "0.5", noon - 5001ms)) == "-1021");
  CHECK(binance(venue, "POST", "order", order + "0.5", noon + 999ms).status == 200);
  CHECK(code_of(binance(venue, "POST", "order", order + "0.5", noon + 1000ms)) == "-1021");
  CHECK(code_of(binance(venue, "POST", "order", order + "0.00005")) == "-1013");
  CHECK(code_of(binance(venue, "POST", "order", order + "0.123456789")) == "-1111");
  CHECK(code_of(binance(venue, "POST", "order", order + "100")) == "-2010");
  CHECK(code_of(binance(venue, "POST", "order", order + "0.5&price=1")) == "-1106");
  CHECK(code_of(binance(venue, "POST", "order", order + "0.5&colour=red")) == "-1104");
  CHECK(code_of(binance(venue, "GET", "order", "symbol=ETHUSDT&origClientOrderId=no")) == "-2013");
  CHECK(code_of(tls_call(venue.port(), venue.ca_file(), "GET", "/api/v3/account?timestamp=1&signature=00",
                         {{"X-MBX-APIKEY", std::string{Venue::api_key}}})) == "-1022");
  // An id is free again as soon as its order is filled.
  CHECK(venue.orders("tg1-e").size() == 3);
  CHECK(venue.conserved());
}

TEST_CASE("at Binance one leg of a pair ends the other, and an id that rests is not taken again") {
  Venue venue;
  venue.set_clock(noon);
  binance(venue, "POST", "order", "symbol=ETHUSDT&side=BUY&type=MARKET&quantity=1");
  const std::string pair =
      "symbol=ETHUSDT&side=SELL&quantity=0.9&aboveType=LIMIT_MAKER&abovePrice=3090"
      "&aboveClientOrderId=t&belowType=STOP_LOSS&belowStopPrice=2910&belowClientOrderId=s";
  CHECK(binance(venue, "POST", "orderList/oco", pair).status == 200);
  CHECK(code_of(binance(venue, "POST", "orderList/oco", pair)) == "-2010");
  venue.set_price("ETH_USDT", Decimal{3100});
  CHECK(venue.orders("t").at(0).text_of("value") == "2781");
  CHECK(venue.orders("s").at(0).text_of("status") == "cancelled");
}

TEST_CASE("Telegram takes what a bot may send and says what it minds") {
  Venue venue;
  const auto send = [&](const std::string& token, const std::string& chat, const std::string& text) {
    JsonText body;
    body.open('{').with("chat_id", chat).with("text", text).with("parse_mode", "HTML").close('}');
    return tls_call(venue.port(), venue.ca_file(), "POST", "/bot" + token + "/sendMessage",
                    {{"Content-Type", "application/json"}}, body.str());
  };
  const std::string token{Venue::bot_token};
  const std::string chat{Venue::chat_id};
  CHECK(send(token, chat, "<b>1 &lt; 2</b>").status == 200);
  CHECK(send("1:wrong", chat, "x").status == 401);
  CHECK(send("none", chat, "x").status == 404);
  CHECK(send(token, "99", "x").status == 400);
  CHECK(send(token, chat, "<b>x").status == 400);
  CHECK(send(token, chat, "1 < 2").status == 400);
  CHECK(send(token, chat, std::string(4097, 'x')).status == 400);
  venue.set("enforce_limits", "1");
  venue.fault("sendMessage", {{"code", "429"}, {"retry_after", "3"}});
  const auto throttled = send(token, chat, "x");
  CHECK(throttled.status == 429);
  CHECK(throttled.body.find("\"retry_after\":3") != std::string::npos);
  CHECK(venue.messages() == std::vector<std::string>{"1 < 2"});
}

}  // namespace
}  // namespace tradeguard::fake
