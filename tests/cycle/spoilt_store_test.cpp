// What stands in a store and cannot be read, was written by another version, or by a clock that was
// ahead: a run works on with the rest, and says so.
#include <catch2/catch.hpp>

#include <filesystem>

#include "forwarding.hpp"
#include "tradeguard/sql_schema.hpp"
#include "tradeguard/sql_store.hpp"
#include "tradeguard/sqlite_run_lock.hpp"
#include "tradeguard/sqlite_session.hpp"
#include "world.hpp"

using namespace tradeguard;
using namespace tradeguard::cycle_test;

namespace {

template <class T>
T value_of(Result<T> result) {
  if (!result) FAIL(result.error().what);
  return std::move(*result);
}

// SQLite keeps what it is given, whatever the column says.
class SpoiltStore final : public contract::StoreUnderTest {
 public:
  SpoiltStore() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tradeguard-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    const auto session = value_of(SqliteSession::open(file(), {.mode = SqliteOptions::Mode::create}));
    REQUIRE(init_schema(*session).has_value());
  }
  ~SpoiltStore() override { std::filesystem::remove_all(folder_); }
  std::unique_ptr<contract::Session> open(const AccountKey& account) override {
    return std::make_unique<One>(file(), account);
  }
  void sql(const std::string& statement) {
    const auto session = value_of(SqliteSession::open(file()));
    value_of(session->run(std::array{Statement{statement, {}}}));
  }

 private:
  class One final : public contract::Session {
   public:
    One(const std::string& file, const AccountKey& account)
        : Session{account}, session_{value_of(SqliteSession::open(file))} {}
    RunLock& lock() override { return lock_; }
    IdempotencyGuard& guard() override { return guard_; }
    EntryHistory& history() override { return history_; }
    OrderJournal& journal() override { return journal_; }

   private:
    std::unique_ptr<SqliteSession> session_;
    SqliteRunLock lock_{*session_};
    SqlIdempotencyGuard guard_{*session_, pen};
    SqlEntryHistory history_{*session_, pen};
    SqlJournal journal_{*session_, pen};
  };
  std::string file() const { return (folder_ / "store.db").string(); }
  std::filesystem::path folder_;
};

struct Spoilt : World {
  explicit Spoilt(std::shared_ptr<SpoiltStore> made = std::make_shared<SpoiltStore>()) : World{made}, rows{*made} {
    for (const char* name : {"ETH_USDT", "BTC_USDT", "SOL_USDT"}) set_price(name, "100");
  }
  SpoiltStore& rows;
};

// Somebody has cancelled what protects this market, at the exchange.
void lose_legs(World& world, std::string_view name) {
  auto open = world.open_orders(name);
  REQUIRE(world.book.open({}).has_value());
  for (PaperOrder& order : open) {
    order.status = VenueStatus::cancelled;
    order.changed_at = world.clock.now();
    world.book.state().put(order);
  }
  REQUIRE(world.book.close({}).has_value());
}

constexpr std::size_t protected_orders = 3;  // entry, stop, target

}  // namespace

TEST_CASE("a row of a trade that cannot be read is told with its row, and the other trades go on") {
  const std::string where = GENERATE(as<std::string>{}, "leg = 'stop'", "leg = 'entry'");
  const std::string spoilt = GENERATE(as<std::string>{}, "quantity = 'x'", "symbol = 'ETH'", "rules = 'none'",
                                      "version = 'x'", "claimed_at = 'noon'");
  INFO(where << ", " << spoilt);
  Spoilt world;
  world.run({world.buy("ETH_USDT", "100"), world.buy("BTC_USDT", "100")});
  REQUIRE(world.venue_orders("BTC_USDT").size() == protected_orders);
  world.rows.sql("UPDATE exchange_orders SET " + spoilt + " WHERE base = 'ETH' AND " + where);

  lose_legs(world, "BTC_USDT");
  world.clock.advance(60s);
  const RunReport report = world.run({world.buy("SOL_USDT", "100")});
  CHECK(report.verdict == RunVerdict::critical_stands);
  CHECK(world.said("IMPOSSIBLE "));
  CHECK(world.said("state=unreadable row=tg1-"));
  CHECK(world.said("SLTP_PLACED symbol=BTC_USDT"));
  CHECK(world.said("ENTRY_DENIED symbol=SOL_USDT"));
  CHECK(world.times_told(NoticeType::impossible) == 1);
  CHECK(world.entries_of("SOL_USDT") == 0);

  // Said in each run, told once.
  world.clock.advance(60s);
  CHECK(world.run().verdict == RunVerdict::critical_stands);
  CHECK(world.said("IMPOSSIBLE "));
  CHECK(world.times_told(NoticeType::impossible) == 1);
}

