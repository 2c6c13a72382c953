// A whole store in memory: lock, guards, journal and outbox with the contract of the SQL stores.
//
// The store outlives the objects that work on it, as a database outlives a process: throwing away a
// MemoryJournal and making another one is a restart. It forgets everything when it is destroyed.
// Every call is one transaction under one mutex; sessions in several threads are allowed.
// Contract tests: tests/contract, backend "memory"
#pragma once

#include <memory>

#include "tradeguard/guards.hpp"
#include "tradeguard/journal.hpp"
#include "tradeguard/run_lock.hpp"
#include "tradeguard/store.hpp"

namespace tradeguard {

class MemoryStore final : public Store {
 public:
  // `epoch` is what tells this store from another one. A store "restored from a backup" is the same
  // store after restored_as("another epoch").
  explicit MemoryStore(std::string epoch = "memory");
  ~MemoryStore() override;
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  std::unique_ptr<Account> open(const AccountKey& account) override;
  void restored_as(std::string epoch);
  // What a vanished host looks like: the lease is lost although its owner still works. The next
  // acquire succeeds and fences the owner off.
  void lose_lease(const AccountKey& account);

  class State;  // the tables; known to this room only

 private:
  friend class MemoryRunLock;
  friend class MemoryJournal;
  friend class MemoryIdempotencyGuard;
  friend class MemoryEntryHistory;
  std::shared_ptr<State> state_;
};

// The store itself, each time; it outlives what is opened.
inline OpenStore at_memory(MemoryStore& store) {
  return [&store]() -> Result<std::shared_ptr<Store>> { return std::shared_ptr<Store>{&store, [](Store*) {}}; };
}

// The pens given below are read at every call, so that a lease taken later fences them.

class MemoryRunLock final : public RunLock {
 public:
  explicit MemoryRunLock(MemoryStore& store) : state_{store.state_} {}
  Result<std::variant<RunLease, HeldElsewhere>> try_acquire(const AccountKey& account) override;
  Result<std::variant<std::unique_ptr<RunLease::Hold>, HeldElsewhere>> try_hold(const AccountKey& account) override;

 private:
  std::shared_ptr<MemoryStore::State> state_;
};

class MemoryIdempotencyGuard final : public IdempotencyGuard {
 public:
  MemoryIdempotencyGuard(MemoryStore& store, const Pen& pen) : state_{store.state_}, pen_{pen} {}
  MemoryIdempotencyGuard(MemoryStore& store, const Pen&& pen) = delete;  // it would be gone before it is read
  const Pen* pen() const override { return &pen_; }
  Result<std::vector<Judged>> claim(std::span<const EntryRequest> entries, const EntryPolicy& policy,
                                    Instant now) override;
  // Refused and unsent entries end their trade: without a monitor cycle nobody else would.
  using IdempotencyGuard::settle;
  Result<void> settle(const ClientOrderId& id, const PlaceOutcome& outcome, Instant now) override;

 private:
  std::shared_ptr<MemoryStore::State> state_;
  const Pen& pen_;
};

class MemoryEntryHistory final : public EntryHistory {
 public:
  MemoryEntryHistory(MemoryStore& store, const Pen& pen) : state_{store.state_}, pen_{pen} {}
  MemoryEntryHistory(MemoryStore& store, const Pen&& pen) = delete;  // it would be gone before it is read
  Result<std::map<std::string, BaseHistory>> latest(const std::set<std::string>& bases) override;
  Result<void> remember(const Symbol& entry, Instant at) override;

 private:
  std::shared_ptr<MemoryStore::State> state_;
  const Pen& pen_;
};

class MemoryJournal final : public OrderJournal {
 public:
  MemoryJournal(MemoryStore& store, const Pen& pen) : state_{store.state_}, pen_{pen} {}
  MemoryJournal(MemoryStore& store, const Pen&& pen) = delete;  // it would be gone before it is read
  const Pen* pen() const override { return &pen_; }
  Result<OpenBook> open_book(Instant now) override;
  Result<std::vector<Written>> write(std::span<const Change> items) override;
  Result<std::vector<ExitVerdict>> claim_exits(std::span<const ExitClaim> claims, Micros max_age, Micros max_future,
                                               Instant now) override;
  Result<Outlook> outlook(std::span<const Signal> signals) override;
  Result<void> remember_rules(std::span<const InstrumentRules> rules) override;
  Result<std::vector<Notice>> due_notices(Instant now, std::size_t at_most) override;
  Result<void> record_deliveries(std::span<const DeliveryRecord> records, Instant now) override;
  Result<void> begin_run(const std::string& run_id, const std::string& config_hash, Instant now) override;
  Result<void> finish_run(const std::string& result, Instant now) override;
  Result<void> note_stuck_told(Instant now) override;
  Result<void> note_silences(std::optional<Instant> venue_until, const std::string& status,
                             std::optional<Instant> notifier_until) override;
  Result<void> accept_epoch(const std::string& venue_account_id, Instant entries_after) override;
  Result<void> set_halt(const std::optional<std::string>& reason, Instant now) override;
  Result<void> set_breaker(const std::optional<std::string>& reason, Instant now) override;
  Result<std::vector<Decision>> decisions(const SignalKey& key) override;
  Result<std::vector<Order>> orders_of(const SignalKey& key) override;
  Result<std::optional<Order>> order(const ClientOrderId& id) override;
  Result<std::optional<TradeRecord>> trade(const ClientOrderId& id) override;
  Result<PastTrades> trades(const TradeQuery& query) override;
  Result<std::vector<SignalKey>> keys_about(const std::string& word, std::size_t at_most) override;
  Result<std::size_t> waiting_notices() override;
  Result<std::size_t> prune_piece(Instant before, Instant now, std::size_t at_most) override;

 private:
  std::shared_ptr<MemoryStore::State> state_;
  const Pen& pen_;
};

}  // namespace tradeguard
