// What a SELL ends, what it supersedes, and that it never ends in silence.
#include <catch2/catch.hpp>

#include "forwarding.hpp"
#include "world.hpp"

using namespace tradeguard;
using namespace tradeguard::cycle_test;

namespace {

Signal at(Signal signal, Micros after_noon) {
  signal.time = noon + after_noon;
  return signal;
}

}  // namespace

TEST_CASE("a SELL ends a trade whose signal is older, however late its entry was sent") {
  World world;
  world.clock.advance(102s);
  world.run({at(world.buy("ETH_USDT", "3350.5"), 0s)});  // spoken at 12:00:00, sent at 12:01:42
  REQUIRE(world.entries_of("ETH_USDT") == 1);
  world.clock.advance(30s);
  CHECK(world.run({at(world.sell("ETH_USDT"), 60s)}).exits == 1);
  CHECK(world.open_orders("ETH_USDT").empty());
}

TEST_CASE("of a BUY and a later SELL in one file nothing is bought") {
  World world;
  world.clock.advance(50s);
  const RunReport report = world.run({at(world.buy("ETH_USDT", "3350.5"), 5s), at(world.sell("ETH_USDT"), 40s)});
  CHECK(world.entries_of("ETH_USDT") == 0);
  CHECK(report.denied == 1);
  CHECK(world.said("reason=superseded"));
  CHECK(world.said("EXIT_NOTHING_HELD symbol=ETH_USDT"));

  // The other way round the BUY is the newest word.
  World other;
  other.clock.advance(50s);
  other.run({at(other.buy("ETH_USDT", "3350.5"), 40s), at(other.sell("ETH_USDT"), 5s)});
  CHECK(other.entries_of("ETH_USDT") == 1);
}

TEST_CASE("a BUY and a SELL of one moment are ordered by their lines") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5"), world.sell("ETH_USDT")});
  CHECK(world.entries_of("ETH_USDT") == 0);

  World other;
  other.run({other.sell("ETH_USDT"), other.buy("ETH_USDT", "3350.5")});
  CHECK(other.entries_of("ETH_USDT") == 1);
  CHECK(other.what_is_wrong("ETH_USDT") == "");
}

TEST_CASE("a SELL that comes in a later run than the BUY of its moment sells") {
  World world;
  const Signal sell = world.sell("ETH_USDT");
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  CHECK(world.run({sell}).exits == 1);
}

TEST_CASE("a BUY that the cooldown denied is not bought when the cooldown is over") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(90s);
  const Signal denied = world.buy("ETH_USDT", "3350.5");
  world.run({denied});
  CHECK(world.said("GUARD cooldown_blocked symbol=ETH_USDT"));
  CHECK(world.said("GUARD idempotency_passed signal_key=ETH_USDT:BUY:2025-01-01T12:01:00"));

  world.clock.advance(215s);  // the cooldown is over, the signal is still young
  world.run({denied});
  CHECK(world.said("GUARD cooldown_passed symbol=ETH_USDT"));
  CHECK(
      world.said("GUARD idempotency_blocked signal_key=ETH_USDT:BUY:2025-01-01T12:01:00 "
                 "existing_order_id=- decided=cooldown"));
  CHECK(world.entries_of("ETH_USDT") == 1);
}

TEST_CASE("an obstacle decides nothing: the signal is taken while it is young") {
  World world;
  const Signal signal = world.buy("ETH_USDT", "3350.5");
  world.stop = true;  // asked to end before it could enter
  world.run({signal});
  CHECK(world.said("reason=stopping"));
  CHECK(world.entries_of("ETH_USDT") == 0);
  world.stop = false;
  world.clock.advance(60s);
  CHECK(world.run({signal}).entries == 1);
}

TEST_CASE("a BUY older than the newest SELL is superseded in a later run too") {
  World world;
  world.settings.policy.cooldown = {.cooldown = 0s, .after_stop = 0s};
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(90s);
  const Signal queued = world.buy("ETH_USDT", "3350.5");
  world.clock.advance(90s);
  world.run({world.sell("ETH_USDT")});
  world.clock.advance(60s);
  world.run({queued});
  CHECK(world.entries_of("ETH_USDT") == 1);
  CHECK(world.said("reason=superseded"));
}

TEST_CASE("a BUY older than a stop-out is superseded, with two seconds of grace") {
  World world;
  world.settings.policy.cooldown = {.cooldown = 0s, .after_stop = 0s};
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  const Signal older = world.buy("ETH_USDT", "3350.5");
  world.clock.advance(60s);
  world.set_price("ETH_USDT", "3000");
  world.run();  // the stop is seen to have sold
  REQUIRE(world.open_orders("ETH_USDT").empty());
  world.run({older});
  CHECK(world.said("reason=superseded"));
  CHECK(world.entries_of("ETH_USDT") == 1);
  world.clock.advance(60s);
  CHECK(world.run({world.buy("ETH_USDT", "3000")}).entries == 1);
}

