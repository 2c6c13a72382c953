// The guards an entry passes: cooldown and idempotency, and the ticket that proves the claim.
// Contract tests: tests/contract/cooldown_contract.cpp, idempotency_contract.cpp
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "tradeguard/denial.hpp"
#include "tradeguard/outcome.hpp"
#include "tradeguard/run_lock.hpp"
#include "tradeguard/trade.hpp"

namespace tradeguard {

// ---- Cooldown --------------------------------------------------------------------------------

struct CooldownPolicy {
  Micros cooldown = 300s;    // between two entries of one base currency
  Micros after_stop = 300s;  // from a stop-out to the next entry of that base
};
struct Passed {
  friend bool operator==(const Passed&, const Passed&) = default;
};
struct Cooling {
  Instant until;
  std::string because;  // "entry at 2025-01-01T12:00:00.000000Z", "stop-out at ..."
  friend bool operator==(const Cooling&, const Cooling&) = default;
};
using CooldownVerdict = std::variant<Passed, Cooling>;

// The latest moments that cool a base: entries whose bytes may have left, and stop-outs.
struct BaseHistory {
  std::optional<Instant> entry;  // latest of stamp, exchange time and, in doubt, valid_until
  std::optional<Instant> stop_out;
};
// The rule, pure: the longest wins.
CooldownVerdict judge_cooldown(const BaseHistory& history, const CooldownPolicy& policy, Instant now);

class EntryHistory {
 public:
  virtual ~EntryHistory() = default;
  virtual Result<std::map<std::string, BaseHistory>> latest(const std::set<std::string>& bases) = 0;
  // Durable before it returns. The bare port of a bot that uses the cooldown alone.
  virtual Result<void> remember(const Symbol& entry, Instant at) = 0;
};

// An advisory reading over an EntryHistory; the one that binds is inside IdempotencyGuard::claim.
class CooldownGuard {
 public:
  virtual ~CooldownGuard() = default;
  virtual Result<std::vector<CooldownVerdict>> check(std::span<const Symbol> entries, Instant now) = 0;
};
class HistoryCooldownGuard final : public CooldownGuard {
 public:
  HistoryCooldownGuard(EntryHistory& history, CooldownPolicy policy) : history_{history}, policy_{policy} {}
  Result<std::vector<CooldownVerdict>> check(std::span<const Symbol> entries, Instant now) override;

 private:
  EntryHistory& history_;
  CooldownPolicy policy_;
};

// ---- Idempotency -----------------------------------------------------------------------------

// Whose trades an exit ends and whose older BUYs it supersedes: the symbol's, or those of its strategy only.
enum class ExitScope { symbol, strategy };

struct EntryPolicy {
  CooldownPolicy cooldown;
  Money max_order_notional;     // zero: off
  int max_open_positions = 10;  // zero: off
  int max_entries_per_day = 0;  // UTC day; zero: off
  Micros max_age = 300s;        // a new key older than this is stale
  Micros max_future = 5s;       // a clock that is ahead by no more than this is believed
  Micros max_wait = 60s;        // a signal ahead of its time waits until it is due; further ahead: rejected
  Micros exit_max_age = 24h;    // a new SELL older than this is stale, and a wish to sell ends after it
  ExitScope exit_scope = ExitScope::symbol;
  ClientIdForm client_id_form = ClientIdForm::tg36;  // of Order::wire_id
  Word<Denial> no_entries;                           // a reason that denies every entry of this batch; empty: none
  std::set<std::string> frozen_bases;                // frozen by what this run read, beside what the store knows
  std::map<std::string, Money> free_quote;           // by currency; an absent currency is not checked
};

// One signal asked to become an entry or an exit, with everything needed to judge and to send it.
struct EntryRequest {
  Signal signal;
  Order order;                           // as it will be claimed: ids, sizes, stamp
  Money notional;                        // for the caps
  std::optional<Denied> objection = {};  // found before the claim: no_rules, slippage, ...
  // What a cycle protects the trade by. A bot that sends by itself leaves both out.
  std::optional<InstrumentRules> rules = {};
  std::optional<ProtectionPlan> plan = {};
  std::string claimer = {};          // who claims, once in the world: TradeRecord::claimer
  bool protected_elsewhere = false;  // TradeRecord::protected_elsewhere
};

struct Duplicate {
  ClientOrderId first;            // the order that has the key
  std::string existing_order_id;  // the venue's id of it, else its client id, else "-"
  Instant claimed_at;
  bool differs = false;      // same key, other content
  std::string decided = {};  // the key was denied for good, and by this; empty: it was claimed
};
struct Fenced {};  // another run holds the account; nothing was written

// Proof of a durable claim. Only an IdempotencyGuard mints one.
class EntryTicket {
 public:
  EntryTicket(EntryTicket&&) = default;
  EntryTicket& operator=(EntryTicket&&) = default;
  EntryTicket(const EntryTicket&) = delete;
  EntryTicket& operator=(const EntryTicket&) = delete;
  const Order& order() const { return order_; }
  const TradeRecord& trade() const { return trade_; }  // that it opened

