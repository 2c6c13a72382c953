// A store on a server: PostgresStore{PostgresSession::open(url).value()}.open({"binance", "main"}).
#pragma once

#include "tradeguard/postgres_run_lock.hpp"
#include "tradeguard/sql_account.hpp"

namespace tradeguard {

using PostgresStore = SqlStoreOf<PostgresSession, PostgresRunLock>;

}  // namespace tradeguard
