// A store as one thing: what it knows of an account is worked on through an Account, which it opens.
// Contract test: tests/stores/account_test.cpp
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>
#include <variant>

#include "tradeguard/guards.hpp"
#include "tradeguard/journal.hpp"
#include "tradeguard/run_lock.hpp"

namespace tradeguard {

// One account of a store, named once, when it is opened. Used from one thread, as what it lies on.
class Account {
 public:
  // For a store; and for parts that somebody has wrapped, or that are his own. They write with `pen`, or a run over
  // them does nothing and says why. `keeps` is what they live in, where nobody else keeps it.
  Account(Pen& pen, RunLock& lock, OrderJournal& journal, IdempotencyGuard& guard, EntryHistory* history = nullptr,
          std::shared_ptr<const void> keeps = nullptr)
      : keeps_{std::move(keeps)}, pen_{pen}, lock_{lock}, journal_{journal}, guard_{guard}, history_{history} {}
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  const AccountKey& key() const { return pen_.account; }
  RunLock& lock() { return lock_; }
  OrderJournal& journal() { return journal_; }
  IdempotencyGuard& guard() { return guard_; }
  // Of an account that a store opened. std::logic_error: it was put together without one.
  EntryHistory& history() {
    if (history_ == nullptr) throw std::logic_error{"this account was put together without a history"};
    return *history_;
  }
  // What they all write with. Without a lease they write unfenced.
  const Pen& pen() const { return pen_; }

  // Takes the run lock. From then on what this account gave out writes under that lease, and nothing once another
  // run has taken the lock.
  Result<std::variant<RunLease, HeldElsewhere>> acquire() {
    auto acquired = lock_.try_acquire(key());
    if (acquired)
      if (const auto* lease = std::get_if<RunLease>(&*acquired)) pen_.fence = lease->fence();
    return acquired;
  }

 private:
  std::shared_ptr<const void> keeps_;
  Pen& pen_;
  RunLock& lock_;
  OrderJournal& journal_;
  IdempotencyGuard& guard_;
  EntryHistory* history_;
};

class Store {
 public:
  virtual ~Store() = default;
  // Touches nothing yet: what does not work is said by the first call of a part. What is opened may outlive the store
  // object, not what the store lies on.
  virtual std::unique_ptr<Account> open(const AccountKey& account) = 0;
};

// Opens a session of a store, a new one at each call: for whoever has to connect again, as a Desk has. Each backend
// has one: at_sqlite("bot.db"), at_postgres(url), at_memory(store).
using OpenStore = std::function<Result<std::shared_ptr<Store>>()>;

}  // namespace tradeguard
