// Advisory lock 123456 cannot be kept from whoever may connect. Who holds it is named.
#include "contract.hpp"
#include "mallory.hpp"
#include "sessions.hpp"
#include "story.hpp"

namespace tradeguard::security_db {
namespace {

using namespace contract;
using namespace stores;
using support::PlainConnection;
using support::ScratchDatabase;

struct Store {
  Store() { new_postgres_store(database.url()); }
  ScratchDatabase database;
};

TEST_CASE("a role that holds the run lock is named with its application and its process, whatever it calls itself") {
  const Store store;
  const Mallory mallory{store.database};
  const auto session = postgres_session(store.database.url(), {.server_clock = false});
  PostgresRunLock lock{*session};
  CHECK_FALSE(value_of(lock.stranger(the_account)));

  const std::string application = GENERATE(as<std::string>{}, "", "psql", "tradeguard");
  const bool shared = GENERATE(false, true);
  PlainConnection hers{mallory.url() + (application.empty() ? "" : "?application_name=" + application)};
  hers.ask(shared ? "SELECT pg_advisory_lock_shared(123456)" : "SELECT pg_advisory_lock(123456)");
  CHECK(std::holds_alternative<HeldElsewhere>(value_of(lock.try_acquire(the_account))));
  const auto stranger = value_of(lock.stranger(the_account));
  REQUIRE(stranger);
  CHECK(stranger->role == mallory.name());
  CHECK(stranger->application == application);
  CHECK(stranger->pid == hers.pid());
  CHECK(stranger->address == "");  // the server tells it to pg_read_all_stats only
  mallory.as_superuser("GRANT pg_read_all_stats TO " + std::string{support::store_role});
  CHECK(value_of(lock.stranger(the_account))->address == "127.0.0.1");
  mallory.as_superuser("REVOKE pg_read_all_stats FROM " + std::string{support::store_role});
}

TEST_CASE("our own role under another name is a stranger, and another run is none, as the owner or as the bot") {
  const Store store;
  const Mallory bot{store.database};
  bot.as_superuser("GRANT USAGE ON SCHEMA tradeguard TO " + bot.name());
  bot.as_superuser("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tradeguard TO " + bot.name());
  const auto looking = postgres_session(store.database.url(), {.server_clock = false});
  PostgresRunLock look{*looking};
  {
    PlainConnection psql{store.database.url()};
    psql.ask("SELECT pg_advisory_lock(123456)");
    const auto stranger = value_of(look.stranger(the_account));
    REQUIRE(stranger);
    CHECK(stranger->role == support::store_role);
    psql.ask("SELECT pg_advisory_unlock(123456)");
  }
  for (const std::string& url : {store.database.url(), bot.url(), bot.url() + "?application_name=bot7"}) {
    INFO(url);
    const auto running = postgres_session(url, {.server_clock = false});
    PostgresRunLock lock{*running};
    const auto lease = value_of(lock.try_acquire(the_account));
    CHECK(std::holds_alternative<RunLease>(lease));
    CHECK_FALSE(value_of(look.stranger(the_account)));
  }
}

TEST_CASE("the lock of another account than the first is watched as well") {
  const Store store;
  const Mallory mallory{store.database};
  const AccountKey second{"binance", "main"};
  const auto session = postgres_session(store.database.url(), {.server_clock = false});
  PostgresRunLock lock{*session};
  { const auto first = value_of(lock.try_acquire(the_account)); }
  { const auto other = value_of(lock.try_acquire(second)); }
  const std::string key =
      PlainConnection{store.database.url()}.ask("SELECT lock_id FROM tradeguard.accounts WHERE venue = 'binance'");
  PlainConnection hers{mallory.url()};
  hers.ask("SELECT pg_advisory_lock(" + key + ")");
  CHECK(value_of(lock.stranger(second)));
  CHECK_FALSE(value_of(lock.stranger(the_account)));
}

}  // namespace
}  // namespace tradeguard::security_db