TEST_CASE("a SELL for a trade with a row that cannot be read is a WARNING, once, and sells when it can be read") {
  Spoilt world;
  world.run({world.buy("ETH_USDT", "100")});
  world.rows.sql("UPDATE trades SET rules = 'none' || rules");
  world.clock.advance(60s);
  const Signal sell = world.sell("ETH_USDT");
  world.run({sell});
  CHECK(world.said("EXIT_DEFERRED symbol=ETH_USDT"));
  CHECK(world.times_told(NoticeType::exit_expired) == 1);
  world.clock.advance(60s);
  world.run({sell});
  CHECK(world.times_told(NoticeType::exit_expired) == 1);

  world.rows.sql("UPDATE trades SET rules = replace(rules, 'none', '')");
  world.clock.advance(60s);
  CHECK(world.run({sell}).exits == 1);
}

TEST_CASE("a row that can be read again is taken up again, and the alarm is taken back") {
  Spoilt world;
  world.run({world.buy("ETH_USDT", "100")});
  world.rows.sql("UPDATE exchange_orders SET filled_value = 'much' WHERE leg = 'entry'");
  world.clock.advance(60s);
  CHECK(world.run().verdict == RunVerdict::critical_stands);
  world.rows.sql("UPDATE exchange_orders SET filled_value = '50' WHERE leg = 'entry'");
  world.clock.advance(60s);
  CHECK(world.run().verdict == RunVerdict::ok);
  CHECK(world.said("CLEARED kind=IMPOSSIBLE"));
  CHECK(world.what_is_wrong("ETH_USDT") == "");
}

TEST_CASE("an alarm of a kind that this version does not know stands as the word it is") {
  Spoilt world;
  world.run({world.buy("ETH_USDT", "100")});
  world.rows.sql(
      "INSERT INTO alarms (venue, account, kind, subject, freezes, breaks, detail, symbol, order_id, "
      "raised_at, next_reminder, told) VALUES ('paper', 'main', 'TIDE_TURNED', 'SOL', 'SOL', 0, "
      "'seen', 'SOL_USDT', '', " +
      std::to_string(to_micros(world.clock.now())) + ", " + std::to_string(to_micros(world.clock.now())) + ", 1)");
  world.clock.advance(60s);
  const RunReport report = world.run({world.buy("SOL_USDT", "100"), world.buy("BTC_USDT", "100")});
  CHECK(report.verdict == RunVerdict::critical_stands);
  CHECK(report.critical_standing == 1);
  CHECK(world.entries_of("SOL_USDT") == 0);  // what it freezes stays frozen
  CHECK(world.entries_of("BTC_USDT") == 1);
  bool reminded = false;
  for (const Notice& notice : world.told.told())
    reminded = reminded ||
               (notice.type == NoticeType::reminder && plain_text(notice).find("TIDE_TURNED") != std::string::npos);
  CHECK(reminded);
  // Reminded of once, and not again in the next minute.
  const int reminders = world.times_told(NoticeType::reminder);
  world.clock.advance(60s);
  world.run();
  CHECK(world.times_told(NoticeType::reminder) == reminders);
}

TEST_CASE("a notice of a type that this version does not know, or that is half readable, is told") {
  Spoilt world;
  world.told.answer_with([](const Notice&) { return TryLater{1s, "down"}; });
  world.run({world.buy("ETH_USDT", "100")});
  const std::string spoilt = GENERATE(as<std::string>{}, "type = 'TIDE_TURNED'", "created_at = 'noon'",
                                      "symbol = x'ff'", "next_try = 'soon'", "attempts = 'often'");
  INFO(spoilt);
  world.rows.sql("UPDATE notices SET " + spoilt + " WHERE type = 'ORDER_FILLED'");
  world.told.answer_with(nullptr);
  world.clock.advance(2min);
  const RunReport report = world.run();
  CHECK(report.verdict == RunVerdict::ok);
  CHECK(report.notices_waiting == 0);
  std::string all;
  for (const Notice& notice : world.told.told()) all += plain_text(notice) + "\n";
  CHECK_THAT(all, Catch::Contains("ORDER CREATED") && Catch::Contains("SLTP CREATED") && Catch::Contains("filled"));
  if (spoilt.starts_with("type")) CHECK_THAT(all, Catch::Contains("TIDE TURNED"));
}

