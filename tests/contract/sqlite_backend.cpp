#include "sqlite_backend.hpp"

#include <filesystem>
#include <stdexcept>

#include "tradeguard/sql_schema.hpp"
#include "tradeguard/sql_store.hpp"
#include "tradeguard/sqlite_run_lock.hpp"

namespace tradeguard::contract {

namespace {

template <class T>
T value_or_throw(Result<T> result) {
  if (!result) throw std::runtime_error{result.error().what};
  return std::move(*result);
}

class SqliteStoreSession final : public Session {
 public:
  SqliteStoreSession(const std::string& file, const AccountKey& account)
      : Session{account}, session_{value_or_throw(SqliteSession::open(file))} {}
  RunLock& lock() override { return lock_; }
  IdempotencyGuard& guard() override { return guard_; }
  EntryHistory& history() override { return history_; }
  OrderJournal& journal() override { return journal_; }

 private:
  std::unique_ptr<SqliteSession> session_;
  SqliteRunLock lock_{*session_};
  SqlIdempotencyGuard guard_{*session_, pen};
  SqlEntryHistory history_{*session_, pen};
  SqlJournal journal_{*session_, pen};
};

class SqliteStoreUnderTest final : public StoreUnderTest {
 public:
  SqliteStoreUnderTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tradeguard-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error{"no temporary folder " + pattern};
    folder_ = pattern;
    const auto session = value_or_throw(SqliteSession::open(file(), {.mode = SqliteOptions::Mode::create}));
    if (auto made = init_schema(*session); !made) throw std::runtime_error{made.error().what};
  }
  ~SqliteStoreUnderTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Session> open(const AccountKey& account) override {
    return std::make_unique<SqliteStoreSession>(file(), account);
  }

 private:
  std::string file() const { return (folder_ / "store.db").string(); }
  std::filesystem::path folder_;
};

}  // namespace

std::unique_ptr<StoreUnderTest> fresh_sqlite_store() { return std::make_unique<SqliteStoreUnderTest>(); }

}  // namespace tradeguard::contract
