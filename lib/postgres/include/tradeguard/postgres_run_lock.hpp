// One runner per (venue, account) over all machines: a session advisory lock.
//
// It lives in the session that writes, so that a run cannot lose the one and keep the other. The
// key is `lock_id` for the account it was first used with in this database, and lock_key() of any
// other account; the accounts row remembers which. A killed holder frees the lock at once, a
// vanished host when the server's keepalives give up, after 25 s. Contract tests: tests/contract,
// backend "postgres"; tests/stores/postgres_lock_test.cpp
#pragma once

#include <optional>
#include <string>

#include "tradeguard/postgres_session.hpp"
#include "tradeguard/run_lock.hpp"

namespace tradeguard {

inline constexpr std::int64_t default_lock_id = 123456;

// Somebody who holds a run lock and is no tradeguard: by the name of his application, which every
// tradeguard begins with "tradeguard", or because his role may not write the store. Whoever may connect
// to the database can take an advisory lock, so this cannot be shut, only watched.
struct LockStranger {
  std::string role;
  std::string application;
  std::string address;  // empty: this role is not told (pg_read_all_stats is)
  std::int64_t pid = 0;
};

class PostgresRunLock final : public RunLock {
 public:
  explicit PostgresRunLock(PostgresSession& session, std::int64_t lock_id = default_lock_id)
      : session_{session}, lock_id_{lock_id} {}
  // A lease whose session is destroyed is not held; of a lost one it says the error. Both are free.
  Result<std::variant<RunLease, HeldElsewhere>> try_acquire(const AccountKey& account) override;
  Result<std::variant<std::unique_ptr<RunLease::Hold>, HeldElsewhere>> try_hold(const AccountKey& account) override;
  // nullopt: nobody holds it, or a tradeguard does. Takes nothing and writes nothing.
  Result<std::optional<LockStranger>> stranger(const AccountKey& account);

 private:
  Result<void> choose_lock_id(const AccountKey& account);
  PostgresSession& session_;
  std::int64_t lock_id_;
};

}  // namespace tradeguard
