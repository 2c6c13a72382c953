// What a signal asks for beside the straight road: late and early exits, repeats that differ, lines
// nobody can read.
#include <catch2/catch.hpp>
#include <functional>
#include <optional>

#include "forwarding.hpp"
#include "world.hpp"

using namespace tradeguard;
using namespace tradeguard::cycle_test;

namespace {

class GivenSignals final : public SignalSource {
 public:
  explicit GivenSignals(SignalBatch batch) : batch_{std::move(batch)} {}
  Result<SignalBatch> read() override { return batch_; }

 private:
  SignalBatch batch_;
};

// A store that cannot be reached when a claim is made.
class AbsentGuard final : public IdempotencyGuard {
 public:
  Result<std::vector<Judged>> claim(std::span<const EntryRequest>, const EntryPolicy&, Instant) override {
    return failed(Fault::unreachable, "the store went away");
  }
  Result<void> settle(const ClientOrderId&, const PlaceOutcome&, Instant) override { return {}; }
};

std::string fact_of(const Notice& notice, std::string_view name) {
  for (const auto& [key, value] : notice.facts)
    if (key == name) return value;
  return "";
}

}  // namespace

TEST_CASE("a SELL signal does not exit what was opened at its time or later, nor another market") {
  World world;
  Signal before = world.sell("ETH_USDT");
  before.time -= 1s;
  world.run({world.buy("ETH_USDT", "3350.5"), world.buy("BTC_USDT", "95000")});
  world.clock.advance(60s);
  CHECK(world.run({before}).exits == 0);
  CHECK(world.said("GUARD idempotency_passed signal_key=ETH_USDT:SELL:2025-01-01T11:59:00"));
  CHECK(world.open_orders("ETH_USDT").size() == 2);

  CHECK(world.run({world.sell("ETH_USDT")}).exits == 1);
  CHECK(world.open_orders("ETH_USDT").empty());
  CHECK(world.open_orders("BTC_USDT").size() == 2);
  CHECK(world.what_is_wrong("BTC_USDT") == "");
}

TEST_CASE(
    "a SELL signal that is too old or from the future is refused with its line, and sells "
    "nothing") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(900s);
  Signal old = world.sell("ETH_USDT");
  old.time -= world.settings.policy.exit_max_age + 1s;
  Signal early = world.sell("ETH_USDT");
  early.time += world.settings.policy.max_wait + 1s;
  const RunReport report = world.run({old, early});
  CHECK(report.verdict == RunVerdict::some_rejected);
  CHECK(report.rejected == 2);
  CHECK(report.exits == 0);
  CHECK(world.said("SIGNAL_REJECTED line=1 reason=stale symbol=ETH_USDT age_seconds=86401 limit_seconds=86400"));
  CHECK(world.said("SIGNAL_REJECTED line=2 reason=future"));
  CHECK(world.open_orders("ETH_USDT").size() == 2);
}

TEST_CASE("two SELL signals of one run sell a position once") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  Signal one = world.sell("ETH_USDT");
  one.id = "one";
  Signal other = world.sell("ETH_USDT");
  other.id = "other";
  CHECK(world.run({one, other}).exits == 1);
  const auto orders = world.venue_orders("ETH_USDT");
  CHECK(std::count_if(orders.begin(), orders.end(), [](const PaperOrder& order) {
          return order.side == Side::sell && order.filled.is_positive();
        }) == 1);
}

TEST_CASE("a repeat under the same key that asks for something else says so, and buys nothing") {
  World world;
  Signal signal = world.buy("ETH_USDT", "3350.5");
  world.run({signal});
  world.clock.advance(60s);
  signal.notional = Money{Decimal{500}};
  const RunReport again = world.run({signal});
  CHECK(again.blocked_idempotency == 1);
  CHECK(
      world.said("GUARD idempotency_blocked signal_key=ETH_USDT:BUY:2025-01-01T12:00:00 "
                 "existing_order_id=100001 "
                 "differs=1"));
  CHECK(world.entries_of("ETH_USDT") == 1);
}

