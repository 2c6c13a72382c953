// Objects from a configuration: the only place that knows all rooms.
#pragma once

#include <atomic>
#include <cstdio>
#include <memory>
#include <string>

#include "options.hpp"
#include "tradeguard/fault_script.hpp"
#include "tradeguard/http.hpp"
#include "tradeguard/journal.hpp"
#include "tradeguard/log.hpp"
#include "tradeguard/memory_store.hpp"
#include "tradeguard/monitor_cycle.hpp"
#include "tradeguard/paper_venue.hpp"
#include "tradeguard/postgres_run_lock.hpp"
#include "tradeguard/sql_schema.hpp"
#include "tradeguard/sql_session.hpp"
#include "tradeguard/venue_check.hpp"
#include "trusted_file.hpp"
#include "venues.hpp"

namespace tradeguard::cli {

AccountKey account_of(const Settings& settings);
struct Store;
// Fault::configuration: it is not among the accounts of the store, while others are; the words name them. A store
// without any account knows nobody yet, and that is well.
Result<void> must_be_known(Store& store, const AccountKey& account);
// The same, of an account that was named by --account; who only looks may look at one that is not there yet.
Result<void> named_is_known(const Settings& settings, Store& store);
bool is_postgres(const Settings& settings);
std::string sqlite_file(const Settings& settings);  // of an SQLite store

// Everything that remembers, opened for one account. Lock, journal and guard of an SQL store share
// one session: where it dies, lock and pen die together.
struct Store {
  std::unique_ptr<MemoryStore> memory;  // one of these two
  std::shared_ptr<SqlSession> session;
  std::unique_ptr<Account> account;
};
// An SQL store has to be there and of this program's version.
// Once `stop_asked` is true, a statement over a file that takes long is broken off.
Result<std::unique_ptr<Store>> open_store(const Settings& settings, const AccountKey& account,
                                          const std::atomic<bool>* stop_asked = nullptr);
// The same store for a Desk, which connects to it again where it has to.
OpenStore opener_of(const Settings& settings);
// What keeps open_store() from opening it, for doctor: everything that is wrong with its schema, and the
// SQL that mends it. Empty if the schema is not what is wrong.
std::vector<SchemaProblem> schema_problems(const Settings& settings);
// Of a store on PostgreSQL: who holds the account's run lock and is no tradeguard. nullopt: nobody, or
// nobody can say.
std::optional<LockStranger> lock_stranger(const Settings& settings, Store& store);
std::string describe(const LockStranger& stranger);
std::unique_ptr<Store> open_memory_store(const AccountKey& account);

// Creates or migrates the store, for every account and the paper exchange. An older store is
// migrated under the run locks of all its accounts. What takes longer than a second is said on
// standard error while it lasts.
struct Made {
  enum class What { now, was_ready, held_elsewhere };
  What what;
  AccountKey holder = {};  // held_elsewhere: whose lock
};
Result<Made> make_store(const Settings& settings);

// The paper exchange with its prices, faults and its book, which for an SQL store has a session of
// its own from its first visit on: an exchange does not vanish with the bot's connection.
struct PaperExchange {
  std::unique_ptr<PriceFeed> prices;
  FaultScript faults;
  std::unique_ptr<PaperBook> book;
  std::unique_ptr<PaperVenue> venue;
};
Result<std::unique_ptr<PaperExchange>> open_paper(const Settings& settings, Clock& clock, Log& log);
// The bars of a file of at most 512 MiB.
Result<BarPrices> read_prices_of(const std::string& path, const std::optional<Trusted>& trusted);
// With a book in memory, over these prices.
std::unique_ptr<PaperExchange> open_memory_paper(const Settings& settings, Clock& clock, Log& log, BarPrices prices);

// Where a run trades, with everything it stands on.
struct Exchange {
  std::unique_ptr<PaperExchange> paper;  // or
  std::unique_ptr<HttpTransport> transport;
  OpenedVenue venue;
  OrderPlacer* placer = nullptr;
  SltpPlacer* protector = nullptr;
};
// Nothing is connected before the first request. Fault::configuration: a real venue without
// run.live = true, unless it is only looked at, or without its secrets.
enum class Purpose { trading, looking };
Result<std::unique_ptr<Exchange>> open_exchange(const Settings& settings, const Pairs& environment, Clock& clock,
                                                Log& log, Purpose purpose = Purpose::trading);
// What only the adapter of a real venue knows to ask. `exchange` was opened with these settings and outlives it.
Result<std::unique_ptr<VenueExamination>> open_examination(const Settings& settings, const Pairs& environment,
                                                           Exchange& exchange, Clock& clock, Log& log);

// Who is told; unset: nobody was chosen, and a real venue demands a choice.
NotifyKind notifier_kind(const Settings& settings);
// Whether Telegram knows the bot, and the bot the chat; nobody is told anything.
std::vector<Finding> check_telegram(const Settings& settings, const Pairs& environment, Clock& clock, Log& log);

// `messages` is where a printing notifier prints. Fault::configuration: a real venue without a
// choice, Telegram without its token. `clock` and `log` outlive the notifier.
Result<std::unique_ptr<Notifier>> make_notifier(const Settings& settings, const Pairs& environment, Clock& clock,
                                                Log& log, std::FILE* messages);

CycleSettings cycle_settings(const Configuration& configuration, const std::string& pid, const std::string& host,
                             Instant now);

// Whether a run of this account holds its lock at this moment. Takes nothing and keeps nobody out.
// nullopt: nobody on this machine can say.
std::optional<bool> run_is_going(const Settings& settings, Store& store);

// Open live trades of the account by what the store holds, whatever its schema; nothing is made.
// Cheaper and less particular than opening it for a run.
Result<int> count_open_live_trades(const Settings& settings, const AccountKey& account, Instant now);

// The accounts of this store with open live trades. To a dry run those of its own file count as
// attended by nobody. What cannot be read has none that could be told.
std::vector<LiveAccount> accounts_with_open_trades(const Settings& settings, Store& store, Instant now);

}  // namespace tradeguard::cli
