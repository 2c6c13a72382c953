// Protection on bad days: half answers, wrong answers, and prices that do not wait.
#include <catch2/catch.hpp>

#include "forwarding.hpp"
#include "world.hpp"

using namespace tradeguard;
using namespace tradeguard::cycle_test;

namespace {

// Runs until a run finds nothing to do; at most a few minutes of the world.
RunReport quiet(World& world) {
  RunReport report;
  for (int i = 0; i < 5; ++i) {
    world.clock.advance(60s);
    report = world.run();
    if (report.verdict == RunVerdict::ok && report.notices_sent == 0) break;
  }
  return report;
}

}  // namespace

TEST_CASE("whatever becomes of the request for a stop, the position ends covered, sold, or loudly naked") {
  const Mishap mishap =
      GENERATE(Mishap::not_connected, Mishap::throttled, Mishap::clock_refused, Mishap::dropped,
               Mishap::accepted_dropped, Mishap::accepted_500, Mishap::accepted_timeout, Mishap::accepted_empty,
               Mishap::refused_min_quantity, Mishap::refused_tick, Mishap::refused_balance, Mishap::refused_auth,
               Mishap::refused_unsupported, Mishap::refused_in_200, Mishap::refused_with_id, Mishap::duplicate,
               Mishap::rejected_later, Mishap::cancelled_with_zero, Mishap::stored_as_limit);
  const bool asynchronous = GENERATE(false, true);
  INFO(text(mishap) << (asynchronous ? ", asynchronous" : ""));
  World world;
  world.paper.asynchronous = asynchronous;
  world.paper.visible_after = asynchronous ? 300ms : 0ms;
  world.faults.on(VenueVerb::protect, mishap);
  const RunReport report = world.run({world.buy("ETH_USDT", "3350.5")});
  if (world.what_is_wrong("ETH_USDT") != "") {
    CHECK(report.verdict == RunVerdict::critical_stands);
    CHECK(world.was_told(NoticeType::unprotected));
  } else {
    CHECK(world.said("SLTP_PLACED symbol=ETH_USDT"));
  }
  const RunReport later = quiet(world);
  CHECK(later.verdict == RunVerdict::ok);
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  CHECK(world.entries_of("ETH_USDT") == 1);
}

TEST_CASE("whatever becomes of the request for an entry, it is bought at most once and then protected") {
  const Mishap mishap =
      GENERATE(Mishap::not_connected, Mishap::throttled, Mishap::clock_refused, Mishap::dropped,
               Mishap::accepted_dropped, Mishap::accepted_500, Mishap::accepted_timeout, Mishap::accepted_empty,
               Mishap::refused_min_quantity, Mishap::refused_margin, Mishap::refused_permission, Mishap::refused_in_200,
               Mishap::refused_with_id, Mishap::duplicate, Mishap::rejected_later, Mishap::part_then_cancelled,
               Mishap::cancelled_with_zero, Mishap::fee_in_base, Mishap::fee_in_other);
  const bool asynchronous = GENERATE(false, true);
  INFO(text(mishap) << (asynchronous ? ", asynchronous" : ""));
  World world;
  world.paper.asynchronous = asynchronous;
  world.paper.visible_after = asynchronous ? 300ms : 0ms;
  world.faults.on(VenueVerb::place, mishap);
  const Signal signal = world.buy("ETH_USDT", "3350.5");
  const RunReport first = world.run({signal});
  if (world.what_is_wrong("ETH_USDT") != "") CHECK(first.verdict == RunVerdict::critical_stands);
  world.clock.advance(30s);
  world.run({signal});
  CHECK(world.entries_of("ETH_USDT") <= 1);
  CHECK(quiet(world).verdict == RunVerdict::ok);
  CHECK(world.what_is_wrong("ETH_USDT") == "");
}

TEST_CASE("readings that are wrong, partial or late never lead to a second entry or a silent nakedness") {
  const Mishap mishap =
      GENERATE(Mishap::read_fails, Mishap::unknown_order, Mishap::view_truncated, Mishap::unknown_status,
               Mishap::filled_without_quantity, Mishap::filled_without_price, Mishap::fees_unread);
  const int from = GENERATE(1, 2, 3);
  const int times = GENERATE(1, 3, 0);
  INFO(text(mishap) << " from " << from << " times " << times);
  World world;
  world.paper.asynchronous = true;
  world.paper.visible_after = 300ms;
  world.faults.on(VenueVerb::find, mishap, {.from = from, .times = times});
  const Signal signal = world.buy("ETH_USDT", "3350.5");
  const RunReport report = world.run({signal});
  static_cast<void>(report);
  // An entry in doubt is a doubt for three minutes and a CRITICAL from then on.
  world.clock.advance(200s);
  const RunReport later = world.run();
  if (world.what_is_wrong("ETH_USDT") != "") CHECK(later.verdict == RunVerdict::critical_stands);
  world.faults.clear();
  world.clock.advance(30s);
  world.run({signal});
  CHECK(world.entries_of("ETH_USDT") <= 1);
  const RunReport last = quiet(world);
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  // A venue that shows nothing although every view was read proves something false; that stands until
  // an operator has looked.
  if (!world.was_told(NoticeType::impossible)) CHECK(last.verdict == RunVerdict::ok);
}

