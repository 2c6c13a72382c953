// Stops and targets each for itself, and being without a stop as a state that is timed.
#include <catch2/catch.hpp>

#include <algorithm>

#include "forwarding.hpp"
#include "world.hpp"

using namespace tradeguard;
using namespace tradeguard::cycle_test;

namespace {

// The owner, or the exchange, ends what rests of a market.
void end_resting_orders(World& world, std::string_view name) {
  PaperVenue venue{world.clock, world.book, world.paper};
  std::vector<CancelRequest> requests;
  for (const PaperOrder& order : world.open_orders(name))
    requests.push_back({order.client_id, std::to_string(order.number), order.symbol, Leg::stop});
  REQUIRE_FALSE(requests.empty());
  venue.cancel(requests);
  REQUIRE(world.open_orders(name).empty());
}

// Spoken at one price and filled at another, as slippage within its limit allows.
Signal spoken(World& world, std::string_view seen, std::string_view filled_at, const char* stop,
              const char* target) {
  world.settings.check_slippage = true;
  world.set_price("ETH_USDT", seen);
  Signal signal = world.buy("ETH_USDT", filled_at);
  if (stop != nullptr) signal.stop_loss_price = price(stop);
  if (target != nullptr) signal.take_profit_price = price(target);
  return signal;
}

Quantity sold(World& world, std::string_view name) {
  Quantity sum;
  for (const PaperOrder& order : world.venue_orders(name))
    if (order.side == Side::sell) sum += order.filled;
  return sum;
}

}  // namespace

TEST_CASE("a fill beyond the target leaves the stop, and the profit is taken at the target") {
  World world;
  world.run({spoken(world, "100", "100.8", "97", "100.5")});
  CHECK(world.said("SLTP_PLACED symbol=ETH_USDT"));
  CHECK(world.said("tp_order_id=-"));
  REQUIRE(world.open_orders("ETH_USDT").size() == 1);
  CHECK(world.open_orders("ETH_USDT").front().trigger == price("97"));

  world.clock.advance(60s);
  world.set_price("ETH_USDT", "100.6");
  CHECK(world.run().exits == 1);
  CHECK(world.open_orders("ETH_USDT").empty());
}

TEST_CASE("a fill below the stop is breached, and the policy says what becomes of it") {
  World world;
  world.run({spoken(world, "100", "99.3", "99.5", nullptr)});
  world.set_price("ETH_USDT", "80");
  world.clock.advance(60s);
  world.run();
  CHECK(sold(world, "ETH_USDT").is_positive());
  CHECK(world.what_is_wrong("ETH_USDT") == "");

  World other;
  other.settings.plan.flatten_on_breach = false;
  other.run({spoken(other, "100", "99.3", "99.5", nullptr)});
  other.set_price("ETH_USDT", "80");
  other.clock.advance(60s);
  CHECK(other.run().verdict == RunVerdict::critical_stands);
  CHECK(other.was_told(NoticeType::unprotected));
  CHECK_FALSE(sold(other, "ETH_USDT").is_positive());
}

TEST_CASE("a pair that was refused once leaves a stop, and the cycle takes the profit in its place") {
  World world;
  world.faults.on(VenueVerb::protect, Mishap::refused_unsupported, {.from = 1, .times = 1});
  world.run({world.buy("ETH_USDT", "3350.5")});
  REQUIRE(world.open_orders("ETH_USDT").size() == 1);
  world.clock.advance(60s);
  world.set_price("ETH_USDT", "3690");
  CHECK(world.run().exits == 1);
  CHECK(world.open_orders("ETH_USDT").empty());
}

TEST_CASE("a stop that ended without us is replaced, told, and its spell is timed from the last sight of it") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  world.run();
  end_resting_orders(world, "ETH_USDT");
  world.clock.advance(60s);
  const RunReport report = world.run();
  CHECK(world.said("SLTP_LOST symbol=ETH_USDT"));
  CHECK(world.was_told(NoticeType::sltp_lost));
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  REQUIRE(report.unprotected.size() == 1);
  CHECK(report.unprotected.front() >= 60s);
}

TEST_CASE("a lost stop that cannot be replaced is sold by the second run, and its seconds are counted") {
  World world;
  world.settings.plan.flatten_unprotected = true;
  world.settings.plan.flatten_after = 3s;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  world.run();
  end_resting_orders(world, "ETH_USDT");
  world.faults.on(VenueVerb::protect, Mishap::refused_unsupported, {.from = 1, .times = 0});
  world.clock.advance(60s);
  world.run();
  world.clock.advance(60s);
  world.run();
  CHECK(sold(world, "ETH_USDT").is_positive());
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  CHECK_FALSE(world.times_said("UNPROTECTED symbol=ETH_USDT order_id=100001 seconds=0") > 0);
}

TEST_CASE("a rule that the exchange changed is read anew when a stop is refused") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  end_resting_orders(world, "ETH_USDT");
  InstrumentRules rules = built_in_rules(symbol("ETH_USDT"), price("3350.5"), decimal("0.001"), world.clock.now());
  rules.tick = price("0.1");
  world.paper.rules.insert_or_assign(rules.symbol, rules);
  world.clock.advance(60s);
  world.run();
  CHECK(world.said("RULES_CHANGED symbol=ETH_USDT"));
  CHECK(world.what_is_wrong("ETH_USDT") == "");
}

TEST_CASE("an entry of which too much could never be sold is denied before it is sent") {
  World world;
  Signal signal = world.buy("BTC_USDT", "100000");
  signal.notional = Money{decimal("15")};
  world.run({signal});
  CHECK(world.said("strands: "));
  CHECK(world.entries_of("BTC_USDT") == 0);
}

TEST_CASE("what stays behind of a trade stands in its closing line and message") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  world.run({world.sell("ETH_USDT")});
  CHECK(world.said("TRADE_CLOSED symbol=ETH_USDT"));
  const auto closing = std::find_if(world.last_log.begin(), world.last_log.end(), [](const auto& line) {
    return line.find("TRADE_CLOSED") != std::string::npos;
  });
  REQUIRE(closing != world.last_log.end());
  CHECK_THAT(*closing, Catch::Contains(" left=0.00000"));
}