TEST_CASE("an account's row that cannot be read enters nothing, and protection goes on") {
  const std::string spoilt = GENERATE(as<std::string>{}, "started_at = 'noon'", "completed_at = 'noon'",
                                      "entries_after = 'noon'", "stuck_told_at = 'noon'", "quiet_until = 'noon'");
  INFO(spoilt);
  Spoilt world;
  world.run({world.buy("ETH_USDT", "100")});
  lose_legs(world, "ETH_USDT");
  world.rows.sql("UPDATE accounts SET " + spoilt);
  world.clock.advance(60s);
  const RunReport report = world.run({world.buy("SOL_USDT", "100")});
  CHECK(report.verdict == RunVerdict::critical_stands);
  CHECK(world.said("SLTP_PLACED symbol=ETH_USDT"));
  CHECK(world.said("row=accounts"));
  CHECK(world.entries_of("SOL_USDT") == 0);
}

TEST_CASE("what is spoilt of one base freezes that base alone") {
  Spoilt world;
  world.run({world.buy("ETH_USDT", "100")});
  world.rows.sql(
      "INSERT INTO entry_memory (venue, account, base, symbol, remembered_at) VALUES "
      "('paper', 'main', 'SOL', 'SOL_USDT', 'noon')");
  world.clock.advance(60s);
  world.run({world.buy("SOL_USDT", "100"), world.buy("BTC_USDT", "100")});
  CHECK(world.said("ENTRY_DENIED symbol=SOL_USDT"));
  CHECK(world.said("reason=frozen"));
  CHECK(world.entries_of("SOL_USDT") == 0);
  CHECK(world.entries_of("BTC_USDT") == 1);
}

TEST_CASE("a key whose row is spoilt is claimed all the same") {
  Spoilt world;
  const Signal signal = world.buy("ETH_USDT", "100");
  world.run({signal});
  world.rows.sql("UPDATE signal_claims SET claimed_at = 'noon', digest = x'ff'");
  world.clock.advance(60s);
  world.run({signal, world.buy("BTC_USDT", "100")});
  CHECK(world.said("GUARD idempotency_blocked"));
  CHECK(world.entries_of("ETH_USDT") == 1);
  CHECK(world.entries_of("BTC_USDT") == 1);
}

// ---- A clock that was ahead ----------------------------------------------------------------------

namespace {

// What of the account is stored by one run whose clock is a month ahead.
constexpr Micros a_month = 24h * 30;

}  // namespace

TEST_CASE("one run of a clock a month ahead does not mute the reminders of what stands") {
  World world;
  world.set_price("ETH_USDT", "100");
  const Instant now = world.clock.now();
  auto session = world.store->open(contract::the_account);
  Alarm alarm{.kind = NoticeType::orphan, .subject = "tg1-e1", .freezes = "SOL"};
  alarm.raised_at = now + a_month;
  alarm.next_reminder = now + a_month + 5min;
  const Change change{.alarms = {{AlarmEdge::What::raise, alarm}}};
  REQUIRE(session->journal().write(std::array{change}).has_value());

  CHECK(world.run().verdict == RunVerdict::critical_stands);
  CHECK(world.times_told(NoticeType::reminder) == 1);
  world.clock.advance(60s);
  world.run();
  CHECK(world.times_told(NoticeType::reminder) == 1);  // and then as often as ever
}

TEST_CASE("a clock that was ahead by less than an hour does not mute a reminder either") {
  World world;
  world.set_price("ETH_USDT", "100");
  const Instant now = world.clock.now();
  auto session = world.store->open(contract::the_account);
  Alarm alarm{.kind = NoticeType::orphan, .subject = "tg1-e1", .freezes = "SOL"};
  alarm.raised_at = now + 50min;
  alarm.next_reminder = now + 55min;  // the first one comes five minutes after the alarm
  const Change change{.alarms = {{AlarmEdge::What::raise, alarm}}};
  REQUIRE(session->journal().write(std::array{change}).has_value());
  world.run();
  CHECK(world.times_told(NoticeType::reminder) == 1);
}

