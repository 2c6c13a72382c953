// The stores a simulation runs on: the memory store, and the real SQL on SQLite in a file of its own.
#pragma once

#include <memory>
#include <string>

#include "tradeguard/guards.hpp"
#include "tradeguard/journal.hpp"
#include "tradeguard/run_lock.hpp"

namespace tradeguard::sim {

// What one process has of a store. Destroying it is a process that ends without a word.
class SimSession {
 public:
  explicit SimSession(AccountKey account) : pen{std::move(account), std::nullopt} {}
  virtual ~SimSession() = default;
  SimSession(const SimSession&) = delete;
  SimSession& operator=(const SimSession&) = delete;
  virtual RunLock& lock() = 0;
  virtual IdempotencyGuard& guard() = 0;
  virtual OrderJournal& journal() = 0;
  Pen pen;
};

// Many histories share one, each with an account of its own.
class SimStore {
 public:
  virtual ~SimStore() = default;
  virtual std::unique_ptr<SimSession> open(const AccountKey& account) = 0;
  // The lease is lost although its owner still works: a vanished connection, a replaced lock file.
  virtual void lose_lock(const AccountKey& account) = 0;
  virtual bool restore_as(const std::string& epoch) = 0;  // false: this one cannot
  // What happens to files: a copy is made, and put back when more was written since; a row is damaged. Only the
  // file can do that.
  virtual bool backup() { return false; }
  virtual bool restore() { return false; }
  virtual bool damage(const AccountKey&, int) { return false; }
  virtual void repair() {}
};

enum class StoreKind { memory, sqlite };
std::unique_ptr<SimStore> fresh_store(StoreKind kind);

}  // namespace tradeguard::sim