TEST_CASE("a cancel that is ignored, lost or too late does not sell twice") {
  const Mishap mishap = GENERATE(Mishap::cancel_unsent, Mishap::cancel_ignored, Mishap::cancel_lost,
                                 Mishap::cancel_dropped, Mishap::filled_before_cancel);
  INFO(text(mishap));
  World world;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  world.faults.on(VenueVerb::cancel, mishap, {.from = 1, .times = 2});
  world.run({world.sell("ETH_USDT")});
  CHECK(quiet(world).verdict == RunVerdict::ok);
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  CHECK(world.open_orders("ETH_USDT").empty());
  Quantity sold;
  for (const PaperOrder& order : world.venue_orders("ETH_USDT"))
    if (order.side == Side::sell) sold += order.filled;
  CHECK(sold.value == decimal("0.0149"));
}

TEST_CASE("a half-filled target leaves a new pair for the rest") {
  World world;
  world.paper.parts[Leg::target] = 2;
  world.settings.policy.max_order_notional = Money{Decimal{1000}};
  Signal large = world.buy("ETH_USDT", "3350.5");
  large.notional = Money{Decimal{500}};
  world.run({large});
  world.clock.advance(60s);
  world.set_price("ETH_USDT", "3460");  // the target is at 3451
  world.run();
  world.set_price("ETH_USDT", "3400");
  CHECK(quiet(world).verdict == RunVerdict::ok);
  CHECK(world.what_is_wrong("ETH_USDT") == "");
}

TEST_CASE("a stop that fired and rests unfilled is taken back and sold at market") {
  World world;
  world.paper.stop_market = false;
  world.paper.oco = false;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  world.set_price("ETH_USDT", "3000");  // through the stop-limit's limit
  world.run();
  CHECK(quiet(world).verdict == RunVerdict::ok);
  CHECK(world.said("RUN_END"));
  CHECK(world.open_orders("ETH_USDT").empty());
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  CHECK(world.times_said(" bought=") == 1);
}

TEST_CASE("flatten_unprotected sells what cannot be protected, and three such trades halt the day") {
  World world;
  world.settings.plan.flatten_unprotected = true;
  world.settings.plan.flatten_after = 120s;
  world.settings.policy.cooldown = {0s, 0s};
  world.faults.on(VenueVerb::protect, Mishap::refused_unsupported, {.from = 1, .times = 0});
  for (int trade = 0; trade < 3; ++trade) {
    world.run({world.buy("ETH_USDT", "3350.5")});
    CHECK(world.said("UNPROTECTED"));
    world.clock.advance(180s);
    const RunReport sold = world.run();
    CHECK(world.said("TRADE_CLOSED"));
    CHECK(sold.open_trades == 0);
    world.clock.advance(60s);
  }
  CHECK(world.was_told(NoticeType::breaker));
  world.faults.clear();
  CHECK(world.run({world.buy("ETH_USDT", "3350.5")}).verdict == RunVerdict::critical_stands);
  CHECK(world.said("reason=protection_failing"));
  CHECK(world.entries_of("ETH_USDT") == 3);
}

namespace {

// Three trades that no stop can hold, sold within minutes.
void flatten_three(World& world) {
  world.settings.plan.flatten_unprotected = true;
  world.settings.plan.flatten_after = 120s;
  world.settings.policy.cooldown = {0s, 0s};
  world.faults.on(VenueVerb::protect, Mishap::refused_unsupported, {.from = 1, .times = 0});
  for (int trade = 0; trade < 3; ++trade) {
    world.run({world.buy("ETH_USDT", "3350.5")});
    world.clock.advance(180s);
    world.run();
    world.clock.advance(60s);
  }
  world.faults.clear();
}

void reset_breaker(World& world) {
  const auto session = world.store->open(world.account);
  REQUIRE(session->journal().set_breaker(std::nullopt, world.clock.now()).has_value());
}

}  // namespace

TEST_CASE("a breaker that was reset stays reset on the same day, and counts anew") {
  World world;
  flatten_three(world);
  REQUIRE(world.was_told(NoticeType::breaker));
  reset_breaker(world);
  CHECK(world.run().verdict == RunVerdict::ok);
  CHECK(world.times_told(NoticeType::cleared) >= 1);
  world.clock.advance(60s);
  world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(world.entries_of("ETH_USDT") == 4);
  CHECK(world.run().verdict == RunVerdict::ok);
  CHECK(world.times_said("BREAKER reason=") == 1);
}

TEST_CASE("a breaker stands as an alarm: every run ends with it, and somebody is reminded") {
  World world;
  flatten_three(world);
  const int reminders = world.times_told(NoticeType::reminder);
  for (int minute = 0; minute < 20; ++minute) {
    world.clock.advance(60s);
    CHECK(world.run().verdict == RunVerdict::critical_stands);
  }
  CHECK(world.times_told(NoticeType::breaker) == 1);
  CHECK(world.times_told(NoticeType::reminder) == reminders + 2);  // after 5 and 15 minutes
}

// A store of an earlier version, or a run that was killed in between, has the one without the other.
TEST_CASE("a breaker without its alarm is an alarm in the next run, and an alarm without its breaker is none") {
  World world;
  world.run();
  {
    const auto session = world.store->open(world.account);
    REQUIRE(session->journal().set_breaker("3 trades flattened today", world.clock.now()).has_value());
  }
  CHECK(world.run().verdict == RunVerdict::critical_stands);
  CHECK(world.said("BREAKER reason=\"3 trades flattened today\""));
  CHECK(world.was_told(NoticeType::breaker));
  reset_breaker(world);
  CHECK(world.run().verdict == RunVerdict::ok);
}

