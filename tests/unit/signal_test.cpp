// What a bot decided: symbols, sides, the key that makes it one signal, and what a repeat must
// agree in.
#include "tradeguard/signal.hpp"

#include <functional>
#include <set>

#include "dice.hpp"
#include "shown.hpp"

namespace tradeguard {
namespace {

Signal buy() {
  Signal signal{.symbol = symbol("ETH_USDT"), .side = Side::buy, .time = at("2025-01-01T12:00:07Z")};
  signal.notional = money("50");
  signal.price = price("3350.5");
  return signal;
}

}  // namespace

TEST_CASE("a symbol is BASE_QUOTE in capitals and digits") {
  const auto eth = Symbol::parse("ETH_USDT");
  REQUIRE(eth);
  CHECK(eth->text() == "ETH_USDT");
  CHECK(eth->base() == "ETH");
  CHECK(eth->quote() == "USDT");
  CHECK(Symbol::parse("1INCH_USD"));
  CHECK(Symbol::parse("A_B"));
  CHECK(Symbol::parse("ABCDEFGHIJKLMNOPQRST_12345678901234567890"));
}

TEST_CASE("what adapters or people may write instead is no symbol") {
  const auto text =
      GENERATE(as<std::string>{}, "", "_", "ETH", "ETH_", "_USDT", "ETHUSDT", "ETH/USDT", "ETH-USDT", "eth_usdt",
               "Eth_USDT", "ETH_USDT_PERP", "ETH__USDT", " ETH_USDT", "ETH_USDT ", "ETH_USDT\n", "ETH_US\xc3\x84",
               "ABCDEFGHIJKLMNOPQRSTU_USDT", "USDT_ABCDEFGHIJKLMNOPQRSTU");
  CAPTURE(text);
  CHECK_FALSE(Symbol::parse(text));
  CHECK_FALSE(Symbol::parse(std::string_view{"ETH\0_USDT", 9}));
}

TEST_CASE("sides are BUY and SELL, exactly") {
  CHECK(text(Side::buy) == "BUY");
  CHECK(text(Side::sell) == "SELL");
  CHECK(parse_side("BUY") == Side::buy);
  CHECK(parse_side("SELL") == Side::sell);
  CHECK_FALSE(parse_side("buy"));
  CHECK_FALSE(parse_side(""));
  CHECK_FALSE(parse_side("BUY "));
}

TEST_CASE("a signal is known by its minute, in UTC") {
  auto signal = buy();
  CHECK(signal_key(signal) == "ETH_USDT:BUY:2025-01-01T12:00:00");
  signal.time = at("2025-01-01T12:00:59.999999Z");
  CHECK(signal_key(signal) == "ETH_USDT:BUY:2025-01-01T12:00:00");
  signal.time = at("2025-01-01T20:01:00+08:00");
  CHECK(signal_key(signal) == "ETH_USDT:BUY:2025-01-01T12:01:00");
  signal.side = Side::sell;
  CHECK(signal_key(signal) == "ETH_USDT:SELL:2025-01-01T12:01:00");
}

TEST_CASE("a signal with an id is known by it, at any time") {
  auto signal = buy();
  signal.id = "run-7.a_B";
  CHECK(signal_key(signal) == "ETH_USDT:BUY:id=run-7.a_B");
  signal.time += 24h;
  CHECK(signal_key(signal) == "ETH_USDT:BUY:id=run-7.a_B");
}

TEST_CASE("two signals have the same key when, and only when, their minute is the same") {
  Dice dice{41};
  const auto start = at("2025-01-01T00:00:00Z");
  for (int i = 0; i < 10'000; ++i) {
    auto a = buy();
    auto b = buy();
    a.time = start + Micros{static_cast<std::int64_t>(dice.below(3'600'000'000))};
    b.time = start + Micros{static_cast<std::int64_t>(dice.below(3'600'000'000))};
    const auto minute = [&](const Signal& s) { return (s.time - start) / 1min; };
    CAPTURE(a.time, b.time);
    REQUIRE((signal_key(a) == signal_key(b)) == (minute(a) == minute(b)));
  }
}

TEST_CASE("a digest changes with everything a repeat must agree in") {
  const std::function<void(Signal&)> changes[] = {
      [](Signal& s) { s.symbol = symbol("ETH_USD"); },
      [](Signal& s) { s.side = Side::sell; },
      [](Signal& s) { s.notional = money("51"); },
      [](Signal& s) { s.notional.reset(); },
      [](Signal& s) { s.quantity = qty("50"); },
      [](Signal& s) { s.price = price("3350.51"); },
      [](Signal& s) { s.stop_loss_percent = dec("2"); },
      [](Signal& s) { s.take_profit_percent = dec("2"); },
      [](Signal& s) { s.stop_loss_price = price("2"); },
      [](Signal& s) { s.take_profit_price = price("2"); },
      [](Signal& s) { s.strategy = "rsi"; },
      [](Signal& s) { s.strategy = " strategy="; },
  };
  std::set<std::string> digests{signal_digest(buy())};
  for (const auto& change : changes) {
    auto signal = buy();
    change(signal);
    CHECK(digests.insert(signal_digest(signal)).second);
  }
}

TEST_CASE("a digest does not change with the second, the line, or the way a number is written") {
  auto signal = buy();
  signal.time += 30s;
  signal.line = 7;
  signal.notional = money("50.00");
  CHECK(signal_digest(signal) == signal_digest(buy()));
}

TEST_CASE("a digest is one line of text, whatever the strategy is called") {
  auto signal = buy();
  signal.strategy = "a\nb\xff";
  CHECK(signal_digest(signal) ==
        "symbol=ETH_USDT side=BUY notional=50 quantity=- price=3350.5 stop_loss_percent=- "
        "take_profit_percent=- stop_loss_price=- take_profit_price=- strategy=\"a\\nb\\xFF\"");
}

}  // namespace tradeguard
