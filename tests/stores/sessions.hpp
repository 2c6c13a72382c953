// A store's session with everything in reach: what the contract suites keep closed.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "backends.hpp"
#include "scratch_database.hpp"
#include "tradeguard/postgres_run_lock.hpp"
#include "tradeguard/postgres_session.hpp"
#include "tradeguard/sql_schema.hpp"
#include "tradeguard/sql_store.hpp"
#include "tradeguard/sqlite_run_lock.hpp"
#include "tradeguard/sqlite_session.hpp"

namespace tradeguard::stores {

using contract::the_account;

// Guards and journal over any SqlSession, in the words of the contract suites.
class OverSession final : public contract::Session {
 public:
  explicit OverSession(SqlSession& session, const AccountKey& account = the_account)
      : Session{account}, guard_{session, pen}, history_{session, pen}, journal_{session, pen} {}
  RunLock& lock() override;  // none: throws
  IdempotencyGuard& guard() override { return guard_; }
  EntryHistory& history() override { return history_; }
  OrderJournal& journal() override { return journal_; }

 private:
  SqlIdempotencyGuard guard_;
  SqlEntryHistory history_;
  SqlJournal journal_;
};

// A folder of its own, gone with everything in it.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Must succeed.
std::unique_ptr<SqliteSession> sqlite_session(const std::string& file);
std::unique_ptr<SqliteSession> new_sqlite_store(const std::string& file);
std::unique_ptr<PostgresSession> postgres_session(const std::string& url, const PostgresOptions& options = {});
void new_postgres_store(const std::string& url);
void must_run(SqlSession& session, const std::string& sql);
SqlRows rows(SqlSession& session, const std::string& sql);

// "configuration: ...", as an error would be told; "" if there was none.
template <class T>
std::string complaint_of(const Result<T>& result) {
  if (result) return "";
  switch (result.error().fault) {
    case Fault::unreachable:
      return "unreachable: " + result.error().what;
    case Fault::configuration:
      return "configuration: " + result.error().what;
    case Fault::fenced:
      return "fenced: " + result.error().what;
    case Fault::data:
      return "data: " + result.error().what;
  }
  return "?";
}

}  // namespace tradeguard::stores
