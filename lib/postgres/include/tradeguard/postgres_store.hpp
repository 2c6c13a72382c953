// A store on a server: PostgresStore{PostgresSession::open(url).value()}.open({"binance", "main"}).
#pragma once

#include "tradeguard/postgres_run_lock.hpp"
#include "tradeguard/sql_account.hpp"

namespace tradeguard {

using PostgresStore = SqlStoreOf<PostgresSession, PostgresRunLock>;

inline OpenStore at_postgres(std::string url, PostgresOptions options = {}) {
  return [url = std::move(url), options = std::move(options)]() -> Result<std::shared_ptr<Store>> {
    auto session = PostgresSession::open(url, options);
    if (!session) return relayed(session);
    return std::make_shared<PostgresStore>(std::shared_ptr<PostgresSession>{std::move(*session)});
  };
}

}  // namespace tradeguard
