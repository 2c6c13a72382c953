// A database without a store of this version in it, opened as `init` does and as `run` does.
#pragma once

#include <memory>
#include <string>

#include "contract.hpp"
#include "scratch_database.hpp"
#include "sessions.hpp"
#include "story.hpp"
#include "tradeguard/postgres_session.hpp"
#include "tradeguard/sqlite_session.hpp"

namespace tradeguard::stores {

struct SqliteDatabase {
  std::unique_ptr<SqlSession> for_init() const {
    return contract::value_of(SqliteSession::open(file, {.mode = SqliteOptions::Mode::create}));
  }
  std::string complaint_of_run() const { return complaint_of(SqliteSession::open(file)); }
  ScratchFolder folder;
  std::string file = folder.file("store.db");
};
struct PostgresDatabase {
  std::unique_ptr<SqlSession> for_init() const {
    // The stories tell their own time.
    return contract::value_of(
        PostgresSession::open(database.url(), {.mode = PostgresOptions::Mode::create, .server_clock = false}));
  }
  std::string complaint_of_run() const { return complaint_of(PostgresSession::open(database.url())); }
  support::ScratchDatabase database;
};

}  // namespace tradeguard::stores
