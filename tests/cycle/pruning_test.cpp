// A store that is years old: what is over goes, a little at the end of each run, and what newer signals are
// compared with stays.
#include <catch2/catch.hpp>

#include <optional>
#include <stdexcept>

#include "forwarding.hpp"
#include "world.hpp"

using namespace tradeguard;
using namespace tradeguard::cycle_test;

namespace {

template <class T>
T value_of(Result<T> result) {
  if (!result) FAIL(result.error().what);
  return std::move(*result);
}

// In the words of the store, from outside of any run.
struct Look {
  std::unique_ptr<contract::Session> session;
  explicit Look(World& world) : session{world.store->open(world.account)} {}
  std::vector<Trade> trades() { return value_of(session->journal().trades({})).trades; }
  std::size_t decisions(const Signal& signal) {
    return value_of(session->journal().decisions(signal_key(signal))).size();
  }
};

// Every piece takes longer than a run may spend on pruning.
class SlowPruning final : public ForwardingJournal {
 public:
  SlowPruning(OrderJournal& inner, ManualClock& clock) : ForwardingJournal{inner}, clock_{clock} {}
  Result<std::size_t> prune_piece(Instant before, Instant now, std::size_t at_most) override {
    ++pieces;
    clock_.advance(25ms);
    return ForwardingJournal::prune_piece(before, now, at_most);
  }
  int pieces = 0;

 private:
  ManualClock& clock_;
};

class FailingPruning final : public ForwardingJournal {
 public:
  using ForwardingJournal::ForwardingJournal;
  bool throws = false;
  Result<std::size_t> prune_piece(Instant, Instant, std::size_t) override {
    if (throws) throw std::runtime_error{"the index is broken"};
    return failed(Fault::data, "the index is broken");
  }
};

}  // namespace

TEST_CASE(
    "what a run did is pruned by the runs of three months later: the legs, not the trade, its key, nor what was said") {
  const auto stores = contract::store_backends();
  const auto kind = GENERATE_COPY(range(std::size_t{0}, stores.size()));
  INFO(stores[kind].name);
  World world{stores[kind].fresh()};
  world.settings.policy.max_age = 24h * 1000;  // age is not what keeps old signals out
  const Signal bought = world.buy("ETH_USDT", "3350.5");
  const Signal kept = world.buy("BTC_USDT", "95000");
  world.run({bought, kept});
  const Signal cooled = world.buy("ETH_USDT", "3350.5");
  Signal denied = cooled;
  denied.time += 60s;
  world.clock.advance(60s);
  world.run({denied});
  REQUIRE(world.said("cooldown_blocked symbol=ETH_USDT"));
  world.clock.advance(60s);
  world.set_price("ETH_USDT", "3200");
  world.run();
  REQUIRE(world.said("TRADE_CLOSED symbol=ETH_USDT"));
  REQUIRE(Look{world}.trades().size() == 2);
  const std::size_t legs_before = Look{world}.trades()[0].legs.size();
  CHECK(legs_before == 2);

  // A day before its time nothing goes; the messages were told, so nobody waits for anything.
  world.clock.advance(24h * 89);
  world.run();
  CHECK_FALSE(world.said("PRUNED"));
  world.clock.advance(24h * 2);
  world.run();
  CHECK(world.said("PRUNED rows="));
  CHECK(world.said(" keep=7776000s"));
  world.clock.advance(60s);
  world.run();
  CHECK_FALSE(world.said("PRUNED"));

  Look look{world};
  const std::vector<Trade> trades = look.trades();
  REQUIRE(trades.size() == 2);
  const Trade& closed = trades[0].entry().symbol == symbol("ETH_USDT") ? trades[0] : trades[1];
  const Trade& open = trades[0].entry().symbol == symbol("ETH_USDT") ? trades[1] : trades[0];
  REQUIRE(closed.legs.size() == 1);
  CHECK(closed.legs[0].leg == Leg::stop);
  CHECK(closed.legs[0].filled.is_positive());
  CHECK(open.legs.size() == 2);
  CHECK(world.what_is_wrong("BTC_USDT") == "");
  CHECK(look.decisions(bought) == 0);

  // Old signals are still what they were: bought, and denied for good.
  const int entries = world.entries_of("ETH_USDT");
  world.clock.advance(60s);
  world.run({bought, denied});
  CHECK(world.times_said("idempotency_blocked") >= 2);
  CHECK(world.said("decided=cooldown"));
  CHECK(world.entries_of("ETH_USDT") == entries);
}

