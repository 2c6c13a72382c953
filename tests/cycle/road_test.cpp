// The straight road, and what happens beside it, on the memory store and the paper venue.
#include <catch2/catch.hpp>

#include "world.hpp"

using namespace tradeguard;
using namespace tradeguard::cycle_test;

namespace {

// The lines stand in the log in this order, whatever stands between them.
bool in_order(const std::vector<std::string>& log, const std::vector<std::string>& parts) {
  auto line = log.begin();
  for (const std::string& part : parts) {
    line = std::find_if(line, log.end(), [&](const std::string& l) { return l.find(part) != std::string::npos; });
    if (line == log.end()) {
      UNSCOPED_INFO("missing, or out of order: " << part);
      for (const std::string& l : log) UNSCOPED_INFO(l);
      return false;
    }
    ++line;
  }
  return true;
}

}  // namespace

TEST_CASE("one BUY is placed, filled, protected and told, in the order of the contract") {
  World world;
  world.twins = true;
  const RunReport report = world.run({world.buy("ETH_USDT", "3350.5")});

  CHECK(report.verdict == RunVerdict::ok);
  CHECK(report.entries == 1);
  CHECK(in_order(
      world.last_log,
      {"RUN_START run_id=", "[DEBUG_TRADING] RUN_START run_id=",
       "[DEBUG_TRADING] GUARD cooldown_passed symbol=ETH_USDT",
       "[DEBUG_TRADING] GUARD idempotency_passed signal_key=ETH_USDT:BUY:2025-01-01T12:00:00",
       "ORDER_PLACED side=BUY symbol=ETH_USDT order_id=", "TG_SENT type=ORDER_CREATED symbol=ETH_USDT order_id=",
       "ORDER_FILLED side=BUY symbol=ETH_USDT order_id=", "SLTP_PLACED symbol=ETH_USDT order_id=",
       "TG_SENT type=SLTP_CREATED symbol=ETH_USDT order_id=", "[DEBUG_TRADING] RUN_END run_id=", "RUN_END run_id="}));
  CHECK(world.last_log.back().starts_with("RUN_END "));
  CHECK(world.open_orders("ETH_USDT").size() == 2);
  CHECK(world.what_is_wrong("ETH_USDT") == "");
}

TEST_CASE("the same signal a minute later is blocked by both guards and buys nothing") {
  World world;
  const Signal signal = world.buy("ETH_USDT", "3350.5");
  world.run({signal});
  world.clock.advance(60s);
  const RunReport again = world.run({signal});

  CHECK(again.verdict == RunVerdict::ok);
  CHECK(again.entries == 0);
  CHECK(
      world.said("GUARD idempotency_blocked signal_key=ETH_USDT:BUY:2025-01-01T12:00:00 "
                 "existing_order_id=100001"));
  CHECK(world.said("GUARD cooldown_blocked symbol=ETH_USDT seconds_remaining=240"));
  CHECK(world.said("SLTP_SKIPPED_ALREADY_EXISTS symbol=ETH_USDT order_id=100001 existing_orders=["));
  CHECK(world.entries_of("ETH_USDT") == 1);

  world.clock.advance(60s);
  world.run();
  CHECK_FALSE(world.said("SLTP_SKIPPED_ALREADY_EXISTS"));  // once a trade
}

TEST_CASE("a base cools over its pairs, for 300 s and not longer") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(299s);
  world.run({world.buy("ETH_USD", "3350.5")});
  CHECK(world.said("GUARD cooldown_blocked symbol=ETH_USD seconds_remaining=1"));
  CHECK(world.said("GUARD idempotency_passed signal_key=ETH_USD:BUY:2025-01-01T12:04:00"));
  CHECK(world.entries_of("ETH_USD") == 0);
  world.clock.advance(1s);
  world.run({world.buy("ETH_USD", "3350.5")});
  CHECK(world.entries_of("ETH_USD") == 1);
}

TEST_CASE("a stop that fires ends the trade, its target goes, and the base cools") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(600s);
  world.set_price("ETH_USDT", "3200");
  const RunReport report = world.run({world.buy("ETH_USDT", "3200")});

  CHECK(world.said("ORDER_FILLED side=SELL symbol=ETH_USDT"));
  CHECK(world.said("TRADE_CLOSED symbol=ETH_USDT"));
  CHECK(world.was_told(NoticeType::stop_filled));
  CHECK(world.said("GUARD cooldown_blocked symbol=ETH_USDT"));
  CHECK(world.open_orders("ETH_USDT").empty());
  CHECK(report.open_trades == 0);
  CHECK(report.verdict == RunVerdict::ok);
}

