// What a run asks of a venue, and what it does not: each question is a far answer to wait for.
#include <catch2/catch.hpp>

#include <algorithm>

#include "forwarding.hpp"
#include "world.hpp"

using namespace tradeguard;
using cycle_test::ForwardingVenue;
using cycle_test::World;

namespace {

// Counts calls by name, and passes for a venue behind a network.
class Counting final : public ForwardingVenue {
 public:
  Counting(World::Wrapped& ports, std::vector<std::string>& calls, std::size_t entries_a_run)
      : ForwardingVenue{*ports.placer, *ports.protector}, calls_{calls}, traits_{ForwardingVenue::traits()} {
    traits_.network = true;
    traits_.entries_a_run = entries_a_run;
  }
  const VenueTraits& traits() const override { return traits_; }
  std::vector<Result<Lookup>> find(std::span<const OrderQuery> queries) override {
    calls_.push_back("find");
    return ForwardingVenue::find(queries);
  }
  std::vector<PlaceOutcome> place(std::span<const EntryTicket> tickets) override {
    calls_.push_back("place " + std::to_string(tickets.size()));
    return ForwardingVenue::place(tickets);
  }
  std::vector<LegOutcome> protect(std::span<const LegRequest> requests) override {
    calls_.push_back("protect " + std::to_string(requests.size()));
    return ForwardingVenue::protect(requests);
  }
  Result<std::map<Symbol, InstrumentRules>> rules(const std::set<Symbol>& symbols) override {
    calls_.push_back("rules");
    return ForwardingVenue::rules(symbols);
  }
  Market market(const std::set<Symbol>& symbols) override {
    calls_.push_back("market");
    return ForwardingVenue::market(symbols);
  }

 private:
  std::vector<std::string>& calls_;
  VenueTraits traits_;
};

struct Counted : World {
  std::vector<std::string> calls;
  std::size_t entries_a_run = 1000;
  std::unique_ptr<Counting> venue;

  Counted() {
    paper.asynchronous = true;
    wrap = [this](Wrapped& ports) {
      venue = std::make_unique<Counting>(ports, calls, entries_a_run);
      ports.placer = venue.get();
      ports.protector = venue.get();
    };
    // A new store enters nothing from before its first run.
    run({});
    clock.advance(60s);
    calls.clear();
  }
};

using Calls = std::vector<std::string>;

}  // namespace

TEST_CASE("from signal to sighted stop is a chain of five questions, with rules remembered") {
  Counted world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  // The last look is for legs that are rejected after they were shown.
  CHECK(world.calls == Calls{"rules", "market", "place 1", "find", "protect 1", "find", "find"});
  CHECK(world.what_is_wrong("ETH_USDT") == "");

  world.clock.advance(301s);
  world.calls.clear();
  world.run({world.buy("BTC_USDT", "95000")});
  world.clock.advance(301s);
  world.calls.clear();
  world.run({world.buy("BTC_USDT", "95000")});
  // The trades of earlier runs are looked at first, with prices and balances.
  CHECK(world.calls == Calls{"find", "market", "market", "place 1", "find", "protect 1", "find", "find"});
}

TEST_CASE("rules are asked again when they are too old") {
  Counted world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(world.settings.rules_max_age + 1s);
  world.calls.clear();
  world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(std::count(world.calls.begin(), world.calls.end(), "rules") == 1);
}

TEST_CASE("what cooldown or idempotency block asks the venue nothing") {
  Counted world;
  const Signal first = world.buy("ETH_USDT", "3350.5");
  world.run({first});
  // The trade's own orders are asked for at the start of every run; the signals add nothing to that.
  world.clock.advance(60s);
  world.calls.clear();
  world.run({});
  const Calls idle = world.calls;
  world.clock.advance(60s);
  world.calls.clear();
  const RunReport report = world.run({first, world.buy("ETH_USD", "3350.5")});
  CHECK(world.calls == idle);
  CHECK(report.blocked_idempotency == 1);
  CHECK(report.blocked_cooldown == 2);
  CHECK(world.said("GUARD cooldown_blocked symbol=ETH_USD"));
  CHECK(world.said("GUARD idempotency_blocked"));
  CHECK_FALSE(world.said("ENTRY_DENIED"));
}

