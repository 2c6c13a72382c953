// The tables of a store: made by `init`, checked by everybody who opens one.
//
// PostgreSQL keeps them in a schema of its own, `tradeguard`; what else lies in the database is not
// looked at. A SQLite file has nothing else in it. Contract tests: tests/stores/schema_test.cpp,
// tests/security_db
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

// ---- Is it what `init` made, and nobody else's to change? ---------------------------------------

// Whoever can put a trigger, a view, a function, an operator or a type where the store's statements look
// has code of his own run in the bot's name, so a store with one of them is refused when it is opened.
struct SchemaProblem {
  std::string what;
  std::string mend;  // the SQL that mends it, where SQL does
};
// `init` may be run by a superuser; a run may not.
enum class SchemaRoles { superuser_too, no_superuser };
// Of an older store the tables and columns may be missing that `init` has yet to add.
enum class SchemaAge { older, current };
// All that is wrong; reads the catalogs and no table. On PostgreSQL: owners, rights of others, triggers,
// rules, policies, functions, operators, types and views in the schema, tables and columns that are gone.
// A schema or table belongs to the right role if that is this one, one it is a member of, the owner of
// the database, or a superuser. On SQLite: every definition in the file against those of `init`.
Result<std::vector<SchemaProblem>> examine_schema(SqlSession& session, SchemaRoles roles, SchemaAge age);
// Fault::configuration, with the first of them and how to mend them.
Error schema_refused(const std::vector<SchemaProblem>& problems);

// PostgreSQL: fails if anything in the schema is somebody else's; to be followed, in the same pipeline, by
// what relies on it. Only pg_catalog may be on the search path before it.
Statement refuse_foreign_schema(SchemaRoles roles);
// The same, cheaper, and sometimes for nothing: what it fails for, refuse_foreign_schema() decides.
Statement refuse_suspicious_schema(SchemaRoles roles);
// PostgreSQL: the schema, made or taken over where it is this role's; within a transaction.
std::vector<Statement> make_or_take_schema();
// PostgreSQL: the tables and columns there are, and which of this version's are not; none where there is no
// store.
Statement ask_missing_columns();
std::vector<SchemaProblem> judge_missing_columns(const SqlRows& answer);

// Every CREATE TABLE and CREATE INDEX of a store, and of the paper book beside it, in the order in which
// they are made.
std::vector<std::string> store_definitions();
// What stores of older versions have besides: columns of a table, and indexes.
std::vector<std::string> older_definitions();
std::vector<std::string> paper_definitions();
// PostgreSQL makes a table in the first schema of the search path, which is not ours: named in full there.
std::string in_our_schema(const std::string& definition, SqlDialect dialect);

// What this session's role may not do with the tables that a run reads and writes, as one sentence; empty
// where it may do all of it, where there is no store, and where the store knows no roles.
Result<std::string> missing_rights(SqlSession& session);
inline constexpr const char* how_to_grant =
    "as the owner: GRANT USAGE ON SCHEMA tradeguard TO <role>; GRANT SELECT, INSERT, UPDATE, DELETE ON "
    "ALL TABLES IN SCHEMA tradeguard TO <role>";

}  // namespace tradeguard