TEST_CASE("alarms are told at the edge, reminded of, and taken back") {
  World world;
  world.faults.on(VenueVerb::protect, Mishap::refused_unsupported, {.from = 1, .times = 0});
  world.run({world.buy("ETH_USDT", "3350.5")});
  for (int minute = 0; minute < 20; ++minute) {
    world.clock.advance(60s);
    world.run();
  }
  CHECK(world.times_told(NoticeType::unprotected) == 1);
  CHECK(world.times_told(NoticeType::reminder) == 2);  // after 5 and 15 minutes
  world.faults.clear();
  world.clock.advance(60s);
  world.run();
  CHECK(world.times_told(NoticeType::cleared) == 1);
}

TEST_CASE("a notifier that is down loses nothing, delays no protection, and is told in order later") {
  World world;
  world.told.pretend_slow();
  world.told.answer_with([](const Notice&) { return Delivery{TryLater{1s, "no route"}}; });
  const RunReport report = world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(report.verdict == RunVerdict::ok);
  CHECK(world.said("SLTP_PLACED symbol=ETH_USDT"));
  CHECK(world.said("TG_FAILED type=ORDER_CREATED symbol=ETH_USDT order_id=100001"));
  CHECK(world.told.told().empty());
  world.told.answer_with(nullptr);
  world.clock.advance(3h);
  world.run();
  // What waited of one trade is one message, in order.
  CHECK(world.types_told("ETH_USDT") ==
        std::vector{NoticeType::digest, NoticeType::order_created, NoticeType::order_filled, NoticeType::sltp_created});
}

TEST_CASE("a message of several that nobody takes is told one by one") {
  World world;
  world.told.pretend_slow();
  world.told.answer_with([](const Notice& notice) {
    if (notice.type == NoticeType::digest || notice.type == NoticeType::order_filled)
      return Delivery{Undeliverable{"too strange"}};
    return Delivery{Delivered{}};
  });
  world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(world.said("TG_SENT type=ORDER_CREATED symbol=ETH_USDT"));
  CHECK(world.said("TG_FAILED type=ORDER_FILLED symbol=ETH_USDT"));
  CHECK(world.said("TG_SENT type=SLTP_CREATED symbol=ETH_USDT"));
}

TEST_CASE("more than five notices waiting go out as one message, CRITICAL apart and first") {
  World world;
  world.told.pretend_slow();
  world.settings.policy.max_order_notional = Money{Decimal{1000}};
  world.faults.on(VenueVerb::protect, Mishap::refused_unsupported,
                  {.symbol = symbol("BTC_USDT"), .from = 1, .times = 0});
  std::vector<Signal> signals{world.buy("ETH_USDT", "3350.5"), world.buy("BTC_USDT", "95000"),
                              world.buy("SOL_USDT", "200")};
  signals[1].notional = Money{Decimal{90}};
  world.run(signals);
  const auto told = world.told.told();
  REQUIRE(told.size() >= 2);
  CHECK(told.front().type == NoticeType::unprotected);
  CHECK(world.times_told(NoticeType::digest) == 1);
  CHECK(world.said("TG_SENT type=ORDER_CREATED symbol=SOL_USDT"));
}

TEST_CASE("entries stop before the deadline, on request, and behind a wrong clock, protection does not") {
  World world;
  world.faults.on(VenueVerb::protect, Mishap::refused_balance, {.from = 1, .times = 0});
  world.run({world.buy("ETH_USDT", "3350.5")});
  REQUIRE(world.what_is_wrong("ETH_USDT") != "");
  world.faults.clear();
  world.clock.advance(60s);
  SECTION("SIGTERM") { world.stop = true; }
  SECTION("no time left") { world.settings.deadline = 20s; }
  SECTION("the venue's clock is off") { world.paper.offset = 3s; }
  SECTION("the venue's clock is unreadable") {
    world.faults.on(VenueVerb::venue_time, Mishap::read_fails, {.from = 1, .times = 0});
  }
  SECTION("prices are unreadable") { world.faults.on(VenueVerb::quotes, Mishap::read_fails, {.from = 1, .times = 0}); }
  SECTION("balances are unreadable") {
    world.faults.on(VenueVerb::balances, Mishap::read_fails, {.from = 1, .times = 0});
  }
  SECTION("rules are missing") { world.faults.on(VenueVerb::rules, Mishap::left_out, {.from = 1, .times = 0}); }
  world.run({world.buy("BTC_USDT", "95000")});
  CHECK(world.entries_of("BTC_USDT") == 0);
  CHECK(world.said("ENTRY_DENIED symbol=BTC_USDT"));
  CHECK(world.what_is_wrong("ETH_USDT") == "");
}

TEST_CASE("signals that are old, early or unprotectable are refused with a reason, the others carried out") {
  World world;
  Signal old = world.buy("ETH_USDT", "3350.5");
  old.time -= 301s;
  Signal early = world.buy("BTC_USDT", "95000");
  early.time += 61s;
  Signal tiny = world.buy("SOL_USDT", "200");
  tiny.notional = Money{decimal("5.05")};  // its stop would be below the minimum notional
  Signal rich = world.buy("ADA_USDT", "1");
  rich.notional = Money{Decimal{5000}};
  world.settings.policy.max_order_notional = Money{Decimal{100}};
  const RunReport report = world.run({old, early, tiny, rich, world.buy("XRP_USDT", "2")});
  CHECK(report.verdict == RunVerdict::some_rejected);
  CHECK(world.said("SIGNAL_REJECTED line=1 reason=stale"));
  CHECK(world.said("SIGNAL_REJECTED line=2 reason=future"));
  CHECK(world.said("ENTRY_DENIED symbol=SOL_USDT"));
  CHECK(world.said("stop_below_min_notional"));
  CHECK(world.said("reason=max_order_notional"));
  CHECK(world.entries_of("XRP_USDT") == 1);
  CHECK(report.entries == 1);
}