TEST_CASE("a SELL signal exits the trades opened before it, once") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  world.set_price("ETH_USDT", "3340");
  const Signal exit = world.sell("ETH_USDT");
  const RunReport report = world.run({exit});

  CHECK(report.exits == 1);
  CHECK(world.said("GUARD idempotency_passed signal_key=ETH_USDT:SELL:2025-01-01T12:01:00"));
  CHECK_FALSE(world.said("GUARD cooldown"));
  CHECK(world.said("ORDER_FILLED side=SELL symbol=ETH_USDT"));
  CHECK(world.said("TRADE_CLOSED"));
  CHECK(world.open_orders("ETH_USDT").empty());
  CHECK(world.what_is_wrong("ETH_USDT") == "");

  world.clock.advance(30s);
  world.run({exit});
  CHECK(world.said("GUARD idempotency_blocked signal_key=ETH_USDT:SELL:2025-01-01T12:01:00"));
}

TEST_CASE("an answer that was lost is looked up, never sent again") {
  World world;
  const Mishap lost =
      GENERATE(Mishap::accepted_dropped, Mishap::accepted_500, Mishap::accepted_timeout, Mishap::accepted_empty);
  world.faults.on(VenueVerb::place, lost);
  const Signal signal = world.buy("ETH_USDT", "3350.5");
  const RunReport report = world.run({signal});

  CHECK(world.said("ORDER_IN_DOUBT"));
  CHECK(report.verdict == RunVerdict::ok);
  CHECK(world.entries_of("ETH_USDT") == 1);
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  CHECK(world.said("SLTP_PLACED symbol=ETH_USDT"));
  world.clock.advance(60s);
  world.run({signal});
  CHECK(world.entries_of("ETH_USDT") == 1);
}

TEST_CASE("an entry that never arrived lapses with proof and keeps its key") {
  World world;
  world.faults.on(VenueVerb::place, Mishap::dropped);
  const Signal signal = world.buy("ETH_USDT", "3350.5");
  world.run({signal});
  CHECK(world.said("ORDER_LAPSED"));
  CHECK(world.entries_of("ETH_USDT") == 0);
  world.run({signal});
  CHECK(world.said("GUARD idempotency_blocked"));
  CHECK(world.entries_of("ETH_USDT") == 0);
}

TEST_CASE("an unsent entry frees its key, and the next run may send it") {
  World world;
  world.faults.on(VenueVerb::place, Mishap::not_connected);
  const Signal signal = world.buy("ETH_USDT", "3350.5");
  world.run({signal});
  CHECK(world.said("ORDER_UNSENT"));
  world.clock.advance(10s);
  world.run({signal});
  CHECK(world.entries_of("ETH_USDT") == 1);
  CHECK(world.what_is_wrong("ETH_USDT") == "");
}

TEST_CASE("a refused stop is a CRITICAL, denies entries, and is mended by the next run") {
  World world;
  world.faults.on(VenueVerb::protect, Mishap::refused_unsupported, {.from = 1, .times = 0});
  const RunReport naked = world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(naked.verdict == RunVerdict::critical_stands);
  CHECK(world.said("SLTP_FAILED"));
  CHECK(world.said("UNPROTECTED symbol=ETH_USDT"));
  CHECK_FALSE(world.said("SLTP_PLACED"));
  CHECK(world.was_told(NoticeType::unprotected));

  world.clock.advance(60s);
  world.run({world.buy("BTC_USDT", "95000")});
  CHECK(world.said("ENTRY_DENIED symbol=BTC_USDT"));
  CHECK(world.said("reason=protection_failing"));

  world.faults.clear();
  world.clock.advance(60s);
  const RunReport mended = world.run({world.buy("BTC_USDT", "95000")});
  CHECK(mended.verdict == RunVerdict::ok);
  CHECK(world.said("SLTP_PLACED symbol=ETH_USDT"));
  CHECK(world.said("CLEARED kind=UNPROTECTED"));
  CHECK(world.entries_of("BTC_USDT") == 1);
  CHECK(world.what_is_wrong("ETH_USDT") == "");
}

