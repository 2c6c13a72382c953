// A trade: an entry that was claimed, its legs, and what is known of them together.
// Contract tests: tests/unit/trade_test.cpp, tests/contract/journal_contract.cpp
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "tradeguard/order.hpp"

namespace tradeguard {

// What is known of a trade beside its orders: one row, from the claim of its entry to its end and after.
struct TradeRecord {
  ClientOrderId id;  // the client id of its entry
  Symbol symbol;
  // As they were read last, and as its stop and target are to be. Without either the trade is a bot's that sends by
  // itself: no cycle protects it, and one that finds it says so.
  std::optional<InstrumentRules> rules;
  std::optional<ProtectionPlan> plan;
  std::string strategy;                // of the entry's signal
  std::optional<Instant> signal_at;    // when that signal spoke; an exit concerns trades with an older one
  std::optional<Instant> covered_at;   // when a working stop for all of it was sighted last
  std::optional<Instant> naked_since;  // since when something filled has no sighted stop
  Micros naked_total{0};               // of finished spells
  bool legs_told = false;              // SLTP_PLACED or SLTP_SKIPPED was said for the standing legs
  bool skip_told = false;              // SLTP_SKIPPED_ALREADY_EXISTS was said
  bool dust_told = false;
  Word<ExitReason> exit_reason;       // somebody wants it sold; empty: nobody
  std::optional<Instant> exit_until;  // that wish is fresh until then (exchange time)
  SignalKey exit_key;                 // of the SELL that wants it sold; empty: the operator, or nobody
  std::string target_none;            // why no target rests or is to rest; empty: one does, or is to
  // The exchange holds its stop with the order, or whoever sends it sees to that: no cycle protects it, none alarms it.
  bool protected_elsewhere = false;
  // Of a bot that sends by itself: a word that only the claimer of this trade knows. Whoever lost the answer to a claim
  // knows his own by it.
  std::string claimer;
  bool released = false;  // the operator took it out of our hands
  bool settled = false;   // nothing is open, nothing is asked

  std::int64_t version = 0;  // grows with every write; compare-and-set. 0: never written

  // Whether it opens again when its entry, which was over, changes after all. A released trade stays the operator's.
  bool reopens() const { return settled && !released; }

  friend bool operator==(const TradeRecord&, const TradeRecord&) = default;
};

// Every member by its name, as each_member of an order: one that is missing does not compile.
template <class Record, class See>
requires std::same_as<std::remove_const_t<Record>, TradeRecord>
void each_member(Record& record, See&& see) {
  auto& [id, symbol, rules, plan, strategy, signal_at, covered_at, naked_since, naked_total, legs_told, skip_told,
         dust_told, exit_reason, exit_until, exit_key, target_none, protected_elsewhere, claimer, released, settled,
         version] = record;
  see("id", id);
  see("symbol", symbol);
  see("rules", rules);
  see("plan", plan);
  see("strategy", strategy);
  see("signal_at", signal_at);
  see("covered_at", covered_at);
  see("naked_since", naked_since);
  see("naked_total", naked_total);
  see("legs_told", legs_told);
  see("skip_told", skip_told);
  see("dust_told", dust_told);
  see("exit_reason", exit_reason);
  see("exit_until", exit_until);
  see("exit_key", exit_key);
  see("target_none", target_none);
  see("protected_elsewhere", protected_elsewhere);
  see("claimer", claimer);
  see("released", released);
  see("settled", settled);
  see("version", version);
}

struct Trade {
  TradeRecord record;
  std::vector<Order> entries;  // its own entry first, then twins of it
  std::vector<Order> legs;

  const Order& entry() const { return entries.front(); }
  const ClientOrderId& id() const { return record.id; }
  const Symbol& symbol() const { return record.symbol; }
  const InstrumentRules& rules() const { return *record.rules; }
  const ProtectionPlan& plan() const { return *record.plan; }
  int next_attempt(Leg leg) const;  // one more than the highest used
};

// The record of a trade that nothing is known of but its entry.
TradeRecord opened_by(const Order& entry);
// An order whose answer was lost keeps its base from being entered again. Not so an entry that was acknowledged, of a
// bot that sends by itself: it is there, and what became of it is asked.
bool freezes_its_base(const Order& order, const TradeRecord& trade);
// When the signal of the entry spoke. A row of an older store has the minute in its key, or else its stamp.
Instant spoken_at(const Trade& trade);

}  // namespace tradeguard
