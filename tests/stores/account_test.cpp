// A store opens an account whole: what it gives locks together, is fenced together and lives as long as it does.
#include "contract.hpp"
#include "databases.hpp"
#include "story.hpp"
#include "tradeguard/memory_store.hpp"
#include "tradeguard/postgres_store.hpp"
#include "tradeguard/sqlite_store.hpp"

namespace tradeguard::stores {
namespace {

using namespace contract;

// Processes of one store: each opens it anew.
struct InMemory {
  std::unique_ptr<Account> open(const AccountKey& account = the_account) { return store.open(account); }
  MemoryStore store;
};
struct OnSqlite {
  OnSqlite() { must(init_schema(*database.for_init())); }
  std::unique_ptr<Account> open(const AccountKey& account = the_account) {
    return SqliteStore{value_of(SqliteSession::open(database.file))}.open(account);
  }
  SqliteDatabase database;
};
struct OnPostgres {
  OnPostgres() { must(init_schema(*database.for_init())); }
  std::unique_ptr<Account> open(const AccountKey& account = the_account) {
    return PostgresStore{value_of(PostgresSession::open(database.database.url(), {.server_clock = false}))}.open(
        account);
  }
  PostgresDatabase database;
};

#define ACCOUNT_TEST(sentence) TEMPLATE_TEST_CASE(sentence, "[account]", InMemory, OnSqlite, OnPostgres)

RunLease leased(Account& account) {
  auto acquired = value_of(account.acquire());
  REQUIRE(std::holds_alternative<RunLease>(acquired));
  return std::get<RunLease>(std::move(acquired));
}

std::vector<Judged> claim(Account& account, std::string_view name) {
  const std::vector<EntryRequest> requests{request(buy(name), noon)};
  return value_of(account.guard().claim(requests, open_policy(), noon));
}

ACCOUNT_TEST("what a store opens is one account, and outlives the store object") {
  TestType store;
  const auto account = store.open();
  CHECK(account->key() == the_account);
  CHECK(account->journal().pen() == &account->pen());
  CHECK(account->guard().pen() == &account->pen());
  const RunLease lease = leased(*account);
  CHECK(account->pen().fence == lease.fence());
  CHECK(std::holds_alternative<EntryTicket>(claim(*account, "ETH_USDT").front().outcome));
  CHECK(value_of(account->journal().open_book(noon)).trades.size() == 1);
  CHECK(value_of(account->history().latest({"ETH"})).at("ETH").entry.has_value());

  const auto other = store.open({"paper", "other"});
  CHECK(value_of(other->journal().open_book(noon)).trades.empty());
  CHECK(std::holds_alternative<RunLease>(value_of(other->acquire())));
}

ACCOUNT_TEST("an account whose lock another one has taken since writes nothing by any of its parts") {
  TestType store;
  const auto first = store.open();
  const auto second = store.open();
  std::optional<RunLease> lost{leased(*first)};
  CHECK(std::holds_alternative<HeldElsewhere>(value_of(second->acquire())));
  CHECK_FALSE(second->pen().fence);
  lost.reset();
  const RunLease lease = leased(*second);
  CHECK(std::holds_alternative<Fenced>(claim(*first, "ETH_USDT").front().outcome));
  CHECK(is_fenced(first->journal().set_halt("late", noon)));
  CHECK(is_fenced(first->history().remember(symbol("ETH_USDT"), noon)));
  CHECK(std::holds_alternative<EntryTicket>(claim(*second, "ETH_USDT").front().outcome));
}

TEST_CASE("an account that was put together without a history says so when it is asked for one", "[account]") {
  MemoryStore store;
  Pen pen{the_account, std::nullopt};
  MemoryRunLock lock{store};
  MemoryJournal journal{store, pen};
  MemoryIdempotencyGuard guard{store, pen};
  Account account{pen, lock, journal, guard};
  CHECK_THROWS_AS(account.history(), std::logic_error);
}

}  // namespace
}  // namespace tradeguard::stores
