// PostgreSQL taken away from a run: crashed under it, its session ended, failed over to a standby
// that does not know the claim. The server here is this test's own.
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "bot.hpp"
#include "processes.hpp"

namespace tradeguard::kills {
namespace {

using cli::test::lines_beginning;
using cli::test::lines_with;
using cli::test::run_program;

const std::vector<std::string> symbols{"ETH_USDT", "BTC_USDT"};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  INFO(name << " is set by scripts/with-postgres");
  REQUIRE(value != nullptr);
  return value;
}

// What runs as the server's owner does not need to be allowed in the folders of this test.
void as_owner(std::vector<std::string> command) {
  const std::string owner = variable("TRADEGUARD_TEST_PGUSER_OS");
  if (::geteuid() == 0)
    command.insert(command.begin(), {"setpriv", "--reuid=" + owner, "--regid=" + owner, "--init-groups"});
  // A server that is started outlives the command and must not hold its output.
  const Ran ran = run_program(command, "/tmp");
  INFO(command.back() << "\n" << ran.out << ran.err);
  REQUIRE(ran.code == 0);
}

std::string program(const std::string& name) { return variable("TRADEGUARD_TEST_PGBIN") + "/" + name; }
std::string log_file() {
  return std::filesystem::path{variable("TRADEGUARD_TEST_PGDATA")}.parent_path().string() + "/log";
}

void control(const std::string& data, const std::vector<std::string>& words) {
  std::vector<std::string> command{program("pg_ctl"), "-D", data, "-l", log_file(), "-t", "60", "-s", "-w"};
  command.insert(command.end(), words.begin(), words.end());
  as_owner(std::move(command));
}
void crash_server() { control(variable("TRADEGUARD_TEST_PGDATA"), {"-m", "immediate", "stop"}); }
void start_server() {
  const std::string url = support::test_server();
  const auto port = url.rfind(':') + 1;
  control(variable("TRADEGUARD_TEST_PGDATA"), {"-o", "-p " + url.substr(port, url.rfind('/') - port), "start"});
}

void end_sessions(const Bot& bot) {
  support::PlainConnection server{bot.store_url()};
  server.ask(
      "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = "
      "current_database() AND application_name = 'tradeguard'");
}

// The first create-order of the run: from here to its answer the entry is on its way.
const std::string creation_of(const Kind& kind) {
  return kind.venue == "cryptocom" ? "private/create-order" : "POST /api/v3/order";
}

void wait_for_requests(const Bot& bot, const std::string& endpoint, std::int64_t count) {
  constexpr int tries = 2000;
  for (int i = 0; i < tries; ++i) {
    const auto requests = bot.venue().stats().at("requests");
    if (const auto* found = requests.find(endpoint); found && std::stoll(found->scalar) >= count) return;
    ::usleep(5000);
  }
  FAIL("the exchange was not asked: " << endpoint);
}

// What a run that bought and lost its store owes: protection from memory, the truth, nothing more.
void check_finished_without_store(const Bot& bot, const Ran& ran) {
  INFO(ran.err);
  CHECK(ran.code == 1);
  CHECK(lines_beginning(ran.lines(), "STORE_LOST error=").size() == 1);
  REQUIRE_FALSE(ran.lines().empty());
  CHECK(ran.lines().back().starts_with("RUN_END "));
  CHECK(ran.lines().back().find("result=store_lost") != std::string::npos);
  bool told = false;
  for (const std::string& message : bot.venue().messages())
    told = told || message.find("STORE LOST") != std::string::npos;
  CHECK(told);
  for (const std::string& symbol : symbols) {
    const Position found = position(bot, symbol);
    INFO(symbol);
    CHECK(found.entries == 1);
    CHECK_FALSE(found.naked());
  }
}

TEST_CASE(
    "the store ends the session while the entries are on their way: they are protected all the "
    "same") {
  for (const char* venue_kind : {"cryptocom", "binance"}) {
    INFO(venue_kind);
    fake::FakeVenueProcess venue;
    Bot bot{venue, {venue_kind, "postgres"}};
    bot.begin_anew();
    const std::string signals = buy_signals(symbols);
    venue.fault(creation_of(bot.kind()), {{"delay", "300"}, {"times", "2"}});
    Started run = bot.start(signals);
    wait_for_requests(bot, creation_of(bot.kind()), 2);
    end_sessions(bot);
    check_finished_without_store(bot, run.finish());
    run_until_quiet(bot, symbols, signals);
    for (const std::string& symbol : symbols) CHECK(position(bot, symbol).entries == 1);
  }
}

// With the session the lock is gone. What a run that slept through it remembers of a trade is the past.
TEST_CASE("a run that slept while its session was ended leaves alone what another run has worked on") {
  const bool sold = GENERATE(false, true);
  for (const char* venue_kind : {"cryptocom", "binance"}) {
    INFO(venue_kind);
    fake::FakeVenueProcess venue;
    Bot bot{venue, {venue_kind, "postgres"}};
    bot.begin_anew();
    venue.fault(creation_of(bot.kind()), {{"delay", "300"}, {"times", "1"}});
    Started sleeper = bot.start(buy_signals({"ETH_USDT"}));
    wait_for_requests(bot, creation_of(bot.kind()), 1);
    sleeper.send(SIGSTOP);
    end_sessions(bot);
    bot.wait_until_unlocked();

    // The entry filled meanwhile. Others protect it, and one sells it; the account keeps other coins.
    venue.set_balance("ETH", Decimal{5});
    Ran other = bot.cycle("");
    for (int i = 0; i < 20 && position(bot, "ETH_USDT").naked(); ++i) other = bot.cycle("");
    INFO(other.err);
    REQUIRE_FALSE(position(bot, "ETH_USDT").naked());
    if (sold) {
      const Ran sale = bot.cycle(cli::test::sell("ETH_USDT", cli::test::time_text(3)));
      INFO(sale.err);
      REQUIRE(position(bot, "ETH_USDT").held() < Decimal::parse("0.001"));
    }
    const Position before = position(bot, "ETH_USDT");

    sleeper.send(SIGCONT);
    const Ran woken = sleeper.finish();
    INFO(woken.err);
    CHECK(woken.code != 0);
    const Position after = position(bot, "ETH_USDT");
    CHECK(after.entries == before.entries);
    CHECK(after.sold == before.sold);
    CHECK(after.covered == before.covered);
  }
}

// The legs of a run without its store have no rows. One of them did its work before anybody looked,
// and longer ago than a look at the last minute would show.
TEST_CASE(
    "a stop that a run placed without its store and that sold since then is found, and nothing is "
    "placed again") {
  for (const char* venue_kind : {"cryptocom", "binance"}) {
    INFO(venue_kind);
    fake::FakeVenueProcess venue;
    Bot bot{venue, {venue_kind, "postgres"}};
    bot.begin_anew();
    venue.fault(creation_of(bot.kind()), {{"delay", "300"}, {"times", "2"}});
    Started run = bot.start(buy_signals(symbols));
    wait_for_requests(bot, creation_of(bot.kind()), 2);
    end_sessions(bot);
    check_finished_without_store(bot, run.finish());
    const auto orders = venue.orders().size();
    venue.set_price("ETH_USDT", Decimal{2800});
    REQUIRE(position(bot, "ETH_USDT").sold.is_positive());
    venue.set_clock_offset(std::chrono::minutes{10});
    bot.wait_until_unlocked();
    const Ran next = bot.cycle("");
    INFO(next.err);
    CHECK(next.code == 0);
    CHECK(lines_beginning(next.lines(), "TRADE_CLOSED symbol=ETH_USDT ").size() == 1);
    CHECK(lines_beginning(next.lines(), "SLTP_SKIPPED_ALREADY_EXISTS symbol=BTC_USDT ").size() == 1);
    CHECK(venue.orders().size() == orders);
  }
}

// Paced, so that there are two batches: between them the lease is asked for, and not the journal.
TEST_CASE(
    "the session ended between two batches of entries: what was bought is protected, the rest is "
    "not bought") {
  fake::FakeVenueProcess venue;
  Bot bot{venue, {"cryptocom", "postgres"}};
  bot.begin_anew();
  std::string signals;
  for (int i = 0; i < 20; ++i)
    signals += cli::test::buy(i < 15 ? "ETH_USDT" : "BTC_USDT", cli::test::time_text(3), i < 15 ? "3000" : "50000",
                              ",\"id\":\"s" + std::to_string(i) + "\"");
  const std::vector<std::string> wide{"--venue.pace", "documented", "--limits.max_open_positions", "0"};
  bool ended = false;
  // When the second batch is claimed, before the lease is asked for to send it.
  const auto run = bot.follow(
      signals,
      [&](int, When when, const SystemCall&, pid_t) {
        if (ended || when != When::behind) return Then::go_on;
        // The program stands still behind the call that sent the COMMIT; the server carries it out meanwhile.
        int claimed = 0;
        for (int look = 0; look < 3; ++look) {
          claimed = std::stoi(bot.sql("SELECT count(*) FROM tradeguard.signal_claims"));
          if (claimed != 15) break;
        }
        if (claimed < 16) return Then::go_on;
        end_sessions(bot);
        ended = true;
        return Then::go_on;
      },
      wide);
  INFO(run.ran.err);
  REQUIRE(ended);
  CHECK(run.ran.code == 1);
  const Position eth = position(bot, "ETH_USDT");
  CHECK(eth.entries >= 1);
  CHECK_FALSE(eth.naked());
  CHECK(position(bot, "BTC_USDT").entries == 0);
}

TEST_CASE(
    "the session ended before any call: what was bought is protected by the run itself, or nothing "
    "was bought") {
  fake::FakeVenueProcess venue;
  Bot bot{venue, {"cryptocom", "postgres"}};
  int number = 0;
  int tried = 0;
  for (bool over = false; !over; number += 4) {
    bot.begin_anew();
    const std::string signals = buy_signals(symbols);
    bool ended = false;
    const auto run = bot.follow(signals, [&](int now, When when, const SystemCall&, pid_t) {
      if (!ended && when == When::before && now >= std::max(number, 1)) {
        end_sessions(bot);
        ended = true;
      }
      return Then::go_on;
    });
    over = !ended;
    ++tried;
    INFO("sessions ended before call " << number << ": exit code " << run.ran.code << "\n" << run.ran.err);
    check_never_twice(bot, symbols);
    check_truthful(bot, symbols, run.ran);
    for (const std::string& symbol : symbols) {
      const Position found = position(bot, symbol);
      // The entry was answered, so that the run knows of the fill: it is protected when the run
      // ends.
      CHECK_FALSE(found.naked());
      if (run.ran.code == 69) CHECK(found.entries == 0);
    }
    run_until_quiet(bot, symbols, signals);
  }
  std::cout << "sessions ended at " << tried << " moments of a run\n";
}

TEST_CASE(
    "the server crashes while an entry is on its way and stays away: the run protects, the next "
    "one takes over") {
  for (const char* venue_kind : {"cryptocom", "binance"}) {
    INFO(venue_kind);
    fake::FakeVenueProcess venue;
    Bot bot{venue, {venue_kind, "postgres"}};
    bot.begin_anew();
    const std::string signals = buy_signals(symbols);
    // Carried out, and never answered: the run has to look, while its store is away.
    venue.fault(creation_of(bot.kind()), {{"hang", "after"}, {"times", "1"}});
    Started run = bot.start(signals);
    wait_for_requests(bot, creation_of(bot.kind()), 2);
    crash_server();
    check_finished_without_store(bot, run.finish());
    // As long as it stays away: nothing is sent, and that is said; also that live trades are open.
    const Ran without = bot.cycle(signals);
    INFO(without.err);
    CHECK(without.code == 1);
    CHECK(without.err.starts_with("RUN_FAILED reason="));
    CHECK(lines_with(without.lines(), "LIVE_POSITIONS_UNATTENDED trades=2 ").size() == 1);
    start_server();
    const Ran next = bot.cycle(signals);
    INFO(next.err);
    CHECK(lines_with(next.lines(), "GUARD idempotency_blocked ").size() == 2);
    CHECK(lines_with(next.lines(), "SLTP_SKIPPED_ALREADY_EXISTS ").size() == 2);
    check_never_twice(bot, symbols);
    run_until_quiet(bot, symbols, signals);
    for (const std::string& symbol : symbols) CHECK(position(bot, symbol).entries == 1);
  }
}

// A second server that follows the first one.
class Standby {
 public:
  Standby() {
    port_ = support::free_port();
    folder_ = std::filesystem::path{variable("TRADEGUARD_TEST_PGDATA")}.parent_path().string() + "/standby" +
              std::to_string(port_);
    as_owner(
        {program("pg_basebackup"), "-D", folder_, "-R", "-X", "stream", "-c", "fast", "-d", support::test_server()});
    control(folder_, {"-o", "-p " + std::to_string(port_), "start"});
  }
  ~Standby() { control(folder_, {"-m", "immediate", "stop"}); }
  Standby(const Standby&) = delete;
  Standby& operator=(const Standby&) = delete;
  int port() const { return port_; }
  std::string url(const std::string& database, const std::string& as = support::store_role) const {
    return support::test_server({.database = database, .user = as, .port = port_});
  }
  // It has what the first server has now, and gets nothing more.
  void fall_behind() const {
    support::PlainConnection first{support::test_server()};
    const std::string position = first.ask("SELECT pg_current_wal_lsn()");
    support::PlainConnection own{url("postgres", "postgres")};
    constexpr int tries = 2000;
    for (int i = 0; i < tries; ++i) {
      if (own.ask("SELECT pg_last_wal_replay_lsn() >= '" + position + "'") == "t") break;
      ::usleep(5000);
    }
    own.ask("ALTER SYSTEM SET primary_conninfo = ''");
    own.ask("SELECT pg_reload_conf()");
    for (int i = 0; i < tries; ++i) {
      if (own.ask("SELECT count(*) FROM pg_stat_wal_receiver") == "0") return;
      ::usleep(5000);
    }
    FAIL("the standby still follows");
  }
  void promote() const { control(folder_, {"promote"}); }

