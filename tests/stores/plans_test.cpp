// What a run reads is bounded by what is open: with a long history every question goes through an
// index.
#include <cstdlib>
#include <iostream>

#include "contract.hpp"
#include "explaining_session.hpp"
#include "sessions.hpp"
#include "story.hpp"

namespace tradeguard::stores {
namespace {

using namespace contract;

// Settled trades of the last year, one a minute before noon, with their stop, notices and keys.
void write_history(SqlSession& session, int trades) {
  const bool sqlite = session.dialect() == SqlDialect::sqlite;
  const std::string numbers =
      sqlite
          ? "WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < " + std::to_string(trades) + ") "
          : "WITH g(i) AS (SELECT * FROM generate_series(CAST(1 AS BIGINT), " + std::to_string(trades) + ")) ";
  const std::string at = "(" + std::to_string(to_micros(noon - 2h)) + " - i * 60000000)";
  const std::string row =
      "attempt, signal_key, side, type, quantity, state, claimed_at, stamp, valid_until, "
      "acknowledged, twin, pair, venue_id, fired_id, filled, filled_value, fee_base, fees_known, "
      "exchange_time, sighted_at, closed_at, reason, version) ";
  const std::string told = ", " + at + ", " + at + ", " + at +
                           " + 10000000, 1, 0, '', 'v', '', '0.01', '50', '0', 1, " + at + ", " + at + ", " + at +
                           ", '', 3 FROM g";
  const std::string base = "(CASE i % 4 WHEN 0 THEN 'ETH' WHEN 1 THEN 'BTC' ELSE 'LTC' END)";
  must_run(session, numbers +
                        "INSERT INTO exchange_orders (venue, account, client_id, trade, base, "
                        "symbol, leg, " +
                        row + "SELECT 'paper', 'main', 'old-' || i, 'old-' || i, " + base + ", " + base +
                        " || '_USDT', 'entry', 1, 'old:' || i, 'BUY', "
                        "'market', '0.01', 'closed'" +
                        told);
  must_run(session, numbers +
                        "INSERT INTO exchange_orders (venue, account, client_id, trade, base, "
                        "symbol, leg, " +
                        row + "SELECT 'paper', 'main', 'stop-' || i, 'old-' || i, " + base + ", " + base +
                        " || '_USDT', 'stop', 1, '', 'SELL', 'stop_market', "
                        "'0.01', 'closed'" +
                        told);
  must_run(session,
           numbers +
               "INSERT INTO trades (venue, account, trade, symbol, strategy, naked_total, legs_told, skip_told, "
               "dust_told, exit_reason, exit_key, target_none, released, settled, version) "
               "SELECT 'paper', 'main', 'old-' || i, " +
               base + " || '_USDT', '', 0, 1, 0, 0, '', '', '', 0, 1, 3 FROM g");
  must_run(session,
           "UPDATE exchange_orders SET filled = '0' WHERE leg = 'stop' AND substr(client_id, "
           "length(client_id)) IN ('1', '4', '7')");
  must_run(session, numbers +
                        "INSERT INTO signal_claims (venue, account, signal_key, digest, client_id, "
                        "claimed_at, released, attempts) SELECT 'paper', 'main', 'old:' || i, 'd', "
                        "'old-' || i, " +
                        at + ", 0, 1 FROM g");
  must_run(session, numbers +
                        "INSERT INTO notices (venue, account, sequence, event_id, type, severity, "
                        "trade, symbol, order_id, facts, created_at, attempts, state, error) "
                        "SELECT 'paper', 'main', i, 'event-' || i, 'ORDER_FILLED', 'INFO', "
                        "'old-' || i, '', '', '', " +
                        at + ", 1, 'delivered', '' FROM g");
  must_run(session, numbers +
                        "INSERT INTO decisions (venue, account, signal_key, guard, verdict, detail, "
                        "first_at, last_at, count) SELECT 'paper', 'main', 'old:' || i, "
                        "'idempotency', 'passed', '', " +
                        at + ", " + at + ", 1 FROM g");
  must_run(session, numbers +
                        "INSERT INTO exit_wishes (venue, account, signal_key, trade) "
                        "SELECT 'paper', 'main', 'sold:' || i, 'old-' || i FROM g");
  must_run(session, numbers +
                        "INSERT INTO alarms (venue, account, kind, subject, freezes, breaks, "
                        "detail, symbol, order_id, raised_at, told, cleared_at) SELECT 'paper', "
                        "'main', 'UNPROTECTED', 'old-' || i, 'ETH', 1, '', '', '', " +
                        at + ", 1, " + at + " FROM g");
}

// Everything a cycle asks and writes, once.
void live_through_a_cycle(Session& session) {
  must(session.journal().begin_run("1_1", "hash", noon));
  book(session, noon);
  const Order entry = bought(session, buy("ETH_USDT"), noon);
  bought(session, buy("BTC_USDT"), noon);
  Order stop = append(session, stop_for(entry));
  tell(session, {notice("new-1", entry.trade), notice("new-2", entry.trade)});
  CHECK(due(session, noon).size() == 2);
  record(session, "new-1", DeliveryRecord::What::delivered);
  stop.state = OrderState::placed;
  advance(session, stop);
  TradeRecord wished = trade_row(session, entry.trade);
  wished.exit_reason = ExitReason::signal;
  value_of(session.journal().claim_exits(std::array{ExitClaim{sell("ETH_USDT"), {wished}, {}}}, 300s, 5s, noon));
  CHECK(book(session, noon).trades.size() == 2);
  value_of(session.history().latest({"ETH", "BTC"}));
  value_of(session.journal().orders_of(entry.signal_key));
  value_of(session.journal().decisions(entry.signal_key));
  value_of(session.journal().waiting_notices());
  must(session.journal().finish_run("ok", noon));
  CHECK(value_of(session.journal().prune_piece(noon - 24h * 3000, noon, prune_at_once)) == 0);
  CHECK(value_of(session.journal().prune_piece(noon - 24h * 2, noon, prune_at_once)) == 4 * prune_at_once);
}

void expect_indexes(SqlSession& session) {
  ExplainingSession explaining{session};
  OverSession over{explaining};
  live_through_a_cycle(over);
  const auto plans = explaining.take_plans();
  CHECK(plans.size() > 40);
  if (std::getenv("TRADEGUARD_TEST_SHOW_PLANS"))
    for (const auto& plan : plans) {
      std::cout << plan.sql << "\n";
      for (const auto& line : plan.lines) std::cout << "    " << line << "\n";
    }
  for (const auto& scan : full_scans(plans)) {
    CAPTURE(scan);
    CHECK(false);
  }
}

int history_size() {
  const char* asked = std::getenv("TRADEGUARD_TEST_HISTORY");
  return asked ? std::atoi(asked) : 20'000;
}

TEST_CASE("sqlite: a cycle with a long history walks through no table", "[plans]") {
  ScratchFolder folder;
  const auto session = new_sqlite_store(folder.file("store.db"));
  write_history(*session, history_size());
  SECTION("without statistics") { expect_indexes(*session); }
  SECTION("with statistics") {
    must_run(*session, "ANALYZE");
    expect_indexes(*session);
  }
}

TEST_CASE("postgres: a cycle with a long history walks through no table", "[plans]") {
  support::ScratchDatabase database;
  new_postgres_store(database.url());
  const auto session = postgres_session(database.url(), {.server_clock = false});
  must_run(*session, "SET statement_timeout = 0");
  SECTION("without statistics") {
    write_history(*session, history_size());
    expect_indexes(*session);
  }
  SECTION("with statistics") {
    write_history(*session, history_size());
    must_run(*session, "ANALYZE");
    expect_indexes(*session);
  }
  SECTION("with the statistics of an empty store") {
    must_run(*session, "ANALYZE");
    write_history(*session, history_size());
    expect_indexes(*session);
  }
}

// A clock that is asked at every row fits no index. The story's signals are years old by it, and
// are denied after everything was asked.
TEST_CASE("postgres: a claim by the server's clock walks through no table", "[plans]") {
  support::ScratchDatabase database;
  new_postgres_store(database.url());
  const auto session = postgres_session(database.url());
  must_run(*session, "SET statement_timeout = 0");
  write_history(*session, history_size());
  must_run(*session, "ANALYZE");
  ExplainingSession explaining{*session};
  OverSession store{explaining};
  const Judged judged = claim(store, buy("ETH_USDT"), noon);
  CHECK(std::holds_alternative<Denied>(judged.outcome));
  const auto plans = explaining.take_plans();
  CHECK(plans.size() > 8);
  for (const auto& scan : full_scans(plans)) {
    CAPTURE(scan);
    CHECK(false);
  }
}

}  // namespace
}  // namespace tradeguard::stores
