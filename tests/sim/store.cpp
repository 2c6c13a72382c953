#include "store.hpp"

#include <filesystem>
#include <stdexcept>

#include "tradeguard/memory_store.hpp"
#include "tradeguard/sql_schema.hpp"
#include "tradeguard/sql_store.hpp"
#include "tradeguard/sqlite_run_lock.hpp"

namespace tradeguard::sim {

namespace {

template <class T>
T value_or_throw(Result<T> result) {
  if (!result) throw std::runtime_error{result.error().what};
  return std::move(*result);
}

class InMemory final : public SimStore {
 public:
  std::unique_ptr<SimSession> open(const AccountKey& account) override {
    return std::make_unique<One>(store_, account);
  }
  void lose_lock(const AccountKey& account) override { store_.lose_lease(account); }
  bool restore_as(const std::string& epoch) override {
    store_.restored_as(epoch);
    return true;
  }

 private:
  class One final : public SimSession {
   public:
    One(MemoryStore& store, const AccountKey& account)
        : SimSession{account}, lock_{store}, guard_{store, pen}, journal_{store, pen} {}
    RunLock& lock() override { return lock_; }
    IdempotencyGuard& guard() override { return guard_; }
    OrderJournal& journal() override { return journal_; }

   private:
    MemoryRunLock lock_;
    MemoryIdempotencyGuard guard_;
    MemoryJournal journal_;
  };
  MemoryStore store_;
};

class OnSqlite final : public SimStore {
 public:
  OnSqlite() {
    const std::filesystem::path shared{"/dev/shm"};  // what is lost here is processes, not disks
    const auto where = std::filesystem::exists(shared) ? shared : std::filesystem::temp_directory_path();
    std::string pattern = (where / "tradeguard-sim-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error{"no temporary folder " + pattern};
    folder_ = pattern;
    // Kept open: the last one to close a file has to tidy it up, and that is not what is measured here.
    first_ = value_or_throw(SqliteSession::open(file(), {.mode = SqliteOptions::Mode::create}));
    if (auto made = init_schema(*first_); !made) throw std::runtime_error{made.error().what};
  }
  ~OnSqlite() override {
    first_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::unique_ptr<SimSession> open(const AccountKey& account) override {
    return std::make_unique<One>(file(), account);
  }
  void lose_lock(const AccountKey& account) override {
    const auto session = value_or_throw(SqliteSession::open(file()));
    std::filesystem::remove(SqliteRunLock{*session}.lock_file(account));
  }
  bool restore_as(const std::string&) override { return false; }

 private:
  class One final : public SimSession {
   public:
    One(const std::string& file, const AccountKey& account)
        : SimSession{account}, session_{value_or_throw(SqliteSession::open(file))} {}
    RunLock& lock() override { return lock_; }
    IdempotencyGuard& guard() override { return guard_; }
    OrderJournal& journal() override { return journal_; }

   private:
    std::unique_ptr<SqliteSession> session_;
    SqliteRunLock lock_{*session_};
    SqlIdempotencyGuard guard_{*session_, pen};
    SqlJournal journal_{*session_, pen};
  };
  std::string file() const { return (folder_ / "store.db").string(); }
  std::filesystem::path folder_;
  std::unique_ptr<SqliteSession> first_;
};

}  // namespace

std::unique_ptr<SimStore> fresh_store(StoreKind kind) {
  switch (kind) {
    case StoreKind::memory: return std::make_unique<InMemory>();
    case StoreKind::sqlite: return std::make_unique<OnSqlite>();
  }
  return nullptr;
}

}  // namespace tradeguard::sim