TEST_CASE("two SELLs of one minute are two words, and the second is not lost") {
  World world;
  world.run({world.sell("ETH_USDT")});
  CHECK(world.said("EXIT_NOTHING_HELD"));
  world.clock.advance(10s);
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(30s);
  CHECK(world.run({world.sell("ETH_USDT")}).exits == 1);
  CHECK(world.said("GUARD idempotency_passed signal_key=ETH_USDT:SELL:2025-01-01T12:00:00"));
}

TEST_CASE("a SELL that found nothing says so once, and its repeat says what was decided") {
  World world;
  const Signal sell = world.sell("ETH_USDT");
  const RunReport report = world.run({sell});
  CHECK(report.verdict == RunVerdict::ok);
  CHECK(world.told.told().empty());
  world.clock.advance(60s);
  world.run({sell});
  CHECK(world.said("existing_order_id=- decided=nothing_held"));
  CHECK_FALSE(world.said("EXIT_NOTHING_HELD"));
}

TEST_CASE("a SELL is believed for a day: a host that was down for minutes sells all the same") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  const Signal sell = world.sell("ETH_USDT");
  world.clock.advance(3h);
  CHECK(world.run({sell}).exits == 1);
}

TEST_CASE("a SELL that is too old to be believed is told where there is something to sell") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  const Signal sell = world.sell("ETH_USDT");
  world.clock.advance(25h);
  const RunReport report = world.run({sell});
  CHECK(report.exits == 0);
  CHECK(world.said("SIGNAL_REJECTED line=1 reason=stale"));
  CHECK(world.times_told(NoticeType::exit_expired) == 1);
  world.clock.advance(60s);
  world.run({sell});
  CHECK(world.times_told(NoticeType::exit_expired) == 1);
}

TEST_CASE("of two SELLs in one file the fresh one sells, though the first is too old") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  const Signal old = at(world.sell("ETH_USDT"), 1s);
  world.clock.advance(25h);
  const Signal fresh = world.sell("ETH_USDT");
  CHECK(world.run({old, fresh}).exits == 1);
  CHECK(world.open_orders("ETH_USDT").empty());
}

TEST_CASE("a SELL that stands twice in one file sells, beside one that is not due yet too") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  const Signal word = world.sell("ETH_USDT");
  CHECK(world.run({word, word, at(word, 100s)}).exits == 1);
  CHECK(world.open_orders("ETH_USDT").empty());
}

TEST_CASE("no SELL is too old by a clock that the exchange's time proves wrong") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  const Signal sell = world.sell("ETH_USDT");
  constexpr Micros a_month = 24h * 30;
  world.clock.advance(a_month);
  world.paper.offset = -a_month;  // it is a month too late on this machine only
  CHECK(world.run({sell}).exits == 1);
  CHECK(world.open_orders("ETH_USDT").empty());
  CHECK(world.times_told(NoticeType::exit_expired) == 0);
}

TEST_CASE("a SELL that came while the clock was wrong is heard, though nothing is held") {
  World world;
  world.run();
  world.clock.advance(60s);
  const Signal sell = world.sell("ETH_USDT");
  constexpr Micros a_month = 24h * 30;
  world.clock.advance(a_month);
  world.paper.offset = -a_month;
  world.run({sell});
  CHECK(world.said("EXIT_NOTHING_HELD symbol=ETH_USDT"));
  CHECK_FALSE(world.said("reason=stale"));
}

// The story of simulation seed 189714.
TEST_CASE("a SELL that becomes due while its batch is worked on overtakes the BUY before it") {
  struct Slow final : ForwardingVenue {
    Slow(World::Wrapped& ports, World& world) : ForwardingVenue{*ports.placer, *ports.protector}, world_{world} {}
    Result<std::map<Symbol, Quote>> quotes(const std::set<Symbol>& symbols) override {
      world_.clock.advance(8s);
      return ForwardingVenue::quotes(symbols);
    }
    World& world_;
  };
  World world;
  std::optional<Slow> venue;
  world.wrap = [&](World::Wrapped& ports) {
    venue.emplace(ports, world);
    ports.placer = &*venue;
    ports.protector = &*venue;
  };
  const Signal buy = world.buy("ETH_USDT", "3350.5");
  Signal sell = world.sell("ETH_USDT");
  sell.time += 6s;
  CHECK(world.run({buy, sell}).entries == 0);
  CHECK(world.said("SIGNAL_WAITS"));
  CHECK(world.said("reason=superseded"));
  CHECK(world.entries_of("ETH_USDT") == 0);
}

