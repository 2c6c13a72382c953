// The tables of a store: made by `init`, checked by everybody who opens one.
//
// PostgreSQL keeps them in a schema of its own, `tradeguard`; what else lies in the database is not
// looked at. Contract test: tests/stores/schema_test.cpp
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tradeguard/signal.hpp"
#include "tradeguard/sql_session.hpp"

namespace tradeguard {

inline constexpr int schema_version = 3;

// What `init` would find. `version` is there for older, current and newer.
struct SchemaFound {
  enum class What {
    nothing,  // no table of ours and none in the way
    older,
    current,
    newer,
    foreign,  // a table of one of our names that tradeguard did not make
  };
  What what;
  int version = 0;
  std::string table;  // foreign: its name
};
Result<SchemaFound> find_schema(SqlSession& session);

struct InitOptions {
  // Of an older store: the accounts whose run lock the caller holds. A store that knows another one is
  // not migrated (Fault::fenced), because a run may be working on it. nullopt: nobody runs.
  std::optional<std::set<AccountKey>> held = std::nullopt;
  // What is done next, before it is done: "CREATE INDEX exchange_orders_absent", 3 of 15.
  std::function<void(std::string_view step, std::size_t number, std::size_t of)> doing = nullptr;
};
// Creates or migrates in one transaction; on a current store it changes nothing. Two at once make
// one store. Refused as Fault::configuration: a newer store, and foreign tables, which stay
// untouched. Broken off anywhere it has changed nothing.
Result<void> init_schema(SqlSession& session, const InitOptions& options = {});

// Every account the store knows, of whatever version it is.
Result<std::set<AccountKey>> accounts_of(SqlSession& session);

// Fault::configuration, with what to do about it, unless the store has exactly this program's
// version.
Result<void> require_schema(SqlSession& session);
// The same judgement over a version that was read already; nullopt: there is no store.
Result<void> judge_schema_version(std::optional<std::int64_t> version);

// What this session's role may not do with the tables that a run reads and writes, as one sentence; empty
// where it may do all of it, where there is no store, and where the store knows no roles.
Result<std::string> missing_rights(SqlSession& session);
inline constexpr const char* how_to_grant =
    "as the owner: GRANT USAGE ON SCHEMA tradeguard TO <role>; GRANT SELECT, INSERT, UPDATE, DELETE ON "
    "ALL TABLES IN SCHEMA tradeguard TO <role>";

}  // namespace tradeguard
