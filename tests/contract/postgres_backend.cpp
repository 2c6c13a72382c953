#include "postgres_backend.hpp"

#include <stdexcept>

#include "scratch_database.hpp"
#include "tradeguard/postgres_run_lock.hpp"
#include "tradeguard/sql_schema.hpp"
#include "tradeguard/sql_store.hpp"

namespace tradeguard::contract {

namespace {

template <class T>
T value_or_throw(Result<T> result) {
  if (!result) throw std::runtime_error{result.error().what};
  return std::move(*result);
}

class PostgresStoreSession final : public Session {
 public:
  // The suites tell their own time.
  PostgresStoreSession(const std::string& url, const AccountKey& account)
      : Session{account},
        session_{value_or_throw(PostgresSession::open(url, {.server_clock = false}))} {}
  RunLock& lock() override { return lock_; }
  IdempotencyGuard& guard() override { return guard_; }
  EntryHistory& history() override { return history_; }
  OrderJournal& journal() override { return journal_; }

 private:
  std::unique_ptr<PostgresSession> session_;
  PostgresRunLock lock_{*session_};
  SqlIdempotencyGuard guard_{*session_, pen};
  SqlEntryHistory history_{*session_, pen};
  SqlJournal journal_{*session_, pen};
};

// Databases with an empty store in them. Creating one takes longer than most stories, and the crash
// search tells thousands, so a store that is done with is emptied and lent again.
class EmptyStores {
 public:
  std::unique_ptr<support::ScratchDatabase> borrow() {
    if (free_.empty()) return fresh();
    auto database = std::move(free_.back());
    free_.pop_back();
    return database;
  }
  void give_back(std::unique_ptr<support::ScratchDatabase> database) {
    support::PlainConnection connection{database->url()};
    connection.ask(
        "DO $$ DECLARE t text; BEGIN FOR t IN SELECT tablename FROM pg_tables "
        "WHERE schemaname = 'tradeguard' AND tablename <> 'tradeguard_meta' LOOP "
        "EXECUTE format('DELETE FROM tradeguard.%I', t); END LOOP; END $$");
    constexpr int now_and_then = 200;
    if (++given_back_ % now_and_then == 0) connection.ask("VACUUM");
    free_.push_back(std::move(database));
  }

 private:
  static std::unique_ptr<support::ScratchDatabase> fresh() {
    auto database = std::make_unique<support::ScratchDatabase>();
    const auto session = value_or_throw(
        PostgresSession::open(database->url(), {.mode = PostgresOptions::Mode::create}));
    if (auto made = init_schema(*session); !made) throw std::runtime_error{made.error().what};
    return database;
  }
  std::vector<std::unique_ptr<support::ScratchDatabase>> free_;
  int given_back_ = 0;
};

EmptyStores& empty_stores() {
  static EmptyStores stores;
  return stores;
}

class PostgresStoreUnderTest final : public StoreUnderTest {
 public:
  PostgresStoreUnderTest() : database_{empty_stores().borrow()} {}
  ~PostgresStoreUnderTest() override {
    try {
      empty_stores().give_back(std::move(database_));
    } catch (const std::exception&) {
      // What cannot be emptied is not lent again.
    }
  }
  std::unique_ptr<Session> open(const AccountKey& account) override {
    return std::make_unique<PostgresStoreSession>(database_->url(), account);
  }

 private:
  std::unique_ptr<support::ScratchDatabase> database_;
};

}  // namespace

std::unique_ptr<StoreUnderTest> fresh_postgres_store() {
  return std::make_unique<PostgresStoreUnderTest>();
}

}  // namespace tradeguard::contract