TEST_CASE("orders of ours without a row are orphans: told, frozen, never sold") {
  World first;
  first.run({first.buy("ETH_USDT", "3350.5")});
  // The store is lost and made anew; the exchange remembers.
  World second;
  second.book = first.book;
  second.clock.set(first.clock.now() + 60s);
  const RunReport report = second.run({second.buy("ETH_USDT", "3350.5")});
  CHECK(report.verdict == RunVerdict::critical_stands);
  CHECK(second.said("ORPHAN symbol=ETH_USDT"));
  CHECK(second.was_told(NoticeType::orphan));
  CHECK(second.said("ENTRY_DENIED symbol=ETH_USDT"));
  CHECK(second.open_orders("ETH_USDT").size() == 2);
}

TEST_CASE("however many orders a new store does not know, they are one message, and each freezes its base") {
  World first;
  std::vector<Signal> buys;
  for (const char* name :
       {"ETH_USDT", "BTC_USDT", "SOL_USDT", "LTC_USDT", "XRP_USDT", "ADA_USDT", "DOT_USDT", "AVAX_USDT", "LINK_USDT"})
    buys.push_back(first.buy(name, "100"));
  first.run(buys);
  World second;
  second.book = first.book;
  second.clock.set(first.clock.now() + 60s);
  CHECK(second.run().verdict == RunVerdict::critical_stands);
  CHECK(second.times_said("ORPHAN symbol=") - second.times_said("type=ORPHAN") == 27);
  CHECK(second.times_told(NoticeType::orphan) == 1);
  second.clock.advance(60s);
  second.run({second.buy("LINK_USDT", "100")});
  CHECK(second.said("ENTRY_DENIED symbol=LINK_USDT"));
  CHECK(second.times_told(NoticeType::orphan) == 1);
}

TEST_CASE("CRITICALs of one kind that wait are one message, and so are their reminders") {
  World world;
  world.told.pretend_slow();
  world.faults.on(VenueVerb::protect, Mishap::refused_tick, {.from = 1, .times = 0});
  world.run({world.buy("ETH_USDT", "3350.5"), world.buy("BTC_USDT", "95000"), world.buy("SOL_USDT", "190")});
  const auto messages = [&](NoticeType type) {
    const auto told = world.told.told();
    return std::count_if(told.begin(), told.end(), [&](const Notice& notice) {
      return notice.severity == Severity::critical && plain_text(notice).find(text(type)) != std::string::npos;
    });
  };
  CHECK(messages(NoticeType::unprotected) == 1);
  CHECK(world.times_told(NoticeType::unprotected) == 3);
  world.told.forget();
  world.clock.advance(6min);
  world.run();
  CHECK(messages(NoticeType::reminder) == 1);
  CHECK(world.times_told(NoticeType::reminder) == 3);
}

TEST_CASE("a second order under one client id is counted, protected and a CRITICAL") {
  World world;
  world.paper.duplicate_ids_refused = false;
  world.paper.asynchronous = true;
  world.faults.on(VenueVerb::place, Mishap::accepted_dropped);
  // Somebody repeats the request behind our back: the venue takes both.
  world.wrap = [&](World::Wrapped& ports) {
    struct Repeats final : ForwardingVenue {
      using ForwardingVenue::ForwardingVenue;
      std::vector<PlaceOutcome> place(std::span<const EntryTicket> tickets) override {
        static_cast<void>(ForwardingVenue::place(tickets));
        return ForwardingVenue::place(tickets);
      }
    };
    static std::unique_ptr<Repeats> repeats;
    repeats = std::make_unique<Repeats>(*ports.placer, *ports.protector);
    ports.placer = repeats.get();
  };
  const RunReport report = world.run({world.buy("ETH_USDT", "3350.5")});
  world.wrap = nullptr;
  CHECK(world.entries_of("ETH_USDT") == 2);
  CHECK(report.verdict == RunVerdict::critical_stands);
  CHECK(world.was_told(NoticeType::twin));
  CHECK(world.what_is_wrong("ETH_USDT") == "");
}

TEST_CASE("live trades in the store of a dry run are said loudly") {
  World world;
  world.unattended = [] { return 2; };
  CHECK(world.run().verdict == RunVerdict::critical_stands);
  CHECK(world.said("LIVE_POSITIONS_UNATTENDED trades=2"));
  CHECK(world.was_told(NoticeType::live_positions_unattended));
}