TEST_CASE("a price beyond the stop before it is placed is sold at market") {
  World world;
  world.faults.on(VenueVerb::protect, Mishap::dropped, {.from = 1, .times = 0});
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.faults.clear();
  world.clock.advance(60s);
  world.set_price("ETH_USDT", "3000");
  world.run();
  CHECK(world.balance("ETH") < decimal("0.0015"));
  CHECK(world.open_orders("ETH_USDT").empty());
  CHECK(world.said("TRADE_CLOSED"));
}

TEST_CASE("an asynchronous venue without OCO or stop-market is protected by one stop-limit") {
  World world;
  world.paper.asynchronous = true;
  world.paper.visible_after = 300ms;
  world.paper.oco = false;
  world.paper.stop_market = false;
  const RunReport report = world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(report.verdict == RunVerdict::ok);
  CHECK(world.said("SLTP_PLACED symbol=ETH_USDT"));
  CHECK(world.said("tp_order_id=-"));
  CHECK(world.what_is_wrong("ETH_USDT") == "");

  world.clock.advance(60s);
  world.set_price("ETH_USDT", "3500");  // beyond the target that nobody could rest
  world.run();
  CHECK(world.said("TRADE_CLOSED"));
  CHECK(world.open_orders("ETH_USDT").empty());
}

TEST_CASE("a fill that grows gets a second stop, never a cancelled first one") {
  World world;
  world.paper.parts[Leg::entry] = 2;
  world.settings.fast_patience = 250ms;
  const RunReport report = world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(report.verdict == RunVerdict::ok);
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  CHECK(world.times_said("SIBLING_CANCELLED") == 0);
}

TEST_CASE("a halt denies entries and leaves protection alone") {
  World world;
  world.faults.on(VenueVerb::protect, Mishap::refused_balance, {.from = 1, .times = 0});
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.faults.clear();
  {
    const auto session = world.store->open();
    REQUIRE(session->journal().set_halt("looking", world.clock.now()).has_value());
  }
  world.clock.advance(60s);
  world.run({world.buy("BTC_USDT", "95000")});
  CHECK(world.said("HALTED reason=looking"));
  CHECK(world.said("reason=halted"));
  CHECK(world.entries_of("BTC_USDT") == 0);
  CHECK(world.what_is_wrong("ETH_USDT") == "");
}

TEST_CASE("a venue that cannot be read leaves positions unverified, and in time a CRITICAL") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.faults.on(VenueVerb::find, Mishap::read_fails, {.from = 1, .times = 0});
  world.clock.advance(60s);
  const RunReport first = world.run({world.buy("BTC_USDT", "95000")});
  CHECK(first.verdict == RunVerdict::critical_stands);
  CHECK(world.said("UNVERIFIED symbol=ETH_USDT"));
  CHECK(world.said("reason=unverified"));
  CHECK_FALSE(world.was_told(NoticeType::unverified));
  world.clock.advance(200s);
  world.run();
  CHECK(world.was_told(NoticeType::unverified));
  world.faults.clear();
  world.clock.advance(60s);
  CHECK(world.run().verdict == RunVerdict::ok);
  CHECK(world.said("CLEARED kind=UNVERIFIED"));
}

TEST_CASE("coins that left the account freeze the base and are never oversold") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  PaperChanges taken;
  REQUIRE(world.book.open({}).has_value());
  world.book.state().balances["ETH"] = decimal("0.001");
  taken.balances.insert("ETH");
  REQUIRE(world.book.close(taken).has_value());
  world.clock.advance(600s);
  const RunReport report = world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(report.verdict == RunVerdict::critical_stands);
  CHECK(world.said("DRIFT symbol=ETH_USDT"));
  CHECK(world.said("reason=frozen"));
  CHECK(world.was_told(NoticeType::drift));
}

TEST_CASE("a killed run is said by the next one") {
  World world;
  world.run();
  world.wrap = [](World::Wrapped&) { throw 1; };
  CHECK_THROWS(world.run());
  world.wrap = nullptr;
  world.clock.advance(400s);
  world.run();
  CHECK(world.said("RUN_MISSED reason=gap"));
}
