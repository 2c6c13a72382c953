// A clock that was an hour ahead and is set right.
#include <catch2/catch.hpp>

#include "world.hpp"

using namespace tradeguard;
using namespace tradeguard::cycle_test;

namespace {

// The run of the next minute, by a clock that shows an hour less than before.
void set_back_an_hour(World& world) { world.clock.set(world.clock.now() - 1h + 60s); }

}  // namespace

// When the entry really was nobody knows, so its moment is taken for now: never shorter than the cooldown, and
// never the hour besides.
TEST_CASE("a clock that is set back an hour cools for no more than the cooldown from any moment on") {
  const auto stores = contract::store_backends();
  const auto kind = GENERATE_COPY(range(std::size_t{0}, stores.size()));
  INFO(stores[kind].name);
  World world{stores[kind].fresh()};
  const Instant entered = world.clock.now();
  world.run({world.buy("ETH_USDT", "3350.5")});
  REQUIRE(world.entries_of("ETH_USDT") == 1);
  set_back_an_hour(world);
  for (int minute = 0; minute < 3; ++minute) {
    world.run({world.buy("ETH_USDT", "3350.5")});
    CHECK(world.said("GUARD cooldown_blocked symbol=ETH_USDT seconds_remaining=300"));
    CHECK(world.entries_of("ETH_USDT") == 1);
    world.clock.advance(60s);
  }
  world.clock.set(entered + 301s);
  world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(world.entries_of("ETH_USDT") == 2);
}

TEST_CASE("a clock that is set back an hour is no drift, and what is sold meanwhile is seen") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5"), world.buy("BTC_USDT", "95000")});
  set_back_an_hour(world);
  RunReport report = world.run();
  CHECK(report.verdict == RunVerdict::ok);
  CHECK_FALSE(world.said("DRIFT"));
  world.clock.advance(60s);
  world.set_price("ETH_USDT", "3200");
  report = world.run();
  world.clock.advance(60s);
  report = world.run();
  CHECK(world.times_said("DRIFT") == 0);
  CHECK(world.times_told(NoticeType::trade_closed) == 1);
  CHECK(report.verdict == RunVerdict::ok);
  CHECK(world.what_is_wrong("BTC_USDT") == "");
}