TEST_CASE("open live trades of another account are alarmed once by name, until somebody runs it again") {
  World world;
  LiveAccount other{{"binance", "main"}, 2, 30s};
  world.live_accounts = [&] { return std::vector<LiveAccount>{other}; };
  // This account has never run, so nobody knows yet who runs the other.
  CHECK(world.run().verdict == RunVerdict::critical_stands);
  CHECK(world.said("LIVE_POSITIONS_UNATTENDED trades=2 account=binance/main"));
  CHECK(world.was_told(NoticeType::live_positions_unattended));
  world.clock.advance(60s);
  other.idle = 90s;
  CHECK(world.run().verdict == RunVerdict::critical_stands);
  CHECK(world.times_told(NoticeType::live_positions_unattended) == 1);
  // Its own runs are back.
  world.clock.advance(60s);
  other.idle = 10s;
  CHECK(world.run().verdict == RunVerdict::ok);
  CHECK(world.was_told(NoticeType::cleared));
}

TEST_CASE("two accounts of one store that run side by side do not alarm each other") {
  World world;
  CHECK(world.run().verdict == RunVerdict::ok);
  LiveAccount other{{"binance", "second"}, 1, 50s};
  world.live_accounts = [&] { return std::vector<LiveAccount>{other}; };
  for (int minute = 0; minute < 5; ++minute) {
    world.clock.advance(60s);
    CHECK(world.run().verdict == RunVerdict::ok);
  }
  // And it stops.
  for (int minute = 0; minute < 3; ++minute) {
    world.clock.advance(60s);
    *other.idle += 60s;
    world.run();
  }
  CHECK(world.was_told(NoticeType::live_positions_unattended));
}

TEST_CASE("the account's own open trades are attended to by the run itself") {
  World world;
  world.live_accounts = [&] { return std::vector<LiveAccount>{{world.account, 3, std::nullopt}}; };
  CHECK(world.run().verdict == RunVerdict::ok);
}

namespace {

// What a bot that sends by itself claims: without rules and plan.
ClientOrderId claimed_by_a_bot(World& world, Side side, bool protected_elsewhere) {
  const auto session = world.store->open(world.account);
  Signal foreign = world.buy("SOL_USDT", "200");
  foreign.side = side;
  Order order{.client_id = {}, .trade = {}, .signal_key = signal_key(foreign), .symbol = foreign.symbol, .side = side};
  order.quantity = Quantity{decimal("0.25")};
  order.stamp = world.clock.now();
  order.valid_until = order.stamp + 10s;
  EntryRequest request{foreign, order, Money{Decimal{50}}, std::nullopt};
  request.protected_elsewhere = protected_elsewhere;
  const auto judged = session->guard().claim({&request, 1}, EntryPolicy{}, world.clock.now());
  REQUIRE(judged.has_value());
  REQUIRE(std::holds_alternative<EntryTicket>(judged->front().outcome));
  return std::get<EntryTicket>(judged->front().outcome).order().client_id;
}

}  // namespace

TEST_CASE("a trade a bot claimed without rules or plan is an alarm, the others go on, and it ends with the trade") {
  World world;
  const ClientOrderId id = claimed_by_a_bot(world, Side::buy, false);
  const RunReport report = world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(report.verdict == RunVerdict::critical_stands);
  CHECK(world.said("UNPROTECTED side=BUY symbol=SOL_USDT"));
  CHECK(world.entries_of("ETH_USDT") == 1);
  CHECK(world.what_is_wrong("ETH_USDT") == "");

  world.clock.advance(60s);
  CHECK(world.store->open(world.account)->guard().settle(id, Refused{"1", "no"}, world.clock.now()).has_value());
  CHECK(world.run().verdict == RunVerdict::ok);
  CHECK(world.said("CLEARED kind=UNPROTECTED"));
}

TEST_CASE("what a bot's exchange holds the stop of, and what a bot claimed to sell, is no alarm of a run") {
  World world;
  const bool held = GENERATE(true, false);
  claimed_by_a_bot(world, held ? Side::buy : Side::sell, held);
  CHECK(world.run().verdict == RunVerdict::ok);
  CHECK_FALSE(world.said("UNPROTECTED"));
}

TEST_CASE("a notice nobody will ever get is a standing CRITICAL until one arrives again") {
  World world;
  world.told.answer_with([](const Notice&) { return Delivery{Undeliverable{"chat not found"}}; });
  CHECK(world.run({world.buy("ETH_USDT", "3350.5")}).verdict == RunVerdict::critical_stands);
  CHECK(world.said("TG_FAILED type=ORDER_CREATED"));
  world.clock.advance(60s);
  CHECK(world.run().verdict == RunVerdict::critical_stands);
  world.told.answer_with(nullptr);
  world.clock.advance(400s);
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  CHECK(world.run().verdict == RunVerdict::ok);
}

namespace {

struct Losing final : ForwardingJournal {
  using ForwardingJournal::ForwardingJournal;
  Result<std::vector<Written>> write(std::span<const Change>) override {
    return failed(Fault::unreachable, "the disk is full");
  }
};

}  // namespace

TEST_CASE("a store that is lost behind an entry is told at once, and the fill is protected without it") {
  World world;
  std::unique_ptr<Losing> losing;
  world.wrap = [&](World::Wrapped& ports) {
    losing = std::make_unique<Losing>(*ports.journal);
    ports.journal = losing.get();
  };
  const RunReport report = world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(report.verdict == RunVerdict::critical_stands);
  CHECK(world.said("STORE_LOST error="));
  CHECK(world.was_told(NoticeType::store_lost));
  CHECK(world.what_is_wrong("ETH_USDT") == "");

  world.wrap = nullptr;
  world.clock.advance(60s);
  world.run();
  CHECK(world.said("ORDER_RECOVERED"));
  CHECK(world.open_orders("ETH_USDT").size() == 2);  // adopted, not placed again
  world.clock.advance(60s);
  CHECK(world.run().verdict == RunVerdict::ok);
}