 private:
  std::string folder_;
  int port_ = 0;
};

// With replication that nobody waits for, claims are lost with the first server. What is promised
// then: signals from before are not entered, and what the exchange has without a row is said and
// freezes.
TEST_CASE(
    "failed over to a standby that lost the claims: nothing is bought twice, and what is nobody's "
    "is said") {
  for (const char* venue_kind : {"cryptocom", "binance"}) {
    INFO(venue_kind);
    fake::FakeVenueProcess venue;
    Bot bot{venue, {venue_kind, "postgres"}};
    const Standby standby;
    bot.begin_anew();
    standby.fall_behind();
    const std::string signals = buy_signals(symbols);
    const Ran before = bot.cycle(signals);
    REQUIRE(before.code == 0);
    crash_server();
    standby.promote();
    bot.move_to(standby.url(bot.database_name()));
    REQUIRE(bot.sql("SELECT count(*) FROM exchange_orders") == "0");

    // And one that was new when the claims were lost: it may have been carried out for all this
    // store knows.
    const Ran next = bot.cycle(signals + cli::test::buy("SOL_USDT", cli::test::time_text(-1), "100"));
    INFO(next.err);
    CHECK(next.code == 1);
    CHECK(lines_with(next.lines(), "NEW_EPOCH ").size() == 1);
    // Two purchases with a stop and a target each.
    CHECK(lines_beginning(next.lines(), "ORPHAN ").size() == 6);
    CHECK(lines_with(next.lines(), "reason=before_epoch").size() == 1);
    CHECK(lines_with(next.lines(), "ORDER_PLACED ").empty());
    check_never_twice(bot, symbols);
    // Now signals this store has every right to trade: where an order is nobody's it does not.
    const Ran later = bot.cycle(cli::test::buy("ETH_USDT", cli::test::time_text(4), "3000", ",\"id\":\"new\"") +
                                cli::test::buy("SOL_USDT", cli::test::time_text(4), "100", ",\"id\":\"new\""));
    INFO(later.err);
    CHECK(later.code == 1);
    CHECK(lines_with(later.lines(), "ENTRY_DENIED symbol=ETH_USDT ").size() == 1);
    for (const std::string& symbol : symbols) {
      CHECK(position(bot, symbol).entries == 1);
      CHECK_FALSE(position(bot, symbol).naked());
    }
    CHECK(position(bot, "SOL_USDT").entries == 1);
    CHECK_FALSE(position(bot, "SOL_USDT").naked());
    start_server();
  }
}

}  // namespace
}  // namespace tradeguard::kills
