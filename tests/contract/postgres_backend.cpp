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
      : Session{account}, session_{value_or_throw(PostgresSession::open(url, {.server_clock = false}))} {}
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

// A database with an empty store in it, lent by the server to one process after the other: creating
// and dropping one takes longer than most stories, and there are thousands. Who has it is said by
// an advisory lock, so a process that is killed gives it back.
class LentDatabase {
 public:
  LentDatabase() : server_{support::test_server()} {
    constexpr int first_key = 7000;
    int number = 0;
    while (server_.ask("SELECT pg_try_advisory_lock(" + std::to_string(first_key + number) + ")") != "t") ++number;
    const std::string name = "tradeguard_lent_" + std::to_string(number);
    url_ = support::test_server({.database = name, .user = support::store_role});
    if (server_.ask("SELECT 1 FROM pg_database WHERE datname = '" + name + "'").empty())
      server_.ask("CREATE DATABASE " + name + " OWNER " + support::store_role);
    else  // what a killed process left may not have ended yet
      server_.ask("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '" + name + "'");
    const auto session = value_or_throw(PostgresSession::open(url_, {.mode = PostgresOptions::Mode::create}));
    if (auto made = init_schema(*session); !made) throw std::runtime_error{made.error().what};
    empty();
  }

  const std::string& url() const { return url_; }
  void empty() {
    support::PlainConnection connection{url_};
    connection.ask(
        "DO $$ DECLARE t text; BEGIN FOR t IN SELECT tablename FROM pg_tables "
        "WHERE schemaname = 'tradeguard' AND tablename <> 'tradeguard_meta' LOOP "
        "EXECUTE format('DELETE FROM tradeguard.%I', t); END LOOP; END $$");
    constexpr int now_and_then = 200;
    if (++emptied_ % now_and_then == 0) connection.ask("VACUUM");
  }

 private:
  support::PlainConnection server_;  // holds the advisory lock
  std::string url_;
  int emptied_ = 0;
};

std::vector<std::unique_ptr<LentDatabase>>& idle_databases() {
  static std::vector<std::unique_ptr<LentDatabase>> databases;
  return databases;
}

std::unique_ptr<LentDatabase> borrow() {
  if (idle_databases().empty()) return std::make_unique<LentDatabase>();
  auto database = std::move(idle_databases().back());
  idle_databases().pop_back();
  return database;
}

class PostgresStoreUnderTest final : public StoreUnderTest {
 public:
  PostgresStoreUnderTest() : database_{borrow()} {}
  ~PostgresStoreUnderTest() override {
    try {
      database_->empty();
      idle_databases().push_back(std::move(database_));
    } catch (const std::exception&) {
      // What cannot be emptied is not lent again.
    }
  }
  std::unique_ptr<Session> open(const AccountKey& account) override {
    return std::make_unique<PostgresStoreSession>(database_->url(), account);
  }

 private:
  std::unique_ptr<LentDatabase> database_;
};

}  // namespace

std::unique_ptr<StoreUnderTest> fresh_postgres_store() { return std::make_unique<PostgresStoreUnderTest>(); }

}  // namespace tradeguard::contract
