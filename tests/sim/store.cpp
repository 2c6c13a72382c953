#include "store.hpp"

#include <array>
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
    // Another file by that name, with all that the first one said.
    const std::string file = SqliteRunLock{*session}.lock_file(account);
    if (!std::filesystem::exists(file)) return;
    std::filesystem::copy_file(file, file + ".new");
    std::filesystem::rename(file + ".new", file);
  }
  bool restore_as(const std::string&) override { return false; }

  // Nobody writes meanwhile, so the file and its log together are a copy.
  bool backup() override {
    for (const char* part : parts) {
      std::filesystem::remove(file() + ".copy" + part);
      if (std::filesystem::exists(file() + part)) std::filesystem::copy_file(file() + part, file() + ".copy" + part);
    }
    return true;
  }
  bool restore() override {
    if (!std::filesystem::exists(file() + ".copy")) return false;
    first_.reset();
    std::filesystem::remove(file() + "-shm");
    for (const char* part : parts) {
      std::filesystem::remove(file() + part);
      if (std::filesystem::exists(file() + ".copy" + part))
        std::filesystem::copy_file(file() + ".copy" + part, file() + part);
    }
    first_ = value_or_throw(SqliteSession::open(file()));
    return true;
  }

  // Something of an open trade that no version of this program could have written.
  bool damage(const AccountKey& account, int which) override {
    constexpr std::array columns{"quantity", "filled", "fee_base", "leg", "rules", "naked_total"};
    const std::size_t chosen = static_cast<std::size_t>(which) % columns.size();
    const bool of_trade = chosen >= 4;
    const std::string column = columns[chosen];
    const std::string table = of_trade ? "trades" : "exchange_orders";
    const std::string key = of_trade ? "trade" : "client_id";
    const auto found = first_->run(std::array{
        Statement{"SELECT " + key + ", " + column + " FROM " + table + " WHERE venue = ?1 AND account = ?2 AND " +
                      (of_trade ? "settled = 0" : "leg = 'stop' AND state = 'placed'") + " ORDER BY " + key,
                  {account.venue, account.account}}});
    if (!found || (*found)[0].rows.empty()) return false;
    const SqlRow& row = (*found)[0].rows.front();
    const Statement undo{"UPDATE " + table + " SET " + column + " = ?2 WHERE " + key + " = ?1", {row[0], row[1]}};
    const auto done = first_->run(
        std::array{Statement{"UPDATE " + table + " SET " + column + " = 'x' WHERE " + key + " = ?1", {row[0]}}});
    if (!done) return false;
    undo_.push_back(undo);
    return true;
  }
  void repair() override {
    for (const Statement& undo : undo_) static_cast<void>(first_->run(std::array{undo}));
    undo_.clear();
  }

 private:
  static constexpr std::array parts{"", "-wal"};
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
  std::vector<Statement> undo_;
};

}  // namespace

std::unique_ptr<SimStore> fresh_store(StoreKind kind) {
  switch (kind) {
    case StoreKind::memory:
      return std::make_unique<InMemory>();
    case StoreKind::sqlite:
      return std::make_unique<OnSqlite>();
  }
  return nullptr;
}

}  // namespace tradeguard::sim
