// The run lock of a PostgreSQL store: the advisory lock the original bot used, and what becomes of
// it when its session ends.
#include <signal.h>
#include <unistd.h>

#include <thread>

#include "contract.hpp"
#include "processes.hpp"
#include "sessions.hpp"
#include "story.hpp"

namespace tradeguard::stores {
namespace {

using namespace contract;
using Catch::Contains;
using Catch::StartsWith;
using support::Fork;
using support::PlainConnection;
using support::ScratchDatabase;

struct Store {
  Store() { new_postgres_store(database.url()); }
  ScratchDatabase database;
};

// A process of its own: session, lock, and what writes under it.
struct Runner {
  explicit Runner(const std::string& url, std::int64_t lock_id = default_lock_id)
      : session{postgres_session(url, {.server_clock = false})}, lock{*session, lock_id}, store{*session} {}
  std::variant<RunLease, HeldElsewhere> attempt(const AccountKey& account = the_account) {
    return value_of(lock.try_acquire(account));
  }
  bool gets_the_lock() { return std::holds_alternative<RunLease>(attempt()); }
  RunLease taken(const AccountKey& account = the_account) {
    auto lease = std::get<RunLease>(attempt(account));
    store.pen.fence = lease.fence();
    return lease;
  }
  int pid() { return static_cast<int>(std::get<std::int64_t>(rows(*session, "SELECT pg_backend_pid()").rows[0][0])); }

