#include "tradeguard/postgres_run_lock.hpp"

#include <array>

#include "connection.hpp"
#include "tradeguard/sql_store.hpp"

namespace tradeguard {

namespace {

// That the row `l` of pg_locks is this lock, as the server sees it: two halves of the key.
std::string is_lock(const std::string& key) {
  return "l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
         "AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) "
         "AND CAST(l.classid AS BIGINT) = (" +
         key + " >> 32) & 4294967295 AND CAST(l.objid AS BIGINT) = " + key + " & 4294967295";
}

// The key for an account that has none yet; ?3 and ?4 of `numbers`.
std::string free_lock_id() {
  return "CASE WHEN EXISTS (SELECT 1 FROM accounts a WHERE a.lock_id = ?3) THEN ?4 ELSE ?3 END";
}

// The key of an account, or the one that it will get.
std::string its_lock_id() {
  return "coalesce((SELECT lock_id FROM accounts WHERE venue = ?1 AND account = ?2), " + free_lock_id() + ")";
}

// This very session has the lock of the row of `accounts`.
std::string held_by_this_session() {
  return "EXISTS (SELECT 1 FROM pg_locks l WHERE l.pid = pg_backend_pid() AND " + is_lock("accounts.lock_id") + ")";
}

std::vector<SqlValue> of(const AccountKey& account) { return {account.venue, account.account}; }

// ?1 and ?2, the account; ?3 and ?4, the key of the first account and the one that is its own.
std::vector<SqlValue> numbers(const AccountKey& account, std::int64_t lock_id) {
  return {account.venue, account.account, lock_id, lock_key(account)};
}

class PostgresHold final : public RunLease::Hold {
 public:
  PostgresHold(const std::shared_ptr<PostgresConnection>& connection, AccountKey account, Fence fence)
      : connection_{connection}, account_{std::move(account)}, fence_{fence} {}
  ~PostgresHold() override {
    const auto connection = connection_.lock();
    if (!connection) return;
    connection->locked.erase(account_);
    // If this does not arrive the session is gone, and the lock with it.
    const Statement unlock{
        "SELECT pg_advisory_unlock(lock_id) FROM accounts "
        "WHERE venue = ?1 AND account = ?2",
        of(account_)};
    (void)connection->run(std::array{unlock});
  }
  PostgresHold(const PostgresHold&) = delete;
  PostgresHold& operator=(const PostgresHold&) = delete;

  Result<bool> still_held() override {
    const auto connection = connection_.lock();
    if (!connection) return false;
    // The lock cannot leave a session that lives, and this one spoke just now. One that is dead
    // gives no answer, which is no word about a successor: asking it is the error it died of.
    if (connection->seems_alive() && connection->heard_lately()) return true;
    std::vector<SqlValue> arguments = of(account_);
    arguments.emplace_back(fence_);
    const Statement ask{
        "SELECT 1 FROM accounts WHERE venue = ?1 AND account = ?2 AND fence = ?3 AND " + held_by_this_session(),
        std::move(arguments)};
    auto answer = connection->run(std::array{ask});
    if (!answer) return relayed(answer, "asking for the run lock");
    return !(*answer)[0].rows.empty();
  }

 private:
  std::weak_ptr<PostgresConnection> connection_;
  AccountKey account_;
  Fence fence_;
};

// Of somebody who writes nothing: the key alone, and no fence. An account that nobody has used yet has no
// row, and looking at it makes none.
class PostgresLookersHold final : public RunLease::Hold {
 public:
  PostgresLookersHold(const std::shared_ptr<PostgresConnection>& connection, AccountKey account, std::int64_t key)
      : connection_{connection}, account_{std::move(account)}, key_{key} {}
  ~PostgresLookersHold() override {
    const auto connection = connection_.lock();
    if (!connection) return;
    connection->locked.erase(account_);
    (void)connection->run(std::array{Statement{"SELECT pg_advisory_unlock(?1)", {key_}}});
  }
  PostgresLookersHold(const PostgresLookersHold&) = delete;
  PostgresLookersHold& operator=(const PostgresLookersHold&) = delete;

  Result<bool> still_held() override {
    const auto connection = connection_.lock();
    return connection && connection->seems_alive();
  }