 private:
  friend class IdempotencyGuard;
  EntryTicket(Order order, TradeRecord trade) : order_{std::move(order)}, trade_{std::move(trade)} {}
  Order order_;
  TradeRecord trade_;
};

struct Judged {
  std::variant<EntryTicket, Duplicate, Denied, Fenced> outcome;
  CooldownVerdict cooldown;    // spoken whatever the outcome is; Passed for a Fenced one
  bool key_was_known = false;  // idempotency_blocked
};

class IdempotencyGuard {
 public:
  virtual ~IdempotencyGuard() = default;

  // What it claims with; nullptr: it does not say. A run refuses a guard whose pen is not its own.
  virtual const Pen* pen() const { return nullptr; }

  // Judges the entries in the order given, in one transaction that also enforces the policy and
  // records one decision per entry and verdict. A ticket's row is durable before this returns.
  // `now` is overruled by the server's clock where the store has one.
  virtual Result<std::vector<Judged>> claim(std::span<const EntryRequest> entries, const EntryPolicy& policy,
                                            Instant now) = 0;

  // For a bot with its own HTTP code: what became of the request, by the client id of the claim, from any process.
  // Unsent frees the key; Refused and Unsent end the trade; Accepted without a record leaves it to be asked about, and
  // its base free. An entry that was accepted counts as an open position until somebody settles it in the journal.
  virtual Result<void> settle(const ClientOrderId& id, const PlaceOutcome& outcome, Instant now) = 0;
  Result<void> settle(const EntryTicket& ticket, const PlaceOutcome& outcome, Instant now) {
    return settle(ticket.order().client_id, outcome, now);
  }
  // Nothing was sent: the key is free again, no cooldown starts.
  Result<void> release(const EntryTicket& ticket, Instant now) {
    return settle(ticket, Unsent{Unsent::Why::shutting_down, "released"}, now);
  }

 protected:
  static EntryTicket mint(Order durable, TradeRecord opened) {
    return EntryTicket{std::move(durable), std::move(opened)};
  }
};

// Somebody's newest word that a symbol is to be sold. BUYs that spoke before it are superseded.
struct ExitWord {
  std::string symbol;  // "*": every symbol
  std::string who;     // "operator", or "strategy:" and its name
  Instant said;
  friend bool operator==(const ExitWord&, const ExitWord&) = default;
};
std::string who_said(const Signal& exit);
inline constexpr std::string_view words_of_operator = "operator";

// What the store knows at the moment of a claim, read inside its transaction.
struct AdmissionFacts {
  std::optional<std::string> halted;           // reason
  std::optional<std::string> breaker;          // protection_failing, ...
  std::optional<Instant> entries_after;        // epoch: signals must be newer
  std::map<std::string, BaseHistory> history;  // by base
  std::map<std::string, std::string> frozen;   // base -> why (in doubt, drift, orphan, ...)
  std::set<std::string> frozen_by_doubt;       // of these: by an order whose answer was lost
  std::map<SignalKey, Duplicate> known;        // keys claimed before (differs not yet judged)
  std::map<SignalKey, std::string> known_digests;
  std::map<SignalKey, int> freed;       // released keys: attempts used so far
  std::vector<ExitWord> exit_words;     // of the entries' symbols
  std::map<Symbol, Instant> stop_outs;  // newest forced end of a trade, by symbol
  int open_positions = 0;
  int entries_today = 0;
};
// The judgement, pure and the same for every store: in the order given, each entry that passes
// counts for the next. An admitted order carries its final attempt and client id.
struct Admitted {
  Order order;
  TradeRecord trade;
};
struct Verdict {
  std::variant<Admitted, Duplicate, Denied> outcome;
  CooldownVerdict cooldown;
  bool key_was_known = false;
};
std::vector<Verdict> judge(std::span<const EntryRequest> entries, const EntryPolicy& policy, AdmissionFacts facts,
                           const AccountKey& account, Instant now);

// The rows of an entry that its own bot settles, as they are to stand; pure and the same for every store. One that
// was refused or not sent is over, and one that the venue shows after all is open again. Fault::data: the order's
// state does not allow it.
struct SettledEntry {
  Order order;
  TradeRecord trade;
};
Result<SettledEntry> settle_entry(const Order& entry, const TradeRecord& trade, const PlaceOutcome& outcome,
                                  Instant now);

}  // namespace tradeguard
