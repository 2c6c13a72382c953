// A venue that asks for silence: it is kept over runs, said with its status and its end, and ends.
#include <catch2/catch.hpp>

#include "forwarding.hpp"
#include "world.hpp"

using namespace tradeguard;
using namespace tradeguard::cycle_test;

namespace {

// In front of the paper venue, with a memory of one process: refuses all while it is to be left alone.
class Guarded final : public ForwardingVenue {
 public:
  Guarded(OrderPlacer& placer, SltpPlacer& protector, World& world, int& asked)
      : ForwardingVenue{placer, protector}, world_{world}, asked_{asked} {}
  std::optional<Quiet> quiet() const override {
    return quiet_ && world_.clock.now() < quiet_->until ? quiet_ : std::nullopt;
  }
  void keep_quiet(const Quiet& quiet) override { quiet_ = quiet; }
  Result<Instant> venue_time() override {
    if (const auto asked_for = quiet())
      return failed(Fault::unreachable, "the exchange answered HTTP " + asked_for->status);
    asked_ += 1;
    if (world_.clock.now() < noon + 1min) {
      quiet_ = Quiet{world_.clock.now() + 2h, "418"};
      return failed(Fault::unreachable, "banned");
    }
    return ForwardingVenue::venue_time();
  }
  Result<std::map<Symbol, InstrumentRules>> rules(const std::set<Symbol>& symbols) override {
    if (quiet()) return failed(Fault::unreachable, "the exchange answered HTTP 418");
    return ForwardingVenue::rules(symbols);
  }

 private:
  World& world_;
  int& asked_;
  std::optional<Quiet> quiet_;
};

struct Banned {
  World world;
  int asked = 0;
  std::unique_ptr<Guarded> guarded;
  Banned() {
    world.wrap = [this](World::Wrapped& ports) {
      guarded = std::make_unique<Guarded>(*ports.placer, *ports.protector, world, asked);
      ports.placer = guarded.get();
      ports.protector = guarded.get();
    };
  }
};

}  // namespace

TEST_CASE("a ban of two hours is not asked again by the runs of these two hours") {
  Banned banned;
  World& world = banned.world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(banned.asked == 1);
  CHECK(world.said("VENUE_QUIET until=2025-01-01T14:00:00.000000Z status=418"));
  for (int minute = 1; minute < 120; ++minute) {
    world.clock.advance(60s);
    world.run({world.buy("ETH_USDT", "3350.5")});
    CHECK(world.said("VENUE_QUIET until=2025-01-01T14:00:00.000000Z status=418"));
  }
  CHECK(banned.asked == 1);
  CHECK(world.entries_of("ETH_USDT") == 0);
  world.clock.advance(60s);
  world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK_FALSE(world.said("VENUE_QUIET"));
  CHECK(world.entries_of("ETH_USDT") == 1);
}

TEST_CASE("a venue that refuses the key or the country is a configuration fault, not an outage") {
  struct Refusing final : ForwardingVenue {
    using ForwardingVenue::ForwardingVenue;
    Result<Instant> venue_time() override {
      return failed(Fault::configuration, "HTTP 451: not served from this country or address");
    }
    Result<std::map<Symbol, InstrumentRules>> rules(const std::set<Symbol>&) override {
      return failed(Fault::configuration, "HTTP 451: not served from this country or address");
    }
  };
  World world;
  std::unique_ptr<Refusing> refusing;
  world.wrap = [&](World::Wrapped& ports) {
    refusing = std::make_unique<Refusing>(*ports.placer, *ports.protector);
    ports.placer = refusing.get();
  };
  const RunReport report = world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(report.verdict == RunVerdict::configuration);
  CHECK(exit_code(report.verdict) == 78);
  CHECK(world.said("VENUE_UNREADABLE what=rules error=\"HTTP 451: not served from this country"));
  CHECK(world.said("result=configuration"));
}

TEST_CASE("one throttled stop pauses the stops, and every signal of the run is entered and protected") {
  World world;
  world.paper.entries_at_a_time = 1;
  world.faults.on(VenueVerb::protect, Mishap::throttled, {.from = 1, .times = 1});
  world.run({world.buy("ETH_USDT", "3350.5"), world.buy("BTC_USDT", "95000"), world.buy("SOL_USDT", "200")});
  CHECK_FALSE(world.said("SIGNALS_DEFERRED"));
  for (const char* symbol : {"ETH_USDT", "BTC_USDT", "SOL_USDT"}) {
    CHECK(world.entries_of(symbol) == 1);
    CHECK(world.what_is_wrong(symbol) == "");
  }
}

TEST_CASE("while stops stay throttled nothing more is bought") {
  World world;
  world.paper.entries_at_a_time = 1;
  world.faults.on(VenueVerb::protect, Mishap::throttled, {.from = 1, .times = 0});
  world.run({world.buy("ETH_USDT", "3350.5"), world.buy("BTC_USDT", "95000")});
  CHECK(world.said("SIGNALS_DEFERRED count=1 reason=\"the venue throttles the stops of this run\""));
  CHECK(world.entries_of("ETH_USDT") == 1);
  CHECK(world.entries_of("BTC_USDT") == 0);
}
