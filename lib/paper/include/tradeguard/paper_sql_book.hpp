// SqlPaperBook: a paper book in tables of its own, which survives the process and may be shared.
//
// Each visit is one transaction that begins with the lock on the account's row, reads what others
// changed since this object last looked, and writes what the visit changed. Its session is its own:
// not the run's. Contract test: tests/venue/venue_contract.cpp, venues "... in SQLite" and "... in
// PostgreSQL"
#pragma once

#include <functional>
#include <memory>
#include <unordered_set>

#include "tradeguard/paper_book.hpp"
#include "tradeguard/sql_session.hpp"

namespace tradeguard {

// Creates the tables paper_*, in one transaction; where they are already it changes nothing.
// Refused as Fault::configuration: tables of another version, and tables of these names that
// tradeguard did not make.
Result<void> init_paper_book(SqlSession& session);

class SqlPaperBook final : public PaperBook {
 public:
  // The session outlives the book and is used by nobody else during a visit. Nothing is read before
  // the first visit.
  SqlPaperBook(SqlSession& session, AccountKey account) : session_{&session}, account_{std::move(account)} {}
  // Connects at the first visit, so that a run that asks nothing of the exchange costs no
  // connection, and again at the visit after one that failed.
  using Connect = std::function<Result<std::unique_ptr<SqlSession>>()>;
  SqlPaperBook(Connect connect, AccountKey account) : connect_{std::move(connect)}, account_{std::move(account)} {}

  Result<void> open(const PaperWanted& wanted) override;
  PaperState& state() override { return state_; }
  Result<void> close(const PaperChanges& changes) override;
  void abandon() noexcept override;
  Result<std::vector<PaperFill>> fills(Instant since) override;

 private:
  Result<void> begin(const PaperWanted& wanted);
  Result<void> connected();
  Result<void> checked();
  std::vector<Statement> closed_orders(const PaperWanted& wanted);
  Result<void> read(const std::vector<SqlRows>& answers);
  void forget();

  Connect connect_;
  std::unique_ptr<SqlSession> own_session_;
  SqlSession* session_ = nullptr;
  AccountKey account_;
  PaperState state_;
  bool checked_ = false;                          // the tables are there and of our version
  bool loaded_ = false;                           // state_ has every open order as of its version
  std::unordered_set<ClientOrderId> looked_for_;  // closed orders under these ids are in state_ too
};

}  // namespace tradeguard
