#include "tradeguard/sql_schema.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "cells.hpp"

namespace tradeguard {

namespace {

// What every store has, in the order it is made. The meta table comes first: whoever has it, we
// made.
constexpr std::array our_tables{"tradeguard_meta", "accounts",    "exchange_orders",  "trades",
                                "signal_claims",   "exit_wishes", "entry_memory",     "decisions",
                                "alarms",          "notices",     "instrument_rules", "exit_words"};

Statement list_tables(SqlDialect dialect);
Statement read_version(SqlDialect dialect);
Statement list_accounts();
std::set<AccountKey> accounts_in(const SqlRows& rows);
std::vector<Statement> creation(SqlDialect dialect);
Result<void> migrate(SqlSession& session, int from, const InitOptions& options);
tl::unexpected<Error> is_foreign(const std::string& table);

}  // namespace

Result<SchemaFound> find_schema(SqlSession& session) {
  using What = SchemaFound::What;
  auto listed = session.run(std::array{list_tables(session.dialect())});
  if (!listed) return relayed(listed, "looking for the store");
  std::set<std::string> present;
  for (const SqlRow& row : (*listed)[0].rows) {
    std::string name;
    if (read(row[0], name)) present.insert(name);
  }
  if (!present.contains(our_tables[0])) {
    for (const auto* table : our_tables)
      if (present.contains(table)) return SchemaFound{What::foreign, 0, table};
    return SchemaFound{What::nothing, 0, ""};
  }

  // Somebody else may have made a schema since this session looked: her view is not read.
  std::vector<Statement> questions;
  if (session.dialect() == SqlDialect::postgres) questions.push_back(refuse_foreign_schema(SchemaRoles::superuser_too));
  questions.push_back(read_version(session.dialect()));
  auto version = session.run(questions);
  if (!version) return relayed(version, "reading the schema version");
  std::int64_t number = 0;
  const SqlRows& answer = version->back();
  if (answer.rows.empty() || !read(answer.rows[0][0], number)) return SchemaFound{What::foreign, 0, our_tables[0]};
  const What what = number == schema_version ? What::current : number < schema_version ? What::older : What::newer;
  return SchemaFound{what, static_cast<int>(number), ""};
}

Result<void> init_schema(SqlSession& session, const InitOptions& options) {
  auto found = find_schema(session);
  if (!found) return relayed(found);
  switch (found->what) {
    case SchemaFound::What::current: {
      auto problems = examine_schema(session, SchemaRoles::superuser_too, SchemaAge::current);
      if (!problems) return relayed(problems);
      if (!problems->empty()) return tl::unexpected{schema_refused(*problems)};
      return {};
    }
    case SchemaFound::What::nothing:
      break;
    case SchemaFound::What::older:
      if (found->version < 1)
        return failed(Fault::configuration, "the store has schema version " + std::to_string(found->version) +
                                                ", which no tradeguard ever made");
      break;
    case SchemaFound::What::newer:
      return judge_schema_version(found->version);
    case SchemaFound::What::foreign:
      return is_foreign(found->table);
  }
  const bool migrates = found->what == SchemaFound::What::older;
  auto problems = examine_schema(session, SchemaRoles::superuser_too, SchemaAge::older);
  if (!problems) return relayed(problems);
  if (!problems->empty()) return tl::unexpected{schema_refused(*problems)};
  Result<void> done;
  if (migrates) {
    done = migrate(session, found->version, options);
  } else if (auto created = session.run(creation(session.dialect())); !created) {
    done = relayed(created);
  }
  if (done) return {};
  // Another init may have been faster.
  if (auto again = find_schema(session); again && again->what == SchemaFound::What::current) return {};
  return relayed(done, migrates ? "migrating the store" : "creating the store");
}

Result<std::set<AccountKey>> accounts_of(SqlSession& session) {
  auto listed = session.run(std::array{list_accounts()});
  if (!listed) return relayed(listed, "listing the accounts");
  return accounts_in((*listed)[0]);
}

Result<void> require_schema(SqlSession& session) {
  auto found = find_schema(session);
  if (!found) return relayed(found);
  switch (found->what) {
    case SchemaFound::What::nothing:
      return judge_schema_version(std::nullopt);
    case SchemaFound::What::foreign:
      return is_foreign(found->table);
    case SchemaFound::What::older:
    case SchemaFound::What::current:
    case SchemaFound::What::newer:
      break;
  }
  return judge_schema_version(found->version);
}

Result<void> judge_schema_version(std::optional<std::int64_t> version) {
  const std::string ours = std::to_string(schema_version);
  if (!version) return failed(Fault::configuration, "there is no store here yet: run `tradeguard init` to create it");
  if (*version < schema_version)
    return failed(Fault::configuration, "the store has schema version " + std::to_string(*version) +
                                            " and this program needs " + ours +
                                            ": run `tradeguard init` to migrate it");
  if (*version > schema_version)
    return failed(Fault::configuration, "the store has schema version " + std::to_string(*version) +
                                            ", made by a newer tradeguard; this one knows " + ours +
                                            ": run the newer program, nothing was changed");
  return {};
}

Result<std::string> missing_rights(SqlSession& session) {
  if (session.dialect() != SqlDialect::postgres) return std::string{};
  // A schema that may not be used is not on the search path, so that its tables seem not to be there.
  const Statement ask{
      "SELECT CAST(current_user AS text), CASE WHEN has_schema_privilege(n.oid, 'USAGE') THEN 1 ELSE 0 END, "
      "coalesce((SELECT min(CAST(c.relname AS text)) FROM pg_catalog.pg_class c "
      "WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p') "
      "AND NOT (has_table_privilege(c.oid, 'SELECT') AND (c.relname = 'tradeguard_meta' "
      "OR (has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') "
      "AND has_table_privilege(c.oid, 'DELETE'))))), '') "
      "FROM pg_catalog.pg_namespace n WHERE n.nspname = 'tradeguard'",
      {}};
  auto asked = session.run(std::array{ask});
  if (!asked) return relayed(asked, "looking at the role's rights");
  if ((*asked)[0].rows.empty()) return std::string{};
  std::string role;
  std::int64_t may_use = 0;
  std::string table;
  const SqlRow& row = (*asked)[0].rows[0];
  if (!read(row[0], role) || !read(row[1], may_use) || !read(row[2], table))
    return failed(Fault::configuration, "the rights of the database's role cannot be read");
  if (may_use == 0) return "the database role " + role + " may not use the schema tradeguard";
  if (!table.empty()) return "the database role " + role + " may not read and write the table " + table;
  return std::string{};
}

namespace {

Statement list_tables(SqlDialect dialect) {
  switch (dialect) {
    case SqlDialect::sqlite:
      return {"SELECT name FROM sqlite_master WHERE type = 'table'", {}};
    case SqlDialect::postgres:
      return {
          "SELECT CAST(c.relname AS text) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
          "ON n.oid = c.relnamespace WHERE n.nspname = 'tradeguard' "
          "AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
          {}};
  }
  return {};
}

Statement list_accounts() { return {"SELECT venue, account FROM accounts", {}}; }

std::set<AccountKey> accounts_in(const SqlRows& rows) {
  std::set<AccountKey> accounts;
  for (const SqlRow& row : rows.rows) {
    AccountKey account;
    if (read(row[0], account.venue) && read(row[1], account.account)) accounts.insert(account);
  }
  return accounts;
}

Statement read_version(SqlDialect dialect) {
  return {std::string{"SELECT CAST(value AS BIGINT) FROM "} + (dialect == SqlDialect::postgres ? "tradeguard." : "") +
              "tradeguard_meta WHERE key = 'schema_version'",
          {}};
}

tl::unexpected<Error> is_foreign(const std::string& table) {
  return failed(Fault::configuration,
                "there is a table " + table + " already that tradeguard did not make; give it a database of its own");
}

// What a venue demands of orders in a market, as it was read last: a run with signals asks the venue
// only for what is too old.
constexpr std::string_view rules_table =
    "CREATE TABLE instrument_rules ("
    "venue TEXT NOT NULL, account TEXT NOT NULL, symbol TEXT NOT NULL, rules TEXT NOT NULL, "
    "PRIMARY KEY (symbol, venue, account))";

// The newest word of a strategy or the operator that a symbol is to be sold: older BUYs are superseded.
// `who` is "operator" or "strategy:NAME".
constexpr std::string_view words_table =
    "CREATE TABLE exit_words ("
    "venue TEXT NOT NULL, account TEXT NOT NULL, symbol TEXT NOT NULL, who TEXT NOT NULL, "
    "said BIGINT NOT NULL, PRIMARY KEY (symbol, venue, account, who))";

// An entry that is proven absent may have left all the same, and cools its base.
constexpr std::string_view absent_index =
    "CREATE INDEX exchange_orders_absent ON exchange_orders (base, venue, account, stamp) "
    "WHERE leg = 'entry' AND state = 'lapsed' AND NOT (acknowledged = 0 AND ending = 'unsent')";
constexpr std::string_view absent_day_index =
    "CREATE INDEX exchange_orders_absent_day ON exchange_orders (stamp, venue, account) "
    "WHERE leg = 'entry' AND state = 'lapsed' AND NOT (acknowledged = 0 AND ending = 'unsent')";
// A sale that no signal asked for cools as a stop-out does.
constexpr std::string_view forced_index =
    "CREATE INDEX exchange_orders_forced ON exchange_orders "
    "(base, venue, account, (coalesce(closed_at, sighted_at, stamp))) "
    "WHERE leg = 'exit' AND filled <> '0' AND because IN ('unprotected', 'breached', 'operator')";

// What a run removes when it is old enough, in the order of its age. Of a settled trade these are the orders
// that filled nothing.
constexpr std::string_view spent_index =
    "CREATE INDEX exchange_orders_spent ON exchange_orders (claimed_at, venue, account) "
    "WHERE (leg <> 'entry' OR twin = 1) AND filled = '0'";
constexpr std::string_view decided_index = "CREATE INDEX decisions_last ON decisions (last_at, venue, account)";
constexpr std::string_view cleared_index =
    "CREATE INDEX alarms_cleared ON alarms (cleared_at, venue, account) WHERE cleared_at IS NOT NULL";

// Every order, and what is known of its trade beside its orders. The first column of a key names the thing itself, and
// venue and account come behind: an index that begins with them looks as good as any other to a planner without
// statistics, and is walked through.
//
// Of the generated columns: cools_from is the moment from which an entry cools its base (NULL: not at all), stopped_at
// the moment of a stop-out, question_until how long a row stays to be asked at the venue. They are there for the
// indexes, which keep every question bounded by what is open.
constexpr std::string_view orders_table =
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
    "pair TEXT NOT NULL, wire_id TEXT NOT NULL DEFAULT '', venue_id TEXT NOT NULL, fired_id TEXT NOT NULL, "
    "filled TEXT NOT NULL CHECK (filled <> '' AND substr(filled, 1, 1) <> '-'), "
    "filled_value TEXT NOT NULL, fee_base TEXT NOT NULL, "
    "fees_known BIGINT NOT NULL CHECK (fees_known IN (0, 1)), "
    "exchange_time BIGINT, sighted_at BIGINT, closed_at BIGINT, fired_at BIGINT, "
    "cancel_asked_at BIGINT, ending TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL, "
    "because TEXT NOT NULL DEFAULT '', rules TEXT, free_base TEXT, "
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
    "PRIMARY KEY (client_id, venue, account))";
constexpr std::array order_indexes{
    std::string_view{"CREATE INDEX exchange_orders_trade ON exchange_orders (trade, venue, account)"},
    std::string_view{"CREATE INDEX exchange_orders_key ON exchange_orders (signal_key, venue, account) "
                     "WHERE signal_key <> ''"},
    std::string_view{"CREATE INDEX exchange_orders_cooling ON exchange_orders (base, venue, account, cools_from) "
                     "WHERE cools_from IS NOT NULL"},
    std::string_view{"CREATE INDEX exchange_orders_day ON exchange_orders (stamp, venue, account) "
                     "WHERE cools_from IS NOT NULL"},
    std::string_view{"CREATE INDEX exchange_orders_stopped ON exchange_orders (base, venue, account, stopped_at) "
                     "WHERE stopped_at IS NOT NULL"},
    std::string_view{"CREATE INDEX exchange_orders_questions ON exchange_orders (question_until, venue, account) "
                     "WHERE question_until IS NOT NULL"},
    std::string_view{"CREATE INDEX exchange_orders_sold ON exchange_orders "
                     "((coalesce(closed_at, sighted_at, stamp)), venue, account) "
                     "WHERE leg = 'exit' AND filled <> '0'"},
};
// Those that schema 3 brought.
constexpr std::array newer_order_indexes{absent_index, absent_day_index, forced_index, spent_index};

constexpr std::string_view trades_table =
    "CREATE TABLE trades ("
    "venue TEXT NOT NULL, account TEXT NOT NULL, "
    "trade TEXT NOT NULL CHECK (trade <> ''), symbol TEXT NOT NULL, "
    "rules TEXT, plan TEXT, strategy TEXT NOT NULL, signal_at BIGINT, covered_at BIGINT, "
    "naked_since BIGINT, naked_total BIGINT NOT NULL, "
    "legs_told BIGINT NOT NULL CHECK (legs_told IN (0, 1)), "
    "skip_told BIGINT NOT NULL CHECK (skip_told IN (0, 1)), "
    "dust_told BIGINT NOT NULL CHECK (dust_told IN (0, 1)), "
    "exit_reason TEXT NOT NULL, exit_until BIGINT, exit_key TEXT NOT NULL, target_none TEXT NOT NULL, "
    "protected_elsewhere BIGINT NOT NULL DEFAULT 0 CHECK (protected_elsewhere IN (0, 1)), "
    "claimer TEXT NOT NULL DEFAULT '', "
    "released BIGINT NOT NULL CHECK (released IN (0, 1)), "
    "settled BIGINT NOT NULL CHECK (settled IN (0, 1)), "
    "version BIGINT NOT NULL CHECK (version >= 1), "
    "PRIMARY KEY (trade, venue, account))";
constexpr std::string_view open_trades_index = "CREATE INDEX trades_open ON trades (venue, account) WHERE settled = 0";

// Until schema 3 a trade's own columns stood with every order, and only entries used them.
constexpr std::array columns_of_trades{"plan",       "strategy",  "naked_since", "naked_total",
                                       "legs_told",  "skip_told", "dust_told",   "exit_reason",
                                       "exit_until", "released",  "settled"};
constexpr std::string_view trades_from_orders =
    "INSERT INTO trades (venue, account, trade, symbol, rules, plan, strategy, naked_since, naked_total, legs_told, "
    "skip_told, dust_told, exit_reason, exit_until, exit_key, target_none, released, settled, version) "
    "SELECT venue, account, client_id, symbol, rules, plan, strategy, naked_since, naked_total, legs_told, "
    "skip_told, dust_told, exit_reason, exit_until, '', '', released, settled, 1 "
    "FROM exchange_orders WHERE leg = 'entry' AND twin = 0";
// Until then the sentence for people said how an order had ended, and `strategy` why a trade was sold.
constexpr std::string_view ending_of_old =
    "CASE WHEN state = 'lapsed' AND substr(reason, 1, 6) = 'unsent' THEN 'unsent' "
    "WHEN state = 'closed' AND substr(reason, 1, 8) = 'rejected' THEN 'rejected' ELSE '' END";
constexpr std::string_view because_of_old = "CASE WHEN leg = 'exit' THEN strategy ELSE '' END";

// PostgreSQL takes a column away without touching a row; only those are written that say how they ended or why.
std::vector<std::string> split_trades_on_postgres() {
  std::vector<std::string> steps{
      "ALTER TABLE exchange_orders ADD COLUMN ending TEXT NOT NULL DEFAULT '', "
      "ADD COLUMN because TEXT NOT NULL DEFAULT '', ADD COLUMN free_base TEXT, "
      "ADD COLUMN wire_id TEXT NOT NULL DEFAULT ''",
      "UPDATE exchange_orders SET ending = " + std::string{ending_of_old} + ", because = " +
          std::string{because_of_old} + " WHERE leg = 'exit' OR (" + std::string{ending_of_old} + ") <> ''",
      "DROP INDEX IF EXISTS exchange_orders_open"};
  std::string drop = "ALTER TABLE exchange_orders";
  for (const char* column : columns_of_trades)
    drop.append(column == columns_of_trades.front() ? " DROP COLUMN " : ", DROP COLUMN ").append(column);
  steps.push_back(std::move(drop));
  return steps;
}

// SQLite writes the whole table again for each column that goes, so it is written once, into its new form.
std::vector<std::string> split_trades_on_sqlite() {
  constexpr std::string_view kept =
      "venue, account, client_id, trade, base, symbol, leg, attempt, signal_key, side, type, quantity, price, "
      "trigger_price, state, claimed_at, stamp, valid_until, acknowledged, twin, pair, venue_id, fired_id, filled, "
      "filled_value, fee_base, fees_known, exchange_time, sighted_at, closed_at, fired_at, cancel_asked_at, reason, "
      "rules, version";
  std::vector<std::string> steps{
      "DROP INDEX IF EXISTS exchange_orders_open", "ALTER TABLE exchange_orders RENAME TO exchange_orders_before",
      std::string{orders_table},
      "INSERT INTO exchange_orders (" + std::string{kept} + ", ending, because) SELECT " + std::string{kept} + ", " +
          std::string{ending_of_old} + ", " + std::string{because_of_old} + " FROM exchange_orders_before",
      "DROP TABLE exchange_orders_before"};
  for (const std::string_view index : order_indexes) steps.emplace_back(index);
  return steps;
}

// Statement by statement what a version lacks that the next one has. Columns that are added come with a constant
// default, so no row is rewritten for them.
std::vector<std::string> step_to(int version, SqlDialect dialect) {
  switch (version) {
    case 2:
      return {std::string{rules_table}};
    case 3: {
      std::vector<std::string> steps{std::string{trades_table}, std::string{trades_from_orders},
                                     std::string{open_trades_index}};
      const auto also = [&](std::vector<std::string> more) {
        steps.insert(steps.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
      };
      switch (dialect) {
        case SqlDialect::sqlite:
          also(split_trades_on_sqlite());
          break;
        case SqlDialect::postgres:
          also(split_trades_on_postgres());
          break;
      }
      for (const std::string_view index : newer_order_indexes) steps.emplace_back(index);
      also({std::string{words_table}, std::string{decided_index}, std::string{cleared_index},
            "ALTER TABLE accounts DROP COLUMN run_counters",  // nobody ever wrote it
            "ALTER TABLE accounts ADD COLUMN breaker_reset_at BIGINT",
            "ALTER TABLE accounts ADD COLUMN quiet_until BIGINT",
            "ALTER TABLE accounts ADD COLUMN quiet_status TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE accounts ADD COLUMN notify_quiet_until BIGINT",
            "ALTER TABLE signal_claims ADD COLUMN decided TEXT NOT NULL DEFAULT ''"});
      return steps;
    }
    default:
      return {};
  }
}

// "CREATE INDEX exchange_orders_absent" of a whole statement.
std::string in_short(const std::string& sql) {
  constexpr int words = 6;
  std::size_t end = 0;
  for (int i = 0; i < words && end != std::string::npos; ++i) end = sql.find_first_of(" (", end + 1);
  return sql.substr(0, end);
}

// A statement at a time, so that each can be told before it begins; in one transaction, so that none
// of them happened if one did not.
Result<void> migrate(SqlSession& session, int from, const InitOptions& options) {
  std::vector<std::string> steps;
  for (int version = from + 1; version <= schema_version; ++version)
    for (const std::string& step : step_to(version, session.dialect()))
      steps.push_back(in_our_schema(step, session.dialect()));
  steps.push_back("UPDATE tradeguard_meta SET value = '" + std::to_string(schema_version) +
                  "' WHERE key = 'schema_version'");
  steps.push_back("COMMIT");

  // Nobody writes an account meanwhile, and no other migration is under way.
  std::vector<Statement> begin{{"BEGIN", {}}};
  if (session.dialect() == SqlDialect::postgres) {
    begin.push_back({"SELECT pg_advisory_xact_lock(hashtextextended('tradeguard init', 0))", {}});
    begin.push_back({"LOCK TABLE accounts IN EXCLUSIVE MODE", {}});
  }
  begin.push_back(read_version(session.dialect()));
  begin.push_back(list_accounts());
  auto begun = session.run(begin);
  if (!begun) return relayed(begun);
  const auto leave = [&](Error error) -> Result<void> {
    const Statement rollback{"ROLLBACK", {}};
    (void)session.run(std::array{rollback});
    return tl::unexpected{std::move(error)};
  };
  std::int64_t standing = 0;
  const SqlRows& version = (*begun)[begun->size() - 2];
  if (version.rows.size() != 1 || !read(version.rows[0][0], standing) || standing != from)
    return leave({Fault::data, "another init was faster"});
  for (const AccountKey& account : accounts_in(begun->back()))
    if (options.held && !options.held->contains(account))
      return leave({Fault::fenced, "the account " + account.venue + "/" + account.account +
                                       " began to run meanwhile; nothing was changed"});
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (options.doing) options.doing(in_short(steps[i]), i + 1, steps.size());
    const Statement step{steps[i], {}};
    // Whatever fails has rolled the transaction back.
    if (auto done = session.run(std::array{step}); !done) return relayed(done, in_short(steps[i]));
  }
  return {};
}

std::vector<Statement> creation(SqlDialect dialect) {
  const bool postgres = dialect == SqlDialect::postgres;
  std::vector<Statement> statements;
  const auto add = [&](std::string sql) { statements.push_back({std::move(sql), {}}); };

  add("BEGIN");
  // Two inits at once: the second waits here and then finds everything made. (SQLite's BEGIN
  // waits.)
  if (postgres) add("SELECT pg_advisory_xact_lock(hashtextextended('tradeguard init', 0))");
  if (postgres)
    for (Statement& statement : make_or_take_schema()) statements.push_back(std::move(statement));
  for (const std::string& definition : store_definitions()) add(in_our_schema(definition, dialect));

  // The mark that tells a store from another one in its place.
  add(std::string{"INSERT INTO tradeguard_meta (key, value) VALUES ('created', "} +
      (postgres ? "gen_random_uuid()::text" : "lower(hex(randomblob(16)))") + ")");
  // Since then it has seen everything, of an account that it sees for the first time too.
  add(std::string{"INSERT INTO tradeguard_meta (key, value) VALUES ('made_at', "} +
      (postgres ? "CAST(CAST(floor(extract(epoch FROM clock_timestamp())) AS BIGINT) * 1000000 AS TEXT)"
                : "strftime('%s', 'now') || '000000'") +
      ")");
  add("INSERT INTO tradeguard_meta (key, value) VALUES ('schema_version', '" + std::to_string(schema_version) + "')");
  add("COMMIT");
  return statements;
}

}  // namespace

std::vector<std::string> store_definitions() {
  std::vector<std::string> definitions;
  definitions.emplace_back("CREATE TABLE tradeguard_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)");

  // The row everything locks. `touched` being NOT NULL is what stops a writer whose fence is not
  // the account's: its first statement sets it to NULL.
  definitions.emplace_back(
      "CREATE TABLE accounts ("
      "venue TEXT NOT NULL, account TEXT NOT NULL, "
      "touched BIGINT NOT NULL DEFAULT 0, "
      "fence BIGINT NOT NULL DEFAULT 0, "
      "cycle BIGINT NOT NULL DEFAULT 0, "
      "lock_id BIGINT UNIQUE, "
      "halted TEXT, breaker TEXT, "
      "run_id TEXT NOT NULL DEFAULT '', config_hash TEXT NOT NULL DEFAULT '', "
      "run_fence BIGINT NOT NULL DEFAULT 0, "
      "run_ended BIGINT NOT NULL DEFAULT 1 CHECK (run_ended IN (0, 1)), "
      "previous_run_ended BIGINT NOT NULL DEFAULT 1 CHECK (previous_run_ended IN (0, 1)), "
      "run_result TEXT NOT NULL DEFAULT '', "
      "started_at BIGINT, completed_at BIGINT, stuck_told_at BIGINT, "
      "epoch TEXT, entries_after BIGINT, venue_account_id TEXT NOT NULL DEFAULT '', "
      "breaker_reset_at BIGINT, quiet_until BIGINT, quiet_status TEXT NOT NULL DEFAULT '', "
      "notify_quiet_until BIGINT, "
      "PRIMARY KEY (venue, account))");

  definitions.emplace_back(orders_table);
  for (const std::string_view index : order_indexes) definitions.emplace_back(index);
  for (const std::string_view index : newer_order_indexes) definitions.emplace_back(index);
  definitions.emplace_back(trades_table);
  definitions.emplace_back(open_trades_index);

  // A key is claimed for good; `client_id` is the newest entry under it, empty for an exit's key.
  // `decided` is the word that denied it for good; empty: it was claimed.
  definitions.emplace_back(
      "CREATE TABLE signal_claims ("
      "venue TEXT NOT NULL, account TEXT NOT NULL, signal_key TEXT NOT NULL, "
      "digest TEXT NOT NULL, client_id TEXT NOT NULL, claimed_at BIGINT NOT NULL, "
      "released BIGINT NOT NULL CHECK (released IN (0, 1)), attempts BIGINT NOT NULL, "
      "decided TEXT NOT NULL DEFAULT '', "
      "PRIMARY KEY (signal_key, venue, account))");
  definitions.emplace_back(
      "CREATE TABLE exit_wishes ("
      "venue TEXT NOT NULL, account TEXT NOT NULL, signal_key TEXT NOT NULL, trade TEXT NOT NULL, "
      "PRIMARY KEY (signal_key, venue, account, trade))");
  definitions.emplace_back(
      "CREATE TABLE entry_memory ("
      "venue TEXT NOT NULL, account TEXT NOT NULL, base TEXT NOT NULL, symbol TEXT NOT NULL, "
      "remembered_at BIGINT NOT NULL, PRIMARY KEY (base, venue, account))");
  definitions.emplace_back(
      "CREATE TABLE decisions ("
      "venue TEXT NOT NULL, account TEXT NOT NULL, signal_key TEXT NOT NULL, guard TEXT NOT NULL, "
      "verdict TEXT NOT NULL CHECK (verdict IN ('passed', 'blocked', 'denied')), "
      "detail TEXT NOT NULL, first_at BIGINT NOT NULL, last_at BIGINT NOT NULL, "
      "count BIGINT NOT NULL, PRIMARY KEY (signal_key, venue, account, guard, verdict))");
  definitions.emplace_back(std::string{decided_index});
  definitions.emplace_back(
      "CREATE TABLE alarms ("
      "venue TEXT NOT NULL, account TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, "
      "freezes TEXT NOT NULL, breaks BIGINT NOT NULL CHECK (breaks IN (0, 1)), "
      "detail TEXT NOT NULL, symbol TEXT NOT NULL, order_id TEXT NOT NULL, "
      "raised_at BIGINT NOT NULL, next_reminder BIGINT, told BIGINT NOT NULL, cleared_at BIGINT, "
      "PRIMARY KEY (subject, kind, venue, account))");
  definitions.emplace_back("CREATE INDEX alarms_standing ON alarms (venue, account) WHERE cleared_at IS NULL");
  definitions.emplace_back(std::string{cleared_index});
  definitions.emplace_back(
      "CREATE TABLE notices ("
      "venue TEXT NOT NULL, account TEXT NOT NULL, sequence BIGINT NOT NULL, "
      "event_id TEXT NOT NULL, type TEXT NOT NULL, "
      "severity TEXT NOT NULL CHECK (severity IN ('INFO', 'WARNING', 'CRITICAL')), "
      "trade TEXT NOT NULL, symbol TEXT NOT NULL, order_id TEXT NOT NULL, "
      "side TEXT CHECK (side IN ('BUY', 'SELL')), facts TEXT NOT NULL, "
      "created_at BIGINT NOT NULL, attempts BIGINT NOT NULL, next_try BIGINT, "
      "state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'undeliverable')), "
      "ended_at BIGINT, error TEXT NOT NULL, "
      "PRIMARY KEY (event_id, venue, account))");
  definitions.emplace_back(
      "CREATE INDEX notices_waiting ON notices (venue, account, trade, sequence) "
      "WHERE state = 'waiting'");
  definitions.emplace_back(
      "CREATE INDEX notices_ended ON notices (created_at, venue, account) "
      "WHERE state <> 'waiting'");

  definitions.emplace_back(std::string{rules_table});
  definitions.emplace_back(std::string{words_table});
  return definitions;
}

std::vector<std::string> older_definitions() {
  return {
      "CREATE TABLE exchange_orders (plan TEXT, strategy TEXT NOT NULL, naked_since BIGINT, "
      "naked_total BIGINT NOT NULL, "
      "legs_told BIGINT NOT NULL CHECK (legs_told IN (0, 1)), "
      "skip_told BIGINT NOT NULL CHECK (skip_told IN (0, 1)), "
      "dust_told BIGINT NOT NULL CHECK (dust_told IN (0, 1)), "
      "exit_reason TEXT NOT NULL, exit_until BIGINT, "
      "released BIGINT NOT NULL CHECK (released IN (0, 1)), "
      "settled BIGINT NOT NULL CHECK (settled IN (0, 1)))",
      "CREATE TABLE accounts (run_counters TEXT NOT NULL DEFAULT '')",
      "CREATE INDEX exchange_orders_open ON exchange_orders (venue, account, claimed_at) "
      "WHERE leg = 'entry' AND twin = 0 AND settled = 0"};
}

std::string in_our_schema(const std::string& definition, SqlDialect dialect) {
  constexpr std::string_view table = "CREATE TABLE ";
  if (dialect != SqlDialect::postgres || !definition.starts_with(table)) return definition;
  return std::string{table} + "tradeguard." + definition.substr(table.size());
}

}  // namespace tradeguard
