// One runner per (venue, account) on one machine: a kernel lock on a file beside the database.
//
// The file is "{real path of the database}.{venue}.{account}.lock". It is never unlinked, and its
// content locks nobody out: the kernel frees the lock with the process, however that ends. Programs
// started by the holder do not inherit it, nor do its forks.
//
// It holds the highest fence given out, durable before a lease is. A database with a lower one is an
// older copy that was put back, and one that was used and has no such file was moved or restored: both
// are taken for a new epoch. Behind the fences it names the process that holds the lock. It has the owner,
// group and rights of the database, without those of everybody else: who can open it can hold it. Contract tests: tests/contract, backend "sqlite";
// tests/stores/sqlite_lock_test.cpp, fence_file_test.cpp
#pragma once

#include <string>

#include "tradeguard/run_lock.hpp"
#include "tradeguard/sqlite_session.hpp"

namespace tradeguard {

class SqliteRunLock final : public RunLock {
 public:
  // The session outlives the lock and its leases.
  explicit SqliteRunLock(SqliteSession& session) : session_{session} {}
  // still_held() of the lease says false too when the lock file was unlinked or replaced, or when
  // somebody else has the account's fence; an error when the database itself was. Fault::configuration: the
  // lock file cannot be read and written, is a link or no regular file, or has several names.
  Result<std::variant<RunLease, HeldElsewhere>> try_acquire(const AccountKey& account) override;
  Result<std::variant<std::unique_ptr<RunLease::Hold>, HeldElsewhere>> try_hold(const AccountKey& account) override;

  std::string lock_file(const AccountKey& account) const;

 private:
  SqliteSession& session_;
};

}  // namespace tradeguard
