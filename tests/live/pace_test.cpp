// Limits that the exchange enforces in any window of theirs, as it sees requests arrive.
#include <catch2/catch.hpp>

#include "live_bot.hpp"

using namespace tradeguard;
using namespace tradeguard::live;

TEST_CASE("sixty signals at once keep limits that the exchange enforces: all are entered and protected") {
  constexpr int many = 60;
  LiveBot bot{{"cryptocom", "sqlite"},
              "[limits]\nmax_order_notional = 0\nmax_open_positions = 0\n[net]\nconnections = 100\n"};
  bot.venue.set_balance("USDT", Decimal{10'000'000});
  std::string signals;
  for (int i = 0; i < many; ++i) {
    const std::string symbol = "C" + std::to_string(100 + i) + "_USDT";
    bot.venue.post("/market", {{"symbol", symbol}, {"price", "100"}});
    signals += R"({"symbol":")" + symbol +
               R"(","side":"BUY","id":"1","quantity":"0.5"})"
               "\n";
  }
  bot.venue.set("latency_ms", "10");
  bot.venue.set("enforce_limits", "1");
  const Ran ran = bot.cycle(signals, {"--venue.pace", "documented"});
  INFO(ran.err);
  // One answer of "too many" may come all the same on a machine that stood still for a moment: then
  // the rest is the next run's, and nothing is naked.
  CHECK(bot.covered());
  if (bot.entries().size() < many) bot.cycle(signals, {"--venue.pace", "documented"});
  CHECK(bot.entries().size() == many);
  CHECK(bot.covered());
}
