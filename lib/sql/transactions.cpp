#include "transactions.hpp"

#include <array>
#include <iterator>
#include <utility>

#include "cells.hpp"
#include "tradeguard/sql_store.hpp"

namespace tradeguard {

namespace {

Statement begin_writing() { return {"BEGIN", {}}; }
Statement commit() { return {"COMMIT", {}}; }
Statement lock_row_or_fail(const Pen& pen);
Statement lock_row(const Pen& pen, const std::string& now);
Statement begin_reading(SqlDialect dialect);
Error fenced_off();

}  // namespace

std::string now_expression(const SqlSession& session, Instant now) {
  return session.server_now().value_or("CAST(" + std::to_string(to_micros(now)) + " AS BIGINT)");
}

Result<std::vector<SqlRows>> write_together(SqlSession& session, const Pen& pen, std::vector<Statement> statements) {
  std::vector<Statement> all{begin_writing(), ensure_account(pen.account), lock_row_or_fail(pen)};
  const std::size_t before = all.size();
  all.insert(all.end(), std::make_move_iterator(statements.begin()), std::make_move_iterator(statements.end()));
  all.push_back(commit());
  auto done = session.run(all);
  if (!done) {
    if (done.error().fault != Fault::data || !pen.fence) return done;
    // Refused: by the first statement, as the fence has moved on, or by a constraint?
    auto fence = read_fence(session, pen.account);
    if (fence && *fence != pen.fence) return tl::unexpected{fenced_off()};
    return done;
  }
  return std::vector<SqlRows>{std::make_move_iterator(done->begin() + static_cast<std::ptrdiff_t>(before)),
                              std::make_move_iterator(done->end() - 1)};
}

Result<OpenTransaction> OpenTransaction::begin(SqlSession& session, const Pen& pen, Instant now,
                                               std::vector<Statement> reads) {
  std::vector<Statement> all{begin_writing(), ensure_account(pen.account), lock_row(pen, now_expression(session, now))};
  const std::size_t before = all.size();
  all.insert(all.end(), std::make_move_iterator(reads.begin()), std::make_move_iterator(reads.end()));
  auto done = session.run(all);
  if (!done) return relayed(done);

  OpenTransaction opened{session};
  const SqlRows& locked = (*done)[before - 1];
  if (locked.rows.size() != 1) return tl::unexpected{fenced_off()};
  Fence fence = 0;
  RowReader row{locked.rows[0], "accounts"};
  row >> fence >> opened.account.halted >> opened.account.breaker >> opened.account.entries_after >> opened.account.now;
  Fence whole = 0;
  if (locked.rows[0].empty() || !tradeguard::read(locked.rows[0][0], whole)) return unreadable(row.complaint());
  // A switch that cannot be read is on.
  if (!row.readable() && !opened.account.halted) opened.account.halted = row.complaint();
  if (pen.fence && *pen.fence != fence) return tl::unexpected{fenced_off()};
  opened.read.assign(std::make_move_iterator(done->begin() + static_cast<std::ptrdiff_t>(before)),
                     std::make_move_iterator(done->end()));
  return opened;
}

OpenTransaction::OpenTransaction(OpenTransaction&& other) noexcept
    : account{std::move(other.account)},
      read{std::move(other.read)},
      session_{std::exchange(other.session_, nullptr)} {}

OpenTransaction::~OpenTransaction() {
  if (!session_) return;
  // If this does not succeed the session is dead, and the transaction with it.
  const Statement rollback{"ROLLBACK", {}};
  (void)session_->run(std::array{rollback});
}

Result<void> OpenTransaction::close(std::vector<Statement> statements) {
  statements.push_back(commit());
  auto done = std::exchange(session_, nullptr)->run(statements);
  if (!done) return relayed(done);
  return {};
}

Result<std::vector<SqlRows>> read_together(SqlSession& session, std::vector<Statement> reads) {
  std::vector<Statement> all{begin_reading(session.dialect())};
  all.insert(all.end(), std::make_move_iterator(reads.begin()), std::make_move_iterator(reads.end()));
  all.push_back(commit());
  auto done = session.run(all);
  if (!done) return done;
  return std::vector<SqlRows>{std::make_move_iterator(done->begin() + 1), std::make_move_iterator(done->end() - 1)};
}

// ---- For run locks ------------------------------------------------------------------------------

Statement ensure_account(const AccountKey& account) {
  return {"INSERT INTO accounts (venue, account) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
          {sql(account.venue), sql(account.account)}};
}

Result<BumpedAccount> bump_account(SqlSession& session, const AccountKey& account, const FenceWitness& witness) {
  const Statement bump{
      "UPDATE accounts SET touched = touched + 1, cycle = cycle + 1, "
      "fence = CASE WHEN fence < ?3 THEN ?3 ELSE fence END + 1, "
      "epoch = CASE WHEN epoch IS NOT NULL AND (fence < ?3 OR (?4 = 1 AND fence > 0)) "
      "THEN 'restored' ELSE epoch END "
      "WHERE venue = ?1 AND account = ?2 RETURNING fence, cycle",
      {sql(account.venue), sql(account.account), sql(witness.highest.value_or(0)), sql(witness.missing)}};
  auto done = session.run(std::array{begin_writing(), ensure_account(account), bump, commit()});
  if (!done) return relayed(done, "taking the lease");
  if ((*done)[2].rows.empty()) return unreadable("accounts has no row of this account");
  BumpedAccount bumped{};
  RowReader row{(*done)[2].rows[0], "accounts"};
  row >> bumped.fence >> bumped.cycle;
  if (!row.readable()) return unreadable(row.complaint());
  return bumped;
}

Result<HeldElsewhere> read_holder(SqlSession& session, const AccountKey& account) {
  const Statement ask{"SELECT cycle, completed_at, " + session.server_now().value_or("CAST(NULL AS BIGINT)") +
                          " FROM accounts WHERE venue = ?1 AND account = ?2",
                      {sql(account.venue), sql(account.account)}};
  auto done = session.run(std::array{ask});
  if (!done) return relayed(done, "reading who holds the lock");
  HeldElsewhere holder;
  if ((*done)[0].rows.empty()) return holder;
  RowReader row{(*done)[0].rows[0], "accounts"};
  row >> holder.last_started_cycle >> holder.last_completed_at >> holder.now;
  if (!row.readable()) return unreadable(row.complaint());
  return holder;
}

Result<std::optional<Fence>> read_fence(SqlSession& session, const AccountKey& account) {
  const Statement ask{"SELECT fence FROM accounts WHERE venue = ?1 AND account = ?2",
                      {sql(account.venue), sql(account.account)}};
  auto done = session.run(std::array{ask});
  if (!done) return relayed(done, "reading the fence");
  std::optional<Fence> fence;
  if (!(*done)[0].rows.empty() && !read((*done)[0].rows[0][0], fence))
    return unreadable("accounts has a fence that is no number");
  return fence;
}

namespace {

// The account's row is locked by this statement alone; later ones see what was committed before. A
// fence that is not the account's makes `touched` NULL, which the table refuses, and with it
// everything behind.
Statement lock_row_or_fail(const Pen& pen) {
  if (!pen.fence)
    return {"UPDATE accounts SET touched = touched + 1 WHERE venue = ?1 AND account = ?2",
            {sql(pen.account.venue), sql(pen.account.account)},
            1};
  return {
      "UPDATE accounts SET touched = CASE WHEN fence = ?3 THEN touched + 1 END "
      "WHERE venue = ?1 AND account = ?2",
      {sql(pen.account.venue), sql(pen.account.account), sql(*pen.fence)},
      1};
}

Statement lock_row(const Pen& pen, const std::string& now) {
  return {
      "UPDATE accounts SET touched = touched + 1 WHERE venue = ?1 AND account = ?2 "
      "RETURNING fence, halted, breaker, entries_after, " +
          now,
      {sql(pen.account.venue), sql(pen.account.account)}};
}

Statement begin_reading(SqlDialect dialect) {
  switch (dialect) {
    // Readers do not wait for writers in WAL, so nothing has to be locked.
    case SqlDialect::sqlite:
      return {"BEGIN DEFERRED", {}};
    case SqlDialect::postgres:
      return {"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", {}};
  }
  return {};
}

Error fenced_off() { return {Fault::fenced, "another run holds the account now; nothing was written"}; }

}  // namespace
}  // namespace tradeguard
