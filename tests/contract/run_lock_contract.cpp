// What every run lock promises: one runner per account, freed at once, and fenced off when lost.
#include <atomic>
#include <barrier>
#include <thread>

#include "contract.hpp"
#include "story.hpp"
#include "tradeguard/memory_store.hpp"

namespace tradeguard::contract {
namespace {

HeldElsewhere who_holds(Session& session) {
  auto outcome = value_of(session.lock().try_acquire(session.pen.account));
  REQUIRE(std::holds_alternative<HeldElsewhere>(outcome));
  return std::get<HeldElsewhere>(outcome);
}

STORE_CONTRACT("a lock that nobody holds is given at once and is held", "[run_lock]") {
  const auto first = store.open();
  RunLease lease = acquired(*first);
  CHECK(value_of(lease.still_held()));
}

STORE_CONTRACT("a second process is told that the lock is held and which cycle runs", "[run_lock]") {
  const auto first = store.open();
  const auto second = store.open();
  const RunLease lease = acquired(*first);

  const HeldElsewhere held = who_holds(*second);
  CHECK(held.last_started_cycle == lease.cycle());
  CHECK_FALSE(held.last_completed_at);
}

// What the locked-out run says of a stuck holder rests on this.
STORE_CONTRACT("who is locked out reads when a cycle was last completed", "[run_lock]") {
  const auto first = store.open();
  {
    const RunLease lease = acquired(*first);
    must(first->journal().begin_run("1_1", "hash", noon));
    must(first->journal().finish_run("ok", noon + 7s));
  }
  const auto second = store.open();
  const RunLease lease = acquired(*second);
  CHECK(who_holds(*first).last_completed_at == noon + 7s);
}

STORE_CONTRACT("being locked out writes nothing", "[run_lock]") {
  const auto first = store.open();
  const auto second = store.open();
  std::int64_t cycle = 0;
  Fence fence = 0;
  {
    const RunLease lease = acquired(*first);
    cycle = lease.cycle();
    fence = lease.fence();
    for (int i = 0; i < 3; ++i) CHECK(is_locked_out(*second));
    CHECK(value_of(first->journal().open_book(noon)).account.cycle == cycle);
  }
  const RunLease next = acquired(*second);
  CHECK(next.cycle() == cycle + 1);
  CHECK(next.fence() > fence);
}

STORE_CONTRACT("who only looks keeps runs out meanwhile, and counts no cycle and no fence", "[run_lock]") {
  const auto first = store.open();
  const auto second = store.open();
  std::int64_t cycle = 0;
  Fence fence = 0;
  {
    const RunLease lease = acquired(*first);
    cycle = lease.cycle();
    fence = lease.fence();
    CHECK(std::holds_alternative<HeldElsewhere>(value_of(second->lock().try_hold(second->pen.account))));
  }
  for (int i = 0; i < 2; ++i) {
    const auto look = value_of(second->lock().try_hold(second->pen.account));
    REQUIRE(std::holds_alternative<std::unique_ptr<RunLease::Hold>>(look));
    CHECK(value_of(std::get<std::unique_ptr<RunLease::Hold>>(look)->still_held()));
    CHECK(is_locked_out(*first));
    CHECK(is_locked_out(*second));
    CHECK(std::holds_alternative<HeldElsewhere>(value_of(first->lock().try_hold(first->pen.account))));
    CHECK(value_of(first->journal().open_book(noon)).account.cycle == cycle);
    CHECK(value_of(first->journal().open_book(noon)).account.fence == fence);
  }
  const RunLease next = acquired(*first);
  CHECK(next.cycle() == cycle + 1);
  CHECK(next.fence() > fence);
}

STORE_CONTRACT("looking at the lock of an account that nobody has used makes nothing", "[run_lock]") {
  const auto first = store.open();
  const auto second = store.open();
  { const auto look = value_of(first->lock().try_hold(first->pen.account)); }
  const RunLease lease = acquired(*second);
  CHECK(lease.cycle() == 1);
}

// PostgreSQL's advisory locks can be taken twice by one session; one runner is still one runner.
STORE_CONTRACT("a process that holds the lock does not get it a second time", "[run_lock]") {
  const auto session = store.open();
  {
    RunLease lease = acquired(*session);
    CHECK(is_locked_out(*session));
    CHECK(value_of(lease.still_held()));
    const auto other = store.open();
    CHECK(is_locked_out(*other));
  }
  const auto other = store.open();
  CHECK_FALSE(is_locked_out(*other));
}

STORE_CONTRACT("letting the lease go frees the lock at once", "[run_lock]") {
  const auto first = store.open();
  const auto second = store.open();
  for (int round = 0; round < 3; ++round) {
    { const RunLease lease = acquired(*first); }
    { const RunLease lease = acquired(*second); }
  }
  CHECK_FALSE(is_locked_out(*first));
}

STORE_CONTRACT("a process that ends frees the lock although it said nothing", "[run_lock]") {
  {
    const auto first = store.open();
    const RunLease lease = acquired(*first);
    must(first->journal().begin_run("1_1", "hash", noon));
  }
  const auto second = store.open();
  CHECK_FALSE(is_locked_out(*second));
}

STORE_CONTRACT("a lease that is handed on stays the one lease", "[run_lock]") {
  const auto first = store.open();
  const auto second = store.open();
  {
    RunLease lease = acquired(*first);
    RunLease handed_on = std::move(lease);
    CHECK(is_locked_out(*second));
    CHECK(value_of(handed_on.still_held()));
  }
  CHECK_FALSE(is_locked_out(*second));
}

STORE_CONTRACT("fence and cycle grow with every lease and over restarts", "[run_lock]") {
  Fence fence = 0;
  std::int64_t cycle = 0;
  for (int run = 0; run < 4; ++run) {
    const auto session = store.open();
    const RunLease lease = acquired(*session);
    CHECK(lease.fence() > fence);
    CHECK(lease.cycle() == cycle + 1);
    fence = lease.fence();
    cycle = lease.cycle();
    CHECK(book(*session, noon).account.cycle == cycle);
    CHECK(book(*session, noon).account.fence == fence);
  }
}

// A commit that handed the lock's connection back to a pool once leaked the lock for hours, and a
// rollback once dropped it in the middle of a cycle.
STORE_CONTRACT("writing, failing to write and reading do not touch the lock", "[run_lock]") {
  const auto first = store.open();
  const auto second = store.open();
  {
    RunLease lease = acquired(*first);
    const Order entry = bought(*first, buy("ETH_USDT"), noon);
    for (int i = 0; i < 25; ++i) {
      append(*first, stop_for(entry, i + 1));
      CHECK(write(*first, {.append = {stop_for(entry)}}) == Written::exists);
      book(*first, noon);
    }
    CHECK(value_of(lease.still_held()));
    CHECK(is_locked_out(*second));
  }
  CHECK_FALSE(is_locked_out(*second));
}

STORE_CONTRACT("accounts are locked and counted apart", "[run_lock]") {
  const auto main = store.open({"paper", "main"});
  const auto other_account = store.open({"paper", "other"});
  const auto other_venue = store.open({"binance", "main"});
  const RunLease first = acquired(*main);
  const RunLease second = acquired(*other_account);
  const RunLease third = acquired(*other_venue);
  CHECK(first.cycle() == 1);
  CHECK(second.cycle() == 1);
  CHECK(third.cycle() == 1);
}

STORE_CONTRACT("of many that start at once exactly one gets the lock", "[run_lock]") {
  constexpr int starters = 8;
  for (int round = 0; round < 5; ++round) {
    std::vector<std::unique_ptr<Session>> sessions;
    for (int i = 0; i < starters; ++i) sessions.push_back(store.open());
    std::barrier start{starters};
    std::barrier all_tried{starters};
    std::atomic<int> winners{0};
    std::atomic<int> errors{0};
    std::vector<std::thread> threads;
    for (const auto& session : sessions)
      threads.emplace_back([&, mine = session.get()] {
        start.arrive_and_wait();
        const auto outcome = mine->lock().try_acquire(mine->pen.account);
        errors += !outcome;
        winners += outcome && std::holds_alternative<RunLease>(*outcome);
        all_tried.arrive_and_wait();  // the winner holds it until everybody has asked
      });
    for (auto& thread : threads) thread.join();
    CHECK(winners == 1);
    CHECK(errors == 0);
  }
}

// ---- what only memory can be made to do ---------------------------------------------------------

TEST_CASE("memory: a holder that lost its lease notices and does not free its successor's", "[run_lock]") {
  MemoryStore store;
  MemoryRunLock lock{store};
  std::optional<RunLease> lost;
  lost.emplace(std::get<RunLease>(value_of(lock.try_acquire(the_account))));
  store.lose_lease(the_account);
  CHECK_FALSE(value_of(lost->still_held()));

  RunLease successor = std::get<RunLease>(value_of(lock.try_acquire(the_account)));
  lost.reset();
  CHECK(value_of(successor.still_held()));
  CHECK(std::holds_alternative<HeldElsewhere>(value_of(lock.try_acquire(the_account))));
}

}  // namespace
}  // namespace tradeguard::contract
