#include "tradeguard/memory_store.hpp"

#include <stdexcept>

#include "account_tables.hpp"

namespace tradeguard {

namespace {

AdmissionFacts facts_for(std::span<const EntryRequest> entries, const AccountTables& tables, Instant now);
void record_verdict(AccountTables& tables, const SignalKey& key, const Verdict& verdict, Instant now);

}  // namespace

MemoryStore::MemoryStore(std::string epoch) : state_{std::make_shared<State>()} { state_->epoch = std::move(epoch); }
MemoryStore::~MemoryStore() = default;

std::unique_ptr<Account> MemoryStore::open(const AccountKey& account) {
  struct Parts {
    Parts(MemoryStore& store, const AccountKey& key)
        : pen{key, std::nullopt}, lock{store}, journal{store, pen}, guard{store, pen}, history{store, pen} {}
    Pen pen;
    MemoryRunLock lock;
    MemoryJournal journal;
    MemoryIdempotencyGuard guard;
    MemoryEntryHistory history;
  };
  const auto parts = std::make_shared<Parts>(*this, account);
  return std::make_unique<Account>(parts->pen, parts->lock, parts->journal, parts->guard, &parts->history, parts);
}

void MemoryStore::restored_as(std::string epoch) {
  std::lock_guard lock{state_->mutex};
  state_->epoch = std::move(epoch);
}

void MemoryStore::lose_lease(const AccountKey& account) {
  std::lock_guard lock{state_->mutex};
  state_->of(account).holder.reset();
}

// ---- RunLock -----------------------------------------------------------------------------------

namespace {

class MemoryHold final : public RunLease::Hold {
 public:
  MemoryHold(std::shared_ptr<MemoryStore::State> state, AccountKey account, Fence fence)
      : state_{std::move(state)}, account_{std::move(account)}, fence_{fence} {}
  ~MemoryHold() override {
    std::lock_guard lock{state_->mutex};
    auto& holder = state_->of(account_).holder;
    if (holder == fence_) holder.reset();
  }
  MemoryHold(const MemoryHold&) = delete;
  MemoryHold& operator=(const MemoryHold&) = delete;

  Result<bool> still_held() override {
    std::lock_guard lock{state_->mutex};
    return state_->of(account_).holder == fence_;
  }

 private:
  std::shared_ptr<MemoryStore::State> state_;
  AccountKey account_;
  Fence fence_;
};

}  // namespace

Result<std::variant<RunLease, HeldElsewhere>> MemoryRunLock::try_acquire(const AccountKey& account) {
  std::lock_guard lock{state_->mutex};
  AccountTables& tables = state_->of(account);
  if (tables.holder) return HeldElsewhere{tables.account.cycle, tables.account.last_completed_at, std::nullopt};
  tables.account.fence += 1;
  tables.account.cycle += 1;
  tables.holder = tables.account.fence;
  return RunLease{tables.account.fence, tables.account.cycle,
                  std::make_unique<MemoryHold>(state_, account, tables.account.fence)};
}

Result<std::variant<std::unique_ptr<RunLease::Hold>, HeldElsewhere>> MemoryRunLock::try_hold(
    const AccountKey& account) {
  std::lock_guard lock{state_->mutex};
  AccountTables& tables = state_->of(account);
  if (tables.holder) return HeldElsewhere{tables.account.cycle, tables.account.last_completed_at, std::nullopt};
  constexpr Fence nobodys = 0;  // the first lease has 1
  tables.holder = nobodys;
  return std::make_unique<MemoryHold>(state_, account, nobodys);
}

// ---- EntryHistory ------------------------------------------------------------------------------

Result<std::map<std::string, BaseHistory>> MemoryEntryHistory::latest(const std::set<std::string>& bases) {
  std::lock_guard lock{state_->mutex};
  const AccountTables& tables = state_->of(pen_.account);
  std::map<std::string, BaseHistory> latest;
  for (const auto& base : bases) latest.emplace(base, tables.history(base));
  return latest;
}

Result<void> MemoryEntryHistory::remember(const Symbol& entry, Instant at) {
  std::lock_guard lock{state_->mutex};
  AccountTables& tables = state_->of(pen_.account);
  if (is_fenced(pen_, tables)) return fenced_off();
  tables.remember(entry.base(), at);
  return {};
}

// ---- IdempotencyGuard --------------------------------------------------------------------------

Result<std::vector<Judged>> MemoryIdempotencyGuard::claim(std::span<const EntryRequest> entries,
                                                          const EntryPolicy& policy, Instant now) {
  std::lock_guard lock{state_->mutex};
  AccountTables& tables = state_->of(pen_.account);
  std::vector<Judged> judged;
  judged.reserve(entries.size());
  if (is_fenced(pen_, tables)) {
    for (std::size_t i = 0; i < entries.size(); ++i) judged.push_back({Fenced{}, Passed{}, false});
    return judged;
  }

  auto verdicts = judge(entries, policy, facts_for(entries, tables, now), pen_.account, now);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Verdict& verdict = verdicts[i];
    record_verdict(tables, entries[i].order.signal_key, verdict, now);
    judged.push_back(std::visit(
        overloaded{
            [&](Admitted& admitted) {
              Order& order = admitted.order;
              if (tables.find(order.client_id))
                throw std::logic_error{"a client order id was used twice: " + order.client_id};
              order.version = 1;
              admitted.trade.version = 1;
              tables.keys[order.signal_key] = {
                  signal_digest(entries[i].signal), now, false, order.attempt, order.client_id, {}, ""};
              tables.put(order);
              tables.put(admitted.trade);
              return Judged{mint(std::move(order), std::move(admitted.trade)), verdict.cooldown, verdict.key_was_known};
            },
            [&](Duplicate& duplicate) {
              return Judged{std::move(duplicate), verdict.cooldown, verdict.key_was_known};
            },
            [&](Denied& denied) {
              if (is_final(denied.reason)) {
                const auto freed = tables.keys.find(entries[i].order.signal_key);
                tables.keys[entries[i].order.signal_key] = {signal_digest(entries[i].signal),
                                                            now,
                                                            false,
                                                            freed == tables.keys.end() ? 0 : freed->second.attempts,
                                                            {},
                                                            {},
                                                            decided_word(denied.reason)};
              }
              return Judged{std::move(denied), verdict.cooldown, verdict.key_was_known};
            },
        },
        verdict.outcome));
  }
  return judged;
}