TEST_CASE("entries beyond what may be sent at a time wait until the former are protected") {
  Counted world;
  world.paper.entries_at_a_time = 2;
  const auto report =
      world.run({world.buy("ETH_USDT", "3350.5"), world.buy("BTC_USDT", "95000"), world.buy("SOL_USDT", "200")});
  CHECK(report.entries == 3);
  CHECK(world.calls ==
        Calls{"rules", "market", "place 2", "find", "protect 2", "place 1", "find", "protect 1", "find", "find"});
  for (const char* symbol : {"ETH_USDT", "BTC_USDT", "SOL_USDT"}) CHECK(world.what_is_wrong(symbol) == "");
}

TEST_CASE("entries beyond what may be sent in a run are put off unclaimed, and the next run takes them") {
  Counted world;
  world.entries_a_run = 2;
  const std::vector<Signal> signals{world.buy("ETH_USDT", "3350.5"), world.buy("BTC_USDT", "95000"),
                                    world.buy("SOL_USDT", "200")};
  world.paper.entries_at_a_time = 2;
  CHECK(world.run(signals).entries == 2);
  CHECK(world.said("SIGNALS_DEFERRED count=1"));
  CHECK_FALSE(world.said("SOL_USDT"));
  world.clock.advance(60s);
  CHECK(world.run(signals).entries == 1);
  CHECK(world.what_is_wrong("SOL_USDT") == "");
}

TEST_CASE("entries of one run share the balance it began with") {
  World world;
  world.paper.entries_at_a_time = 1;
  world.paper.quote_balance = Decimal{80};
  const auto report = world.run({world.buy("ETH_USDT", "3350.5"), world.buy("BTC_USDT", "95000")});
  CHECK(report.entries == 1);
  CHECK(world.said("reason=balance"));
}

TEST_CASE("RUN_END tells the least, the middle and the longest time without a stop") {
  World world;
  world.run({});
  CHECK(world.log.back().find("unprotected_min_ms=- unprotected_median_ms=- unprotected_max_ms=- ") !=
        std::string::npos);
  world.paper.asynchronous = true;
  world.paper.visible_after = 300ms;
  world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(world.log.back().find("unprotected_min_ms=- ") == std::string::npos);
  CHECK(world.log.back().find("unprotected_min_ms=0 ") == std::string::npos);
}

TEST_CASE("an entry that ended half filled is asked again: the exchange may fill the rest after all") {
  World world;
  world.faults.on(VenueVerb::place, Mishap::part_then_cancelled);
  world.run({world.buy("ETH_USDT", "3350.5")});
  const auto entry_at_the_exchange = [&]() -> PaperOrder {
    for (const PaperOrder& order : world.venue_orders("ETH_USDT"))
      if (order.side == Side::buy) return order;
    FAIL("there is no entry");
    throw 0;
  };
  const PaperOrder half = entry_at_the_exchange();
  REQUIRE(half.filled < half.quantity);
  REQUIRE(world.what_is_wrong("ETH_USDT") == "");

  // Its record is corrected: all of it was filled.
  PaperWanted wanted;
  wanted.created_since = Instant{};
  REQUIRE(world.book.open(wanted).has_value());
  PaperOrder& whole = world.book.state().orders.at(half.number);
  whole.status = VenueStatus::filled;
  whole.filled = whole.quantity;
  whole.filled_value = cost(cycle_test::price("3350.5"), whole.quantity, Rounding::half_even);
  whole.fee_base = {};
  world.book.state().balances["ETH"] += (whole.quantity - half.filled).value + half.fee_base.value;
  REQUIRE(world.book.close({}).has_value());

  world.clock.advance(60s);
  world.run();
  CHECK(world.said("ORDER_FILLED side=BUY symbol=ETH_USDT"));
  CHECK(world.what_is_wrong("ETH_USDT") == "");
}

TEST_CASE("an open trade that cannot be read is said once a run") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  world.faults.on(VenueVerb::find, Mishap::read_fails, {.from = 1, .times = 0});
  world.run();
  CHECK(std::count_if(world.last_log.begin(), world.last_log.end(),
                      [](const std::string& line) { return line.starts_with("UNVERIFIED "); }) == 1);
}
