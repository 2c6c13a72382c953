// SqlSession: one connection to one database, reduced to what guards, journal and outbox need.
//
// Statements are written once, for both dialects, with placeholders ?1 ?2 ...; the PostgreSQL session
// rewrites them to $1 $2 ... (in SQLite $n is a name, so the source never contains one).
// Contract test: tests/stores/sql_session_test.cpp
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tradeguard/error.hpp"
#include "tradeguard/time.hpp"

namespace tradeguard {

using SqlValue = std::variant<std::monostate, std::int64_t, std::string>;  // NULL, BIGINT, TEXT
using SqlRow = std::vector<SqlValue>;

struct Statement {
  std::string sql;
  std::vector<SqlValue> arguments;
  // How many rows it has to change. Another number is a database that does not do what it says (a trigger,
  // a rule, a policy), and an error that names IMPOSSIBLE; nullopt: any number will do.
  std::optional<std::int64_t> changes = std::nullopt;
};
struct SqlRows {
  std::vector<SqlRow> rows;
  std::int64_t changed = 0;  // rows inserted, updated or deleted
};

enum class SqlDialect { sqlite, postgres };

// nullopt, or what is to be said of a statement that changed another number of rows than it has to.
std::optional<Error> wrong_count(const Statement& statement, const SqlRows& rows);

// Of a session: whether a call is under way. What another thread asks meanwhile is refused, and crashes nothing.
class OneThread {
 public:
  class Call {
   public:
    explicit Call(std::atomic<bool>& under_way) : under_way_{under_way}, alone_{!under_way.exchange(true)} {}
    ~Call() {
      if (alone_) under_way_ = false;
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    bool alone() const { return alone_; }

   private:
    std::atomic<bool>& under_way_;
    bool alone_;
  };
  Call call() { return Call{under_way_}; }
  static Error used_twice() {
    return {Fault::configuration,
            "this session is used by two threads at once; nothing was done. Give each thread one, or use a Desk"};
  }

 private:
  std::atomic<bool> under_way_{false};
};

class SqlSession {
 public:
  virtual ~SqlSession() = default;

  // Runs the statements in order; on PostgreSQL they are one pipeline, hence one round trip. The first that
  // fails ends the call, rolls back whatever transaction is open, and is the error: Fault::data for a violated
  // constraint, Fault::unreachable for a lost or busy server, Fault::configuration for what will not heal.
  // BEGIN, COMMIT and ROLLBACK are statements like any other; on SQLite "BEGIN" is BEGIN IMMEDIATE.
  // A statement that changed another number of rows than it has to is Fault::configuration; on PostgreSQL what
  // stood behind it in the call may be committed. From two threads at once: Fault::configuration for one of them.
  virtual Result<std::vector<SqlRows>> run(std::span<const Statement> statements) = 0;

  virtual SqlDialect dialect() const = 0;

  // An SQL expression for now in microseconds; nullopt: the caller's clock rules (SQLite, simulations).
  virtual std::optional<std::string> server_now() const = 0;

  // What tells a restored or promoted database from the one it was: PostgreSQL system identifier and
  // timeline, SQLite the creation mark stored by `init`.
  virtual Result<std::string> epoch() = 0;

  // Round trips made so far, for the figures of `make bench`.
  virtual std::int64_t round_trips() const = 0;
};

}  // namespace tradeguard
