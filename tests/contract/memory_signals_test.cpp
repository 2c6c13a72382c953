// What a batch in memory promises as a source of signals.
#include "tradeguard/memory_signals.hpp"
#include "story.hpp"

namespace tradeguard::contract {
namespace {

TEST_CASE("memory: signals that were given are read once and in order", "[signals]") {
  MemorySignals source{{.signals = {buy("ETH_USDT"), sell("BTC_USDT")}, .rejected = {{3, "no side"}}}};
  const SignalBatch batch = value_of(source.read());
  REQUIRE(batch.signals.size() == 2);
  CHECK(batch.signals[0].symbol == symbol("ETH_USDT"));
  CHECK(batch.signals[1].side == Side::sell);
  REQUIRE(batch.rejected.size() == 1);
  CHECK(batch.rejected[0].line == 3);

  CHECK(value_of(source.read()).signals.empty());
  CHECK(value_of(source.read()).rejected.empty());
}

// A simulation gives the signals of each minute to one source.
TEST_CASE("memory: signals given after a read wait for the next one", "[signals]") {
  MemorySignals source;
  CHECK(value_of(source.read()).signals.empty());
  source.give(buy("ETH_USDT"));
  source.give({.signals = {buy("BTC_USDT")}, .rejected = {{1, "stale"}}});
  const SignalBatch batch = value_of(source.read());
  REQUIRE(batch.signals.size() == 2);
  CHECK(batch.signals[1].symbol == symbol("BTC_USDT"));
  CHECK(batch.rejected.size() == 1);
}

}  // namespace
}  // namespace tradeguard::contract
