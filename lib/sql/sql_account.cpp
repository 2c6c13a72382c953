#include "tradeguard/sql_account.hpp"

#include "tradeguard/sql_store.hpp"

namespace tradeguard {

namespace {

struct Parts {
  Parts(std::shared_ptr<SqlSession> s, std::unique_ptr<RunLock> l, const AccountKey& key)
      : session{std::move(s)},
        pen{key, std::nullopt},
        lock{std::move(l)},
        journal{*session, pen},
        guard{*session, pen},
        history{*session, pen} {}
  std::shared_ptr<SqlSession> session;
  Pen pen;
  std::unique_ptr<RunLock> lock;
  SqlJournal journal;
  SqlIdempotencyGuard guard;
  SqlEntryHistory history;
};

}  // namespace

std::unique_ptr<Account> open_sql_account(std::shared_ptr<SqlSession> session, std::unique_ptr<RunLock> lock,
                                          const AccountKey& account) {
  const auto parts = std::make_shared<Parts>(std::move(session), std::move(lock), account);
  return std::make_unique<Account>(parts->pen, *parts->lock, parts->journal, parts->guard, &parts->history, parts);
}

}  // namespace tradeguard