// The story of simulation seed 149391.
TEST_CASE("no SELL is too old by a clock that cannot be compared with the exchange's") {
  struct Timeless final : ForwardingVenue {
    using ForwardingVenue::ForwardingVenue;
    Result<Instant> venue_time() override { return failed(Fault::unreachable, "no answer"); }
  };
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  const Signal sell = world.sell("ETH_USDT");
  constexpr Micros a_month = 24h * 30;
  world.clock.advance(a_month);
  world.paper.offset = -a_month;
  std::optional<Timeless> venue;
  world.wrap = [&](World::Wrapped& ports) {
    venue.emplace(*ports.placer, *ports.protector);
    ports.placer = &*venue;
    ports.protector = &*venue;
  };
  world.run({sell});
  CHECK(world.said("EXIT_DEFERRED symbol=ETH_USDT"));
  CHECK(world.said("reason=clock_unreadable"));
  CHECK_FALSE(world.said("reason=stale"));
  world.wrap = nullptr;
  world.clock.advance(60s);
  CHECK(world.run({sell}).exits == 1);
  CHECK(world.open_orders("ETH_USDT").empty());
}

TEST_CASE("a wish to sell that could not be carried out in its time is a WARNING") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  world.faults.on(VenueVerb::flatten, Mishap::refused_unsupported, {.from = 1, .times = 0});
  const Signal sell = world.sell("ETH_USDT");
  world.run({sell});
  CHECK(world.what_is_wrong("ETH_USDT") == "");  // refused, and protected again
  CHECK(world.times_told(NoticeType::exit_expired) == 0);
  world.clock.advance(25h);
  world.run();
  CHECK(world.said("EXIT_EXPIRED symbol=ETH_USDT"));
  CHECK(world.times_told(NoticeType::exit_expired) == 1);
  world.clock.advance(60s);
  world.run();
  CHECK(world.times_told(NoticeType::exit_expired) == 1);
}

TEST_CASE("a SELL whose sale was not sent is tried again though the policy places no stop meanwhile") {
  World world;
  world.settings.plan.flatten_on_breach = false;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  world.faults.on(VenueVerb::protect, Mishap::refused_unsupported, {.from = 1, .times = 0});
  world.faults.on(VenueVerb::flatten, Mishap::throttled, {.from = 1, .times = 0});
  const Signal sell = world.sell("ETH_USDT");
  world.run({sell});
  REQUIRE(world.open_orders("ETH_USDT").empty());  // taken back for the sale, which was throttled
  world.faults.clear();
  world.set_price("ETH_USDT", "3000");  // below the stop: what is naked is not sold by itself
  world.clock.advance(60s);
  CHECK(world.run().exits == 1);
  CHECK(world.said("TRADE_CLOSED symbol=ETH_USDT"));
}

TEST_CASE("a sale of a covered position that is refused again and again is not tried in every run") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  world.faults.on(VenueVerb::flatten, Mishap::refused_unsupported, {.from = 1, .times = 0});
  int tries = world.run({world.sell("ETH_USDT")}).exits;
  for (int minute = 0; minute < 30; ++minute) {
    world.clock.advance(60s);
    tries += world.run().exits;
    CHECK(world.what_is_wrong("ETH_USDT") == "");
  }
  CHECK(tries >= 4);
  CHECK(tries <= 6);
}

namespace {

// A venue that refuses every sale in these words, until they are taken away.
class RefusesSales final : public ForwardingVenue {
 public:
  RefusesSales(World::Wrapped& ports, const std::optional<Refused>& answer)
      : ForwardingVenue{*ports.placer, *ports.protector}, answer_{answer} {}
  std::vector<PlaceOutcome> flatten(std::span<const Order> exits) override {
    if (!answer_) return ForwardingVenue::flatten(exits);
    return {exits.size(), PlaceOutcome{*answer_}};
  }

 private:
  const std::optional<Refused>& answer_;
};

// One trade that is to be sold, and a venue that does not sell it: four tries in vain, and a pause of half an hour.
struct Unsold {
  World world;
  std::optional<Refused> answer;
  std::optional<RefusesSales> venue;