TEST_CASE("a notice whose next attempt was set by a clock a month ahead is tried now") {
  World world;
  auto session = world.store->open(contract::the_account);
  Notice notice{.event_id = "event", .type = NoticeType::stop_filled};
  notice.severity = GENERATE(Severity::info, Severity::critical);
  notice.created_at = world.clock.now();
  const Change change{.notices = {notice}};
  REQUIRE(session->journal().write(std::array{change}).has_value());
  const DeliveryRecord later{"event", DeliveryRecord::What::try_later, world.clock.now() + a_month, ""};
  REQUIRE(session->journal().record_deliveries(std::array{later}, world.clock.now()).has_value());
  world.run();
  CHECK(world.was_told(NoticeType::stop_filled));
}

TEST_CASE("a run that ended a month from now is a gap, and its stuck successor is reported") {
  World world;
  world.run();
  const Instant now = world.clock.now();
  auto session = world.store->open(contract::the_account);
  std::optional<RunLease> lease;
  lease.emplace(std::get<RunLease>(value_of(session->lock().try_acquire(contract::the_account))));
  session->pen.fence = lease->fence();
  SECTION("completed") {
    REQUIRE(session->journal().finish_run("ok", now + a_month).has_value());
    lease.reset();
    world.clock.advance(60s);
    world.run();
    CHECK(world.said("RUN_MISSED reason=gap"));
  }
  SECTION("started") {
    REQUIRE(session->journal().begin_run("1_1", "cafe", now + a_month).has_value());
    REQUIRE(session->journal().finish_run("ok", now - 1h).has_value());
    REQUIRE(session->journal().note_stuck_told(now + a_month).has_value());
    CHECK(world.run().verdict == RunVerdict::stuck);
    CHECK(world.was_told(NoticeType::run_stuck));
  }
}

TEST_CASE("an epoch that was accepted by a clock a month ahead keeps no signal out") {
  World world;
  world.set_price("ETH_USDT", "100");
  world.run();
  auto session = world.store->open(contract::the_account);
  REQUIRE(session->journal().accept_epoch("", world.clock.now() + a_month).has_value());
  world.clock.advance(60s);
  world.run();
  CHECK(world.said("NEW_EPOCH"));
  world.clock.advance(60s);
  world.run({world.buy("ETH_USDT", "100")});
  CHECK(world.entries_of("ETH_USDT") == 1);
}

// ---- Two clocks ----------------------------------------------------------------------------------

TEST_CASE("a signal from the future is rejected with how far, and by whose clock") {
  World world;
  world.set_price("ETH_USDT", "100");
  Signal signal = world.buy("ETH_USDT", "100");
  signal.time += 3min + 100ms;
  world.run({signal});
  CHECK(world.said("SIGNAL_REJECTED line=1 reason=future ahead_seconds=181 clock=host"));
  Signal exit = world.sell("ETH_USDT");
  exit.time += 3min + 100ms;
  world.run({exit});
  CHECK(world.said("reason=future ahead_seconds=181 clock=host"));
}

// ---- An account of mixed parts -----------------------------------------------------------------------

TEST_CASE("a run whose journal or guard writes with a pen of its own locks and writes nothing") {
  World world;
  world.set_price("ETH_USDT", "100");
  auto session = world.store->open(contract::the_account);
  const bool same_account = GENERATE(true, false);
  auto other = world.store->open(same_account ? contract::the_account : AccountKey{"paper", "other"});
  const bool journal = GENERATE(true, false);
  MemorySignals signals{{{world.buy("ETH_USDT", "100")}, {}}};
  PaperVenue venue{world.clock, world.book, {}};
  std::string said;
  Log log{[&](Level, Instant, std::string_view line) { said += line; }, world.clock};
  Account mixed{session->pen, session->lock(), journal ? other->journal() : session->journal(),
                journal ? session->guard() : other->guard()};
  CyclePorts ports{mixed, venue, venue, world.told, signals, world.clock, log};
  CHECK(monitor_cycle(ports, world.settings).verdict == RunVerdict::configuration);
  CHECK_THAT(said, Catch::Contains("RUN_FAILED") && Catch::Contains("the same Pen"));
  CHECK(world.entries_of("ETH_USDT") == 0);
}