TEST_CASE("lines of signals that nobody can read are refused one by one, the others carried out") {
  World world;
  Signal good = world.buy("ETH_USDT", "3350.5");
  good.line = 2;
  GivenSignals signals{{.signals = {good}, .rejected = {{1, "not_json"}, {3, "no_symbol"}}}};
  world.wrap = [&](World::Wrapped& ports) { ports.signals = &signals; };
  const RunReport report = world.run();
  CHECK(report.entries == 1);
  CHECK(report.rejected == 2);
  CHECK(report.verdict == RunVerdict::some_rejected);
  CHECK(world.said("SIGNAL_REJECTED line=1 reason=not_json"));
  CHECK(world.said("SIGNAL_REJECTED line=3 reason=no_symbol"));
}

TEST_CASE("a SELL that nobody can read is told while a trade is open that it may mean, once for each line") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5"), world.buy("BTC_USDT", "95000")});
  const RejectedLine sell{4, "side sell is refused, expected BUY or SELL", "ETH_USDT", 77};
  const auto read = [&](const RejectedLine& line) {
    GivenSignals signals{{.signals = {}, .rejected = {line}}};
    world.wrap = [&](World::Wrapped& ports) { ports.signals = &signals; };
    world.clock.advance(60s);
    return world.run();
  };
  CHECK(read(sell).verdict == RunVerdict::some_rejected);
  CHECK(world.said("EXIT_REJECTED symbol=ETH_USDT"));
  CHECK(world.times_told(NoticeType::exit_rejected) == 1);
  read(sell);
  CHECK(world.times_told(NoticeType::exit_rejected) == 1);
  read({5, "another one", "ETH_USDT", 78});
  CHECK(world.times_told(NoticeType::exit_rejected) == 2);
  // Of a market in which nothing is open it is a rejected line like any other.
  read({6, "no trade of it", "SOL_USDT", 79});
  CHECK(world.times_told(NoticeType::exit_rejected) == 2);
  // One that names no market may mean any.
  read({7, "not to be read", "", 80});
  CHECK(world.times_told(NoticeType::exit_rejected) == 4);
  CHECK(world.open_orders("ETH_USDT").size() == 2);
}

TEST_CASE("signals of nothing but rejected lines are told, once a day for the same first line") {
  World world;
  const auto read = [&](SignalBatch batch) {
    GivenSignals signals{std::move(batch)};
    world.wrap = [&](World::Wrapped& ports) { ports.signals = &signals; };
    world.clock.advance(60s);
    return world.run().rejected;
  };
  const RejectedLine bad{1, "is not JSON", std::nullopt, 5};
  CHECK(read({.signals = {}, .rejected = {bad, bad}}) == 2);
  CHECK(world.times_told(NoticeType::signals_rejected) == 1);
  read({.signals = {}, .rejected = {bad}});
  CHECK(world.times_told(NoticeType::signals_rejected) == 1);
  world.clock.advance(24h);
  read({.signals = {}, .rejected = {bad}});
  CHECK(world.times_told(NoticeType::signals_rejected) == 2);
  // A pipe that was left has no bad line, and a file with one good line has a strategy that is heard.
  read({.signals = {}, .rejected = {{.line = 1, .reason = "still open", .content = 6, .source = true}}});
  read({.signals = {world.buy("ETH_USDT", "3350.5")}, .rejected = {{2, "is not JSON", {}, 7}}});
  CHECK(world.times_told(NoticeType::signals_rejected) == 2);
}

TEST_CASE("what a source left out is said: stale lines by the way, rejected ones as a warning that counts") {
  World world;
  GivenSignals signals{{.signals = {},
                        .rejected = {},
                        .left_out = {{LeftOut::Why::stale, 900, 1, 1000}, {LeftOut::Why::rejected, 3, 5, 70}}}};
  world.wrap = [&](World::Wrapped& ports) { ports.signals = &signals; };
  const RunReport report = world.run();
  CHECK(report.rejected == 3);
  CHECK(world.said("SIGNALS_LEFT_OUT count=900 reason=stale first_line=1 last_line=1000"));
  CHECK(world.said("SIGNALS_LEFT_OUT count=3 reason=rejected first_line=5 last_line=70"));
}

namespace {

// A store in which each claim takes its time.
class SlowGuard final : public IdempotencyGuard {
 public:
  SlowGuard(IdempotencyGuard& inner, std::function<void()> each) : inner_{inner}, each_{std::move(each)} {}
  Result<std::vector<Judged>> claim(std::span<const EntryRequest> entries, const EntryPolicy& policy,
                                    Instant now) override {
    each_();
    return inner_.claim(entries, policy, now);
  }
  Result<void> settle(const ClientOrderId& id, const PlaceOutcome& outcome, Instant now) override {
    return inner_.settle(id, outcome, now);
  }