  std::unique_ptr<PostgresSession> session;
  PostgresRunLock lock;
  OverSession store;
};

void end_session(int pid) {
  PlainConnection server{support::test_server()};
  REQUIRE(server.ask("SELECT pg_terminate_backend(" + std::to_string(pid) + ", 5000)") == "t");
}

// Waits until the server has no such session any more: it notices a closed connection at its own
// pace.
void wait_for_end_of(int pid) {
  PlainConnection server{support::test_server()};
  for (int i = 0; i < 500; ++i) {
    if (server.ask("SELECT 1 FROM pg_stat_activity WHERE pid = " + std::to_string(pid)).empty()) return;
    server.ask("SELECT pg_sleep(0.01)");
  }
  FAIL("the session of a process that was killed goes on");
}

// The keys of the advisory locks that are held in the database.
std::string locks_held(const ScratchDatabase& database) {
  PlainConnection server{database.url()};
  return server.ask(
      "SELECT string_agg(((classid::bigint << 32) | objid::bigint)::text, ' ' "
      "ORDER BY classid, objid) FROM pg_locks WHERE locktype = 'advisory' AND granted "
      "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())");
}

TEST_CASE("postgres: the original's advisory lock excludes us, and ours excludes it", "[run_lock]") {
  const Store store;
  Runner runner{store.database.url()};
  PlainConnection original{store.database.url()};
  REQUIRE(original.ask("SELECT pg_try_advisory_lock(123456)") == "t");
  const auto outcome = runner.attempt();
  REQUIRE(std::holds_alternative<HeldElsewhere>(outcome));
  CHECK(std::get<HeldElsewhere>(outcome).last_started_cycle == 0);

  REQUIRE(original.ask("SELECT pg_advisory_unlock(123456)") == "t");
  {
    const RunLease lease = runner.taken();
    CHECK(lease.cycle() == 1);
    CHECK(original.ask("SELECT pg_try_advisory_lock(123456)") == "f");
  }
  CHECK(original.ask("SELECT pg_try_advisory_lock(123456)") == "t");
}

TEST_CASE("postgres: one account has the original's key and every other one its own", "[run_lock]") {
  const Store store;
  const AccountKey binance{"binance", "main"};
  Runner first{store.database.url()};
  Runner second{store.database.url()};
  const RunLease one = first.taken();
  CHECK(locks_held(store.database) == "123456");
  const RunLease other = second.taken(binance);
  // Golden: what another build, or another machine's, has to ask for as well.
  CHECK(locks_held(store.database) == "123456 3847385534669565485");
}

TEST_CASE("postgres: an account keeps its key whatever lock_id says later", "[run_lock]") {
  const Store store;
  { Runner{store.database.url(), 777}.taken(); }
  Runner later{store.database.url(), 123456};
  const RunLease lease = later.taken();
  CHECK(locks_held(store.database) == "777");
}

TEST_CASE("postgres: accounts that start for the first time together agree on their keys", "[run_lock]") {
  const Store store;
  constexpr int accounts = 4;
  for (int round = 0; round < 5; ++round) {
    std::vector<std::unique_ptr<Runner>> runners;
    for (int i = 0; i < accounts; ++i) runners.push_back(std::make_unique<Runner>(store.database.url()));
    std::vector<std::string> complaints(accounts);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < accounts; ++i)
      threads.emplace_back([&, i] {
        complaints[i] =
            complaint_of(runners[i]->lock.try_acquire({"v" + std::to_string(round), "a" + std::to_string(i)}));
      });
    for (auto& thread : threads) thread.join();
    CHECK(complaints == std::vector<std::string>(accounts));
  }
  CHECK(rows(*postgres_session(store.database.url()), "SELECT count(*) FROM accounts WHERE lock_id IS NULL")
            .rows.at(0)
            .at(0) == SqlValue{std::int64_t{0}});
}

TEST_CASE("postgres: a holder that is killed frees the lock", "[run_lock]") {
  const Store store;
  Fork first{[&](Fork::Parent& parent) {
    Runner runner{store.database.url()};
    const RunLease lease = runner.taken();
    parent.say(std::to_string(runner.pid()));
    Fork::Parent::park();
  }};
  const int pid = std::stoi(first.hear());
  Runner second{store.database.url()};
  CHECK_FALSE(second.gets_the_lock());
  first.kill_and_wait();
  wait_for_end_of(pid);
  CHECK(second.gets_the_lock());
}

TEST_CASE("postgres: a fork that outlives the holder does not hold the lock", "[run_lock]") {
  const Store store;
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  Fork first{[&](Fork::Parent& parent) {
    Runner runner{store.database.url()};
    const RunLease lease = runner.taken();
    const int pid = runner.pid();
    if (::fork() == 0) {
      ::close(ends[1]);
      parent.say(std::to_string(pid));
      char until_the_test_is_over = 0;
      (void)!::read(ends[0], &until_the_test_is_over, 1);
      ::_exit(0);
    }
    Fork::Parent::park();
  }};
  ::close(ends[0]);
  const int pid = std::stoi(first.hear());
  first.kill_and_wait();
  wait_for_end_of(pid);
  Runner second{store.database.url()};
  CHECK(second.gets_the_lock());
  ::close(ends[1]);
}

TEST_CASE("postgres: a fork that ends does not end the session of its parent", "[run_lock]") {
  const Store store;
  std::optional<Runner> runner{std::in_place, store.database.url()};
  std::optional<RunLease> lease{runner->taken()};
  {
    Fork child{[&](Fork::Parent& parent) {
      parent.say(complaint_of(runner->store.journal().set_halt("from a fork", noon)));
      lease.reset();
      runner.reset();
    }};
    CHECK_THAT(child.hear(), StartsWith("unreachable: "));
    CHECK(child.wait() == 0);
  }
  CHECK(value_of(lease->still_held()));
  must(runner->store.journal().set_halt("from the parent", noon));
}

TEST_CASE("postgres: a holder that is stopped keeps the lock", "[run_lock]") {
  const Store store;
  Fork first{[&](Fork::Parent& parent) {
    Runner runner{store.database.url()};
    const RunLease lease = runner.taken();
    parent.say("held");
    Fork::Parent::park();
  }};
  REQUIRE(first.hear() == "held");
  first.kill(SIGSTOP);
  Runner second{store.database.url()};
  const auto outcome = second.attempt();
  REQUIRE(std::holds_alternative<HeldElsewhere>(outcome));
  CHECK(std::get<HeldElsewhere>(outcome).last_started_cycle == 1);
}

TEST_CASE("postgres: a holder whose session was ended knows it and records nothing more", "[run_lock]") {
  const Store store;
  Runner first{store.database.url()};
  RunLease lost = first.taken();
  const Order entry = bought(first.store, buy("ETH_USDT"), noon);
  CHECK(value_of(lost.still_held()));
  end_session(first.pid());

  Runner second{store.database.url()};
  const RunLease lease = second.taken();
  CHECK(lease.fence() == lost.fence() + 1);
  CHECK(lease.cycle() == lost.cycle() + 1);

  // Not `false`, which says that the account is another's: a run that bought would then leave its
  // fills to the next one instead of protecting them.
  CHECK_THAT(complaint_of(lost.still_held()), StartsWith("unreachable: "));
  CHECK_THAT(complaint_of(first.store.journal().write(std::array{Change{.append = {stop_for(entry)}}})),
             StartsWith("unreachable: "));
  CHECK_THAT(complaint_of(first.store.guard().claim(std::array{request(buy("BTC_USDT"), noon)}, open_policy(), noon)),
             StartsWith("unreachable: "));
  CHECK_FALSE(first.lock.try_acquire(the_account));
  CHECK(book(second.store, noon).trades.size() == 1);
  CHECK(book(second.store, noon).trades.at(0).legs.empty());
}

// Another session with the old fence is what is left of a run that somehow writes on.
TEST_CASE("postgres: an old fence writes nothing from any session", "[run_lock]") {
  const Store store;
  Runner first{store.database.url()};
  const Fence old = first.taken().fence();
  Runner second{store.database.url()};
  const RunLease lease = second.taken();
  first.store.pen.fence = old;
  CHECK(is_fenced(first.store.journal().set_halt("too late", noon)));
  CHECK(std::holds_alternative<Fenced>(claim(first.store, buy("ETH_USDT"), noon).outcome));
}

TEST_CASE("postgres: asking whether the lock is held costs no round trip after one", "[run_lock]") {
  const Store store;
  Runner runner{store.database.url()};
  RunLease lease = runner.taken();
  must(runner.store.journal().set_halt("x", noon));
  const auto before = runner.session->round_trips();
  for (int i = 0; i < 10; ++i) CHECK(value_of(lease.still_held()));
  CHECK(runner.session->round_trips() == before);
}

TEST_CASE("postgres: a lease outlives its session without harm and is not held then", "[run_lock]") {
  const Store store;
  std::optional<RunLease> lease;
  {
    Runner runner{store.database.url()};
    lease.emplace(runner.taken());
    CHECK(value_of(lease->still_held()));
  }
  CHECK_FALSE(value_of(lease->still_held()));
  lease.reset();
}

TEST_CASE("postgres: two accounts under one session are let go one by one", "[run_lock]") {
  const Store store;
  const AccountKey other_account{"paper", "other"};
  Runner runner{store.database.url()};
  Runner watcher{store.database.url()};
  RunLease other = runner.taken(other_account);
  { const RunLease main = runner.taken(); }
  CHECK(watcher.gets_the_lock());
  CHECK(std::holds_alternative<HeldElsewhere>(watcher.attempt(other_account)));
  CHECK(value_of(other.still_held()));
}

}  // namespace
}  // namespace tradeguard::stores
