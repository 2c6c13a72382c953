#include "sessions.hpp"

#include <array>
#include <stdexcept>

namespace tradeguard::stores {

namespace {

template <class T>
T value_or_throw(Result<T> result) {
  if (!result) throw std::runtime_error{complaint_of(result)};
  return std::move(*result);
}

}  // namespace

RunLock& OverSession::lock() { throw std::logic_error{"this session has no run lock"}; }

ScratchFolder::ScratchFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "tradeguard-XXXXXX").string();
  if (!::mkdtemp(pattern.data())) throw std::runtime_error{"no temporary folder " + pattern};
  path_ = pattern;
}
ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::unique_ptr<SqliteSession> sqlite_session(const std::string& file) {
  return value_or_throw(SqliteSession::open(file));
}

std::unique_ptr<SqliteSession> new_sqlite_store(const std::string& file) {
  auto session = value_or_throw(SqliteSession::open(file, {.mode = SqliteOptions::Mode::create}));
  if (auto made = init_schema(*session); !made) throw std::runtime_error{complaint_of(made)};
  return session;
}

std::unique_ptr<PostgresSession> postgres_session(const std::string& url, const PostgresOptions& options) {
  return value_or_throw(PostgresSession::open(url, options));
}

void new_postgres_store(const std::string& url) {
  const auto session = postgres_session(url, {.mode = PostgresOptions::Mode::create});
  if (auto made = init_schema(*session); !made) throw std::runtime_error{complaint_of(made)};
}

void must_run(SqlSession& session, const std::string& sql) { rows(session, sql); }

SqlRows rows(SqlSession& session, const std::string& sql) {
  return value_or_throw(session.run(std::array{Statement{sql, {}}})).front();
}

}  // namespace tradeguard::stores
