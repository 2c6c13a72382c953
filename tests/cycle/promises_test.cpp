// Promises that hold only if one particular step is not left out: each test here fails without it.
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <stdexcept>

#include "tradeguard/sql_schema.hpp"
#include "tradeguard/sql_store.hpp"
#include "tradeguard/sqlite_session.hpp"
#include "world.hpp"

using namespace tradeguard;
using namespace tradeguard::cycle_test;

namespace {

// A lock that is lost at the moment it is told.
class LosableLock final : public RunLock {
 public:
  LosableLock(RunLock& inner, const bool& lost) : inner_{inner}, lost_{lost} {}
  Result<std::variant<RunLease, HeldElsewhere>> try_acquire(const AccountKey& account) override {
    auto acquired = inner_.try_acquire(account);
    if (!acquired || !std::holds_alternative<RunLease>(*acquired)) return acquired;
    RunLease& lease = std::get<RunLease>(*acquired);
    const Fence fence = lease.fence();
    const std::int64_t cycle = lease.cycle();
    return RunLease{fence, cycle, std::make_unique<Hold>(std::move(lease), lost_)};
  }

 private:
  class Hold final : public RunLease::Hold {
   public:
    Hold(RunLease lease, const bool& lost) : lease_{std::move(lease)}, lost_{lost} {}
    Result<bool> still_held() override {
      if (lost_) return false;
      return lease_.still_held();
    }

   private:
    RunLease lease_;
    const bool& lost_;
  };
  RunLock& inner_;
  const bool& lost_;
};

// Claims, and then the process is held up for so long that the lock is somebody else's.
class SlowGuard final : public IdempotencyGuard {
 public:
  SlowGuard(IdempotencyGuard& inner, bool& lost) : inner_{inner}, lost_{lost} {}
  Result<std::vector<Judged>> claim(std::span<const EntryRequest> entries, const EntryPolicy& policy,
                                    Instant now) override {
    auto judged = inner_.claim(entries, policy, now);
    lost_ = true;
    return judged;
  }
  Result<void> settle(const ClientOrderId& ticket, const PlaceOutcome& outcome, Instant now) override {
    return inner_.settle(ticket, outcome, now);
  }

 private:
  IdempotencyGuard& inner_;
  bool& lost_;
};

// An adapter with a fault in it: the order is at the venue, and what comes back is an exception.
class ThrowsAfterPlacing final : public OrderPlacer {
 public:
  explicit ThrowsAfterPlacing(OrderPlacer& inner) : inner_{inner} {}
  const VenueTraits& traits() const override { return inner_.traits(); }
  Result<Instant> venue_time() override { return inner_.venue_time(); }
  std::vector<Result<Lookup>> find(std::span<const OrderQuery> queries) override { return inner_.find(queries); }
  std::vector<CancelOutcome> cancel(std::span<const CancelRequest> requests) override {
    return inner_.cancel(requests);
  }
  std::vector<PlaceOutcome> place(std::span<const EntryTicket> tickets) override {
    static_cast<void>(inner_.place(tickets));
    throw std::runtime_error{"the answer was not what was expected"};
  }
  Result<std::map<Symbol, InstrumentRules>> rules(const std::set<Symbol>& symbols) override {
    return inner_.rules(symbols);
  }
  Result<std::vector<Sighting>> own_orders(Instant since) override { return inner_.own_orders(since); }
  Result<std::string> account_id() override { return inner_.account_id(); }

 private:
  OrderPlacer& inner_;
};

std::string fact_of(const Notice& notice, std::string_view name) {
  for (const auto& [key, value] : notice.facts)
    if (key == name) return value;
  return "";
}

// An open trade without its stop, and a venue that takes one again.
void leave_one_naked(World& world) {
  world.faults.on(VenueVerb::protect, Mishap::refused_balance, {.from = 1, .times = 0});
  world.run({world.buy("ETH_USDT", "3350.5")});
  REQUIRE(world.what_is_wrong("ETH_USDT") != "");
  world.faults.clear();
  world.clock.advance(60s);
}

}  // namespace

