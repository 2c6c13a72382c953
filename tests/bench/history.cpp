#include "history.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>
#include <string>

namespace tradeguard::bench {

namespace {

void must_run(SqlSession& session, const std::string& sql) {
  const auto done = session.run(std::array{Statement{sql, {}}});
  if (!done) throw std::runtime_error{"writing the history: " + done.error().what};
}

// The columns of an order that are alike in all of them.
constexpr const char* told_columns =
    "attempt, side, type, quantity, state, claimed_at, stamp, valid_until, acknowledged, twin, "
    "pair, venue_id, fired_id, filled, filled_value, fee_base, fees_known, exchange_time, "
    "sighted_at, closed_at, reason, version) ";

std::string told_values(const std::string& side_and_type, const std::string& at) {
  return "1, " + side_and_type + ", '0.01', 'closed', " + at + ", " + at + ", " + at +
         " + 10000000, 1, 0, '', 'v' || i, '', '0.01', '50', '0', 1, " + at + ", " + at + ", " + at + ", '', 3 FROM g";
}

void write_trades(SqlSession& session, long first, long last, Instant newest, const std::string& venue) {
  const bool sqlite = session.dialect() == SqlDialect::sqlite;
  const std::string from = std::to_string(first);
  const std::string to = std::to_string(last);
  const std::string numbers =
      sqlite ? "WITH RECURSIVE g(i) AS (SELECT " + from + " UNION ALL SELECT i + 1 FROM g WHERE i < " + to + ") "
             : "WITH g(i) AS (SELECT * FROM generate_series(CAST(" + from + " AS BIGINT), " + to + ")) ";
  // Client ids are hashes: neighbours in time are no neighbours in an index.
  const std::string scattered = "(i * 2654435761 % 4294967296)";
  const std::string id =
      sqlite ? "printf('tg1-e1-%016x', " + scattered + ")" : "'tg1-e1-' || lpad(to_hex(" + scattered + "), 16, '0')";
  const std::string stop =
      sqlite ? "printf('tg1-s1-%016x', " + scattered + ")" : "'tg1-s1-' || lpad(to_hex(" + scattered + "), 16, '0')";
  const std::string key = "('C' || (i % 200) || '_USDT:BUY:id=old-' || i)";
  const std::string at = "(" + std::to_string(to_micros(newest)) + " - i * 60000000)";
  const std::string base = "'C' || (i % 200), 'C' || (i % 200) || '_USDT'";

  const std::string insert_order =
      "INSERT INTO exchange_orders (venue, account, client_id, trade, base, symbol, leg, "
      "signal_key, ";
  must_run(session, numbers + insert_order + told_columns + "SELECT '" + venue + "', 'main', " + id + ", " + id + ", " +
                        base + ", 'entry', " + key + ", " + told_values("'BUY', 'market'", at));
  must_run(session, numbers + insert_order + told_columns + "SELECT '" + venue + "', 'main', " + stop + ", " + id +
                        ", " + base + ", 'stop', '', " + told_values("'SELL', 'stop_market'", at));
  must_run(session, numbers +
                        "INSERT INTO signal_claims (venue, account, signal_key, digest, client_id, "
                        "claimed_at, released, attempts) SELECT '" +
                        venue + "', 'main', " + key + ", 'd', " + id + ", " + at + ", 0, 1 FROM g");
  must_run(session, numbers +
                        "INSERT INTO decisions (venue, account, signal_key, guard, verdict, "
                        "detail, first_at, last_at, count) SELECT '" +
                        venue + "', 'main', " + key + ", 'idempotency', 'passed', '', " + at + ", " + at +
                        ", 1 FROM g");
  must_run(session, numbers +
                        "INSERT INTO notices (venue, account, sequence, event_id, type, severity, "
                        "trade, symbol, order_id, facts, created_at, attempts, state, error) "
                        "SELECT '" +
                        venue + "', 'main', i, 'ORDER_FILLED:' || " + id + ", 'ORDER_FILLED', 'INFO', " + id +
                        ", '', '', '', " + at + ", 1, 'delivered', '' FROM g");
  const std::string some = " FROM g WHERE i % 20 = 0";
  must_run(session, numbers +
                        "INSERT INTO exit_wishes (venue, account, signal_key, trade) "
                        "SELECT '" +
                        venue + "', 'main', 'C' || (i % 200) || '_USDT:SELL:id=old-' || i, " + id + some);
  must_run(session, numbers +
                        "INSERT INTO alarms (venue, account, kind, subject, freezes, breaks, "
                        "detail, symbol, order_id, raised_at, told, cleared_at) "
                        "SELECT '" +
                        venue + "', 'main', 'UNPROTECTED', " + id + ", 'C' || (i % 200), 1, '', '', '', " + at +
                        ", 1, " + at + some);
}

}  // namespace

void write_history(SqlSession& session, long rows, const std::string& venue) {
  const bool sqlite = session.dialect() == SqlDialect::sqlite;
  if (sqlite) {
    // Only while the history is made: nobody would lose anything.
    must_run(session, "PRAGMA synchronous = OFF");
    must_run(session, "PRAGMA cache_size = -262144");
  } else {
    must_run(session, "SET statement_timeout = 0");
    must_run(session, "SET synchronous_commit = off");
  }
  const auto two_days_ago = std::chrono::floor<Micros>(std::chrono::system_clock::now()) - 48h;
  // In bites: a server that says nothing for 20 s is given up.
  constexpr long bite = 25'000;
  const long trades = rows / 2;
  for (long first = 1; first <= trades; first += bite)
    write_trades(session, first, std::min(trades, first + bite - 1), two_days_ago, venue);
  if (sqlite) {
    must_run(session, "PRAGMA wal_checkpoint(TRUNCATE)");
    must_run(session, "PRAGMA synchronous = FULL");
  }
}

}  // namespace tradeguard::bench