 private:
  IdempotencyGuard& inner_;
  std::function<void()> each_;
};

}  // namespace

TEST_CASE("a fresh BUY does not wait for what is stale or known, however much that is") {
  World world;
  world.paper.entries_at_a_time = 1;
  const Signal known = world.buy("BTC_USDT", "95000");
  world.run({known});
  world.clock.advance(60s);
  std::vector<Signal> signals{known};
  for (int i = 0; i < 3000; ++i) {
    Signal stale = world.buy("SOL_USDT", "190");
    stale.time -= 1h;
    stale.id = "old" + std::to_string(i);
    signals.push_back(stale);
  }
  signals.push_back(world.buy("ETH_USDT", "3350.5"));
  std::optional<SlowGuard> guard;
  world.wrap = [&](World::Wrapped& ports) {
    guard.emplace(*ports.guard, [&] { world.clock.advance(2s); });
    ports.guard = &*guard;
  };
  CHECK(world.run(signals).entries == 1);
  CHECK(world.entries_of("ETH_USDT") == 1);
  CHECK(world.entries_of("SOL_USDT") == 0);
}

TEST_CASE("asked to end between two groups of entries: what is left is said once, and the next run takes it") {
  World world;
  world.paper.entries_at_a_time = 1;
  const std::vector<Signal> signals{world.buy("ETH_USDT", "3350.5"), world.buy("BTC_USDT", "95000"),
                                    world.buy("SOL_USDT", "190.25")};
  std::optional<SlowGuard> guard;
  world.wrap = [&](World::Wrapped& ports) {
    guard.emplace(*ports.guard, [&] { world.stop = world.entries_of("ETH_USDT") == 1; });
    ports.guard = &*guard;
  };
  world.run(signals);
  CHECK(world.entries_of("ETH_USDT") == 1);
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  CHECK(world.said("SIGNALS_DEFERRED count=1 reason=stopping"));
  world.wrap = nullptr;
  world.stop = false;
  CHECK(world.run(signals).entries == 1);
  CHECK(world.entries_of("SOL_USDT") == 1);
}

TEST_CASE("a SELL of a part sells the trade whole, and says so once") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  Signal part = world.sell("ETH_USDT");
  part.quantity = Quantity{decimal("0.001")};
  CHECK(world.run({part}).exits == 1);
  CHECK(world.said("EXIT_WHOLE symbol=ETH_USDT"));
  CHECK(world.open_orders("ETH_USDT").empty());
  world.clock.advance(60s);
  world.run({part});
  CHECK_FALSE(world.said("EXIT_WHOLE"));
}

TEST_CASE("a signal without a price is bought at the market's, and its strategy is told") {
  World world;
  world.set_price("ETH_USDT", "2000");
  Signal signal = world.buy("ETH_USDT", "1");
  signal.price.reset();
  signal.strategy = "breakout";
  CHECK(world.run({signal}).entries == 1);
  const auto orders = world.venue_orders("ETH_USDT");
  const auto entry =
      std::find_if(orders.begin(), orders.end(), [](const PaperOrder& order) { return order.side == Side::buy; });
  REQUIRE(entry != orders.end());
  CHECK(entry->quantity.text() == "0.025");
  const auto told = world.told.told();
  REQUIRE_FALSE(told.empty());
  CHECK(fact_of(told.front(), "strategy") == "breakout");
  CHECK(fact_of(told.front(), "signal price") == "");
}

TEST_CASE("a store that goes away while claiming sends nothing, and protects what is open") {
  World world;
  world.faults.on(VenueVerb::protect, Mishap::refused_balance, {.from = 1, .times = 0});
  world.run({world.buy("ETH_USDT", "3350.5")});
  REQUIRE(world.what_is_wrong("ETH_USDT") != "");
  world.faults.clear();
  world.clock.advance(60s);
  AbsentGuard guard;
  world.wrap = [&](World::Wrapped& ports) { ports.guard = &guard; };
  const RunReport report = world.run({world.buy("BTC_USDT", "95000")});
  CHECK(report.entries == 0);
  CHECK(world.entries_of("BTC_USDT") == 0);
  CHECK(report.verdict == RunVerdict::critical_stands);
  CHECK(world.was_told(NoticeType::store_lost));
  CHECK(world.what_is_wrong("ETH_USDT") == "");
}
