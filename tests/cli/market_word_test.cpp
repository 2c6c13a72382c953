#include <catch2/catch.hpp>

#include "market_word.hpp"

using namespace tradeguard;
using namespace tradeguard::cli;

namespace {

std::set<Symbol> markets(std::initializer_list<const char*> names) {
  std::set<Symbol> all;
  for (const char* name : names) all.insert(*Symbol::parse(name));
  return all;
}

}  // namespace

TEST_CASE("a market is understood however a person in a hurry writes it") {
  const auto known = markets({"ETH_USDT", "ETH_USD", "BTC_USDT", "SOL_EUR"});
  for (const char* word : {"BTC_USDT", "btc_usdt", "BTC/USDT", "BTC-USDT", "btcusdt", "BTCUSDT"}) {
    INFO(word);
    const auto market = read_market_word(word, known);
    REQUIRE(market);
    REQUIRE(market->symbol);
    CHECK(market->symbol->text() == "BTC_USDT");
  }
  const auto base = read_market_word("eth", known);
  REQUIRE(base);
  CHECK_FALSE(base->symbol);
  CHECK(base->covers(*Symbol::parse("ETH_USDT")));
  CHECK(base->covers(*Symbol::parse("ETH_USD")));
  CHECK_FALSE(base->covers(*Symbol::parse("BTC_USDT")));
  CHECK(read_market_word("DOGE", known, {"DOGE"})->base == "DOGE");
}

TEST_CASE("a word that could be two markets or none is refused, with what is known") {
  const auto known = markets({"AB_CUSDT", "ABC_USDT"});
  CHECK(read_market_word("ABCUSDT", known).error().find("ABC_USDT, AB_CUSDT") != std::string::npos);
  for (const char* word : {"NOPE", "", "_", "ETH_", "ETH USDT", "ETH_USDT_X"}) {
    INFO(word);
    CHECK_FALSE(read_market_word(word, known));
  }
}
