// Guards, history and journal over one SqlSession: written once, for every SQL database.
//
// Every writing transaction begins with an UPDATE of the account's row, as a statement of its own.
// It waits for whoever else writes the account, and it fails if the pen's fence is not the
// account's; what a transaction decides on is read by later statements. The pens are read at every
// call, so that a lease taken later fences them. Session and pen outlive these objects; they are
// all used from the session's one thread. Contract tests: tests/contract, backends "sqlite" and
// "postgres"
#pragma once

#include "tradeguard/guards.hpp"
#include "tradeguard/journal.hpp"
#include "tradeguard/run_lock.hpp"
#include "tradeguard/sql_schema.hpp"
#include "tradeguard/sql_session.hpp"

namespace tradeguard {

class SqlIdempotencyGuard final : public IdempotencyGuard {
 public:
  SqlIdempotencyGuard(SqlSession& session, const Pen& pen) : session_{session}, pen_{pen} {}
  SqlIdempotencyGuard(SqlSession& session, const Pen&& pen) = delete;  // it would be gone before it is read
  const Pen* pen() const override { return &pen_; }
  Result<std::vector<Judged>> claim(std::span<const EntryRequest> entries, const EntryPolicy& policy,
                                    Instant now) override;
  // Refused and unsent entries end their trade: without a monitor cycle nobody else would.
  using IdempotencyGuard::settle;
  Result<void> settle(const ClientOrderId& id, const PlaceOutcome& outcome, Instant now) override;

 private:
  SqlSession& session_;
  const Pen& pen_;
};

// What the journal knows of a base and what was remembered here: the whole history of a bot that
// has a journal, and all that a bot needs that uses the cooldown alone.
class SqlEntryHistory final : public EntryHistory {
 public:
  SqlEntryHistory(SqlSession& session, const Pen& pen) : session_{session}, pen_{pen} {}
  SqlEntryHistory(SqlSession& session, const Pen&& pen) = delete;  // it would be gone before it is read
  Result<std::map<std::string, BaseHistory>> latest(const std::set<std::string>& bases) override;
  Result<void> remember(const Symbol& entry, Instant at) override;

 private:
  SqlSession& session_;
  const Pen& pen_;
};

class SqlJournal final : public OrderJournal {
 public:
  SqlJournal(SqlSession& session, const Pen& pen) : session_{session}, pen_{pen} {}
  SqlJournal(SqlSession& session, const Pen&& pen) = delete;  // it would be gone before it is read
  const Pen* pen() const override { return &pen_; }
  // A trade with a row that cannot be read is left out, and a standing alarm of kind `impossible`
  // that freezes its base and breaks is there in its place.
  Result<OpenBook> open_book(Instant now) override;
  Result<std::vector<Written>> write(std::span<const Change> items) override;
  Result<std::vector<ExitVerdict>> claim_exits(std::span<const ExitClaim> claims, Micros max_age, Micros max_future,
                                               Instant now) override;
  Result<Outlook> outlook(std::span<const Signal> signals) override;
  Result<void> remember_rules(std::span<const InstrumentRules> rules) override;
  Result<std::vector<Notice>> due_notices(Instant now, std::size_t at_most) override;
  Result<void> record_deliveries(std::span<const DeliveryRecord> records, Instant now) override;
  Result<void> begin_run(const std::string& run_id, const std::string& config_hash, Instant now) override;
  Result<void> finish_run(const std::string& result, Instant now) override;
  Result<void> note_stuck_told(Instant now) override;
  Result<void> note_silences(std::optional<Instant> venue_until, const std::string& status,
                             std::optional<Instant> notifier_until) override;
  Result<void> accept_epoch(const std::string& venue_account_id, Instant entries_after) override;
  Result<void> set_halt(const std::optional<std::string>& reason, Instant now) override;
  Result<void> set_breaker(const std::optional<std::string>& reason, Instant now) override;
  Result<std::vector<Decision>> decisions(const SignalKey& key) override;
  Result<std::vector<Order>> orders_of(const SignalKey& key) override;
  Result<std::optional<Order>> order(const ClientOrderId& id) override;
  Result<std::optional<TradeRecord>> trade(const ClientOrderId& id) override;
  Result<PastTrades> trades(const TradeQuery& query) override;
  Result<std::vector<SignalKey>> keys_about(const std::string& word, std::size_t at_most) override;
  Result<std::size_t> waiting_notices() override;
  Result<std::size_t> prune_piece(Instant before, Instant now, std::size_t at_most) override;

 private:
  SqlSession& session_;
  const Pen& pen_;
};

// ---- For who asks whether somebody attends to what is open -------------------------------------

// One question over the whole store, which is bounded by what is open; a store of an older schema answers too.
Result<std::vector<LiveAccount>> live_accounts(SqlSession& session, Instant now, int schema = schema_version);

// Every account that a run or a claim has ever written to, in the order of their names.
Result<std::vector<AccountKey>> known_accounts(SqlSession& session);

// ---- For run locks over an SQL store -----------------------------------------------------------

// The account's row exists afterwards. The first statement of a lock.
Statement ensure_account(const AccountKey& account);

struct BumpedAccount {
  Fence fence;
  std::int64_t cycle;
};
// What is remembered of an account outside its database, to notice when the database is an older copy
// of itself.
struct FenceWitness {
  std::optional<Fence> highest;  // that was ever given out; nullopt: not known
  bool missing = false;          // there is no witness where a store that was used has one
};
// Raises fence and cycle, durably, above whatever the witness knows. Called when the lock is held and
// before anything is read. A database behind its witness, or one that was used and has none, was
// restored or moved: its account gets a known epoch that no store has, so the run takes it for new.
Result<BumpedAccount> bump_account(SqlSession& session, const AccountKey& account, const FenceWitness& witness);

// What a run that is locked out may know, read without waiting for anybody.
Result<HeldElsewhere> read_holder(SqlSession& session, const AccountKey& account);

// The account's fence; nullopt: the store does not know the account.
Result<std::optional<Fence>> read_fence(SqlSession& session, const AccountKey& account);

}  // namespace tradeguard
