// What a PostgreSQL store refuses at the door, what it pins, and what it leaves alone.
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "contract.hpp"
#include "own_server.hpp"
#include "pooler.hpp"
#include "processes.hpp"
#include "sessions.hpp"
#include "story.hpp"

namespace tradeguard::stores {
namespace {

using namespace contract;
using Catch::Contains;
using Catch::StartsWith;
using support::PlainConnection;
using support::Pooler;
using support::ScratchDatabase;

struct Store {
  Store() { new_postgres_store(database.url()); }
  ScratchDatabase database;
};

std::string setting(SqlSession& session, const std::string& name) {
  const SqlRows answer = rows(session, "SELECT current_setting('" + name + "')");
  return std::get<std::string>(answer.rows.at(0).at(0));
}

// ---- placeholders ------------------------------------------------------------------------------

TEST_CASE("placeholders become PostgreSQL's and text stays as it is", "[placeholders]") {
  CHECK(with_dollar_placeholders("SELECT ?1, ?2") == "SELECT $1, $2");
  CHECK(with_dollar_placeholders("?10 ?1?2") == "$10 $1$2");
  CHECK(with_dollar_placeholders("SELECT '?1', ?1") == "SELECT '?1', $1");
  CHECK(with_dollar_placeholders("SELECT 'it''s ?1', ?2") == "SELECT 'it''s ?1', $2");
  CHECK(with_dollar_placeholders("SELECT \"a?1\" FROM t WHERE b = ?1") == "SELECT \"a?1\" FROM t WHERE b = $1");
  CHECK(with_dollar_placeholders("SELECT '\"', ?1, \"'\", ?2") == "SELECT '\"', $1, \"'\", $2");
  CHECK(with_dollar_placeholders("SELECT a ? b, ?") == "SELECT a ? b, ?");
  CHECK(with_dollar_placeholders("") == "");
}

// In SQLite $n is a name, and takes its number from where it first stands.
TEST_CASE("arguments arrive where their numbers say in both dialects", "[placeholders]") {
  const Store store;
  ScratchFolder folder;
  const std::array<std::unique_ptr<SqlSession>, 2> sessions{new_sqlite_store(folder.file("store.db")),
                                                            postgres_session(store.database.url())};
  for (const auto& session : sessions) {
    const Statement swapped{"SELECT CAST(?2 AS TEXT), CAST(?1 AS TEXT), '?1', CAST(?2 AS TEXT)",
                            {std::string{"first"}, std::string{"second"}}};
    CHECK(value_of(session->run(std::array{swapped})).at(0).rows ==
          std::vector<SqlRow>{{std::string{"second"}, std::string{"first"}, std::string{"?1"}, std::string{"second"}}});
  }
}

// ---- at the door -------------------------------------------------------------------------------

TEST_CASE("postgres: a pooler is refused by its name in every mode", "[pooler]") {
  const Store store;
  const auto mode = GENERATE(Pooler::Mode::session, Pooler::Mode::transaction);
  const auto options = GENERATE(Pooler::Options::refused, Pooler::Options::ignored);
  const Pooler pooler{mode, options};
  for (const auto open : {PostgresOptions::Mode::existing, PostgresOptions::Mode::create})
    CHECK_THAT(complaint_of(PostgresSession::open(pooler.url(store.database.name()), {.mode = open})),
               StartsWith("configuration: ") && Contains("PgBouncer") && Contains("directly"));
}

TEST_CASE("postgres: a standby is refused", "[postgres]") {
  // It follows nobody: read-only, in recovery for ever.
  const support::OwnServer standby{
      {.initdb = "-A trust", .prepare = "touch standby.signal", .settings = "-c unix_socket_directories="}};
  const std::string url = support::test_server({.port = standby.port()});
  for (const auto mode : {PostgresOptions::Mode::existing, PostgresOptions::Mode::create})
    CHECK_THAT(complaint_of(PostgresSession::open(url, {.mode = mode})),
               StartsWith("configuration: ") && Contains("standby"));
}

TEST_CASE("postgres: a server that is not there is an outage", "[postgres]") {
  CHECK_THAT(complaint_of(PostgresSession::open(support::test_server({.port = support::free_port()}))),
             StartsWith("unreachable: "));
}

TEST_CASE("postgres: a wrong address is told without its password", "[postgres]") {
  for (const std::string& url :
       {std::string{"postgresql://bot:geheim@127.0.0.1:notaport/x"}, std::string{"postgresql://bot:geheim@[::1/x?y=z"},
        support::test_server({.database = "no_such_database", .user = "postgres:geheim"}),
        support::test_server({.user = "nobody_here:geheim"})}) {
    const std::string complaint = complaint_of(PostgresSession::open(url));
    CHECK_THAT(complaint, StartsWith("configuration: "));
    CHECK_THAT(complaint, !Contains("geheim"));
  }
}

// ---- what is pinned ----------------------------------------------------------------------------

// A login whose defaults are all wrong, and who may do no more than create its store.
class CarelessRole {
 public:
  explicit CarelessRole(const ScratchDatabase& database) : database_{database}, name_{"careless_" + database.name()} {
    PlainConnection server{database.superuser_url()};
    server.ask("CREATE ROLE " + name_ + " LOGIN");
    server.ask("GRANT CREATE ON DATABASE " + database.name() + " TO " + name_);
    for (const char* wrong :
         {"synchronous_commit = off", "idle_session_timeout = '1s'", "statement_timeout = 0", "lock_timeout = 0",
          "idle_in_transaction_session_timeout = 0", "search_path = public",
          "default_transaction_isolation = 'serializable'", "default_transaction_read_only = on",
          "tcp_keepalives_idle = 7200", "standard_conforming_strings = off", "client_connection_check_interval = 0"})
      server.ask("ALTER ROLE " + name_ + " SET " + wrong);
  }
  ~CarelessRole() {
    try {
      PlainConnection server{database_.superuser_url()};
      server.ask("DROP OWNED BY " + name_);
      server.ask("DROP ROLE " + name_);
    } catch (const std::exception&) {
      // The server goes with the test run.
    }
  }
  std::string url() const { return support::test_server({.database = database_.name(), .user = name_}); }
  const std::string& name() const { return name_; }

