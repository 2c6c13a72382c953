// The schema of a store on PostgreSQL: whose it is, and what is in it that `init` did not make.
#include <array>

#include "contract.hpp"
#include "mallory.hpp"
#include "sessions.hpp"
#include "story.hpp"
#include "tradeguard/paper_sql_book.hpp"

namespace tradeguard::security_db {
namespace {

using namespace contract;
using namespace stores;
using Catch::Contains;
using Catch::StartsWith;
using support::PlainConnection;
using support::ScratchDatabase;

struct Store {
  Store() { new_postgres_store(database.url()); }
  std::string complaint() const { return complaint_of(PostgresSession::open(database.url())); }
  ScratchDatabase database;
};

std::string complaint_of_init(const ScratchDatabase& database) {
  auto session = PostgresSession::open(database.url(), {.mode = PostgresOptions::Mode::create});
  if (!session) return complaint_of(session);
  return complaint_of(init_schema(**session));
}

// What doctor shows.
std::vector<SchemaProblem> problems_in(const std::string& url, SchemaAge age = SchemaAge::current) {
  const auto session = value_of(PostgresSession::open(url, {.mode = PostgresOptions::Mode::looking}));
  return value_of(examine_schema(*session, SchemaRoles::no_superuser, age));
}

// ---- a schema that was there first -------------------------------------------------------------

TEST_CASE("init refuses a schema that another role made before it, and runs nothing that is in it") {
  const ScratchDatabase database;
  const Mallory mallory{database};
  mallory.make_spy();
  mallory.as_superuser("GRANT CREATE ON DATABASE " + database.name() + " TO " + mallory.name());
  mallory.run("CREATE SCHEMA tradeguard");
  mallory.run("CREATE VIEW tradeguard.tradeguard_meta AS SELECT 'schema_version'::text AS key, mallory.spy() AS value");
  mallory.run("GRANT USAGE ON SCHEMA tradeguard TO PUBLIC");
  mallory.run("GRANT SELECT ON tradeguard.tradeguard_meta TO PUBLIC");

  CHECK_THAT(complaint_of_init(database), StartsWith("configuration: ") &&
                                              Contains("belongs to the role " + mallory.name()) &&
                                              Contains("DROP SCHEMA tradeguard CASCADE"));
  CHECK_THAT(complaint_of(PostgresSession::open(database.url())),
             StartsWith("configuration: ") && Contains("belongs to the role " + mallory.name()));
  CHECK(mallory.spied_on() == "");
}

TEST_CASE("init by a superuser refuses the schema of another role as well") {
  const ScratchDatabase database;
  const Mallory mallory{database};
  mallory.as_superuser("GRANT CREATE ON DATABASE " + database.name() + " TO " + mallory.name());
  mallory.run("CREATE SCHEMA tradeguard");
  CHECK_THAT(complaint_of(PostgresSession::open(database.superuser_url(), {.mode = PostgresOptions::Mode::create})),
             StartsWith("configuration: ") && Contains("belongs to the role " + mallory.name()));
}

TEST_CASE("a schema that comes between init's look and its first table is not written into") {
  const ScratchDatabase database;
  const Mallory mallory{database};
  mallory.as_superuser("GRANT CREATE ON DATABASE " + database.name() + " TO " + mallory.name());
  const auto looked = value_of(PostgresSession::open(database.url(), {.mode = PostgresOptions::Mode::create}));
  mallory.run("CREATE SCHEMA tradeguard");
  mallory.run("GRANT ALL ON SCHEMA tradeguard TO PUBLIC");
  CHECK_THAT(complaint_of(init_schema(*looked)), StartsWith("configuration: ") && Contains(mallory.name()));
  CHECK_FALSE(init_paper_book(*looked));
  CHECK(PlainConnection{database.superuser_url()}.ask(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'tradeguard'") == "0");
}

TEST_CASE("a schema that the owner of the database made for the role is taken") {
  const ScratchDatabase database;
  PlainConnection{database.url()}.ask("CREATE SCHEMA tradeguard");
  CHECK(complaint_of_init(database).empty());
  CHECK(complaint_of(PostgresSession::open(database.url())).empty());
}

// ---- what another role could put there ---------------------------------------------------------

struct Planted {
  const char* what;   // what is done, as a superuser; {m} is mallory's role
  const char* named;  // in the refusal
};

const std::vector<Planted>& everything_planted() {
  static const std::vector<Planted> all{
      {"GRANT CREATE ON SCHEMA tradeguard TO {m}", "has CREATE on SCHEMA tradeguard"},
      {"GRANT CREATE ON SCHEMA tradeguard TO PUBLIC", "every role has CREATE on SCHEMA tradeguard"},
      {"GRANT TRIGGER ON tradeguard.accounts TO {m}", "has TRIGGER on tradeguard.accounts"},
      {"GRANT UPDATE ON tradeguard.accounts TO PUBLIC", "every role has UPDATE on tradeguard.accounts"},
      {"ALTER TABLE tradeguard.notices OWNER TO {m}", "the table tradeguard.notices belongs to the role"},
      {"CREATE TRIGGER spying AFTER UPDATE ON tradeguard.accounts FOR EACH ROW EXECUTE FUNCTION mallory.spy_on_rows()",
       "the trigger spying is on tradeguard.accounts"},
      {"CREATE RULE nothing AS ON INSERT TO tradeguard.signal_claims DO INSTEAD NOTHING",
       "the rule nothing is on tradeguard.signal_claims"},
      {"CREATE POLICY hidden ON tradeguard.exchange_orders USING (false)",
       "the policy hidden is on tradeguard.exchange_orders"},
      {"ALTER TABLE tradeguard.exchange_orders ENABLE ROW LEVEL SECURITY",
       "row security is on for tradeguard.exchange_orders"},
      {"CREATE FUNCTION tradeguard.substr(text, bigint, bigint) RETURNS text LANGUAGE sql AS 'SELECT mallory.spy()'",
       "the function tradeguard.substr(text,bigint,bigint) lies in the schema"},
      {"CREATE OPERATOR tradeguard.<> (LEFTARG = text, RIGHTARG = bigint, FUNCTION = mallory.differ)",
       "the operator tradeguard.<>(text,bigint) lies in the schema"},
      {"CREATE DOMAIN tradeguard.bigint AS text", "lies in the schema"},
      {"CREATE TYPE tradeguard.mood AS ENUM ('good', 'bad')", "the type tradeguard.mood lies in the schema"},
      {"CREATE VIEW tradeguard.orders AS SELECT mallory.spy()", "VIEW tradeguard.orders lies in the schema"},
      {"CREATE TYPE tradeguard.pair AS (a text, b text)", "TYPE tradeguard.pair lies in the schema"},
      {"ALTER TABLE tradeguard.accounts ADD CONSTRAINT spying CHECK (mallory.spy() <> venue)",
       "of tradeguard.accounts calls a function that is not PostgreSQL's own"},
      {"ALTER TABLE tradeguard.accounts ALTER COLUMN quiet_status SET DEFAULT mallory.spy()",
       "of tradeguard.accounts calls a function that is not PostgreSQL's own"},
      {"ALTER TABLE tradeguard.accounts DROP COLUMN quiet_until",
       "the column quiet_until of tradeguard.accounts is not there"},
      {"DROP TABLE tradeguard.exit_words", "the table tradeguard.exit_words is not there"},
  };
  return all;
}

TEST_CASE("what another role could run its code by refuses every opening, and the SQL that is shown mends it") {
  const Planted planted = GENERATE(from_range(everything_planted()));
  INFO(planted.what);
  const Store store;
  const Mallory mallory{store.database};
  mallory.make_spy();
  mallory.run("CREATE FUNCTION mallory.differ(text, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true'");
  std::string what = planted.what;
  if (const auto at = what.find("{m}"); at != std::string::npos) what.replace(at, 3, mallory.name());
  CHECK(store.complaint().empty());
  mallory.as_superuser(what);

  CHECK_THAT(store.complaint(), StartsWith("configuration: ") && Contains(planted.named));
  CHECK_THAT(complaint_of_init(store.database), StartsWith("configuration: ") && Contains(planted.named));
  CHECK(mallory.spied_on() == "");

  auto problems = problems_in(store.database.url());
  REQUIRE(problems.size() >= 1);
  for (const SchemaProblem& problem : problems) {
    INFO(problem.what << " -> " << problem.mend);
    // Of a table that is gone there is a warning before the SQL.
    const auto sql = problem.mend.find("SET search_path");
    mallory.as_superuser(sql == std::string::npos ? problem.mend : problem.mend.substr(sql));
  }
  mallory.as_superuser("GRANT ALL ON ALL TABLES IN SCHEMA tradeguard TO " + std::string{support::store_role});
  CHECK(problems_in(store.database.url()).empty());
  CHECK(store.complaint().empty());
}

TEST_CASE(
    "another role's trigger that comes after the opening does not eat a claim: it is IMPOSSIBLE, and nothing is sent") {
  const Store store;
  const Mallory mallory{store.database};
  const auto session = postgres_session(store.database.url(), {.server_clock = false});
  OverSession over{*session};
  mallory.as_superuser("CREATE RULE nothing AS ON INSERT TO tradeguard.signal_claims DO INSTEAD NOTHING");
  const auto claimed = over.guard().claim(std::array{request(buy("ETH_USDT"), noon)}, open_policy(), noon);
  CHECK_FALSE(claimed);
  mallory.as_superuser("DROP RULE nothing ON tradeguard.signal_claims");
  mallory.as_superuser("CREATE FUNCTION public.eat() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'");
  mallory.as_superuser(
      "CREATE TRIGGER eating BEFORE INSERT ON tradeguard.signal_claims FOR EACH ROW EXECUTE FUNCTION public.eat()");
  const auto eaten = over.guard().claim(std::array{request(buy("BTC_USDT"), noon)}, open_policy(), noon);
  CHECK_THAT(complaint_of(eaten), StartsWith("configuration: IMPOSSIBLE: ") && Contains("signal_claims"));
}

// ---- whose it may be ---------------------------------------------------------------------------

TEST_CASE("a superuser makes a store, and does not run over it") {
  const ScratchDatabase database;
  new_postgres_store(database.superuser_url());
  CHECK_THAT(complaint_of(PostgresSession::open(database.superuser_url())),
             StartsWith("configuration: ") && Contains("the database role postgres is a superuser") &&
                 Contains("CREATE ROLE tradeguard_bot LOGIN"));
  // A plain role with the rights it needs does: a superuser's tables are nobody else's to change.
  const Mallory bot{database};
  bot.as_superuser("GRANT USAGE ON SCHEMA tradeguard TO " + bot.name());
  bot.as_superuser("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tradeguard TO " + bot.name());
  CHECK(complaint_of(PostgresSession::open(bot.url())).empty());
}

TEST_CASE("the owner of the database, or a role this one is a member of, may own the store") {
  const Store store;  // of the database's owner
  const Mallory bot{store.database};
  bot.as_superuser("GRANT USAGE ON SCHEMA tradeguard TO " + bot.name());
  // As many do: the bot's trigger right is no more than its right to write, so the owner opens too.
  bot.as_superuser("GRANT ALL ON ALL TABLES IN SCHEMA tradeguard TO " + bot.name());
  CHECK(complaint_of(PostgresSession::open(bot.url())).empty());
  CHECK(store.complaint().empty());

  bot.as_superuser("ALTER DATABASE " + store.database.name() + " OWNER TO postgres");
  CHECK_THAT(complaint_of(PostgresSession::open(bot.url())), Contains("belongs to the role tradeguard_test"));
  bot.as_superuser("GRANT " + std::string{support::store_role} + " TO " + bot.name());
  CHECK(complaint_of(PostgresSession::open(bot.url())).empty());
}

TEST_CASE("an older store is still told to be migrated, and is, with the columns it lacks") {
  const Store store;
  const auto session = postgres_session(store.database.url());
  must_run(*session, "UPDATE tradeguard_meta SET value = '2' WHERE key = 'schema_version'");
  must_run(*session, "ALTER TABLE accounts DROP COLUMN quiet_until");
  CHECK_THAT(store.complaint(), StartsWith("configuration: ") && Contains("tradeguard init"));
  CHECK(problems_in(store.database.url(), SchemaAge::older).empty());
}

TEST_CASE("looking at the schema costs no round trip of its own") {
  const Store store;
  must(
      init_paper_book(*value_of(PostgresSession::open(store.database.url(), {.mode = PostgresOptions::Mode::create}))));
  const auto session = postgres_session(store.database.url());
  CHECK(session->round_trips() == 1);
}

}  // namespace
}  // namespace tradeguard::security_db
