// A store in a file: SqliteStore{SqliteSession::open("bot.db").value()}.open({"paper", "main"}).
#pragma once

#include "tradeguard/sql_account.hpp"
#include "tradeguard/sqlite_run_lock.hpp"

namespace tradeguard {

using SqliteStore = SqlStoreOf<SqliteSession, SqliteRunLock>;

inline OpenStore at_sqlite(std::string file, SqliteOptions options = {}) {
  return [file = std::move(file), options = std::move(options)]() -> Result<std::shared_ptr<Store>> {
    auto session = SqliteSession::open(file, options);
    if (!session) return relayed(session);
    return std::make_shared<SqliteStore>(std::shared_ptr<SqliteSession>{std::move(*session)});
  };
}

}  // namespace tradeguard