// The story of simulation seed 38634.
TEST_CASE("a stop that a run without its store placed and the exchange rejected has used up its id") {
  const bool asynchronous = GENERATE(false, true);
  const auto next_request = GENERATE(std::optional<Mishap>{}, std::optional{Mishap::not_connected});
  INFO((asynchronous ? "asynchronous" : "at once") << (next_request ? ", the next request is not sent" : ""));
  World world;
  world.paper.asynchronous = asynchronous;
  world.faults.on(VenueVerb::protect, Mishap::rejected_later, {.from = 1, .times = 0});
  std::unique_ptr<Losing> losing;
  world.wrap = [&](World::Wrapped& ports) {
    losing = std::make_unique<Losing>(*ports.journal);
    ports.journal = losing.get();
  };
  world.run({world.buy("ETH_USDT", "3350.5")});
  REQUIRE(world.said("STORE_LOST error="));
  REQUIRE(world.what_is_wrong("ETH_USDT") != "");

  world.wrap = nullptr;
  world.faults.clear();
  if (next_request) world.faults.on(VenueVerb::protect, *next_request);
  world.clock.advance(60s);
  world.run();
  CHECK(world.said("SLTP_FAILED symbol=ETH_USDT"));  // of the first stop
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  // A lapsed stop is asked for once more after a gap, and nothing of the past may come back under its id.
  for (int i = 0; i < 3; ++i) {
    world.clock.advance(120s);
    world.run();
    CHECK_FALSE(world.said("IMPOSSIBLE"));
  }
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  CHECK_FALSE(world.was_told(NoticeType::impossible));
  CHECK_FALSE(world.was_told(NoticeType::twin));
  std::set<ClientOrderId> ids;
  for (const PaperOrder& order : world.venue_orders("ETH_USDT")) {
    INFO(order.client_id);
    CHECK(ids.insert(order.client_id).second);
  }
}

// The story of simulation seed 58947: the next run came within two seconds, and saw what was true before.
TEST_CASE("a leg that was not sent is no impossible order where a run without its store had one of its id rejected") {
  World world;
  world.faults.on(VenueVerb::protect, Mishap::rejected_later, {.from = 1, .times = 0});
  std::unique_ptr<Losing> losing;
  world.wrap = [&](World::Wrapped& ports) {
    losing = std::make_unique<Losing>(*ports.journal);
    ports.journal = losing.get();
  };
  world.run({world.buy("ETH_USDT", "3350.5")});
  REQUIRE(world.what_is_wrong("ETH_USDT") != "");

  world.wrap = nullptr;
  world.faults.clear();
  world.faults.on(VenueVerb::protect, Mishap::not_connected);
  for (const Leg leg : {Leg::stop, Leg::target})
    world.faults.on(VenueVerb::find, Mishap::unknown_order, {.leg = leg, .from = 1, .times = 3});
  world.clock.advance(60s);
  world.run();
  REQUIRE(world.said("ORDER_UNSENT"));
  world.faults.clear();
  for (int i = 0; i < 3; ++i) {
    world.clock.advance(120s);
    world.run();
  }
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  CHECK_FALSE(world.was_told(NoticeType::impossible));
}

TEST_CASE("a run that has to wait long for a stop says so while it waits") {
  World world;
  world.told.pretend_slow();
  world.paper.asynchronous = true;
  world.paper.duplicate_ids_refused = false;
  world.paper.validity_window = 60s;
  // Every stop's request arrives nowhere, and no answer says so.
  world.faults.on(VenueVerb::protect, Mishap::dropped, {.from = 1, .times = 0});
  Instant told_at{};
  world.told.answer_with([&](const Notice& notice) {
    if (notice.type == NoticeType::unprotected && told_at == Instant{}) told_at = world.clock.now();
    return Delivery{Delivered{}};
  });
  const Instant began = world.clock.now();
  world.run({world.buy("ETH_USDT", "3350.5")});
  REQUIRE(world.times_told(NoticeType::unprotected) == 1);
  CHECK(told_at - began < 15s);
  CHECK(world.clock.now() - began > 30s);
}

namespace {

// Shows balances as they will be, not as the orders of the same moment say.
class Draining final : public ForwardingVenue {
 public:
  Draining(World::Wrapped& ports, std::function<void()> before_balances, Decimal less)
      : ForwardingVenue{*ports.placer, *ports.protector}, before_{std::move(before_balances)}, less_{less} {}
  Result<std::map<std::string, Balance>> balances() override {
    if (before_) before_();
    auto all = ForwardingVenue::balances();
    if (all)
      if (const auto eth = all->find("ETH"); eth != all->end()) {
        eth->second.total -= less_;
        eth->second.free = std::max(Decimal{}, eth->second.free - less_);
      }
    return all;
  }

 private:
  std::function<void()> before_;
  Decimal less_;
};

}  // namespace

