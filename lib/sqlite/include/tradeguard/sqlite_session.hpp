// A SQLite file as an SqlSession: the embedded default, for one machine.
//
// WAL with synchronous=FULL: what was committed survives the machine. The caller's clock rules. Triggers
// and views of the file are off, and a file with a definition that `init` did not make is refused.
// Contract tests: tests/contract, backend "sqlite"; tests/stores/sqlite_test.cpp
#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "tradeguard/sql_session.hpp"

namespace tradeguard {

struct SqliteOptions {
  enum class Mode {
    existing,  // the file has to be there, with this program's schema: a missing store is never
               // made silently
    create,    // for `init`: the file is created if need be, and no schema is asked for
  };
  Mode mode = Mode::existing;
  Micros busy_timeout = 5s;  // how long a transaction waits for another process's
  // The type of the file system a path lies on, as statfs(2) names it. Tests put another one in.
  std::function<Result<std::int64_t>(const std::string& path)> file_system_type = nullptr;
  // Of a file that is made, whatever the umask; SQLite gives them to what it makes beside it.
  mode_t rights = 0600;
  // Called now and then while a statement takes long, for whoever wants to say so.
  std::function<void()> waiting = nullptr;
  // Once it is true, a statement that has been going for a second is broken off (Fault::unreachable): no
  // file keeps a process that was asked to end. It outlives the session.
  const std::atomic<bool>* stop_asked = nullptr;
};

class SqliteSession final : public SqlSession {
 public:
  // Fault::configuration for what will not heal by itself: a network file system, whose locks
  // cannot be trusted, a file that is missing, read-only or no database, another schema version, a
  // definition in it that `init` did not make. A cell of more than 4 MiB is not read: Fault::data.
  static Result<std::unique_ptr<SqliteSession>> open(const std::string& file, const SqliteOptions& options = {});
  ~SqliteSession() override;
  SqliteSession(const SqliteSession&) = delete;
  SqliteSession& operator=(const SqliteSession&) = delete;

  Result<std::vector<SqlRows>> run(std::span<const Statement> statements) override;
  SqlDialect dialect() const override { return SqlDialect::sqlite; }
  std::optional<std::string> server_now() const override { return std::nullopt; }
  Result<std::string> epoch() override;
  std::int64_t round_trips() const override { return round_trips_; }

  // Fault::unreachable when the file was moved, deleted or replaced since it was opened: what is
  // written now would be in a store that nobody opens any more.
  Result<void> require_in_place() const;

  // The file itself, whatever links led to it.
  const std::string& real_path() const { return real_path_; }

 private:
  struct Database;
  SqliteSession(std::unique_ptr<Database> database, std::string real_path);
  std::unique_ptr<Database> database_;
  std::string real_path_;
  std::string epoch_;
  std::int64_t round_trips_ = 0;
  OneThread one_thread_;
};

// ?1 ?2 ... with the same meaning and as few numbers as possible: n of them cost SQLite n steps and
// not n².
std::string with_bare_placeholders(std::string_view sql);

}  // namespace tradeguard
