#include "stores.hpp"

#include <array>
#include <fstream>
#include <stdexcept>
#include <vector>

#include "scratch_database.hpp"
#include "tradeguard/paper_sql_book.hpp"
#include "tradeguard/postgres_run_lock.hpp"
#include "tradeguard/postgres_session.hpp"
#include "tradeguard/sql_schema.hpp"
#include "tradeguard/sqlite_run_lock.hpp"
#include "tradeguard/sqlite_session.hpp"

namespace tradeguard::bench {

namespace {

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(std::string file) : file_{std::move(file)} {
    const auto session = must(SqliteSession::open(file_, {.mode = SqliteOptions::Mode::create}));
    must(init_schema(*session));
    must(init_paper_book(*session));
  }
  Opened open() override {
    auto session = must(SqliteSession::open(file_));
    auto lock = std::make_unique<SqliteRunLock>(*session);
    const std::int64_t round_trips = session->round_trips();
    return {std::move(session), std::move(lock), round_trips, [] { return std::int64_t{0}; }};
  }
  // In the log every commit ends with a frame that says how large the file is then.
  std::int64_t commits() override {
    std::ifstream log{file_ + "-wal", std::ios::binary};
    const std::string bytes{std::istreambuf_iterator<char>{log}, {}};
    if (bytes.size() < header) return 0;
    const std::size_t frame = frame_header + number_at(bytes, 8);
    std::int64_t found = 0;
    for (std::size_t at = header; at + frame <= bytes.size(); at += frame)
      if (number_at(bytes, at + 4) != 0) ++found;
    return found;
  }
  // A log that is taken over into the file begins anew.
  void make_countable(SqlSession& session) override { must_run(session, "PRAGMA wal_autocheckpoint = 0"); }
  void let_settle() override {}
  std::string name() const override { return "SQLite"; }

 private:
  static constexpr std::size_t header = 32;
  static constexpr std::size_t frame_header = 24;
  static std::size_t number_at(const std::string& bytes, std::size_t at) {
    std::size_t number = 0;
    for (std::size_t i = 0; i < 4; ++i) number = number * 256 + static_cast<unsigned char>(bytes[at + i]);
    return number;
  }
  std::string file_;
};

class PostgresStore final : public Store {
 public:
  PostgresStore() {
    const auto session = must(PostgresSession::open(database_.url(), {.mode = PostgresOptions::Mode::create}));
    must(init_schema(*session));
    must(init_paper_book(*session));
    observer_ = std::make_unique<support::PlainConnection>(database_.url());
  }
  Opened open() override {
    auto session = must(PostgresSession::open(database_.url()));
    auto lock = std::make_unique<PostgresRunLock>(*session);
    const std::int64_t round_trips = session->round_trips();
    const auto answer = must_run(*session, "SELECT pg_backend_pid()");
    const auto pid = std::get<std::int64_t>(answer.rows.at(0).at(0));
    return {std::move(session), std::move(lock), round_trips, [pid] { return cpu_of(pid); }};
  }
  // Every transaction that writes takes one number, and no other does.
  std::int64_t commits() override {
    return std::stoll(observer_->ask("SELECT pg_snapshot_xmax(pg_current_snapshot())"));
  }
  void make_countable(SqlSession&) override {}
  void let_settle() override {
    observer_->ask("VACUUM (ANALYZE)");
    observer_->ask("CHECKPOINT");
  }
  std::string name() const override { return "PostgreSQL"; }

 private:
  support::ScratchDatabase database_;
  std::unique_ptr<support::PlainConnection> observer_;

  // What the kernel says about the server's process, which is on this machine.
  static std::int64_t cpu_of(std::int64_t pid) {
    std::ifstream schedule{"/proc/" + std::to_string(pid) + "/schedstat"};
    std::int64_t nanoseconds = 0;
    if (!(schedule >> nanoseconds))
      throw std::runtime_error{"the server's process cannot be looked at: is it on this machine?"};
    return nanoseconds;
  }
};

}  // namespace

std::unique_ptr<Store> sqlite_store(const std::string& folder, const std::string& name) {
  return std::make_unique<SqliteStore>(folder + "/" + name + ".db");
}

std::unique_ptr<Store> postgres_store() { return std::make_unique<PostgresStore>(); }

SqlRows must_run(SqlSession& session, const std::string& sql) {
  return must(session.run(std::array{Statement{sql, {}}})).front();
}

}  // namespace tradeguard::bench