TEST_CASE("a balance that is less than a step short is no drift") {
  World world;
  std::unique_ptr<Draining> venue;
  Decimal less;
  world.wrap = [&](World::Wrapped& ports) {
    venue = std::make_unique<Draining>(ports, nullptr, less);
    ports.placer = venue.get();
    ports.protector = venue.get();
  };
  InstrumentRules rules = built_in_rules(symbol("ETH_USDT"), price("3350.5"), world.paper.fee_rate, noon);
  rules.step = Quantity{decimal("0.001")};
  world.paper.rules.emplace(rules.symbol, rules);
  world.settings.policy.max_order_notional = Money{Decimal{1000}};
  Signal large = world.buy("ETH_USDT", "3350.5");
  large.notional = Money{Decimal{1000}};
  REQUIRE(world.run({large}).entries == 1);
  for (const char* short_by : {"0.0009", "0.00005"}) {
    INFO(short_by);
    less = decimal(short_by);
    world.clock.advance(60s);
    CHECK(world.run().verdict == RunVerdict::ok);
    CHECK_FALSE(world.said("DRIFT"));
  }
  less = decimal("0.005");
  world.clock.advance(60s);
  CHECK(world.run().verdict == RunVerdict::critical_stands);
  CHECK(world.said("DRIFT symbol=ETH_USDT"));
}

TEST_CASE("a stop that fires between the look at the orders and the one at the balances is no drift") {
  World world;
  std::unique_ptr<Draining> venue;
  bool falls = false;
  world.wrap = [&](World::Wrapped& ports) {
    venue = std::make_unique<Draining>(
        ports,
        [&] {
          if (std::exchange(falls, false)) {
            world.clock.advance(10ms);
            world.set_price("ETH_USDT", "3000");
          }
        },
        Decimal{});
    ports.placer = venue.get();
    ports.protector = venue.get();
  };
  world.set_price("ETH_USDT", "3350.5");
  REQUIRE(world.run({world.buy("ETH_USDT", "3350.5")}).entries == 1);
  world.clock.advance(60s);
  falls = true;
  world.run();
  CHECK_FALSE(falls);
  CHECK_FALSE(world.said("DRIFT"));
  CHECK_FALSE(world.was_told(NoticeType::drift));
  CHECK(world.said("TRADE_CLOSED symbol=ETH_USDT"));
}

namespace {

// The market falls as soon as a stop was taken.
class Falling final : public ForwardingVenue {
 public:
  Falling(World::Wrapped& ports, World& world) : ForwardingVenue{*ports.placer, *ports.protector}, world_{world} {}
  std::vector<LegOutcome> protect(std::span<const LegRequest> requests) override {
    auto outcomes = ForwardingVenue::protect(requests);
    world_.clock.advance(10ms);
    world_.set_price("ETH_USDT", "3000");
    return outcomes;
  }

 private:
  World& world_;
};

}  // namespace

TEST_CASE("a stop that sells before any view shows it is no drift") {
  World world;
  world.paper.oco = false;
  world.paper.asynchronous = true;
  world.paper.visible_after = 900ms;
  world.set_price("ETH_USDT", "3350.5");
  std::unique_ptr<Falling> venue;
  world.wrap = [&](World::Wrapped& ports) {
    venue = std::make_unique<Falling>(ports, world);
    ports.placer = venue.get();
    ports.protector = venue.get();
  };
  world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK_FALSE(world.said("DRIFT"));
  CHECK_FALSE(world.was_told(NoticeType::drift));
  CHECK(world.said("TRADE_CLOSED symbol=ETH_USDT"));
}

namespace {

// After the first look that shows a resting stop, the venue rejects it.
class Regretting final : public ForwardingVenue {
 public:
  Regretting(World::Wrapped& ports, World& world, bool& regrets)
      : ForwardingVenue{*ports.placer, *ports.protector},
        world_{world},
        regrets_{regrets},
        traits_{ports.placer->traits()} {
    traits_.rejects_later = true;
  }
  const VenueTraits& traits() const override { return traits_; }
  std::vector<LegOutcome> protect(std::span<const LegRequest> requests) override {
    auto outcomes = ForwardingVenue::protect(requests);
    if (!std::exchange(regrets_, false)) return outcomes;
    REQUIRE(world_.book.open({}).has_value());
    PaperChanges changes;
    for (const auto number : std::set<std::int64_t>{world_.book.state().open}) {
      PaperOrder order = world_.book.state().orders.at(number);
      order.status = VenueStatus::rejected;
      order.reason = "INSUFFICIENT_ACC_BALANCE";
      world_.book.state().put(order);
      changes.orders.insert(number);
    }
    REQUIRE(world_.book.close(changes).has_value());
    return outcomes;
  }

 private:
  World& world_;
  bool& regrets_;
  VenueTraits traits_;
};

}  // namespace

TEST_CASE("legs that the venue took and rejected a moment later are seen in the same run") {
  World world;
  bool regrets = true;
  std::unique_ptr<Regretting> venue;
  world.wrap = [&](World::Wrapped& ports) {
    venue = std::make_unique<Regretting>(ports, world, regrets);
    ports.placer = venue.get();
    ports.protector = venue.get();
  };
  const RunReport report = world.run({world.buy("ETH_USDT", "3350.5")});
  REQUIRE_FALSE(regrets);
  CHECK(world.said("SLTP_FAILED"));
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  CHECK(report.verdict == RunVerdict::ok);
}

