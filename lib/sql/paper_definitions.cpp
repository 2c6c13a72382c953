// The tables of the paper book. They lie beside the store's, so whoever checks the store has to know them.
#include "tradeguard/sql_schema.hpp"

namespace tradeguard {

std::vector<std::string> paper_definitions() {
  std::vector<std::string> definitions;
  definitions.emplace_back("CREATE TABLE paper_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)");
  // `version` grows with every visit that changes something; each row carries the one that wrote
  // it.
  definitions.emplace_back(
      "CREATE TABLE paper_accounts ("
      "venue TEXT NOT NULL, account TEXT NOT NULL, "
      "version BIGINT NOT NULL, next_number BIGINT NOT NULL, "
      "PRIMARY KEY (venue, account))");
  definitions.emplace_back(
      "CREATE TABLE paper_orders ("
      "venue TEXT NOT NULL, account TEXT NOT NULL, number BIGINT NOT NULL, "
      "list BIGINT NOT NULL, fired_number BIGINT NOT NULL, client_id TEXT NOT NULL, "
      "symbol TEXT NOT NULL, side TEXT NOT NULL CHECK (side IN ('BUY', 'SELL')), "
      "type TEXT NOT NULL CHECK (type IN ('market', 'stop_market', 'stop_limit', 'limit')), "
      "quantity TEXT NOT NULL, price TEXT, trigger_price TEXT, market_price TEXT NOT NULL, "
      "fee_in TEXT NOT NULL CHECK (fee_in IN ('base', 'quote', 'other')), "
      "status TEXT NOT NULL "
      "CHECK (status IN ('open', 'filled', 'cancelled', 'expired', 'rejected')), "
      "fired BIGINT NOT NULL CHECK (fired IN (0, 1)), "
      "filled TEXT NOT NULL, filled_value TEXT NOT NULL, "
      "fee_base TEXT NOT NULL, fee_quote TEXT NOT NULL, given_up TEXT NOT NULL, "
      "fate TEXT NOT NULL, parts BIGINT NOT NULL, next_part_at BIGINT NOT NULL, "
      "pending_until BIGINT, created_at BIGINT NOT NULL, changed_at BIGINT NOT NULL, "
      "reason TEXT NOT NULL, changed BIGINT NOT NULL, "
      "PRIMARY KEY (number, venue, account))");
  // Indexes begin with the thing itself: by venue and account alone a planner without statistics
  // would walk through an account's whole history.
  definitions.emplace_back("CREATE INDEX paper_orders_client ON paper_orders (client_id, venue, account)");
  definitions.emplace_back("CREATE INDEX paper_orders_changed ON paper_orders (changed, venue, account)");
  definitions.emplace_back("CREATE INDEX paper_orders_created ON paper_orders (created_at, venue, account)");
  definitions.emplace_back("CREATE INDEX paper_orders_open ON paper_orders (venue, account) WHERE status = 'open'");
  definitions.emplace_back(
      "CREATE TABLE paper_balances ("
      "venue TEXT NOT NULL, account TEXT NOT NULL, currency TEXT NOT NULL, "
      "total TEXT NOT NULL, changed BIGINT NOT NULL, "
      "PRIMARY KEY (venue, account, currency))");
  definitions.emplace_back(
      "CREATE TABLE paper_markets ("
      "venue TEXT NOT NULL, account TEXT NOT NULL, symbol TEXT NOT NULL, "
      "last_price TEXT, judged_until BIGINT NOT NULL, changed BIGINT NOT NULL, "
      "PRIMARY KEY (venue, account, symbol))");
  definitions.emplace_back(
      "CREATE TABLE paper_fills ("
      "venue TEXT NOT NULL, account TEXT NOT NULL, changed BIGINT NOT NULL, "
      "place BIGINT NOT NULL, number BIGINT NOT NULL, symbol TEXT NOT NULL, "
      "side TEXT NOT NULL CHECK (side IN ('BUY', 'SELL')), price TEXT NOT NULL, "
      "quantity TEXT NOT NULL, value TEXT NOT NULL, fee_base TEXT NOT NULL, "
      "fee_quote TEXT NOT NULL, dealt_at BIGINT NOT NULL, "
      "PRIMARY KEY (changed, place, venue, account))");
  definitions.emplace_back("CREATE INDEX paper_fills_at ON paper_fills (dealt_at, venue, account)");
  return definitions;
}

}  // namespace tradeguard
