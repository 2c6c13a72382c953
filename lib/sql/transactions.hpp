// Transactions over one account: the row that everything locks, and the fence.
// Private to this room.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "draft.hpp"
#include "tradeguard/run_lock.hpp"
#include "tradeguard/sql_session.hpp"

namespace tradeguard {

// An SQL expression for now: the server's clock where the session has one, else `now` as a literal.
std::string now_expression(const SqlSession& session, Instant now);

// Writes in one transaction and one round trip: begin, lock the account's row, fail if the pen is
// fenced off, the statements, commit. The results are those of `statements` only.
Result<std::vector<SqlRows>> write_together(SqlSession& session, const Pen& pen, std::vector<Statement> statements);

// The account as its locked row shows it.
struct LockedAccount {
  std::optional<std::string> halted;
  std::optional<std::string> breaker;
  std::optional<Instant> entries_after;
  Instant now;  // the server's clock, read after the lock was there; else the caller's
};
// A transaction that decides on what it reads. Whatever leaves it open (an unreadable row, an
// exception) rolls it back.
class OpenTransaction {
 public:
  // The first half, in one round trip: begin, lock the account's row, the reads. Fault::fenced and
  // every other error have rolled it back.
  static Result<OpenTransaction> begin(SqlSession& session, const Pen& pen, Instant now, std::vector<Statement> reads);
  OpenTransaction(OpenTransaction&& other) noexcept;
  OpenTransaction& operator=(OpenTransaction&&) = delete;
  ~OpenTransaction();

  LockedAccount account;
  std::vector<SqlRows> read;  // what `reads` showed: all that was committed before the lock was there

  // The second half, in another round trip: the statements, commit.
  Result<void> close(std::vector<Statement> statements);

 private:
  explicit OpenTransaction(SqlSession& session) : session_{&session} {}
  SqlSession* session_;  // nullptr: closed
};

// All statements see the same moment.
Result<std::vector<SqlRows>> read_together(SqlSession& session, std::vector<Statement> reads);

}  // namespace tradeguard