  explicit Unsold(Refused refused) : answer{std::move(refused)} {
    world.wrap = [this](World::Wrapped& ports) {
      venue.emplace(ports, answer);
      ports.placer = &*venue;
      ports.protector = &*venue;
    };
    set_tick("0.01");  // the rules of a market that is not told are made of its price, which may change
    world.run({world.buy("ETH_USDT", "3350.5")});
    world.clock.advance(60s);
    int tries = world.run({world.sell("ETH_USDT")}).exits;
    for (int minute = 0; minute < 12; ++minute) tries += next_run().exits;
    REQUIRE(tries == 4);
    REQUIRE(next_run().exits == 0);
  }
  RunReport next_run() {
    world.clock.advance(60s);
    const RunReport report = world.run();
    CHECK(world.what_is_wrong("ETH_USDT") == "");
    return report;
  }
  void set_tick(std::string_view tick) {
    InstrumentRules rules = built_in_rules(symbol("ETH_USDT"), price("3350.5"), decimal("0.001"), world.clock.now());
    rules.tick = price(tick);
    world.paper.rules.insert_or_assign(rules.symbol, rules);
  }
  void add_coins(std::string_view amount) {
    REQUIRE(world.book.open({}));
    world.book.state().balances["ETH"] += decimal(amount);
    REQUIRE(world.book.close({}));
  }
};

}  // namespace

TEST_CASE("a sale that backs off is tried at once when the exchange changed its rules") {
  Unsold story{Refused{"213", "INVALID_ORDER_QUANTITY"}};
  story.set_tick("0.1");
  CHECK(story.next_run().exits == 1);
  CHECK(story.world.times_said("RULES_CHANGED symbol=ETH_USDT") == 1);
  // The new rules were no better: three tries, and the pause begins anew.
  int tries = 0;
  for (int minute = 0; minute < 20; ++minute) tries += story.next_run().exits;
  CHECK(tries >= 2);
  CHECK(tries <= 4);
}

TEST_CASE("a sale that backs off for a balance is tried at once when the free balance changed, and no other is") {
  const bool about_balance = GENERATE(true, false);
  Unsold story{about_balance ? Refused{"306", "INSUFFICIENT_AVAILABLE_BALANCE"} : Refused{"40004", "NOT_NOW"}};
  story.add_coins("0.5");
  CHECK(story.next_run().exits == (about_balance ? 1 : 0));
}

TEST_CASE("a sale whose answer changed counts its failures anew, and an answer that was heard before is no news") {
  Unsold story{Refused{"40004", "no sale today, number 1"}};
  // Other numbers in the same words are the same answer.
  story.answer = Refused{"40004", "no sale today, number 2"};
  story.world.clock.advance(30min);
  CHECK(story.next_run().exits == 1);
  CHECK(story.next_run().exits == 0);
  story.answer = Refused{"40005", "something else"};
  story.world.clock.advance(30min);
  CHECK(story.next_run().exits == 1);
  int tries = 0;
  for (int minute = 0; minute < 4; ++minute) tries += story.next_run().exits;
  CHECK(tries == 2);
  // The first word again: it was heard, so it is one more failure and no beginning.
  story.answer = Refused{"40004", "no sale today, number 3"};
  story.world.clock.advance(30min);
  CHECK(story.next_run().exits == 1);
  CHECK(story.next_run().exits == 0);
  // And when the exchange takes it, it is sold.
  story.answer.reset();
  story.world.clock.advance(30min);
  CHECK(story.next_run().exits == 1);
  CHECK(story.world.open_orders("ETH_USDT").empty());
}

TEST_CASE("with exit_scope strategy a SELL ends the trades of its own strategy alone") {
  World world;
  world.settings.policy.exit_scope = ExitScope::strategy;
  world.settings.policy.cooldown = {.cooldown = 0s, .after_stop = 0s};
  Signal ours = world.buy("ETH_USDT", "3350.5");
  ours.strategy = "a";
  world.run({ours});
  world.clock.advance(60s);
  Signal theirs = world.sell("ETH_USDT");
  theirs.strategy = "b";
  CHECK(world.run({theirs}).exits == 0);
  CHECK(world.said("EXIT_NOTHING_HELD"));
  world.clock.advance(60s);
  Signal own = world.sell("ETH_USDT");
  own.strategy = "a";
  CHECK(world.run({own}).exits == 1);
}

TEST_CASE("a signal a little ahead of its time waits, and is taken when it is due") {
  World world;
  const Signal buy = at(world.buy("ETH_USDT", "3350.5"), 40s);
  const RunReport early = world.run({buy});
  CHECK(early.verdict == RunVerdict::ok);
  CHECK(world.said("SIGNAL_WAITS line=1 signal_key=ETH_USDT:BUY:2025-01-01T12:00:00 ahead_seconds=40"));
  world.clock.advance(60s);
  CHECK(world.run({buy}).entries == 1);

  const RunReport far = world.run({at(world.buy("BTC_USDT", "95000"), 60s + 61s)});
  CHECK(far.verdict == RunVerdict::some_rejected);
  CHECK(world.said("SIGNAL_REJECTED line=1 reason=future ahead_seconds=61"));
}
