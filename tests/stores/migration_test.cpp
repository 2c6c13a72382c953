// A store of an older version is migrated whole or not at all, however long it is, whoever kills it
// and whoever runs meanwhile.
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "contract.hpp"
#include "databases.hpp"
#include "older_store.hpp"
#include "processes.hpp"
#include "sessions.hpp"
#include "story.hpp"
#include "tradeguard/order_state.hpp"

namespace tradeguard::stores {
namespace {

using namespace contract;
using Catch::Contains;
using Catch::StartsWith;
using support::Fork;

#define MIGRATION_TEST(sentence) TEMPLATE_TEST_CASE(sentence, "[migration]", SqliteDatabase, PostgresDatabase)

void go_back_to(SqlSession& session, int version) {
  for (const std::string& statement : statements_back_to(version, session.dialect())) must_run(session, statement);
}

// Orders of the last year, half of them entries and half their stops, as an older program left them.
void write_orders_of_a_year(SqlSession& session, long count) {
  const bool sqlite = session.dialect() == SqlDialect::sqlite;
  const std::string trades = std::to_string(count / 2);
  const std::string numbers =
      sqlite ? "WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < " + trades + ") "
             : "WITH g(i) AS (SELECT * FROM generate_series(CAST(1 AS BIGINT), " + trades + ")) ";
  const std::string at = "(" + std::to_string(to_micros(noon - 2h)) + " - i * 60000000)";
  for (const auto& [id, leg, key, side, type] : {std::array{"old-", "entry", "'old:' || i", "BUY", "market"},
                                                 std::array{"stop-", "stop", "''", "SELL", "stop_market"}})
    must_run(session, numbers +
                          "INSERT INTO exchange_orders (venue, account, client_id, trade, base, symbol, leg, "
                          "attempt, signal_key, side, type, quantity, state, claimed_at, stamp, valid_until, "
                          "acknowledged, twin, pair, venue_id, fired_id, filled, filled_value, fee_base, "
                          "fees_known, exchange_time, sighted_at, closed_at, reason, strategy, naked_total, "
                          "legs_told, skip_told, dust_told, exit_reason, released, settled, version) "
                          "SELECT 'paper', 'main', '" +
                          id + "' || i, 'old-' || i, 'ETH', 'ETH_USDT', '" + leg + "', 1, " + key + ", '" + side +
                          "', '" + type + "', '0.01', 'closed', " + at + ", " + at + ", " + at +
                          " + 10000000, 1, 0, '', 'v', '', '0.01', '50', '0', 1, " + at + ", " + at + ", " + at +
                          ", '', '', 0, 1, 0, 0, '', 0, 1, 3 FROM g");
}

std::int64_t count_of_orders(SqlSession& session) {
  const SqlRows counted = rows(session, "SELECT count(*) FROM exchange_orders");
  return std::get<std::int64_t>(counted.rows.at(0).at(0));
}

// Dies at its n-th question, before it is asked or right after.
class DyingSession final : public SqlSession {
 public:
  enum class When { before, after };
  DyingSession(SqlSession& session, int n, When when) : session_{session}, left_{n}, when_{when} {}
  Result<std::vector<SqlRows>> run(std::span<const Statement> statements) override {
    if (left_ == 0 && when_ == When::before) ::raise(SIGKILL);
    auto done = session_.run(statements);
    if (left_-- == 0) ::raise(SIGKILL);
    return done;
  }
  SqlDialect dialect() const override { return session_.dialect(); }
  std::optional<std::string> server_now() const override { return session_.server_now(); }
  Result<std::string> epoch() override { return session_.epoch(); }
  std::int64_t round_trips() const override { return session_.round_trips(); }

