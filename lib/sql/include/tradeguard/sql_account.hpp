// An account in an SQL database, over a session that it shares with the store's other accounts.
#pragma once

#include <memory>
#include <utility>

#include "tradeguard/sql_session.hpp"
#include "tradeguard/store.hpp"

namespace tradeguard {

// It keeps session and lock. The lock is one over that session.
std::unique_ptr<Account> open_sql_account(std::shared_ptr<SqlSession> session, std::unique_ptr<RunLock> lock,
                                          const AccountKey& account);

// Lock is the database's run lock, made of its session.
template <class Session, class Lock>
class SqlStoreOf final : public Store {
 public:
  explicit SqlStoreOf(std::shared_ptr<Session> session) : session_{std::move(session)} {}
  std::unique_ptr<Account> open(const AccountKey& account) override {
    return open_sql_account(session_, std::make_unique<Lock>(*session_), account);
  }

 private:
  std::shared_ptr<Session> session_;
};

}  // namespace tradeguard
