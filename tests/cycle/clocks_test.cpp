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

// The story of simulation seed 127195: the stop was sent while the exchange's time could not be read, and lost.
TEST_CASE("a stop that was lost while the clock was a month ahead is not waited for until then") {
  const bool duplicate_ids_refused = GENERATE(false, true);
  INFO((duplicate_ids_refused ? "duplicate ids are refused" : "an id may come twice"));
  World world;
  world.paper.validity_window = 5min;  // longer than the run looks for it
  world.paper.duplicate_ids_refused = duplicate_ids_refused;
  world.faults.on(VenueVerb::protect, Mishap::refused_balance, {.from = 1, .times = 0});
  world.run({world.buy("ETH_USDT", "3350.5")});
  REQUIRE(world.what_is_wrong("ETH_USDT") != "");
  world.faults.clear();
  world.faults.on(VenueVerb::protect, Mishap::dropped, {.from = 1, .times = 0});
  world.clock.set(noon + 24h * 30);
  world.run();
  REQUIRE(world.what_is_wrong("ETH_USDT") != "");

  world.faults.clear();
  world.clock.set(noon + 5min);
  // What is longest by now is the window, from the first look with the clock set right.
  while (world.what_is_wrong("ETH_USDT") != "" && world.clock.now() < noon + 20min) {
    world.run();
    world.clock.advance(60s);
  }
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  CHECK_FALSE(world.was_told(NoticeType::twin));
  CHECK_FALSE(world.was_told(NoticeType::impossible));
}
