// `init` over a store that an older program made, with trades open and runs of other accounts going.
#include <catch2/catch.hpp>

#include "../stores/older_store.hpp"
#include "stores.hpp"
#include "tradeguard/postgres_run_lock.hpp"
#include "tradeguard/postgres_session.hpp"
#include "tradeguard/sql_schema.hpp"
#include "tradeguard/sqlite_run_lock.hpp"
#include "tradeguard/sqlite_session.hpp"

using namespace tradeguard;
using namespace tradeguard::cli::test;

namespace {

// Another process that runs an account of this store: its lock is all that counts.
struct OtherRun {
  OtherRun(const Trading& trading, const AccountKey& account) {
    if (trading.url().starts_with("sqlite:")) {
      auto opened = SqliteSession::open(trading.folder().file("bot.db"), {.mode = SqliteOptions::Mode::create});
      REQUIRE(opened.has_value());
      lock = std::make_unique<SqliteRunLock>(**opened);
      session = std::move(*opened);
    } else {
      auto opened = PostgresSession::open(trading.url(), {.mode = PostgresOptions::Mode::create});
      REQUIRE(opened.has_value());
      lock = std::make_unique<PostgresRunLock>(**opened);
      session = std::move(*opened);
    }
    auto acquired = lock->try_acquire(account);
    REQUIRE(acquired.has_value());
    REQUIRE(std::holds_alternative<RunLease>(*acquired));
    lease.emplace(std::move(std::get<RunLease>(*acquired)));
  }
  std::unique_ptr<SqlSession> session;
  std::unique_ptr<RunLock> lock;
  std::optional<RunLease> lease;
};

void go_back(const Trading& trading, const std::string& kind) {
  const SqlDialect dialect = kind == "postgres" ? SqlDialect::postgres : SqlDialect::sqlite;
  for (const std::string& statement : stores::statements_back_to(2, dialect)) trading.sql(statement);
}
std::string version_of(const Trading& trading) {
  const std::string version = trading.sql("SELECT value FROM tradeguard_meta WHERE key = 'schema_version'");
  return version.substr(0, version.find('\n'));
}

}  // namespace

TEST_CASE("init migrates nothing while a run of any account of the store is going, and says whose") {
  const std::string kind = GENERATE(from_range(store_kinds()));
  const Trading trading{kind};
  { const OtherRun once{trading, {"binance", "two"}}; }  // the store knows it from now on
  go_back(trading, kind);
  std::optional<OtherRun> other;
  other.emplace(trading, AccountKey{"binance", "two"});
  const Ran refused = trading.command({"init"});
  INFO(refused.err);
  CHECK(refused.code == 75);
  CHECK_THAT(refused.err, Catch::Contains("binance/two") && Catch::Contains("nothing was changed"));
  CHECK(version_of(trading) == "2");

  other.reset();
  CHECK(trading.command({"init"}).code == 0);
  CHECK(version_of(trading) == std::to_string(schema_version));
}

TEST_CASE("trades that an older program left open are protected by the first run after init") {
  const std::string kind = GENERATE(from_range(store_kinds()));
  const Trading trading{kind};
  const std::string signal = buy("ETH_USDT", time_text());
  CHECK(trading.cycle(signal).code == 0);
  go_back(trading, kind);
  const Ran refused = trading.cycle("");
  CHECK(refused.code == 78);
  CHECK_THAT(refused.err, Catch::Contains("tradeguard init"));
  const Ran made = trading.command({"init"});
  INFO(made.err);
  CHECK(made.code == 0);
  CHECK(made.err.find("migrating") == std::string::npos);  // it took no second
  const Ran next = trading.cycle(signal);
  INFO(next.err);
  CHECK(next.code == 0);
  CHECK_FALSE(lines_with(next.lines(), "idempotency_blocked").empty());
  CHECK_FALSE(lines_with(next.lines(), "RUN_END").empty());
  CHECK_THAT(lines_with(next.lines(), "RUN_END").front(), Catch::Contains("open=1"));
}
