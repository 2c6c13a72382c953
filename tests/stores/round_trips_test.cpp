// What a cycle costs a PostgreSQL that is far away: round trips, counted, for 100 signals.
#include "contract.hpp"
#include "sessions.hpp"
#include "story.hpp"

namespace tradeguard::stores {
namespace {

using namespace contract;

constexpr int signals = 100;

// How many round trips the session has made since it was asked last.
class Counter {
 public:
  explicit Counter(const SqlSession& session) : session_{session} {}
  std::int64_t since() { return session_.round_trips() - std::exchange(before_, session_.round_trips()); }

 private:
  const SqlSession& session_;
  std::int64_t before_ = 0;
};

TEST_CASE("postgres: a cycle with 100 signals stays within its round trips", "[round_trips]") {
  support::ScratchDatabase database;
  new_postgres_store(database.url());
  {
    // The very first lease of an account chooses its key as well.
    const auto session = postgres_session(database.url());
    PostgresRunLock lock{*session};
    CHECK(std::holds_alternative<RunLease>(value_of(lock.try_acquire(the_account))));
  }

  const auto session = postgres_session(database.url(), {.server_clock = false});
  PostgresRunLock lock{*session};
  OverSession store{*session};
  Counter count{*session};
  CHECK(count.since() == 1);  // who answers, which schema, which epoch

  RunLease lease = std::get<RunLease>(value_of(lock.try_acquire(the_account)));
  store.pen.fence = lease.fence();
  CHECK(count.since() == 1);
  must(store.journal().begin_run("1_1", "hash", noon));
  CHECK(count.since() == 1);
  book(store, noon);
  CHECK(count.since() == 1);

  std::vector<Signal> batch;
  for (int i = 0; i < signals; ++i) batch.push_back(buy("C" + std::to_string(i) + "_USDT"));
  auto judged = claim(store, batch, noon);
  CHECK(count.since() == 2);
  CHECK(value_of(lease.still_held()));
  CHECK(count.since() == 0);

  std::vector<Change> filled;
  std::vector<Change> legs;
  for (const Judged& one : judged) {
    Order entry = std::get<EntryTicket>(one.outcome).order();
    entry.state = OrderState::closed;
    entry.filled = entry.quantity;
    filled.push_back({.advance = {entry},
                      .notices = {notice("created-" + entry.client_id, entry.trade),
                                  notice("filled-" + entry.client_id, entry.trade)}});
    legs.push_back({.append = {stop_for(entry), target_for(entry)}});
  }
  value_of(store.journal().write(filled));
  CHECK(count.since() == 1);
  value_of(store.journal().write(legs));
  CHECK(count.since() == 1);

  const auto told = due(store, noon, 1000);
  CHECK(told.size() == std::size_t{2} * signals);
  CHECK(count.since() == 1);
  std::vector<DeliveryRecord> records;
  for (const auto& id : told) records.push_back({id, DeliveryRecord::What::delivered, std::nullopt, ""});
  must(store.journal().record_deliveries(records, noon));
  CHECK(count.since() == 1);
  must(store.journal().finish_run("ok", noon));
  CHECK(count.since() == 1);
}

TEST_CASE("postgres: a batch with a stale row costs three round trips more", "[round_trips]") {
  support::ScratchDatabase database;
  new_postgres_store(database.url());
  const auto session = postgres_session(database.url(), {.server_clock = false});
  OverSession store{*session};
  const Order eth = bought(store, buy("ETH_USDT"), noon);
  const Order btc = bought(store, buy("BTC_USDT"), noon);
  advance(store, eth);
  Counter count{*session};
  count.since();
  const std::vector<Change> items{{.advance = {eth}}, {.advance = {btc}}};
  CHECK(value_of(store.journal().write(items)) == std::vector{Written::stale, Written::yes});
  CHECK(count.since() == 4);  // tried, undone, looked at, written
}

}  // namespace
}  // namespace tradeguard::stores
