// The server is restarted as a crash restarts it, under a run that holds the lock. Alone at its
// time, as every other test needs the server.
#include "contract.hpp"
#include "processes.hpp"
#include "sessions.hpp"
#include "story.hpp"

namespace tradeguard::stores {
namespace {

using namespace contract;
using Catch::StartsWith;

TEST_CASE("postgres: after an immediate restart the holder records nothing more", "[run_lock]") {
  support::ScratchDatabase database;
  new_postgres_store(database.url());
  const auto session = postgres_session(database.url(), {.server_clock = false});
  PostgresRunLock lock{*session};
  OverSession store{*session};
  RunLease lost = std::get<RunLease>(value_of(lock.try_acquire(the_account)));
  store.pen.fence = lost.fence();
  const Order entry = bought(store, buy("ETH_USDT"), noon);
  // A claim whose transaction is open when the server dies.
  value_of(session->run(std::array{Statement{"BEGIN", {}}}));
  value_of(session->run(
      std::array{Statement{"UPDATE exchange_orders SET reason = 'never' WHERE client_id = ?1", {entry.client_id}}}));

  REQUIRE(support::run_program({TRADEGUARD_PG_RESTART, "immediate"}) == 0);

  CHECK_THAT(complaint_of(lost.still_held()), StartsWith("unreachable: "));
  CHECK_THAT(complaint_of(store.journal().set_halt("too late", noon)), StartsWith("unreachable: "));
  CHECK_THAT(complaint_of(store.guard().claim(std::array{request(buy("BTC_USDT"), noon)}, open_policy(), noon)),
             StartsWith("unreachable: "));

  const auto next_session = postgres_session(database.url(), {.server_clock = false});
  PostgresRunLock next_lock{*next_session};
  OverSession next{*next_session};
  const auto lease = std::get<RunLease>(value_of(next_lock.try_acquire(the_account)));
  CHECK(lease.fence() == lost.fence() + 1);
  CHECK(row(next, entry.client_id) == entry);  // what was committed is there, and nothing else
  CHECK(book(next, noon).trades.size() == 1);
  CHECK_FALSE(book(next, noon).account.halted);
  CHECK(value_of(next_session->epoch()) == value_of(session->epoch()));
}

}  // namespace
}  // namespace tradeguard::stores