 private:
  std::weak_ptr<PostgresConnection> connection_;
  AccountKey account_;
  std::int64_t key_;
};

}  // namespace

// Lock, then bump, then nothing but the answers: one round trip. The UPDATE sees the lock of the
// statement before it, and does nothing without it.
Result<std::variant<RunLease, HeldElsewhere>> PostgresRunLock::try_acquire(const AccountKey& account) {
  const auto& connection = session_.connection_;
  const auto locked_out = [&]() -> Result<std::variant<RunLease, HeldElsewhere>> {
    auto holder = read_holder(session_, account);
    if (!holder) return relayed(holder);
    return *holder;
  };
  // The server would give it to the same session a second time.
  if (connection->locked.contains(account)) return locked_out();

  const Statement lock{"SELECT pg_try_advisory_lock(lock_id), cycle, completed_at, " +
                           session_.server_now().value_or("CAST(NULL AS BIGINT)") +
                           " FROM accounts WHERE venue = ?1 AND account = ?2 AND lock_id IS NOT NULL",
                       of(account)};
  const Statement bump{
      "UPDATE accounts SET touched = touched + 1, fence = fence + 1, "
      "cycle = cycle + 1 WHERE venue = ?1 AND account = ?2 AND " +
          held_by_this_session() + " RETURNING fence, cycle",
      of(account)};
  constexpr int attempts = 2;  // the first may find that no key was chosen yet
  for (int i = 0; i < attempts; ++i) {
    auto done = session_.run(std::array{lock, bump});
    if (!done) {
      // The lock outlives the transaction that failed after it.
      const Statement unlock{
          "SELECT pg_advisory_unlock(lock_id) FROM accounts "
          "WHERE venue = ?1 AND account = ?2",
          of(account)};
      (void)session_.run(std::array{unlock});
      return relayed(done, "taking the run lock");
    }
    const auto& asked = (*done)[0].rows;
    if (asked.empty()) {
      if (auto chosen = choose_lock_id(account); !chosen) return relayed(chosen, "taking the run lock");
      continue;
    }
    const auto whole = [](const SqlValue& cell) {
      const auto* number = std::get_if<std::int64_t>(&cell);
      return number ? std::optional{*number} : std::nullopt;
    };
    if (whole(asked[0][0]) != 1) {
      const auto instant = [&](const SqlValue& cell) {
        const auto number = whole(cell);
        return number ? std::optional{from_micros(*number)} : std::nullopt;
      };
      return HeldElsewhere{whole(asked[0][1]), instant(asked[0][2]), instant(asked[0][3])};
    }
    const auto& bumped = (*done)[1].rows;
    if (bumped.empty() || !whole(bumped[0][0]) || !whole(bumped[0][1]))
      return failed(Fault::configuration, "the run lock was given and is not there");
    connection->locked.insert(account);
    const Fence fence = *whole(bumped[0][0]);
    return RunLease{fence, *whole(bumped[0][1]), std::make_unique<PostgresHold>(connection, account, fence)};
  }
  return failed(Fault::unreachable, "no key for the run lock could be agreed on");
}

Result<std::variant<std::unique_ptr<RunLease::Hold>, HeldElsewhere>> PostgresRunLock::try_hold(
    const AccountKey& account) {
  const auto& connection = session_.connection_;
  const Statement ask{"SELECT " + its_lock_id(), numbers(account, lock_id_)};
  auto asked = session_.run(std::array{ask});
  if (!asked) return relayed(asked, "looking at the run lock");
  const auto* key = (*asked)[0].rows.empty() ? nullptr : std::get_if<std::int64_t>(&(*asked)[0].rows[0][0]);
  if (key == nullptr) return failed(Fault::configuration, "the run lock has no key");
  // The server would give it to the same session a second time.
  bool taken = false;
  if (!connection->locked.contains(account)) {
    auto tried = session_.run(std::array{Statement{"SELECT pg_try_advisory_lock(?1)", {*key}}});
    if (!tried) return relayed(tried, "looking at the run lock");
    const auto* yes = std::get_if<std::int64_t>(&(*tried)[0].rows.at(0).at(0));
    taken = yes != nullptr && *yes == 1;
  }
  if (!taken) {
    auto holder = read_holder(session_, account);
    if (!holder) return relayed(holder);
    return *holder;
  }
  connection->locked.insert(account);
  return std::make_unique<PostgresLookersHold>(connection, account, *key);
}

Result<std::optional<LockStranger>> PostgresRunLock::stranger(const AccountKey& account) {
  const Statement ask{
      "SELECT CAST(s.usename AS text), s.application_name, coalesce(host(s.client_addr), CASE WHEN s.client_port = -1 "
      "THEN 'this host' END), s.pid "
      "FROM (SELECT " +
          its_lock_id() + " AS id) AS k JOIN pg_locks l ON " + is_lock("k.id") +
          " JOIN pg_stat_activity s ON s.pid = l.pid WHERE s.pid <> pg_backend_pid() "
          "AND NOT (left(s.application_name, 10) = 'tradeguard' "
          "AND has_table_privilege(s.usesysid, 'tradeguard.accounts', 'UPDATE')) LIMIT 1",
      numbers(account, lock_id_)};
  auto asked = session_.run(std::array{ask});
  if (!asked) return relayed(asked, "looking at the run lock");
  if ((*asked)[0].rows.empty()) return std::nullopt;
  const SqlRow& row = (*asked)[0].rows[0];
  const auto text = [&](std::size_t cell) {
    const auto* found = std::get_if<std::string>(&row.at(cell));
    return found ? *found : std::string{};
  };
  const auto* pid = std::get_if<std::int64_t>(&row.at(3));
  return LockStranger{text(0), text(1), text(2), pid ? *pid : 0};
}

// Two accounts that choose at once may both find `lock_id` free; the table lets one of them have
// it, and the other looks again.
Result<void> PostgresRunLock::choose_lock_id(const AccountKey& account) {
  const Statement choose{
      "UPDATE accounts SET lock_id = " + free_lock_id() + " WHERE venue = ?1 AND account = ?2 AND lock_id IS NULL",
      numbers(account, lock_id_)};
  const std::array statements{Statement{"BEGIN", {}}, ensure_account(account), choose, Statement{"COMMIT", {}}};
  auto done = session_.run(statements);
  if (!done && done.error().fault == Fault::data) done = session_.run(statements);
  if (!done) return relayed(done);
  return {};
}

}  // namespace tradeguard
