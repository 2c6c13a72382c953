// RunLock: one runner per (venue, account), over processes and hosts.
//
// Usable alone: acquire, work while still_held(), let the lease go.
// Contract test: tests/contract/run_lock_contract.cpp
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>

#include "tradeguard/error.hpp"
#include "tradeguard/signal.hpp"

namespace tradeguard {

// Grows with every lease of an account; a writer with an older one can record nothing.
using Fence = std::int64_t;

class RunLease {
 public:
  // What a backend keeps for as long as the lock is held. Destroying it releases the lock.
  class Hold {
   public:
    virtual ~Hold() = default;
    virtual Result<bool> still_held() = 0;
  };
  RunLease(Fence fence, std::int64_t cycle, std::unique_ptr<Hold> hold)
      : fence_{fence}, cycle_{cycle}, hold_{std::move(hold)} {}

  Fence fence() const { return fence_; }
  std::int64_t cycle() const { return cycle_; }  // counts up in the store, from 1
  // Asked at each barrier and before a burst that enlarges. False: stop. An error: write no more.
  Result<bool> still_held() { return hold_->still_held(); }

 private:
  Fence fence_;
  std::int64_t cycle_;
  std::unique_ptr<Hold> hold_;
};

// Somebody else runs. What can be read at once of them; nothing is written.
struct HeldElsewhere {
  std::optional<std::int64_t> last_started_cycle;
  std::optional<Instant> last_completed_at;  // of the last completed cycle
  std::optional<Instant> now;                // the store's clock, where it has one
};

class RunLock {
 public:
  virtual ~RunLock() = default;
  // Never waits for the holder. A killed holder frees the lock at once, a vanished host within 30 s.
  // Acquiring bumps fence and cycle durably before anything is read. Not for two threads at once.
  virtual Result<std::variant<RunLease, HeldElsewhere>> try_acquire(const AccountKey& account) = 0;
  // For who only looks: keeps runs out for as long as the hold lives, and writes nothing, neither fence nor
  // cycle; its holder may not write either. Where no run has made the lock yet there is nothing to hold:
  // still_held() is false then. A lock that cannot do this says so.
  virtual Result<std::variant<std::unique_ptr<RunLease::Hold>, HeldElsewhere>> try_hold(const AccountKey& /*account*/) {
    return failed(Fault::configuration, "this run lock can be taken by runs only");
  }
};

// Who writes: the account, and the fence of the lease if one is held. Journal and guards of a store
// share one; without a fence they write unfenced (a bot that uses a guard without the lock).
struct Pen {
  AccountKey account;
  std::optional<Fence> fence;
};

}  // namespace tradeguard