TEST_CASE("a message that was not delivered is never pruned, nor is a CRITICAL that stands") {
  World world;
  world.faults.on(VenueVerb::protect, Mishap::refused_balance, {.from = 1, .times = 0});
  world.told.answer_with([](const Notice&) { return Delivery{TryLater{60s, "no way"}}; });
  world.run({world.buy("ETH_USDT", "3350.5")});
  const auto waiting = [&] { return value_of(Look{world}.session->journal().waiting_notices()); };
  const auto before = waiting();
  REQUIRE(before > 0);
  const auto session = world.store->open(world.account);
  const Instant later = world.clock.now() + 24h * 365;
  value_of(session->journal().prune(later, later));
  CHECK(waiting() == before);
  CHECK(value_of(session->journal().open_book(later)).alarms.size() == 1);
  CHECK(value_of(session->journal().open_book(later)).trades.size() == 1);
}

TEST_CASE("a run spends 20 ms on pruning, and the next one goes on") {
  World world;
  std::vector<Signal> signals;
  constexpr int many = 500;
  world.settings.policy.max_open_positions = 1;
  for (int i = 0; i < many; ++i) {
    signals.push_back(world.buy("ETH_USDT", "3350.5"));
    signals.back().id = "signal-" + std::to_string(i);
  }
  world.run(signals);
  world.clock.advance(24h * 91);
  std::optional<SlowPruning> journal;
  world.wrap = [&](World::Wrapped& ports) { ports.journal = &journal.emplace(*ports.journal, world.clock); };
  world.run();
  CHECK(journal->pieces == 1);
  CHECK(world.said("PRUNED rows="));
  int runs = 1;
  for (; runs < 20; ++runs) {
    world.clock.advance(60s);
    world.run();
    CHECK(journal->pieces == 1);
    if (!world.said("PRUNED")) break;
  }
  CHECK(runs > 2);
  CHECK(runs < 20);
  CHECK(Look{world}.decisions(signals.back()) == 0);
}

TEST_CASE("pruning that fails or throws is a line, and the run has done all else") {
  World world;
  FailingPruning* journal = nullptr;
  std::optional<FailingPruning> failing;
  const bool throws = GENERATE(true, false);
  world.wrap = [&](World::Wrapped& ports) {
    journal = &failing.emplace(*ports.journal);
    journal->throws = throws;
    ports.journal = journal;
  };
  const RunReport report = world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(report.verdict == RunVerdict::ok);
  CHECK(world.said("PRUNE_FAILED error=\"the index is broken\""));
  CHECK(world.said("RUN_END"));
  CHECK(world.what_is_wrong("ETH_USDT") == "");
}

TEST_CASE("a run whose clock is known to be wrong prunes nothing") {
  World world;
  world.settings.max_clock_offset = 1s;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  world.set_price("ETH_USDT", "3200");
  world.run();
  REQUIRE(world.said("TRADE_CLOSED"));
  world.clock.advance(24h * 91);
  class Elsewhere final : public ForwardingVenue {
   public:
    Elsewhere(World::Wrapped& ports, Instant now) : ForwardingVenue{*ports.placer, *ports.protector}, now_{now} {}
    Result<Instant> venue_time() override { return now_; }

   private:
    Instant now_;
  };
  std::optional<Elsewhere> venue;
  world.wrap = [&](World::Wrapped& ports) {
    venue.emplace(ports, world.clock.now() - 24h * 90);
    ports.placer = &*venue;
    ports.protector = &*venue;
  };
  world.run({world.buy("BTC_USDT", "95000")});
  CHECK_FALSE(world.said("PRUNED"));
  world.wrap = nullptr;
  world.clock.advance(60s);
  world.run();
  CHECK(world.said("PRUNED"));
}
