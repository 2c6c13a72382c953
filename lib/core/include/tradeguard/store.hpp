// A store as one thing: what it knows of an account is worked on through an Account, which it opens.
// Contract tests: tests/contract, where every backend opens its sessions so
#pragma once

#include <memory>
#include <stdexcept>
#include <variant>

#include "tradeguard/guards.hpp"
#include "tradeguard/journal.hpp"
#include "tradeguard/run_lock.hpp"

namespace tradeguard {

// One account of a store. Named once, when it is opened; its parts are its own, so that none of them can be another
// account's. Its parts live as long as it does. Used from one thread, as what it lies on.
class Account {
 public:
  virtual ~Account() = default;
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  const AccountKey& key() const { return pen().account; }
  virtual RunLock& lock() = 0;
  virtual OrderJournal& journal() = 0;
  virtual IdempotencyGuard& guard() = 0;
  virtual EntryHistory& history() = 0;
  // What they all write with. Without a lease they write unfenced.
  virtual const Pen& pen() const = 0;

  // Takes the run lock. From then on what this account gave out writes under that lease, and nothing once another
  // run has taken the lock.
  Result<std::variant<RunLease, HeldElsewhere>> acquire() {
    auto acquired = lock().try_acquire(key());
    if (acquired)
      if (const auto* lease = std::get_if<RunLease>(&*acquired)) fence(lease->fence());
    return acquired;
  }

 protected:
  Account() = default;
  virtual void fence(Fence fence) = 0;
};

// The same of parts that somebody has wrapped, or that are his own. They write with `pen`, or a run over them does
// nothing and says why. `history`: for who asks for it.
class AssembledAccount final : public Account {
 public:
  AssembledAccount(Pen& pen, RunLock& lock, OrderJournal& journal, IdempotencyGuard& guard,
                   EntryHistory* history = nullptr)
      : pen_{pen}, lock_{lock}, journal_{journal}, guard_{guard}, history_{history} {}
  RunLock& lock() override { return lock_; }
  OrderJournal& journal() override { return journal_; }
  IdempotencyGuard& guard() override { return guard_; }
  EntryHistory& history() override {
    if (history_ == nullptr) throw std::logic_error{"this account was assembled without a history"};
    return *history_;
  }
  const Pen& pen() const override { return pen_; }

 private:
  void fence(Fence fence) override { pen_.fence = fence; }

  Pen& pen_;
  RunLock& lock_;
  OrderJournal& journal_;
  IdempotencyGuard& guard_;
  EntryHistory* history_;
};

class Store {
 public:
  virtual ~Store() = default;
  // Touches nothing yet: what does not work is said by the first call of a part.
  virtual std::unique_ptr<Account> open(const AccountKey& account) = 0;
};

}  // namespace tradeguard