TEST_CASE("a stop that no view shows is a CRITICAL within seconds, in every run, and keeps no lock") {
  World world;
  world.run({world.buy("ETH_USDT", "3350.5"), world.buy("BTC_USDT", "95000")});
  world.faults.on(VenueVerb::find, Mishap::unknown_order,
                  {.symbol = symbol("ETH_USDT"), .leg = Leg::stop, .from = 1, .times = 0});
  for (int i = 0; i < 3; ++i) {
    world.clock.advance(60s);
    const Instant began = world.clock.now();
    const RunReport report = world.run({world.sell("BTC_USDT")});
    CHECK(report.verdict == RunVerdict::critical_stands);
    CHECK(world.said("UNPROTECTED symbol=ETH_USDT"));
    CHECK(world.clock.now() - began < 30s);
    CHECK(world.open_orders("BTC_USDT").empty());  // other markets go on
  }
  CHECK(world.open_orders("ETH_USDT").size() == 2);  // what may rest is not doubled
}

TEST_CASE("an entry that ended with who knows how much is said at once, and asked again") {
  World world;
  world.faults.on(VenueVerb::place, Mishap::accepted_timeout);
  world.faults.on(VenueVerb::find, Mishap::filled_without_quantity, {.from = 1, .times = 0});
  const RunReport report = world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(report.verdict == RunVerdict::critical_stands);
  CHECK(world.said("IN_DOUBT_TOO_LONG"));
  world.faults.clear();
  world.clock.advance(60s);
  CHECK(world.run().verdict == RunVerdict::ok);
  CHECK(world.what_is_wrong("ETH_USDT") == "");
}

TEST_CASE("a fill without a price is told as not known, and its trade is closed aloud") {
  World world;
  world.faults.on(VenueVerb::place, Mishap::accepted_timeout);
  world.faults.on(VenueVerb::find, Mishap::filled_without_price, {.leg = Leg::entry, .from = 1, .times = 0});
  world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  bool told = false;
  for (const Notice& notice : world.told.told())
    for (const auto& [name, value] : notice.facts) told = told || value.find("not known") != std::string::npos;
  CHECK(told);
  world.clock.advance(60s);
  world.run({world.sell("ETH_USDT")});
  CHECK(world.said("TRADE_CLOSED symbol=ETH_USDT"));
  CHECK(world.said("bought=- sold="));
}

TEST_CASE("an exit on its way is no drift: its coins have left, and are not read back yet") {
  World world;
  world.paper.asynchronous = true;
  world.run({world.buy("ETH_USDT", "3350.5")});
  world.clock.advance(60s);
  // What became of the sale is not shown at once; the balance shows it.
  world.faults.on(VenueVerb::find, Mishap::unknown_order, {.leg = Leg::exit, .from = 1, .times = 6});
  const RunReport report = world.run({world.sell("ETH_USDT")});
  CHECK(report.exits == 1);
  CHECK_FALSE(world.said("DRIFT"));
  CHECK_FALSE(world.was_told(NoticeType::drift));
}

TEST_CASE("with a messenger that answers at once, what is new waits behind what was postponed") {
  World world;
  world.told.answer_with([](const Notice&) { return Delivery{TryLater{1s, "no route"}}; });
  world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(world.told.told().empty());
  world.told.answer_with(nullptr);
  world.clock.advance(10s);
  // The stop sells while its trade's first notices still wait for their time.
  world.set_price("ETH_USDT", "3200");
  world.run();
  world.clock.advance(3h);
  world.run();
  auto types = world.types_told("ETH_USDT");
  std::erase(types, NoticeType::digest);
  REQUIRE(types.size() >= 4);
  CHECK(types[0] == NoticeType::order_created);
  CHECK(types[1] == NoticeType::order_filled);
  CHECK(types[2] == NoticeType::sltp_created);
  CHECK(types[3] == NoticeType::stop_filled);
}

TEST_CASE("SIGTERM: a run waits a little for what it has sent, and not until its deadline") {
  World world;
  world.paper.asynchronous = true;
  world.faults.on(VenueVerb::find, Mishap::unknown_order, {.from = 1, .times = 0});
  const Instant began = world.clock.now();
  // Asked to stop as soon as the entry was sent.
  struct Stopping final : cycle_test::ForwardingVenue {
    Stopping(World::Wrapped& ports, std::atomic<bool>& stop)
        : ForwardingVenue{*ports.placer, *ports.protector}, stop_{stop} {}
    std::vector<PlaceOutcome> place(std::span<const EntryTicket> tickets) override {
      auto outcomes = ForwardingVenue::place(tickets);
      stop_ = true;
      return outcomes;
    }
    std::atomic<bool>& stop_;
  };
  std::unique_ptr<Stopping> stopping;
  world.wrap = [&](World::Wrapped& ports) {
    stopping = std::make_unique<Stopping>(ports, world.stop);
    ports.placer = stopping.get();
    ports.protector = stopping.get();
  };
  world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(world.clock.now() - began < 12s);
}

TEST_CASE("an entry that stays in doubt is a CRITICAL after a while, once, and freezes its base") {
  World world;
  world.faults.on(VenueVerb::place, Mishap::dropped, {.from = 1, .times = 1});
  // The venue is asked, and never shows all it has: nothing is proven.
  world.faults.on(VenueVerb::find, Mishap::view_truncated, {.from = 1, .times = 0});
  world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK_FALSE(world.was_told(NoticeType::in_doubt_too_long));
  world.clock.advance(world.settings.in_doubt_after);
  CHECK(world.run().verdict == RunVerdict::critical_stands);
  CHECK(world.said("IN_DOUBT_TOO_LONG"));
  world.clock.advance(60s);
  world.run({world.buy("ETH_USD", "3350.5")});
  CHECK(world.times_told(NoticeType::in_doubt_too_long) == 1);
  CHECK(world.entries_of("ETH_USD") == 0);
}
