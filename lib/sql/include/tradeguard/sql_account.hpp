// An account in an SQL database, over a session that it shares with the store's other accounts.
#pragma once

#include <memory>
#include <utility>

#include "tradeguard/sql_store.hpp"
#include "tradeguard/store.hpp"

namespace tradeguard {

class SqlAccount final : public Account {
 public:
  SqlAccount(std::shared_ptr<SqlSession> session, std::unique_ptr<RunLock> lock, AccountKey key)
      : session_{std::move(session)}, pen_{std::move(key), std::nullopt}, lock_{std::move(lock)} {}

  RunLock& lock() override { return *lock_; }
  OrderJournal& journal() override { return journal_; }
  IdempotencyGuard& guard() override { return guard_; }
  EntryHistory& history() override { return history_; }
  const Pen& pen() const override { return pen_; }

 private:
  void fence(Fence fence) override { pen_.fence = fence; }

  std::shared_ptr<SqlSession> session_;
  Pen pen_;
  std::unique_ptr<RunLock> lock_;
  SqlJournal journal_{*session_, pen_};
  SqlIdempotencyGuard guard_{*session_, pen_};
  SqlEntryHistory history_{*session_, pen_};
};

// Lock is the database's run lock, made of its session.
template <class Session, class Lock>
class SqlStoreOf : public Store {
 public:
  explicit SqlStoreOf(std::shared_ptr<Session> session) : session_{std::move(session)} {}
  std::unique_ptr<Account> open(const AccountKey& account) override {
    return std::make_unique<SqlAccount>(session_, std::make_unique<Lock>(*session_), account);
  }

 private:
  std::shared_ptr<Session> session_;
};

}  // namespace tradeguard
