// A store in a file: SqliteStore{SqliteSession::open("bot.db").value()}.open({"paper", "main"}).
#pragma once

#include "tradeguard/sql_account.hpp"
#include "tradeguard/sqlite_run_lock.hpp"

namespace tradeguard {

using SqliteStore = SqlStoreOf<SqliteSession, SqliteRunLock>;

}  // namespace tradeguard
