// trades and why: what is past, by whatever name a person has for it.
#include <catch2/catch.hpp>

#include "json_read.hpp"
#include "stores.hpp"
#include "tradeguard/decimal.hpp"

using namespace tradeguard::cli::test;
using tradeguard::Decimal;

namespace {

std::string any_store() { return GENERATE(from_range(store_kinds())); }

Decimal amount(const rapidjson::Value& value) { return *Decimal::parse(said(value)); }

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("trades tells of each trade what was bought and sold, by what, and the result after fees with its currency") {
  const Trading bot{any_store()};
  CHECK(bot.command({"trades"}).out == "no trade\n");
  bot.cycle(buy("ETH_USDT", time_text(), "3350.5") + buy("BTC_USDT", time_text(), "95000"));
  bot.command({"flatten", "ETH_USDT", "--reason", "enough"});
  const Ran shown = bot.command({"trades"});
  INFO(shown.out << shown.err);
  CHECK(shown.code == 0);
  CHECK(has(shown.out, "ETH_USDT  closed, bought "));
  CHECK(has(shown.out, " (operator), result -"));
  CHECK(has(shown.out, " USDT after fees\n"));
  CHECK(has(shown.out, "BTC_USDT  open, bought "));
  CHECK(has(shown.out, "1 closed in USDT: -"));

  const auto json = json_of(bot.command({"trades", "--json"}));
  REQUIRE(json["trades"].Size() == 2);
  for (const auto& trade : json["trades"].GetArray()) {
    const bool closed = said(trade["state"]) == "closed";
    CHECK(said(trade["currency"]) == "USDT");
    CHECK(trade["result"].IsNull() != closed);
    if (!closed) continue;
    CHECK(said(trade["way_out"]) == "operator");
    // 0.1 % of a sale at the price of the purchase, and the coins its fee took.
    CHECK(amount(trade["fees"]) > Decimal{0});
    CHECK(amount(trade["result"]) == amount(trade["sold"]) - amount(trade["bought"]) - amount(trade["fees"]));
    CHECK(amount(trade["result"]) == amount(json["sums"][0]["result"]));
  }
}

TEST_CASE("trades of one symbol, the last ones, and those since a time") {
  const Trading bot{any_store()};
  bot.cycle(buy("ETH_USDT", time_text(), "3350.5") + buy("BTC_USDT", time_text(), "95000"));
  const auto count = [&](std::vector<std::string> more) {
    more.insert(more.begin(), "trades");
    more.emplace_back("--json");
    return json_of(bot.command(more))["trades"].Size();
  };
  CHECK(count({"ETH_USDT"}) == 1);
  CHECK(count({"SOL_USDT"}) == 0);
  CHECK(count({"--last", "1"}) == 1);
  CHECK(count({"--since", "1h"}) == 2);
  CHECK(count({"--since", "2099-01-01T00:00:00Z"}) == 0);
  for (const char* wrong : {"0", "-1", "many", "1.5"}) CHECK(bot.command({"trades", "--last", wrong}).code == 64);
  CHECK(bot.command({"trades", "--since", "yesterday"}).code == 64);
  CHECK(bot.command({"trades", "eth"}).code == 64);
}

TEST_CASE("why takes a signal's key, any id that a message shows, or a symbol") {
  const Trading bot{any_store()};
  const std::string now = time_text();
  const std::string key = key_of("ETH_USDT", "BUY", now);
  bot.cycle(buy("ETH_USDT", now, "3350.5"));
  const auto trade = json_of(bot.command({"status", "--json"}));
  const std::string id = trade["trades"][0]["trade"].GetString();
  std::vector<std::string> names{key, id, "ETH_USDT", "ORDER_CREATED:" + id, "ORDER_FILLED:" + id + ":0.01492"};
  for (const auto& order : trade["trades"][0]["orders"].GetArray()) {
    names.emplace_back(order["order_id"].GetString());
    names.emplace_back(order["client_id"].GetString());
  }
  const Ran by_key = bot.command({"why", key});
  CHECK(has(by_key.out, "entry BUY"));
  for (const std::string& name : names) {
    INFO(name);
    CHECK(bot.command({"why", name}).out == by_key.out);
  }
  CHECK(said(json_of(bot.command({"why", id, "--json"}))["signal_key"]) == key);
}

TEST_CASE("why of a symbol tells its signals newest first, the denied ones too") {
  const Trading bot{any_store()};
  bot.command({"halt", "--reason", "news"});
  bot.cycle(buy("ETH_USDT", time_text(-60)));
  bot.command({"resume"});
  bot.cycle(buy("ETH_USDT", time_text()));
  const Ran told = bot.command({"why", "ETH_USDT"});
  INFO(told.out);
  CHECK(has(told.out, "halted"));
  CHECK(has(told.out, "entry BUY"));
  CHECK(told.out.find("entry BUY") < told.out.find("halted"));
  CHECK(json_of(bot.command({"why", "ETH_USDT", "--json"}))["signals"].Size() == 2);
}

TEST_CASE("why of a name that nothing on record has says so") {
  const Trading bot{any_store()};
  for (const char* name : {"5755600000000", "tg1-e1-nobody", "SOL_USDT", "nonsense"}) {
    const Ran unknown = bot.command({"why", name});
    INFO(name << unknown.out);
    CHECK(has(unknown.out, name));
    CHECK(has(unknown.out, "no signal, no order, no symbol"));
    CHECK(said(json_of(bot.command({"why", name, "--json"}))["known"]) == "false");
  }
}