 private:
  SqlSession& session_;
  int left_;
  When when_;
};

MIGRATION_TEST("a migration that is killed at any statement has changed nothing, and the next one does it") {
  const int version = GENERATE(1, 2);
  const auto when = GENERATE(DyingSession::When::before, DyingSession::When::after);
  const TestType database;
  Order entry = [&] {
    const auto session = database.for_init();
    must(init_schema(*session));
    OverSession store{*session};
    return bought(store, buy("ETH_USDT"), noon);
  }();
  entry.ending = {};  // no older store knew that it had just ended
  int deaths = 0;
  for (int n = 0;; ++n) {
    INFO("version " << version << ", at question " << n << (when == DyingSession::When::before ? ", before" : ", after")
                    << " it was asked");
    {
      const auto session = database.for_init();
      go_back_to(*session, version);
    }
    Fork init{[&](Fork::Parent& parent) {
      const auto session = database.for_init();
      DyingSession dying{*session, n, when};
      parent.say(complaint_of(init_schema(dying)).empty() ? "done" : "failed");
    }};
    const bool died = init.hear() != "done";
    if (died) CHECK(init.wait() == 128 + SIGKILL);
    deaths += died ? 1 : 0;

    const auto session = database.for_init();
    const SchemaFound found = value_of(find_schema(*session));
    CHECK((found.version == version || found.version == schema_version));
    if (found.version == version) {
      CHECK_THAT(database.complaint_of_run(), StartsWith("configuration: ") && Contains("tradeguard init"));
    }
    must(init_schema(*session));
    CHECK(database.complaint_of_run().empty());
    OverSession store{*session};
    entry.rules = trade_row(store, entry.trade).rules;  // they stay where they were, too
    CHECK(row(store, entry.client_id) == entry);
    CHECK(trade_row(store, entry.trade).plan == ProtectionPlan{});
    CHECK(count_of_orders(*session) == 1);
    if (!died) break;
  }
  CHECK(deaths > 10);
}

// `make migration` does the same with a million.
MIGRATION_TEST("a long store is migrated without a limit, and what is done is told as it begins") {
  const char* asked = std::getenv("TRADEGUARD_MIGRATION_ORDERS");
  const long orders = asked != nullptr ? std::atol(asked) : 20'000;
  const int version = GENERATE(1, 2);
  const TestType database;
  const auto session = database.for_init();
  must(init_schema(*session));
  go_back_to(*session, version);
  write_orders_of_a_year(*session, orders);

  std::vector<std::string> told;
  std::size_t last = 0;
  InitOptions options;
  options.doing = [&](std::string_view step, std::size_t number, std::size_t of) {
    CHECK(number == told.size() + 1);
    told.emplace_back(step);
    last = of;
    if (asked != nullptr) std::cout << "  " << number << " of " << of << ": " << step << std::endl;
  };
  must(init_schema(*session, options));
  CHECK(told.size() == last);
  CHECK(told.size() > 3);
  CHECK(database.complaint_of_run().empty());
  CHECK(count_of_orders(*session) == orders);
  OverSession store{*session};
  const Order old = row(store, "old-7");
  CHECK(old.filled == quantity("0.01"));
  CHECK(book(store, noon).trades.empty());
}

// SQLite writes a table again for each column that goes, so the migration does it once; PostgreSQL gives a row that is
// written another place and another transaction, and writes none.
MIGRATION_TEST("no order is written more often than its database makes necessary") {
  const TestType database;
  const auto session = database.for_init();
  must(init_schema(*session));
  OverSession store{*session};
  bought(store, buy("ETH_USDT"), noon);
  const int version = GENERATE(1, 2);
  go_back_to(*session, version);
  const std::string written = session->dialect() == SqlDialect::sqlite
                                  ? "SELECT total_changes() - 3"  // the order, its trade, the version's row
                                  : "SELECT CAST(ctid AS text) || '/' || CAST(xmin AS text) FROM exchange_orders";
  const auto before = session->dialect() == SqlDialect::sqlite ? rows(*session, "SELECT total_changes()").rows
                                                               : rows(*session, written).rows;
  must(init_schema(*session));
  CHECK(rows(*session, written).rows == before);
}

MIGRATION_TEST("a store with an account whose lock is not held is not migrated") {
  const TestType database;
  const auto session = database.for_init();
  must(init_schema(*session));
  must_run(*session, "INSERT INTO accounts (venue, account) VALUES ('paper', 'main'), ('binance', 'two')");
  go_back_to(*session, 2);
  InitOptions options;
  options.held = std::set<AccountKey>{{"paper", "main"}};
  CHECK_THAT(complaint_of(init_schema(*session, options)), StartsWith("fenced: ") && Contains("binance/two"));
  CHECK(value_of(find_schema(*session)).version == 2);
  options.held->insert({"binance", "two"});
  must(init_schema(*session, options));
  CHECK(value_of(accounts_of(*session)) == *options.held);
}

TEST_CASE("postgres: init has no statement limit, and a run has one", "[migration]") {
  const support::ScratchDatabase database;
  const auto limit = [](SqlSession& session) {
    return std::get<std::string>(rows(session, "SELECT current_setting('statement_timeout')").rows.at(0).at(0));
  };
  const auto init = value_of(PostgresSession::open(database.url(), {.mode = PostgresOptions::Mode::create}));
  CHECK(limit(*init) == "0");
  must(init_schema(*init));
  CHECK(limit(*value_of(PostgresSession::open(database.url()))) == "5s");
}

// Both databases call while they work, so that somebody can say so.
TEST_CASE("sqlite: a statement that takes long calls whoever wants to say so", "[migration]") {
  const ScratchFolder folder;
  int called = 0;
  const auto session = value_of(SqliteSession::open(
      folder.file("store.db"), {.mode = SqliteOptions::Mode::create, .waiting = [&] { ++called; }}));
  rows(*session,
       "WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < 1000000) "
       "SELECT count(*) FROM g");
  CHECK(called > 0);
}

}  // namespace
}  // namespace tradeguard::stores
