#include "tradeguard/guards.hpp"

#include <algorithm>

#include "tradeguard/entry_bars.hpp"
#include "tradeguard/order_state.hpp"

namespace tradeguard {

namespace {

std::optional<Duplicate> known_key(const EntryRequest& entry, const AdmissionFacts& facts);
std::optional<Denied> superseded(const Signal& signal, const EntryPolicy& policy, const AdmissionFacts& facts);
std::optional<Denied> objection(const EntryRequest& entry, const EntryPolicy& policy, const AdmissionFacts& facts,
                                const CooldownVerdict& cooldown, Instant now);
Admitted admit(const EntryRequest& entry, const EntryPolicy& policy, const AdmissionFacts& facts,
               const AccountKey& account, Instant now);
void count(const Order& admitted, const EntryRequest& entry, AdmissionFacts& facts);

}  // namespace

std::string who_said(const Signal& exit) { return "strategy:" + exit.strategy; }

CooldownVerdict judge_cooldown(const BaseHistory& history, const CooldownPolicy& policy, Instant now) {
  std::optional<Cooling> longest;
  const auto consider = [&](const std::optional<Instant>& at, Micros span, const char* what) {
    if (!at) return;
    // An entry in doubt cools from a moment shortly to come. One far ahead was written by a clock that was:
    // it cools for the whole span, and not for the error of the clock besides.
    constexpr Micros shortly = 1min;
    const Instant until = (*at > now + shortly ? now : *at) + span;
    if (now < until && (!longest || until > longest->until))
      longest = Cooling{until, std::string{what} + " at " + iso_micros(*at)};
  };
  consider(history.entry, policy.cooldown, "entry");
  consider(history.stop_out, policy.after_stop, "stop-out");
  if (longest) return *longest;
  return Passed{};
}

Result<std::vector<CooldownVerdict>> HistoryCooldownGuard::check(std::span<const Symbol> entries, Instant now) {
  std::set<std::string> bases;
  for (const Symbol& symbol : entries) bases.insert(symbol.base());
  auto history = history_.latest(bases);
  if (!history) return relayed(history, "reading the cooldown");
  std::vector<CooldownVerdict> verdicts;
  verdicts.reserve(entries.size());
  for (const Symbol& symbol : entries) verdicts.push_back(judge_cooldown((*history)[symbol.base()], policy_, now));
  return verdicts;
}

std::vector<Verdict> judge(std::span<const EntryRequest> entries, const EntryPolicy& policy, AdmissionFacts facts,
                           const AccountKey& account, Instant now) {
  std::vector<Verdict> verdicts;
  verdicts.reserve(entries.size());
  EntryPolicy remaining = policy;  // free balances shrink as entries are admitted
  for (const EntryRequest& entry : entries) {
    const auto cooldown = judge_cooldown(facts.history[entry.signal.symbol.base()], policy.cooldown, now);
    if (auto duplicate = known_key(entry, facts)) {
      verdicts.push_back({std::move(*duplicate), cooldown, true});
    } else if (auto denied = objection(entry, remaining, facts, cooldown, now)) {
      if (is_final(denied->reason)) {
        facts.known[entry.order.signal_key] = Duplicate{"", "-", now, false, decided_word(denied->reason)};
        facts.known_digests[entry.order.signal_key] = signal_digest(entry.signal);
      }
      verdicts.push_back({std::move(*denied), cooldown, false});
    } else {
      Admitted admitted = admit(entry, policy, facts, account, now);
      count(admitted.order, entry, facts);
      if (const auto free = remaining.free_quote.find(entry.signal.symbol.quote()); free != remaining.free_quote.end())
        free->second -= entry.notional;
      verdicts.push_back({std::move(admitted), cooldown, false});
    }
  }
  return verdicts;
}

Result<SettledEntry> settle_entry(const Order& entry, const TradeRecord& trade, const PlaceOutcome& outcome,
                                  Instant now) {
  Applied applied = apply(entry, outcome, now);
  SettledEntry settled{std::move(applied.order), trade};
  if (applied.alive_again && trade.reopens()) settled.trade.settled = false;
  switch (applied.step) {
    case Step::alarm:
    case Step::not_asked:
      return failed(Fault::data,
                    "an order that is " + std::string{text(entry.state)} + " cannot be " + describe(outcome));
    case Step::to_refused:
    case Step::to_lapsed:
      settled.trade.settled = true;
      break;
    case Step::to_closed:
      settled.trade.settled = settled.trade.settled || !settled.order.filled.is_positive();
      break;
    case Step::to_claimed:
    case Step::to_placed:
    case Step::stale:
      break;
  }
  return settled;
}

namespace {

std::optional<Duplicate> known_key(const EntryRequest& entry, const AdmissionFacts& facts) {
  const auto known = facts.known.find(entry.order.signal_key);
  if (known == facts.known.end()) return std::nullopt;
  Duplicate duplicate = known->second;
  const auto digest = facts.known_digests.find(known->first);
  duplicate.differs = digest != facts.known_digests.end() && digest->second != signal_digest(entry.signal);
  return duplicate;
}

// A BUY that spoke before the newest exit, flatten or stop-out of its symbol is overtaken. The clock of a
// venue and that of a strategy differ, so a stop-out is given some grace.
std::optional<Denied> superseded(const Signal& signal, const EntryPolicy& policy, const AdmissionFacts& facts) {
  constexpr Micros grace = 2s;
  if (signal.side != Side::buy) return std::nullopt;
  for (const ExitWord& word : facts.exit_words) {
    if (word.symbol != "*" && word.symbol != signal.symbol.text()) continue;
    if (policy.exit_scope == ExitScope::strategy && word.who != words_of_operator && word.who != who_said(signal))
      continue;
    if (signal.time < word.said)
      return Denied{Denial::superseded, std::nullopt,
                    (word.who == words_of_operator ? "flatten at " : "SELL at ") + iso_micros(word.said)};
  }
  const auto stop_out = facts.stop_outs.find(signal.symbol);
  if (stop_out != facts.stop_outs.end() && signal.time + grace < stop_out->second)
    return Denied{Denial::superseded, std::nullopt, "stop-out at " + iso_micros(stop_out->second)};
  return std::nullopt;
}

// Room for fees and the slip of a market order, on top of what it is meant to cost.
bool affordable(const Money& free, const Money& notional) {
  return free.value >= notional.value + Decimal::divide(notional.value, Decimal{100}, Rounding::up);
}

std::optional<Denied> objection(const EntryRequest& entry, const EntryPolicy& policy, const AdmissionFacts& facts,
                                const CooldownVerdict& cooldown, Instant now) {
  const Signal& signal = entry.signal;
  const auto deny = [](Word<Denial> reason, std::string detail = "", std::optional<Instant> until = std::nullopt) {
    return Denied{std::move(reason), until, std::move(detail)};
  };
  // A long is all that a cycle protects. A bot that claims a sale brings neither rules nor plan.
  const bool identity_only = entry.order.side == Side::sell;
  if (identity_only && (entry.rules || entry.plan))
    return deny(Denial::sell_entry, "an entry is a BUY; a SELL is claimed without rules and plan");
  if (signal.time > now + policy.max_future) {
    Denied ahead = deny(Denial::future, "signal time " + iso_micros(signal.time), signal.time);
    ahead.ahead = signal.time - now;
    return ahead;
  }
  // What is known about the signal for good comes first: an obstacle beside it must not keep it open.
  const Micros max_age = identity_only ? policy.exit_max_age : policy.max_age;
  if (now - signal.time > max_age) return deny(Denial::stale, "signal time " + iso_micros(signal.time));
  // Guards apply to what enlarges a position. A sale is claimed so that it is sent once.
  if (identity_only) return entry.objection;
  if (facts.entries_after && signal.time <= *facts.entries_after)
    return deny(Denial::before_epoch, "the store is new, restored or promoted since then");
  if (auto overtaken = superseded(signal, policy, facts)) return overtaken;
  if (facts.halted) return deny(Denial::halted, *facts.halted);
  const auto* cooling = std::get_if<Cooling>(&cooldown);
  if (cooling) return deny(Denial::cooldown, cooling->because, cooling->until);
  const std::string base = signal.symbol.base();
  for (EntryBar& bar : entry_bars(facts, policy))
    if (bar.base.empty() || bar.base == base) return deny(std::move(bar.reason), std::move(bar.detail));
  if (policy.frozen_bases.contains(base)) return deny(Denial::frozen, "seen in this run");
  if (entry.objection) return *entry.objection;
  if (policy.max_order_notional.is_positive() && entry.notional > policy.max_order_notional)
    return deny(Denial::max_order_notional, entry.notional.text());
  const auto free = policy.free_quote.find(signal.symbol.quote());
  if (free != policy.free_quote.end() && !affordable(free->second, entry.notional))
    return deny(Denial::balance, free->second.text() + " " + signal.symbol.quote() + " free");
  return std::nullopt;
}

Admitted admit(const EntryRequest& entry, const EntryPolicy& policy, const AdmissionFacts& facts,
               const AccountKey& account, Instant now) {
  Order order = entry.order;
  order.claimed_at = now;
  // A freed key is claimed again under the next number: a client id is never used twice.
  if (const auto freed = facts.freed.find(order.signal_key); freed != facts.freed.end())
    order.attempt = freed->second + 1;
  order.client_id = client_order_id(account, order.signal_key, Leg::entry, order.attempt);
  order.trade = order.client_id;
  if (policy.client_id_form != ClientIdForm::tg36) order.wire_id = wire_id(order.client_id, policy.client_id_form);
  TradeRecord trade = opened_by(order);
  trade.rules = entry.rules;
  trade.plan = entry.plan;
  trade.strategy = entry.signal.strategy;
  trade.signal_at = entry.signal.time;
  trade.claimer = entry.claimer;
  trade.protected_elsewhere = entry.protected_elsewhere;
  return {std::move(order), std::move(trade)};
}

void count(const Order& admitted, const EntryRequest& entry, AdmissionFacts& facts) {
  facts.known[admitted.signal_key] = Duplicate{admitted.client_id, admitted.client_id, admitted.claimed_at, false};
  facts.known_digests[admitted.signal_key] = signal_digest(entry.signal);
  if (admitted.side == Side::sell) return;  // no position, and nothing that cools
  BaseHistory& history = facts.history[admitted.symbol.base()];
  const Instant cools_from = std::max(admitted.stamp, admitted.valid_until);
  history.entry = history.entry ? std::max(*history.entry, cools_from) : cools_from;
  facts.open_positions += 1;
  facts.entries_today += 1;
}

}  // namespace
}  // namespace tradeguard
