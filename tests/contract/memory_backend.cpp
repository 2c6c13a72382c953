#include "memory_backend.hpp"

#include "tradeguard/memory_store.hpp"

namespace tradeguard::contract {

namespace {

class MemorySession final : public Session {
 public:
  MemorySession(MemoryStore& store, const AccountKey& account)
      : Session{account}, lock_{store}, guard_{store, pen}, history_{store, pen}, journal_{store, pen} {}
  RunLock& lock() override { return lock_; }
  IdempotencyGuard& guard() override { return guard_; }
  EntryHistory& history() override { return history_; }
  OrderJournal& journal() override { return journal_; }

 private:
  MemoryRunLock lock_;
  MemoryIdempotencyGuard guard_;
  MemoryEntryHistory history_;
  MemoryJournal journal_;
};

class MemoryStoreUnderTest final : public StoreUnderTest {
 public:
  std::unique_ptr<Session> open(const AccountKey& account) override {
    return std::make_unique<MemorySession>(store_, account);
  }

 private:
  MemoryStore store_;
};

}  // namespace

std::unique_ptr<StoreUnderTest> fresh_memory_store() { return std::make_unique<MemoryStoreUnderTest>(); }

}  // namespace tradeguard::contract