TEST_CASE("P1: a run that loses the lock between claim and sending sends nothing") {
  World world;
  bool lost = false;
  std::unique_ptr<LosableLock> lock;
  std::unique_ptr<SlowGuard> guard;
  world.wrap = [&](World::Wrapped& ports) {
    lock = std::make_unique<LosableLock>(*ports.lock, lost);
    guard = std::make_unique<SlowGuard>(*ports.guard, lost);
    ports.lock = lock.get();
    ports.guard = guard.get();
  };
  const RunReport report = world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(lost);
  CHECK(world.entries_of("ETH_USDT") == 0);
  CHECK(report.verdict == RunVerdict::internal_error);
  CHECK(world.last_log.back().find("result=lease_lost") != std::string::npos);
}

TEST_CASE("P2: an entry whose sending threw may be at the venue: looked up, never sent again") {
  World world;
  world.settings.policy.cooldown = {0s, 0s};  // nothing but the key stands in the way
  std::unique_ptr<ThrowsAfterPlacing> placer;
  world.wrap = [&](World::Wrapped& ports) {
    placer = std::make_unique<ThrowsAfterPlacing>(*ports.placer);
    ports.placer = placer.get();
  };
  const Signal signal = world.buy("ETH_USDT", "3350.5");
  world.run({signal});
  CHECK(world.entries_of("ETH_USDT") == 1);
  CHECK(world.said("ORDER_IN_DOUBT"));
  CHECK(world.what_is_wrong("ETH_USDT") == "");
  world.wrap = nullptr;
  world.clock.advance(60s);
  world.run({signal});
  CHECK(world.said("GUARD idempotency_blocked"));
  CHECK(world.entries_of("ETH_USDT") == 1);
  CHECK(world.what_is_wrong("ETH_USDT") == "");
}

TEST_CASE("P4: the seconds without a stop are measured, and reported in run, line and message") {
  World world;
  leave_one_naked(world);
  const RunReport mended = world.run();
  REQUIRE(mended.unprotected.size() == 1);
  CHECK(mended.unprotected[0] >= 60s);
  CHECK(mended.unprotected[0] < 90s);
  CHECK(mended.protected_trades == 1);
  CHECK(world.last_log.back().find("unprotected_max_ms=0 ") == std::string::npos);
  CHECK(world.last_log.back().find("unprotected_max_ms=6") != std::string::npos);
  std::string told;
  for (const Notice& notice : world.told.told())
    if (notice.type == NoticeType::sltp_created) told = fact_of(notice, "seconds unprotected");
  CHECK(told.starts_with("6"));
}

TEST_CASE("P5: what is being told is in the outbox, and stays there until it was delivered") {
  const bool slow = GENERATE(false, true);
  INFO((slow ? "told at the end" : "told at once"));
  World world;
  if (slow) world.told.pretend_slow();
  const auto reader = world.store->open(world.account);
  int told = 0;
  std::string missing;
  world.told.answer_with([&](const Notice& notice) {
    ++told;
    // Were the process killed now, the next run has to find it.
    const auto due = reader->journal().due_notices(world.clock.now(), 100);
    // A message of several holds up the outbox with each of them.
    const bool waits = due && std::any_of(due->begin(), due->end(), [&](const Notice& waiting) {
                         return waiting.event_id == notice.event_id ||
                                std::any_of(notice.facts.begin(), notice.facts.end(), [&](const auto& fact) {
                                  return fact.second.ends_with("event: " + waiting.event_id);
                                });
                       });
    if (!waits) missing += notice.event_id + " ";
    return Delivery{Delivered{}};
  });
  world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(told == (slow ? 1 : 3));
  CHECK(missing == "");
  CHECK(reader->journal().waiting_notices().value() == 0);
}

TEST_CASE("P5: a notice that is not delivered holds up those behind it of its trade, and only those") {
  const bool slow = GENERATE(false, true);
  INFO((slow ? "told at the end" : "told at once"));
  World world;
  if (slow) world.told.pretend_slow();
  const auto refuse = [](const Notice& notice) {
    if (notice.symbol == "ETH_USDT" && (notice.type == NoticeType::order_created || notice.type == NoticeType::digest))
      return Delivery{TryLater{1s, "busy"}};
    return Delivery{Delivered{}};
  };
  world.told.answer_with(refuse);
  world.settings.policy.max_order_notional = Money{Decimal{1000}};
  Signal other = world.buy("BTC_USDT", "95000");
  other.notional = Money{Decimal{90}};
  // In two runs, so that fewer wait at a time than go out as one message.
  world.run({world.buy("ETH_USDT", "3350.5")});
  CHECK(world.told.told().empty());
  world.run({other});
  for (const Notice& notice : world.told.told()) CHECK(notice.symbol == "BTC_USDT");
  CHECK(world.times_told(NoticeType::sltp_created) == 1);
  world.told.answer_with(nullptr);
  world.told.forget();
  world.clock.advance(3h);
  world.run();
  auto order = world.types_told("ETH_USDT");
  std::erase(order, NoticeType::digest);
  CHECK(order == std::vector{NoticeType::order_created, NoticeType::order_filled, NoticeType::sltp_created});
}

