// A store as an older program made it: what later versions added is taken away again, and what they took is put back.
#pragma once

#include <string>
#include <vector>

#include "tradeguard/sql_session.hpp"

namespace tradeguard::stores {

// Until schema 3 every order had the columns of its trade, and only entries used them.
inline std::vector<std::string> trades_into_orders(SqlDialect dialect) {
  const std::string of_trade =
      " FROM trades t WHERE t.trade = o.client_id AND t.venue = o.venue AND t.account = o.account";
  const auto of = [&](const std::string& column, const std::string& otherwise) {
    return "coalesce((SELECT t." + column + of_trade + "), " + otherwise + ")";
  };
  const std::string strategy = "CASE WHEN o.leg = 'exit' THEN o.because ELSE " + of("strategy", "''") + " END";
  const std::string open_index =
      "CREATE INDEX exchange_orders_open ON exchange_orders (venue, account, claimed_at) "
      "WHERE leg = 'entry' AND twin = 0 AND settled = 0";
  if (dialect == SqlDialect::postgres)
    return {
        "ALTER TABLE exchange_orders ADD COLUMN plan TEXT, ADD COLUMN strategy TEXT NOT NULL DEFAULT '', "
        "ADD COLUMN naked_since BIGINT, ADD COLUMN naked_total BIGINT NOT NULL DEFAULT 0, "
        "ADD COLUMN legs_told BIGINT NOT NULL DEFAULT 0 CHECK (legs_told IN (0, 1)), "
        "ADD COLUMN skip_told BIGINT NOT NULL DEFAULT 0 CHECK (skip_told IN (0, 1)), "
        "ADD COLUMN dust_told BIGINT NOT NULL DEFAULT 0 CHECK (dust_told IN (0, 1)), "
        "ADD COLUMN exit_reason TEXT NOT NULL DEFAULT '', ADD COLUMN exit_until BIGINT, "
        "ADD COLUMN released BIGINT NOT NULL DEFAULT 0 CHECK (released IN (0, 1)), "
        "ADD COLUMN settled BIGINT NOT NULL DEFAULT 0 CHECK (settled IN (0, 1))",
        "ALTER TABLE exchange_orders ALTER COLUMN strategy DROP DEFAULT, ALTER COLUMN naked_total DROP DEFAULT, "
        "ALTER COLUMN legs_told DROP DEFAULT, ALTER COLUMN skip_told DROP DEFAULT, "
        "ALTER COLUMN dust_told DROP DEFAULT, ALTER COLUMN exit_reason DROP DEFAULT, "
        "ALTER COLUMN released DROP DEFAULT, ALTER COLUMN settled DROP DEFAULT",
        "UPDATE exchange_orders o SET rules = t.rules, plan = t.plan, naked_since = t.naked_since, "
        "naked_total = t.naked_total, legs_told = t.legs_told, skip_told = t.skip_told, "
        "dust_told = t.dust_told, exit_reason = t.exit_reason, exit_until = t.exit_until, "
        "released = t.released, settled = t.settled" +
            of_trade,
        "UPDATE exchange_orders o SET strategy = " + strategy,
        "DROP TABLE trades",
        "ALTER TABLE exchange_orders DROP COLUMN ending, DROP COLUMN because, DROP COLUMN free_base, DROP COLUMN "
        "wire_id",
        open_index};

  std::vector<std::string> statements;
  for (const char* index : {"trade", "key", "cooling", "day", "stopped", "questions", "sold"})
    statements.push_back("DROP INDEX exchange_orders_" + std::string{index});
  const std::string kept =
      "venue, account, client_id, trade, base, symbol, leg, attempt, signal_key, side, type, quantity, price, "
      "trigger_price, state, claimed_at, stamp, valid_until, acknowledged, twin, pair, venue_id, fired_id, filled, "
      "filled_value, fee_base, fees_known, exchange_time, sighted_at, closed_at, fired_at, cancel_asked_at, reason, "
      "version";
  for (const std::string& statement : std::vector<std::string>{
           "ALTER TABLE exchange_orders RENAME TO exchange_orders_after",
           "CREATE TABLE exchange_orders ("
           "venue TEXT NOT NULL, account TEXT NOT NULL, "
           "client_id TEXT NOT NULL CHECK (client_id <> ''), "
           "trade TEXT NOT NULL CHECK (trade <> ''), "
           "base TEXT NOT NULL, symbol TEXT NOT NULL, "
           "leg TEXT NOT NULL CHECK (leg IN ('entry', 'stop', 'target', 'exit')), "
           "attempt BIGINT NOT NULL CHECK (attempt >= 1), "
           "signal_key TEXT NOT NULL, "
           "side TEXT NOT NULL CHECK (side IN ('BUY', 'SELL')), "
           "type TEXT NOT NULL CHECK (type IN ('market', 'stop_market', 'stop_limit', 'limit')), "
           "quantity TEXT NOT NULL CHECK (quantity <> '' AND substr(quantity, 1, 1) <> '-'), "
           "price TEXT, trigger_price TEXT, "
           "state TEXT NOT NULL CHECK (state IN ('claimed', 'placed', 'closed', 'refused', 'lapsed')), "
           "claimed_at BIGINT NOT NULL, stamp BIGINT NOT NULL, valid_until BIGINT NOT NULL, "
           "acknowledged BIGINT NOT NULL CHECK (acknowledged IN (0, 1)), "
           "twin BIGINT NOT NULL CHECK (twin IN (0, 1)), "
           "pair TEXT NOT NULL, venue_id TEXT NOT NULL, fired_id TEXT NOT NULL, "
           "filled TEXT NOT NULL CHECK (filled <> '' AND substr(filled, 1, 1) <> '-'), "
           "filled_value TEXT NOT NULL, fee_base TEXT NOT NULL, "
           "fees_known BIGINT NOT NULL CHECK (fees_known IN (0, 1)), "
           "exchange_time BIGINT, sighted_at BIGINT, closed_at BIGINT, fired_at BIGINT, "
           "cancel_asked_at BIGINT, reason TEXT NOT NULL, rules TEXT, plan TEXT, "
           "strategy TEXT NOT NULL, naked_since BIGINT, naked_total BIGINT NOT NULL, "
           "legs_told BIGINT NOT NULL CHECK (legs_told IN (0, 1)), "
           "skip_told BIGINT NOT NULL CHECK (skip_told IN (0, 1)), "
           "dust_told BIGINT NOT NULL CHECK (dust_told IN (0, 1)), "
           "exit_reason TEXT NOT NULL, exit_until BIGINT, "
           "released BIGINT NOT NULL CHECK (released IN (0, 1)), "
           "settled BIGINT NOT NULL CHECK (settled IN (0, 1)), "
           "version BIGINT NOT NULL CHECK (version >= 1), "
           "cools_from BIGINT GENERATED ALWAYS AS (CASE "
           "WHEN leg <> 'entry' OR state = 'lapsed' THEN NULL "
           "WHEN state = 'claimed' AND valid_until > stamp "
           "AND valid_until > coalesce(exchange_time, stamp) THEN valid_until "
           "WHEN exchange_time > stamp THEN exchange_time ELSE stamp END) STORED, "
           "stopped_at BIGINT GENERATED ALWAYS AS (CASE WHEN leg = 'stop' AND filled <> '0' "
           "THEN coalesce(closed_at, sighted_at, stamp) END) STORED, "
           "question_until BIGINT GENERATED ALWAYS AS (CASE "
           "WHEN state IN ('claimed', 'placed') THEN 9223372036854775807 "
           "WHEN state = 'closed' AND side = 'BUY' AND filled <> '0' AND fees_known = 0 "
           "THEN 9223372036854775807 "
           "WHEN state IN ('refused', 'lapsed') THEN valid_until + 3600000000 END) STORED, "
           "CHECK (leg <> 'entry' OR twin = 1 OR trade = client_id), "
           "PRIMARY KEY (client_id, venue, account))",
           "INSERT INTO exchange_orders (" + kept +
               ", rules, plan, strategy, naked_since, naked_total, legs_told, skip_told, dust_told, exit_reason, "
               "exit_until, released, settled) SELECT " +
               kept + ", " + of("rules", "o.rules") + ", " + of("plan", "NULL") + ", " + strategy + ", " +
               of("naked_since", "NULL") + ", " + of("naked_total", "0") + ", " + of("legs_told", "0") + ", " +
               of("skip_told", "0") + ", " + of("dust_told", "0") + ", " + of("exit_reason", "''") + ", " +
               of("exit_until", "NULL") + ", " + of("released", "0") + ", " + of("settled", "0") +
               " FROM exchange_orders_after o",
           "DROP TABLE exchange_orders_after", "DROP TABLE trades", open_index,
           "CREATE INDEX exchange_orders_trade ON exchange_orders (trade, venue, account)",
           "CREATE INDEX exchange_orders_key ON exchange_orders (signal_key, venue, account) WHERE signal_key <> ''",
           "CREATE INDEX exchange_orders_cooling ON exchange_orders (base, venue, account, cools_from) "
           "WHERE cools_from IS NOT NULL",
           "CREATE INDEX exchange_orders_day ON exchange_orders (stamp, venue, account) WHERE cools_from IS NOT NULL",
           "CREATE INDEX exchange_orders_stopped ON exchange_orders (base, venue, account, stopped_at) "
           "WHERE stopped_at IS NOT NULL",
           "CREATE INDEX exchange_orders_questions ON exchange_orders (question_until, venue, account) "
           "WHERE question_until IS NOT NULL",
           "CREATE INDEX exchange_orders_sold ON exchange_orders "
           "((coalesce(closed_at, sighted_at, stamp)), venue, account) WHERE leg = 'exit' AND filled <> '0'"})
    statements.push_back(statement);
  return statements;
}

inline std::vector<std::string> statements_back_to(int version, SqlDialect dialect) {
  std::vector<std::string> statements{"DROP INDEX exchange_orders_absent", "DROP INDEX exchange_orders_absent_day",
                                      "DROP INDEX exchange_orders_forced", "DROP INDEX exchange_orders_spent",
                                      "DROP INDEX decisions_last",         "DROP INDEX alarms_cleared"};
  const auto also = [&](std::vector<std::string> more) {
    statements.insert(statements.end(), more.begin(), more.end());
  };
  also(trades_into_orders(dialect));
  also({"DROP TABLE exit_words", "ALTER TABLE accounts ADD COLUMN run_counters TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE accounts DROP COLUMN breaker_reset_at", "ALTER TABLE accounts DROP COLUMN quiet_until",
        "ALTER TABLE accounts DROP COLUMN quiet_status", "ALTER TABLE accounts DROP COLUMN notify_quiet_until",
        "ALTER TABLE signal_claims DROP COLUMN decided"});
  if (version < 2)
    also({"DROP TABLE instrument_rules", "UPDATE exchange_orders SET rules = replace(rules, ' stop_market=1', '')"});
  also({"UPDATE tradeguard_meta SET value = '" + std::to_string(version) + "' WHERE key = 'schema_version'"});
  return statements;
}

}  // namespace tradeguard::stores