Result<void> MemoryIdempotencyGuard::settle(const ClientOrderId& id, const PlaceOutcome& outcome, Instant now) {
  std::lock_guard lock{state_->mutex};
  AccountTables& tables = state_->of(pen_.account);
  if (is_fenced(pen_, tables)) return fenced_off();
  const Order* row = tables.find(id);
  const TradeRecord* trade = row != nullptr ? tables.find_trade(row->trade) : nullptr;
  if (!row || !trade) return failed(Fault::data, "no claim with the id " + id);
  auto settled = settle_entry(*row, *trade, outcome, now);
  if (!settled) return relayed(settled);
  // Both or neither: whoever read the trade before has not seen what became of its entry.
  if (settled->order == *row && settled->trade == *trade) return {};
  settled->order.version += 1;
  settled->trade.version += 1;
  tables.put(std::move(settled->order));
  tables.put(std::move(settled->trade));
  return {};
}

namespace {

AdmissionFacts facts_for(std::span<const EntryRequest> entries, const AccountTables& tables, Instant now) {
  AdmissionFacts facts;
  facts.halted = tables.account.halted;
  facts.breaker = tables.account.breaker;
  facts.entries_after = tables.account.entries_after;
  tables.count_bars(facts);
  facts.open_positions = tables.open_positions();
  facts.entries_today = tables.entries_on(now);
  static const std::string no_order{"-"};
  std::set<Symbol> symbols;
  for (const EntryRequest& entry : entries) {
    symbols.insert(entry.signal.symbol);
    if (const auto end = tables.stop_out(entry.signal.symbol))
      facts.stop_outs.insert_or_assign(entry.signal.symbol, *end);
  }
  facts.exit_words = tables.exit_words(symbols);
  for (const EntryRequest& entry : entries) {
    const std::string base = entry.signal.symbol.base();
    if (!facts.history.contains(base)) facts.history.emplace(base, tables.history(base));
    const SignalKey& key = entry.order.signal_key;
    const auto row = tables.keys.find(key);
    if (row == tables.keys.end()) continue;
    if (row->second.released) {
      facts.freed[key] = row->second.attempts;
      continue;
    }
    const Order* first = tables.find(row->second.entry);
    const std::string& named = row->second.entry.empty() ? no_order : row->second.entry;
    facts.known[key] = {row->second.entry, first && !first->venue_id.empty() ? first->venue_id : named,
                        row->second.claimed_at, false, row->second.decided};
    facts.known_digests[key] = row->second.digest;
  }
  return facts;
}

void record_verdict(AccountTables& tables, const SignalKey& key, const Verdict& verdict, Instant now) {
  const auto* cooling = std::get_if<Cooling>(&verdict.cooldown);
  tables.record_decision(key, "cooldown", cooling ? "blocked" : "passed", cooling ? cooling->because : "", now);
  const auto* duplicate = std::get_if<Duplicate>(&verdict.outcome);
  tables.record_decision(key, "idempotency", verdict.key_was_known ? "blocked" : "passed",
                         duplicate ? duplicate->existing_order_id : "", now);
  if (const auto* denied = std::get_if<Denied>(&verdict.outcome); denied && !(denied->reason == Denial::cooldown))
    tables.record_decision(key, "policy", "denied", recorded(*denied), now);
}

}  // namespace
}  // namespace tradeguard