TEST_CASE("P6: neither halt nor breaker keeps a stop from being placed or a SELL from being carried out") {
  const std::string what = GENERATE("halt", "breaker");
  INFO(what);
  const auto forbid = [&](World& world) {
    const auto session = world.store->open(world.account);
    const auto now = world.clock.now();
    REQUIRE((what == "halt" ? session->journal().set_halt("looking", now)
                            : session->journal().set_breaker("three today", now))
                .has_value());
  };
  World world;
  SECTION("a stop") {
    leave_one_naked(world);
    forbid(world);
    world.run({world.buy("BTC_USDT", "95000")});
    CHECK(world.entries_of("BTC_USDT") == 0);
    CHECK(world.what_is_wrong("ETH_USDT") == "");
    CHECK(world.open_orders("ETH_USDT").size() == 2);
  }
  SECTION("a SELL") {
    world.run({world.buy("ETH_USDT", "3350.5")});
    world.clock.advance(60s);
    forbid(world);
    const RunReport report = world.run({world.sell("ETH_USDT"), world.buy("BTC_USDT", "95000")});
    CHECK(report.exits == 1);
    CHECK(world.entries_of("BTC_USDT") == 0);
    CHECK(world.said("TRADE_CLOSED symbol=ETH_USDT"));
    CHECK(world.open_orders("ETH_USDT").empty());
  }
}

TEST_CASE("P10: where halt flag, breaker or epoch of the account cannot be read, nothing is claimed") {
  std::string folder = (std::filesystem::temp_directory_path() / "tradeguard-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  {
    const auto opened = SqliteSession::open(folder + "/store.db", {.mode = SqliteOptions::Mode::create});
    REQUIRE(opened.has_value());
    SqlSession& session = **opened;
    REQUIRE(init_schema(session).has_value());
    const Pen pen{contract::the_account, std::nullopt};
    SqlIdempotencyGuard guard{session, pen};
    const auto claim = [&](std::string_view name) {
      const Signal signal{.symbol = symbol(name), .side = Side::buy, .time = noon};
      Order order{.client_id = {},
                  .trade = {},
                  .signal_key = signal_key(signal),
                  .symbol = signal.symbol,
                  .side = Side::buy,
                  .type = OrderType::market,
                  .quantity = Quantity{Decimal{1}}};
      order.stamp = noon;
      order.valid_until = noon + 10s;
      return guard.claim(std::array{EntryRequest{signal, order, Money{Decimal{50}}, std::nullopt}}, EntryPolicy{},
                         noon);
    };
    const auto well = claim("ETH_USDT");
    REQUIRE(well.has_value());
    CHECK(std::holds_alternative<EntryTicket>(well->front().outcome));

    // SQLite keeps what it is given, whatever the column says.
    int number = 0;
    for (const std::string cell : {"halted = x'ff'", "breaker = x'ff'", "entries_after = 'noon'"}) {
      INFO(cell);
      const std::string market = "A" + std::to_string(++number) + "_USDT";
      const std::string name = cell.substr(0, cell.find(' '));
      const auto set = [&](const std::string& what) {
        return session.run(std::array{Statement{"UPDATE accounts SET " + what, {}}}).has_value();
      };
      REQUIRE(set(cell));
      const auto judged = claim(market);
      CHECK((!judged || std::holds_alternative<Denied>(judged->front().outcome)));
      REQUIRE(set(name + " = NULL"));
    }
    const auto again = claim("BTC_USDT");
    REQUIRE(again.has_value());
    CHECK(std::holds_alternative<EntryTicket>(again->front().outcome));
  }
  std::filesystem::remove_all(folder);
}
