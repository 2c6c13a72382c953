#include "account_tables.hpp"
#include "tradeguard/memory_store.hpp"

namespace tradeguard {

namespace {

bool is_writable(const Order& order);
Written judge_change(const Change& change, const AccountTables& tables);
void carry_out(const Change& change, AccountTables& tables);
VersionOf trade_version_in(const AccountTables& tables);
std::optional<Duplicate> known_exit(const Signal& signal, const AccountTables& tables);

}  // namespace

Result<OpenBook> MemoryJournal::open_book(Instant now) {
  std::lock_guard lock{state_->mutex};
  AccountTables& tables = state_->of(pen_.account);
  OpenBook book;
  book.account = tables.account;
  book.account.epoch = state_->epoch;
  // Asked before the run was begun: what was begun last is the previous run.
  if (tables.run_fence != tables.account.fence) book.account.previous_run_ended = !tables.run_open;
  book.account.last_run_ended = !tables.run_open;
  book.trades = tables.open_trades();
  book.questions = tables.questions(now);
  book.alarms = tables.standing_alarms();
  book.flattened_today = tables.flattened_on(now);
  book.entries_today = tables.entries_on(now);
  book.notices_waiting = tables.waiting_notices() > 0;
  return book;
}

Result<std::vector<Written>> MemoryJournal::write(std::span<const Change> items) {
  std::lock_guard lock{state_->mutex};
  AccountTables& tables = state_->of(pen_.account);
  if (is_fenced(pen_, tables)) return fenced_off();
  for (const Change& item : items)
    for (const auto* rows : {&item.append, &item.advance})
      for (const Order& order : *rows)
        if (!is_writable(order))
          return failed(Fault::data, "an order without id, trade or quantity: " + order.client_id);
  for (const Change& item : items)
    for (const TradeRecord& trade : item.trades)
      if (trade.id.empty()) return failed(Fault::data, "a trade without id");

  std::vector<Written> written;
  written.reserve(items.size());
  for (const Change& item : items) {
    written.push_back(judge_change(item, tables));
    if (written.back() == Written::yes) carry_out(item, tables);
  }
  return written;
}

Result<std::vector<ExitVerdict>> MemoryJournal::claim_exits(std::span<const ExitClaim> claims, Micros max_age,
                                                            Micros max_future, Instant now) {
  std::lock_guard lock{state_->mutex};
  AccountTables& tables = state_->of(pen_.account);
  if (is_fenced(pen_, tables)) return fenced_off();
  std::vector<ExitVerdict> verdicts;
  verdicts.reserve(claims.size());
  std::set<ClientOrderId> written;
  for (const ExitClaim& claim : claims) {
    const SignalKey key = claim_key(claim.signal);
    verdicts.push_back(judge_exit(claim.signal, known_exit(claim.signal, tables), wishes_beyond(claim, written),
                                  trade_version_in(tables), max_age, max_future, now));
    const auto* duplicate = std::get_if<Duplicate>(&verdicts.back());
    tables.record_decision(key, "idempotency", duplicate ? "blocked" : "passed",
                           duplicate ? duplicate->existing_order_id : "", now);
    if (const auto* denied = std::get_if<Denied>(&verdicts.back())) {
      tables.record_decision(key, "policy", "denied", denied->reason.str(), now);
      if (is_final(denied->reason))
        tables.keys[key] = {signal_digest(claim.signal), now, false, 0, {}, {}, decided_word(denied->reason)};
    }
    auto* claimed = std::get_if<ExitClaimed>(&verdicts.back());
    if (claimed == nullptr) continue;
    KeyRow row{signal_digest(claim.signal), now, false, 0, {}, trades_of(claim), ""};
    if (row.exits.empty()) row.decided = "nothing_held";
    tables.keys[key] = std::move(row);
    tables.hear({claim.signal.symbol.text(), who_said(claim.signal), claim.signal.time});
    carry_out({.trades = claimed->written}, tables);
    for (TradeRecord& wish : claimed->written) {
      wish.version += 1;
      written.insert(wish.id);
    }
  }
  return verdicts;
}

Result<Outlook> MemoryJournal::outlook(std::span<const Signal> signals) {
  std::lock_guard lock{state_->mutex};
  const AccountTables& tables = state_->of(pen_.account);
  Outlook outlook;
  for (const Signal& signal : signals) {
    const auto key = tables.keys.find(claim_key(signal));
    if (key != tables.keys.end() && !key->second.released) outlook.known.insert(key->first);
    const std::string base = signal.symbol.base();
    outlook.history[base] = tables.history(base);
    const auto rules = tables.rules.find(signal.symbol);
    if (rules != tables.rules.end()) outlook.rules.insert(*rules);
  }
  return outlook;
}

Result<void> MemoryJournal::remember_rules(std::span<const InstrumentRules> rules) {
  std::lock_guard lock{state_->mutex};
  AccountTables& tables = state_->of(pen_.account);
  if (is_fenced(pen_, tables)) return fenced_off();
  for (const InstrumentRules& market : rules) tables.rules.insert_or_assign(market.symbol, market);
  return {};
}

Result<std::vector<Notice>> MemoryJournal::due_notices(Instant now, std::size_t at_most) {
  std::lock_guard lock{state_->mutex};
  return state_->of(pen_.account).due_notices(now, at_most);
}

Result<void> MemoryJournal::record_deliveries(std::span<const DeliveryRecord> records, Instant) {
  std::lock_guard lock{state_->mutex};
  AccountTables& tables = state_->of(pen_.account);
  if (is_fenced(pen_, tables)) return fenced_off();
  for (const DeliveryRecord& record : records) tables.record_delivery(record);
  return {};
}

Result<void> MemoryJournal::begin_run(const std::string&, const std::string&, Instant now) {
  std::lock_guard lock{state_->mutex};
  AccountTables& tables = state_->of(pen_.account);
  if (is_fenced(pen_, tables)) return fenced_off();
  tables.account.previous_run_ended = !tables.run_open;
  tables.account.last_started_at = now;
  tables.run_open = true;
  tables.run_fence = tables.account.fence;
  return {};
}

Result<void> MemoryJournal::finish_run(const std::string&, Instant now) {
  std::lock_guard lock{state_->mutex};
  AccountTables& tables = state_->of(pen_.account);
  if (is_fenced(pen_, tables)) return fenced_off();
  tables.account.last_completed_at = now;
  tables.run_open = false;
  return {};
}

Result<void> MemoryJournal::note_stuck_told(Instant now) {
  std::lock_guard lock{state_->mutex};
  state_->of(pen_.account).account.last_stuck_told_at = now;
  return {};
}

Result<void> MemoryJournal::note_silences(std::optional<Instant> venue_until, const std::string& status,
                                          std::optional<Instant> notifier_until) {
  std::lock_guard lock{state_->mutex};
  AccountTables& tables = state_->of(pen_.account);
  if (is_fenced(pen_, tables)) return fenced_off();
  tables.account.quiet_until = venue_until;
  tables.account.quiet_status = status;
  tables.account.notify_quiet_until = notifier_until;
  return {};
}

Result<void> MemoryJournal::accept_epoch(const std::string& venue_account_id, Instant entries_after) {
  std::lock_guard lock{state_->mutex};
  AccountTables& tables = state_->of(pen_.account);
  if (is_fenced(pen_, tables)) return fenced_off();
  tables.account.known_epoch = state_->epoch;
  tables.account.venue_account_id = venue_account_id;
  tables.account.entries_after = entries_after;
  return {};
}

Result<void> MemoryJournal::set_halt(const std::optional<std::string>& reason, Instant) {
  std::lock_guard lock{state_->mutex};
  AccountTables& tables = state_->of(pen_.account);
  if (is_fenced(pen_, tables)) return fenced_off();
  tables.account.halted = reason;
  return {};
}

Result<void> MemoryJournal::set_breaker(const std::optional<std::string>& reason, Instant now) {
  std::lock_guard lock{state_->mutex};
  AccountTables& tables = state_->of(pen_.account);
  if (is_fenced(pen_, tables)) return fenced_off();
  tables.account.breaker = reason;
  if (!reason) tables.account.breaker_reset_at = now;
  return {};
}

Result<std::vector<Decision>> MemoryJournal::decisions(const SignalKey& key) {
  std::lock_guard lock{state_->mutex};
  return state_->of(pen_.account).decisions(key);
}

Result<std::vector<Order>> MemoryJournal::orders_of(const SignalKey& key) {
  std::lock_guard lock{state_->mutex};
  return state_->of(pen_.account).rows_of_key(key);
}

Result<std::optional<Order>> MemoryJournal::order(const ClientOrderId& id) {
  std::lock_guard lock{state_->mutex};
  const Order* found = state_->of(pen_.account).find(id);
  return found ? std::optional{*found} : std::nullopt;
}

Result<std::optional<TradeRecord>> MemoryJournal::trade(const ClientOrderId& id) {
  std::lock_guard lock{state_->mutex};
  const TradeRecord* found = state_->of(pen_.account).find_trade(id);
  return found ? std::optional{*found} : std::nullopt;
}

Result<PastTrades> MemoryJournal::trades(const TradeQuery& query) {
  std::lock_guard lock{state_->mutex};
  PastTrades past{state_->of(pen_.account).past_trades(query), {}};
  return past;
}

Result<std::vector<SignalKey>> MemoryJournal::keys_about(const std::string& word, std::size_t at_most) {
  std::lock_guard lock{state_->mutex};
  return state_->of(pen_.account).keys_about(word, at_most);
}

Result<std::size_t> MemoryJournal::waiting_notices() {
  std::lock_guard lock{state_->mutex};
  return state_->of(pen_.account).waiting_notices();
}

Result<std::size_t> MemoryJournal::prune_piece(Instant before, Instant now, std::size_t at_most) {
  std::lock_guard lock{state_->mutex};
  AccountTables& tables = state_->of(pen_.account);
  if (is_fenced(pen_, tables)) return fenced_off();
  return tables.prune(before, now, at_most);
}

namespace {

// What the SQL stores refuse by a constraint.
bool is_writable(const Order& order) {
  return !order.client_id.empty() && !order.trade.empty() && !order.quantity.is_negative() &&
         !order.filled.is_negative();
}

Written judge_change(const Change& change, const AccountTables& tables) {
  const auto order_version = [&](const ClientOrderId& id) {
    const Order* row = tables.find(id);
    return row ? std::optional{row->version} : std::nullopt;
  };
  return judge_change(change, order_version, trade_version_in(tables));
}

VersionOf trade_version_in(const AccountTables& tables) {
  return [&tables](const ClientOrderId& id) {
    const TradeRecord* row = tables.find_trade(id);
    return row ? std::optional{row->version} : std::nullopt;
  };
}

void carry_out(const Change& change, AccountTables& tables) {
  for (const auto* rows : {&change.append, &change.advance})
    for (Order order : *rows) {
      order.version += 1;
      tables.put(std::move(order));
    }
  for (TradeRecord trade : change.trades) {
    trade.version += 1;
    tables.put(std::move(trade));
  }
  for (const Notice& notice : change.notices) tables.add_notice(notice);
  for (const AlarmEdge& edge : change.alarms) tables.apply_edge(edge);
  for (const ExitWord& word : change.words) tables.hear(word);
}

// The order that has an exit's key is the sale it led to; there is none yet before it is claimed.
std::optional<Duplicate> known_exit(const Signal& signal, const AccountTables& tables) {
  const auto known = tables.keys.find(claim_key(signal));
  if (known == tables.keys.end()) return std::nullopt;
  const KeyRow& row = known->second;
  Duplicate duplicate{"", "-", row.claimed_at, row.digest != signal_digest(signal), row.decided};
  if (const Order* exit = tables.newest_exit(row.exits)) {
    duplicate.first = exit->client_id;
    duplicate.existing_order_id = exit->venue_id.empty() ? exit->client_id : exit->venue_id;
  }
  return duplicate;
}

}  // namespace

}  // namespace tradeguard