 private:
  const ScratchDatabase& database_;
  std::string name_;
};

TEST_CASE("postgres: what the promises need overrules the defaults of the role", "[postgres]") {
  const ScratchDatabase database;
  const CarelessRole role{database};
  new_postgres_store(role.url());
  const auto session = postgres_session(role.url(), {.server_clock = false});
  for (const auto& [name, value] :
       {std::pair{"synchronous_commit", "on"}, std::pair{"idle_session_timeout", "0"},
        std::pair{"statement_timeout", "5s"}, std::pair{"lock_timeout", "2s"},
        std::pair{"idle_in_transaction_session_timeout", "5s"},
        std::pair{"search_path", "pg_catalog, tradeguard, pg_temp"},
        std::pair{"default_transaction_isolation", "read committed"}, std::pair{"default_transaction_read_only", "off"},
        std::pair{"tcp_keepalives_idle", "10"}, std::pair{"tcp_keepalives_interval", "5"},
        std::pair{"tcp_keepalives_count", "3"}, std::pair{"tcp_user_timeout", "20000"},
        std::pair{"client_connection_check_interval", "2s"}, std::pair{"standard_conforming_strings", "on"}}) {
    CAPTURE(name);
    CHECK(setting(*session, name) == value);
  }
  // And it works for somebody who is no superuser.
  OverSession store{*session};
  bought(store, buy("ETH_USDT"), noon);
  CHECK(book(store, noon).trades.size() == 1);
}

TEST_CASE("postgres: a commit that waits for a standby to apply is not made weaker", "[postgres]") {
  const Store store;
  const CarelessRole role{store.database};
  PlainConnection server{store.database.superuser_url()};
  server.ask("GRANT USAGE ON SCHEMA tradeguard TO " + role.name());
  server.ask("GRANT ALL ON ALL TABLES IN SCHEMA tradeguard TO " + role.name());
  for (const auto& [as_set, as_used] :
       {std::pair{"remote_apply", "remote_apply"}, std::pair{"remote_write", "on"}, std::pair{"local", "on"}}) {
    server.ask("ALTER ROLE " + role.name() + " SET synchronous_commit = " + as_set);
    CHECK(setting(*postgres_session(role.url()), "synchronous_commit") == as_used);
  }
}

TEST_CASE("postgres: options in the address cannot unpin anything", "[postgres]") {
  const Store store;
  const auto session = postgres_session(store.database.url() + "?options=-c%20lock_timeout%3D0%20-c%20work_mem%3D5MB");
  CHECK(setting(*session, "lock_timeout") == "2s");
  CHECK(setting(*session, "work_mem") == "5MB");
}

// ---- what is left alone ------------------------------------------------------------------------

TEST_CASE("postgres: the original's exchange_orders in the same database stays untouched", "[postgres]") {
  const ScratchDatabase database;
  PlainConnection original{database.url()};
  original.ask(
      "CREATE TABLE exchange_orders (id SERIAL PRIMARY KEY, exchange_order_id TEXT UNIQUE, "
      "symbol TEXT, status TEXT)");
  original.ask(
      "INSERT INTO exchange_orders (exchange_order_id, symbol, status) VALUES "
      "('4711', 'ETH_USDT', 'FILLED')");
  const std::string whole_table = "SELECT md5(string_agg(t::text || xmin::text, ',')) FROM public.exchange_orders t";
  const std::string before = original.ask(whole_table);

  new_postgres_store(database.url());
  const auto session = postgres_session(database.url(), {.server_clock = false});
  OverSession store{*session};
  bought(store, buy("ETH_USDT"), noon);
  value_of(store.journal().prune(noon + 24h * 365, noon + 24h * 365));

  CHECK(original.ask(whole_table) == before);
  CHECK(original.ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "1");
  CHECK(original.ask("SELECT count(*) FROM tradeguard.exchange_orders") == "1");
}

// ---- what is lost stays lost -------------------------------------------------------------------

void end_sessions(const ScratchDatabase& database) {
  PlainConnection server{support::test_server()};
  server.ask("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '" + database.name() +
             "' AND application_name = 'tradeguard'");
}

TEST_CASE("postgres: a session that was ended stays lost and says why", "[postgres]") {
  const Store store;
  const auto session = postgres_session(store.database.url(), {.server_clock = false});
  OverSession over{*session};
  must(over.journal().set_halt("x", noon));
  end_sessions(store.database);
  for (int i = 0; i < 3; ++i)
    CHECK_THAT(complaint_of(over.journal().set_halt("y", noon)),
               StartsWith("unreachable: ") && Contains("terminating connection"));
  CHECK_FALSE(over.journal().open_book(noon));
  const auto another = postgres_session(store.database.url(), {.server_clock = false});
  OverSession after{*another};
  CHECK(book(after, noon).account.halted == "x");
}

TEST_CASE("postgres: a session that ends inside a transaction leaves nothing of it", "[postgres]") {
  const Store store;
  const auto session = postgres_session(store.database.url());
  value_of(session->run(std::array{Statement{"BEGIN", {}}, ensure_account(the_account)}));
  end_sessions(store.database);
  CHECK_THAT(complaint_of(session->run(std::array{Statement{"COMMIT", {}}})), StartsWith("unreachable: "));
  CHECK(rows(*postgres_session(store.database.url()), "SELECT * FROM accounts").rows.empty());
}

TEST_CASE("postgres: a failing statement undoes the transaction it stands in", "[postgres]") {
  const Store store;
  const auto session = postgres_session(store.database.url());
  const std::array statements{
      Statement{"BEGIN", {}}, Statement{"INSERT INTO accounts (venue, account) VALUES ('paper', 'x')", {}},
      Statement{"INSERT INTO accounts (venue, account) VALUES ('paper', 'x')", {}}, Statement{"COMMIT", {}}};
  CHECK_THAT(complaint_of(session->run(statements)), StartsWith("data: "));
  CHECK(rows(*session, "SELECT * FROM accounts").rows.empty());
  must_run(*session, "BEGIN");
  must_run(*session, "COMMIT");
}

TEST_CASE("postgres: a row that somebody keeps locked is an outage and not a wait for ever", "[postgres]") {
  const Store store;
  const auto session = postgres_session(store.database.url(), {.server_clock = false});
  OverSession over{*session};
  must(over.journal().set_halt("before", noon));
  PlainConnection blocking{store.database.url()};
  blocking.ask("BEGIN");
  blocking.ask("UPDATE tradeguard.accounts SET touched = touched");
  CHECK_THAT(complaint_of(over.journal().set_halt("during", noon)),
             StartsWith("unreachable: ") && Contains("lock timeout"));
  CHECK(book(over, noon).account.halted == "before");  // readers do not wait
  blocking.ask("ROLLBACK");
  must(over.journal().set_halt("after", noon));
}

// ---- the server's clock ------------------------------------------------------------------------

TEST_CASE("postgres: the server's clock rules claims, whatever the caller thinks", "[postgres]") {
  const Store store;
  const auto session = postgres_session(store.database.url());
  OverSession over{*session};
  // This caller's clock stands still in January 2025.
  CHECK(denied_for(claim(over, buy("ETH_USDT", noon), noon)) == "stale");
  const auto server_now = std::get<std::int64_t>(rows(*session, "SELECT " + *session->server_now()).rows[0][0]);
  const Instant now = from_micros(server_now);
  const Judged judged = claim(over, buy("ETH_USDT", now), noon);
  REQUIRE(is_ticket(judged));
  const auto& order = std::get<EntryTicket>(judged.outcome).order();
  CHECK(order.claimed_at >= now);
  CHECK(order.claimed_at < now + 60s);
  must(over.journal().begin_run("1_1", "hash", noon));
  CHECK(*book(over, noon).account.last_started_at >= now);
}

}  // namespace
}  // namespace tradeguard::stores
