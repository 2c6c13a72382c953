#include "sql_books.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <stdexcept>

#include "tradeguard/postgres_session.hpp"
#include "tradeguard/sqlite_session.hpp"

namespace tradeguard::contract {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error{result.error().what};
  return std::move(*result);
}

class SqliteFile final : public PaperDatabase {
 public:
  SqliteFile() {
    // In memory where there is such a place: what a disk would take for each commit tests nothing
    // here.
    const std::filesystem::path memory{"/dev/shm"};
    const auto place = std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
    std::string pattern = place / "tradeguard-venue-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{"no temporary folder"};
    folder_ = pattern;
  }
  ~SqliteFile() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::unique_ptr<SqlSession> connect() override {
    return must(SqliteSession::open((folder_ / "paper.db").string(), {.mode = SqliteOptions::Mode::create}));
  }
  const AccountKey& account() const override { return account_; }

 private:
  std::filesystem::path folder_;
  AccountKey account_{"paper", "main"};
};

// One database for all, made by whoever comes first; each test has an account in it.
class PostgresAccount final : public PaperDatabase {
 public:
  std::unique_ptr<SqlSession> connect() override {
    static const std::string url = url_of_database();
    return must(PostgresSession::open(url, {.mode = PostgresOptions::Mode::create}));
  }
  const AccountKey& account() const override { return account_; }

 private:
  static std::string url_of_database() {
    const char* server = std::getenv("TRADEGUARD_TEST_POSTGRES");  // NOLINT(concurrency-mt-unsafe)
    if (server == nullptr) {
      throw std::runtime_error{"TRADEGUARD_TEST_POSTGRES is not set: run the tests under scripts/with-postgres"};
    }
    const std::string url{server};
    auto ours = url.substr(0, url.find("//") + 2) + "tradeguard_test" + url.substr(url.find('@'));
    ours = ours.substr(0, ours.rfind('/')) + "/tradeguard_venue";
    if (PostgresSession::open(ours, {.mode = PostgresOptions::Mode::create})) return ours;
    auto session = must(PostgresSession::open(url, {.mode = PostgresOptions::Mode::create}));
    // Another test may be faster, and that is as good.
    static_cast<void>(
        session->run(std::array{Statement{"CREATE DATABASE tradeguard_venue OWNER tradeguard_test", {}}}));
    return ours;
  }

  static std::string next_name() {
    static std::atomic<int> count{0};
    return "t" + std::to_string(::getpid()) + "-" + std::to_string(++count);
  }
  AccountKey account_{"paper", next_name()};
};

template <class Database>
std::unique_ptr<PaperDatabase> with_book() {
  auto database = std::make_unique<Database>();
  const auto session = database->connect();
  if (auto made = init_paper_book(*session); !made) throw std::runtime_error{made.error().what};
  return database;
}

// A book together with its session.
class ConnectedBook final : public PaperBook {
 public:
  ConnectedBook(std::unique_ptr<SqlSession> session, const AccountKey& account)
      : session_{std::move(session)}, book_{*session_, account} {}
  Result<void> open(const PaperWanted& wanted) override { return book_.open(wanted); }
  PaperState& state() override { return book_.state(); }
  Result<void> close(const PaperChanges& changes) override { return book_.close(changes); }
  void abandon() noexcept override { book_.abandon(); }
  Result<std::vector<PaperFill>> fills(Instant since) override { return book_.fills(since); }

 private:
  std::unique_ptr<SqlSession> session_;
  SqlPaperBook book_;
};

}  // namespace

const std::vector<DatabaseKind>& databases() {
  static const std::vector<DatabaseKind> all{
      {"SQLite", with_book<SqliteFile>},
      {"PostgreSQL", with_book<PostgresAccount>},
  };
  return all;
}

std::unique_ptr<PaperDatabase> bare_sqlite() { return std::make_unique<SqliteFile>(); }

std::unique_ptr<PaperBook> SqlBook::open() {
  return std::make_unique<ConnectedBook>(database_->connect(), database_->account());
}

}  // namespace tradeguard::contract
