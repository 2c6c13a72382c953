// Signals pass the guards, become claims in one transaction, and each claim is sent exactly once.
#include <algorithm>
#include <stdexcept>

#include "run.hpp"

namespace tradeguard {

namespace {

// The SELLs of a batch that were heard or wait until they are due, by symbol.
using NewestExits = std::map<Symbol, std::vector<Signal>>;

// What was read for all entries of the run, before the first of them was sent.
struct Market {
  NewestExits exits;            // SELLs of the same batch
  std::set<SignalKey> blocked;  // by a guard already: nothing was read for them
  bool read = false;            // false: no signal had a chance, nobody was asked
  std::map<Symbol, InstrumentRules> rules;
  std::map<Symbol, Quote> quotes;
  std::map<std::string, Money> free_quote;  // less what this run claimed
};

NewestExits wish_exits(Run& run, const std::vector<Signal>& signals);
void claim_wishes(Run& run, std::span<const ExitClaim> claims, std::set<const Signal*>& heard);
void tell_stale_exit(Run& run, const ExitClaim& claim);
void say_whole_exit(Run& run, const ExitClaim& claim);
Market read_market(Run& run, const std::vector<Signal>& signals);
Outlook look_ahead(Run& run, const std::vector<Signal>& signals);
bool stands_in_the_way(const Run& run, const Outlook& outlook, const Signal& signal);
bool find_rules(Run& run, Market& market, Outlook& outlook, const std::set<Symbol>& symbols);
void protect_own_fills(Run& run);
bool long_stale(const Run& run, const Signal& signal);
std::span<const Signal> next_group(const Market& market, std::span<const Signal> left, std::size_t may_enter);
std::optional<std::string> why_no_more(const Run& run);
std::vector<EntryRequest> ask_entries(Run& run, std::span<const Signal> signals, const Market& market);
EntryRequest ask_entry(Run& run, const Signal& signal, std::size_t index, const Market& market);
bool overtaken_in_batch(const Signal& signal, const Market& market, Instant now);
// Two words of one moment are told apart by their lines; the store compares the moments only. And it does not
// know a SELL that was ahead when the batch was read and is due by now.
bool overtaken_in_batch(const Signal& signal, const Market& market, Instant now) {
  const auto exits = market.exits.find(signal.symbol);
  return exits != market.exits.end() &&
         std::any_of(exits->second.begin(), exits->second.end(), [&](const Signal& exit) {
           return (exit.time == signal.time && exit.line > signal.line) ||
                  (exit.time > signal.time && exit.time <= now);
         });
}

Word<Denial> why_no_entries(Run& run, const Market& market);
EntryPolicy policy_now(Run& run, const Market& market);
// What was claimed, and what the guards said of all of it: lines wait until the orders are on their way.
struct Claimed {
  std::vector<EntryTicket> tickets;
  std::vector<Line> lines;
};
Claimed claim(Run& run, std::span<const EntryRequest> requests, Market& market);
void enter(Run& run, Claimed claimed);
void tell_verdict(Run& run, const Signal& signal, const Judged& judged, std::vector<Line>& lines);
Line key_line(const SignalKey& key, const Duplicate* known);
Line rejected(Run& run, int line, std::string_view reason);
Line too_old(Run& run, const Signal& signal, Micros limit);
Line wait_or_reject(Run& run, const Signal& signal, const Denied& denied);

}  // namespace

void admit_and_enter(Run& run) {
  const std::vector<Signal> signals = read_signals(run);
  if (signals.empty() || !run.may_write()) return;
  // A pipe may have kept us waiting. A claim without the lease to send it would use up its signal.
  if (!run.lease_holds()) return;
  run.begin_pass();
  run.report.signals = static_cast<int>(signals.size());
  NewestExits exits = wish_exits(run, signals);
  std::vector<Signal> buys;
  std::copy_if(signals.begin(), signals.end(), std::back_inserter(buys),
               [](const Signal& signal) { return signal.side == Side::buy; });
  if (buys.empty() || !run.may_write()) return;
  // What is too old by any clock is judged last: nothing fresh waits for it, however much it is.
  std::stable_partition(buys.begin(), buys.end(), [&](const Signal& signal) { return !long_stale(run, signal); });
  Market market = read_market(run, buys);
  market.exits = std::move(exits);
  const VenueTraits& traits = run.ports.placer.traits();
  std::size_t entered = 0;
  bool bought = false;  // by the group before
  for (std::size_t first = 0; first < buys.size() && run.may_write();) {
    // What was bought a moment ago gets its stop before more is bought.
    if (bought) protect_own_fills(run);
    if (!run.throttled && entered >= traits.entries_a_run)
      run.throttled = "the venue's limits leave no room for more and their stops in this run";
    if (const auto why = first > 0 ? why_no_more(run) : run.throttled) {
      run.say(Line{Level::warn, "SIGNALS_DEFERRED"}
                  .add("count", static_cast<std::int64_t>(buys.size() - first))
                  .add("reason", *why));
      return;
    }
    const std::size_t may_enter =
        std::min(std::max<std::size_t>(1, traits.entries_at_a_time), traits.entries_a_run - entered);
    const auto group = next_group(market, std::span{buys}.subspan(first), may_enter);
    const auto requests = ask_entries(run, group, market);
    Claimed claimed = claim(run, requests, market);
    entered += claimed.tickets.size();
    bought = !claimed.tickets.empty();
    enter(run, std::move(claimed));
    first += group.size();
  }
}

namespace {

bool unreadable_trade_of(const Run& run, const Symbol& symbol) {
  return std::any_of(run.book.alarms.begin(), run.book.alarms.end(), [&](const Alarm& alarm) {
    return alarm.kind == NoticeType::impossible && alarm.freezes == symbol.base();
  });
}

// A row may stay unreadable for longer than a SELL stays in its source, so somebody has to know of it now.
void tell_unreadable_exit(Run& run, const Signal& signal) {
  if (!run.may_write()) return;
  Notice notice{};
  notice.event_id = "EXIT_EXPIRED:unreadable:" + claim_key(signal);
  notice.type = NoticeType::exit_expired;
  notice.severity = Severity::warning;
  notice.symbol = signal.symbol.text();
  notice.facts = {{"signal", claim_key(signal)},
                  {"why", "a row of its trade cannot be read; nothing was sold for it"},
                  {"what happens", "a run that can read the row sells, if the SELL is given again"},
                  {"to sell", "mend the row in the store, then tradeguard flatten " + signal.symbol.text()}};
  notice.created_at = run.now;
  Item item;
  tell_once(run, item, std::move(notice));
  run.commit({std::move(item)});
}

// A SELL signal exits the own trades of its symbol whose signal is older. What is in the book was claimed
// before this batch was read, so one of the same moment is older too. The wish is durable before anything is
// cancelled for it; the rounds behind the entries carry it out.
NewestExits wish_exits(Run& run, const std::vector<Signal>& signals) {
  std::vector<ExitClaim> claims;
  std::set<ClientOrderId> wished;
  for (const Signal& signal : signals) {
    if (signal.side != Side::sell) continue;
    ExitClaim exit{signal, {}, {}};
    for (const Trade& trade : run.book.trades) {
      const TradeRecord& record = trade.record;
      if (trade.symbol() != signal.symbol || record.settled || record.released) continue;
      if (spoken_at(trade) > signal.time) continue;
      if (run.settings.policy.exit_scope == ExitScope::strategy && record.strategy != signal.strategy) continue;
      exit.touches.push_back(trade.id());
      // Two exits of one batch want the same sale, and what the operator wants sold stays his wish.
      if (!wished.insert(trade.id()).second || record.exit_reason == ExitReason::operator_) continue;
      TradeRecord wish = record;
      wish.exit_reason = ExitReason::signal;
      wish.exit_key = claim_key(signal);
      wish.exit_until = run.venue_now() + run.settings.policy.exit_max_age;
      exit.advance.push_back(std::move(wish));
    }
    if (exit.touches.empty() && unreadable_trade_of(run, signal.symbol)) {
      // What it concerns may be in the row that nobody can read, so nothing is answered yet.
      run.say(Line{Level::warn, "EXIT_DEFERRED"}
                  .add("symbol", signal.symbol.text())
                  .add("signal_key", signal_key(signal))
                  .add("reason", "unreadable"));
      tell_unreadable_exit(run, signal);
      continue;
    }
    claims.push_back(std::move(exit));
  }
  NewestExits exits;
  if (claims.empty()) return exits;
  // Too old is for good, so the clock that says so is compared first. Where it cannot be, nothing is answered yet.
  const auto too_old = [&](const ExitClaim& claim) {
    return run.now - claim.signal.time > run.settings.policy.exit_max_age;
  };
  if (std::any_of(claims.begin(), claims.end(), too_old)) {
    run.measure_clock();
    if (!run.clock_offset) {
      for (const ExitClaim& claim : claims)
        if (too_old(claim))
          run.say(Line{Level::warn, "EXIT_DEFERRED"}
                      .add("symbol", claim.signal.symbol.text())
                      .add("signal_key", signal_key(claim.signal))
                      .add("reason", "clock_unreadable"));
      std::erase_if(claims, too_old);
      if (claims.empty()) return exits;
    }
  }
  std::set<const Signal*> heard;
  claim_wishes(run, claims, heard);
  for (const ExitClaim& claim : claims)
    if (heard.contains(&claim.signal)) exits[claim.signal.symbol].push_back(claim.signal);
  return exits;
}

void claim_wishes(Run& run, std::span<const ExitClaim> claims, std::set<const Signal*>& heard) {
  Result<std::vector<ExitVerdict>> verdicts = failed(Fault::data, "");
  const EntryPolicy& policy = run.settings.policy;
  try {
    // A store with a clock of its own judges by that.
    verdicts = run.ports.journal.claim_exits(claims, policy.exit_max_age, policy.max_future, run.sound_now());
  } catch (const std::exception& error) {
    verdicts = failed(Fault::data, error.what());
  }
  if (!verdicts && verdicts.error().fault == Fault::data && claims.size() > 1) {
    for (std::size_t i = 0; i < claims.size(); ++i) claim_wishes(run, claims.subspan(i, 1), heard);
    return;
  }
  if (!verdicts && verdicts.error().fault == Fault::data) {
    drop_item(run, claim_key(claims.front().signal), "claiming an exit", std::runtime_error{verdicts.error().what});
    return;
  }
  if (!verdicts) {
    run.store_failed(verdicts.error());
    return;
  }
  for (std::size_t i = 0; i < claims.size(); ++i) {
    const Signal& signal = claims[i].signal;
    const SignalKey key = signal_key(signal);
    std::visit(
        overloaded{
            [&](const ExitClaimed&) {
              heard.insert(&signal);
              run.say(key_line(key, nullptr));
              if (claims[i].touches.empty())
                run.say(
                    Line{Level::info, "EXIT_NOTHING_HELD"}.add("symbol", signal.symbol.text()).add("signal_key", key));
              run.exits_wished = run.exits_wished || !claims[i].advance.empty();
              say_whole_exit(run, claims[i]);
              for (TradeRecord wish : claims[i].advance) {
                wish.version += 1;
                run.put(wish);
              }
            },
            [&](const Duplicate& known) {
              heard.insert(&signal);
              run.report.blocked_idempotency += 1;
              run.say(key_line(key, &known));
            },
            [&](const Denied& denied) {
              run.say(key_line(key, nullptr));
              if (denied.reason == Denial::future) {
                heard.insert(&signal);
                run.say(wait_or_reject(run, signal, denied));
              } else if (denied.reason == Denial::stale) {
                run.say(too_old(run, signal, run.settings.policy.exit_max_age));
                tell_stale_exit(run, claims[i]);
              } else {
                run.say(Line{Level::warn, "EXIT_DEFERRED"}
                            .add("symbol", signal.symbol.text())
                            .add("signal_key", key)
                            .add("reason", denied.reason.str()));
              }
            },
        },
        (*verdicts)[i]);
  }
}

// A SELL that comes too late to be believed, with something to sell: somebody has to decide.
void tell_stale_exit(Run& run, const ExitClaim& claim) {
  std::vector<Item> items;
  for (const ClientOrderId& id : claim.touches) {
    const Trade* trade = run.trade(id);
    if (trade == nullptr) continue;
    Item item{.trade = id};
    Notice notice =
        notice_of(NoticeType::exit_expired, Severity::warning, trade->entry(), run.now, claim_key(claim.signal));
    notice.facts = {{"signal", claim_key(claim.signal)},
                    {"why", "it is older than signals.exit_max_age; nothing was sold for it"},
                    {"to sell", "tradeguard flatten " + claim.signal.symbol.text()}};
    item.tell(std::move(notice));
    items.push_back(std::move(item));
  }
  run.commit(std::move(items));
}

// A SELL of a part sells the whole, which somebody may not expect. Once: later it is a repeat.
void say_whole_exit(Run& run, const ExitClaim& claim) {
  if (!exits_whole(claim.signal) || claim.advance.empty()) return;
  run.say(Line{Level::warn, "EXIT_WHOLE"}
              .add("symbol", claim.signal.symbol.text())
              .add("line", claim.signal.line)
              .add("trades", static_cast<std::int64_t>(claim.advance.size())));
}

// Rules, prices and balances are read for the whole set, once. What a guard blocks anyway costs the
// venue no question: in most minutes that is every signal there is.
Market read_market(Run& run, const std::vector<Signal>& signals) {
  Market market;
  Outlook outlook = look_ahead(run, signals);
  std::set<Symbol> symbols;
  for (const Signal& signal : signals) {
    if (long_stale(run, signal) || stands_in_the_way(run, outlook, signal))
      market.blocked.insert(signal_key(signal));
    else
      symbols.insert(signal.symbol);
  }
  if (symbols.empty() || !run.may_write()) return market;
  market.read = true;
  if (!find_rules(run, market, outlook, symbols)) run.no_entries = Denial::rules_unreadable;
  run.begin_pass();
  read_quotes_and_balances(run, symbols);
  look_at_account(run);
  run.measure_clock();  // the answers just read tell the venue's time where no question does
  run.begin_pass_keeping_reads();
  if (run.quotes)
    market.quotes = *run.quotes;
  else
    run.no_entries = Denial::prices_unreadable;
  if (!run.balances) run.no_entries = Denial::balances_unreadable;
  for (const Symbol& symbol : symbols)
    if (const auto balance = run.balance_of(symbol.quote())) market.free_quote[symbol.quote()] = Money{balance->free};
  return market;
}

Outlook look_ahead(Run& run, const std::vector<Signal>& signals) {
  try {
    auto outlook = run.ports.journal.outlook(signals);
    if (outlook) return std::move(*outlook);
    if (outlook.error().fault != Fault::data) run.store_failed(outlook.error());
  } catch (const std::exception& error) {
    run.say(Line{Level::error, "PORT_FAILED"}.add("doing", "looking ahead").add("error", error.what()));
  }
  return {};
}

bool stands_in_the_way(const Run& run, const Outlook& outlook, const Signal& signal) {
  if (outlook.known.contains(claim_key(signal))) return true;
  const auto history = outlook.history.find(signal.symbol.base());
  return history != outlook.history.end() &&
         std::holds_alternative<Cooling>(judge_cooldown(history->second, run.settings.policy.cooldown, run.now));
}

// Rules have an age. A venue that is part of this machine is asked every time: its rules are ours.
bool find_rules(Run& run, Market& market, Outlook& outlook, const std::set<Symbol>& symbols) {
  std::set<Symbol> unknown = symbols;
  if (run.ports.placer.traits().network) {
    for (auto& [symbol, rules] : outlook.rules) {
      const Micros age = run.now - rules.read_at;
      if (age < -run.settings.rules_max_age || age > run.settings.rules_max_age) continue;
      unknown.erase(symbol);
      market.rules.emplace(symbol, std::move(rules));
    }
  }
  if (unknown.empty()) return true;
  const bool asked = ask_rules(run, market.rules, unknown);
  if (!asked || !run.ports.placer.traits().network) return asked;
  std::vector<InstrumentRules> fresh;
  for (const Symbol& symbol : unknown)
    if (const auto rules = market.rules.find(symbol); rules != market.rules.end()) fresh.push_back(rules->second);
  if (const auto kept = run.ports.journal.remember_rules(fresh); !kept && kept.error().fault != Fault::data)
    run.store_failed(kept.error());
  return true;
}

bool some_fill_waits_for_its_stop(const Run& run) {
  return std::any_of(run.book.trades.begin(), run.book.trades.end(), [&](const Trade& trade) {
    if (!run.own.contains(trade.id()) || trade.record.settled) return false;
    const Exposure e = exposure(trade, run.sighted, run.venue_now());
    return !e.naked_is_dust && (e.held - e.working - e.asked - e.leaving).is_positive();
  });
}

void protect_own_fills(Run& run) {
  constexpr int attempts = 4;
  Micros pause = run.settings.fast_patience;
  for (int attempt = 0; attempt < attempts && !run.fenced; ++attempt) {
    run.begin_pass();
    reconcile(run);
    if (run.fenced) return;
    protect(run);
    if (run.legs_throttled == 0 || !some_fill_waits_for_its_stop(run)) return;
    // A stop that was too early for the venue goes again before anything more is bought.
    run.ports.clock.wait(pause);
    pause *= 2;
  }
  run.throttled = "the venue throttles the stops of this run";
}

// The store's clock rules, and may differ from this one by a little.
bool long_stale(const Run& run, const Signal& signal) {
  return run.now - signal.time > run.settings.policy.max_age + 60s;
}

// As many that may be entered as the venue takes at a time, and all among them that a guard blocks or that
// are too old: those cost the venue nothing and the store a part of one transaction.
std::span<const Signal> next_group(const Market& market, std::span<const Signal> left, std::size_t may_enter) {
  constexpr std::size_t most = 1000;
  std::size_t count = 0;
  for (std::size_t enterable = 0; count < std::min(most, left.size()); ++count)
    if (!market.blocked.contains(signal_key(left[count])) && ++enterable > may_enter) break;
  return left.first(count);
}

// Between two groups: a run that is to end, or has no time left, says so once and not for each signal.
std::optional<std::string> why_no_more(const Run& run) {
  if (run.stop_asked()) return "stopping";
  if (run.past(run.settings.deadline - 20s)) return "deadline";
  return run.throttled;
}

std::vector<EntryRequest> ask_entries(Run& run, std::span<const Signal> signals, const Market& market) {
  run.begin_pass();
  std::vector<EntryRequest> requests;
  std::size_t index = 0;  // of those that may be sent
  for (const Signal& signal : signals) {
    item_by_item(run, signal_key(signal), "sizing an entry", [&] {
      requests.push_back(ask_entry(run, signal, index, market));
      if (!market.blocked.contains(signal_key(signal))) ++index;
    });
  }
  return requests;
}

ProtectionPlan plan_for(const CycleSettings& settings, const Signal& signal) {
  ProtectionPlan plan = settings.plan;
  if (const auto market = settings.markets.find(signal.symbol); market != settings.markets.end()) {
    plan.stop_percent = market->second.stop_loss_percent.value_or(plan.stop_percent);
    plan.target_percent = market->second.take_profit_percent.value_or(plan.target_percent);
  }
  plan.stop_percent = signal.stop_loss_percent.value_or(plan.stop_percent);
  plan.target_percent = signal.take_profit_percent.value_or(plan.target_percent);
  plan.stop_price = signal.stop_loss_price;
  plan.target_price = signal.take_profit_price;
  return plan;
}

bool slipped(const Run& run, Price seen, Price market) {
  if (!run.settings.check_slippage || run.settings.max_slippage_percent.is_zero()) return false;
  const Price above = moved_by_percent(seen, run.settings.max_slippage_percent);
  const Price below = moved_by_percent(seen, -run.settings.max_slippage_percent);
  return market > above || market < below;
}

// Never open what cannot be protected: whatever is missing here is an objection, said before sending.
EntryRequest ask_entry(Run& run, const Signal& signal, std::size_t index, const Market& market) {
  Order order{.client_id = {},
              .trade = {},
              .signal_key = signal_key(signal),
              .symbol = signal.symbol,
              .side = signal.side,
              .type = OrderType::market,
              .price = signal.price};
  // Each request has its own millisecond: venues take two alike for one.
  order.stamp = run.venue_now() + std::chrono::milliseconds{index};
  order.valid_until = order.stamp + run.ports.placer.traits().validity_window;
  EntryRequest request{signal, std::move(order), Money{}, std::nullopt, std::nullopt, plan_for(run.settings, signal)};

  if (overtaken_in_batch(signal, market, run.ports.clock.now())) {
    request.objection = Denied{Denial::superseded};
    return request;
  }
  if (market.blocked.contains(request.order.signal_key)) {
    request.objection =
        Denied{Denial::blocked};  // the guard that blocks it says so itself, unless its time ended just now
    return request;
  }
  const auto rules = market.rules.find(signal.symbol);
  if (rules == market.rules.end()) {
    request.objection = Denied{Denial::no_rules};
    return request;
  }
  request.rules = rules->second;
  const auto quote = market.quotes.find(signal.symbol);
  const auto seen = quote == market.quotes.end() ? std::nullopt : std::optional{quote->second.last};
  const auto reference = run.settings.check_slippage ? seen : (signal.price ? signal.price : seen);
  if (!reference) {
    request.objection = Denied{Denial::no_price};
    return request;
  }
  if (!request.order.price) request.order.price = run.settings.check_slippage ? reference : std::nullopt;
  if (signal.price && seen && slipped(run, *signal.price, *seen)) request.objection = Denied{Denial::slippage};
  // Of what it would be paid with nobody said how much there is.
  if (!request.objection && !market.free_quote.contains(signal.symbol.quote()))
    request.objection = Denied{Denial::balances_unreadable};

  auto notional = signal.notional;
  if (const auto settings = run.settings.markets.find(signal.symbol);
      !notional && !signal.quantity && settings != run.settings.markets.end())
    notional = settings->second.notional;
  auto size = size_entry(notional, signal.quantity, *reference, *request.plan, rules->second, run.settings.stranding);
  if (!size) {
    if (!request.objection) request.objection = size.error();
    return request;
  }
  request.order.quantity = size->quantity;
  request.notional = size->notional;
  const int resting =
      static_cast<int>(std::count_if(run.book.trades.begin(), run.book.trades.end(), [&](const Trade& trade) {
        return trade.symbol() == signal.symbol && !trade.record.settled;
      }));
  if (rules->second.max_open_stops > 0 && resting >= rules->second.max_open_stops && !request.objection)
    request.objection = Denied{Denial::open_order_limit};
  return request;
}

Word<Denial> why_no_entries(Run& run, const Market& market) {
  if (run.stop_asked()) return Denial::stopping;
  if (run.past(run.settings.deadline - 20s)) return Denial::deadline;
  if (run.unverified > 0 || !run.unread.empty()) return Denial::unverified;
  if (!market.read) return run.no_entries;
  if (!run.clock_offset) return Denial::clock_unreadable;
  if (std::chrono::abs(*run.clock_offset) > run.settings.max_clock_offset) return Denial::clock_offset;
  return run.no_entries;
}

EntryPolicy policy_now(Run& run, const Market& market) {
  EntryPolicy policy = run.settings.policy;
  // What the bot gave is added to, never overwritten.
  if (policy.no_entries.empty()) policy.no_entries = why_no_entries(run, market);
  policy.frozen_bases.insert(run.drifted.begin(), run.drifted.end());
  policy.free_quote = market.free_quote;
  return policy;
}

Claimed claim(Run& run, std::span<const EntryRequest> requests, Market& market) {
  Claimed claimed;
  Result<std::vector<Judged>> judged = failed(Fault::data, "");
  try {
    judged = run.ports.guard.claim(requests, policy_now(run, market), run.now);
  } catch (const std::exception& error) {
    judged = failed(Fault::data, error.what());
  }
  if (!judged) {
    if (judged.error().fault == Fault::data && requests.size() > 1) {
      for (std::size_t i = 0; i < requests.size(); ++i) {
        Claimed alone = claim(run, requests.subspan(i, 1), market);
        std::move(alone.tickets.begin(), alone.tickets.end(), std::back_inserter(claimed.tickets));
        std::move(alone.lines.begin(), alone.lines.end(), std::back_inserter(claimed.lines));
      }
    } else if (judged.error().fault == Fault::data) {
      drop_item(run, requests.front().order.signal_key, "claiming an entry", std::runtime_error{judged.error().what});
    } else {
      run.store_failed(judged.error());
    }
    return claimed;
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    Judged& verdict = (*judged)[i];
    tell_verdict(run, requests[i].signal, verdict, claimed.lines);
    if (auto* ticket = std::get_if<EntryTicket>(&verdict.outcome)) {
      run.own.insert(ticket->order().trade);
      run.put(ticket->trade());
      run.put(ticket->order());
      if (const auto free = market.free_quote.find(ticket->order().symbol.quote()); free != market.free_quote.end())
        free->second -= requests[i].notional;
      claimed.tickets.push_back(std::move(*ticket));
    }
  }
  return claimed;
}

// The store's clock may be ahead of this machine's, and no base cools for longer than its cooldown.
Micros still_cooling(const Run& run, const Cooling& cooling) {
  const CooldownPolicy& policy = run.settings.policy.cooldown;
  return std::min(cooling.until - run.now, std::max(policy.cooldown, policy.after_stop));
}

void tell_verdict(Run& run, const Signal& signal, const Judged& judged, std::vector<Line>& lines) {
  const std::string symbol = signal.symbol.text();
  const SignalKey key = signal_key(signal);
  if (std::holds_alternative<Fenced>(judged.outcome)) {
    run.fenced = true;
    return;
  }
  std::visit(overloaded{
                 [&](const Passed&) {
                   lines.push_back(Line{Level::info, "GUARD"}.words("cooldown_passed").add("symbol", symbol));
                 },
                 [&](const Cooling& cooling) {
                   run.report.blocked_cooldown += 1;
                   lines.push_back(Line{Level::info, "GUARD"}
                                       .words("cooldown_blocked")
                                       .add("symbol", symbol)
                                       .add("seconds_remaining", seconds_rounded_up(still_cooling(run, cooling)))
                                       .debug("because", cooling.because));
                 },
             },
             judged.cooldown);
  std::visit(overloaded{
                 [&](const EntryTicket&) { lines.push_back(key_line(key, nullptr)); },
                 [&](const Fenced&) {},
                 [&](const Duplicate& known) {
                   run.report.blocked_idempotency += 1;
                   lines.push_back(key_line(key, &known));
                 },
                 [&](const Denied& denied) {
                   lines.push_back(key_line(key, nullptr));
                   if (denied.reason == Denial::future) return lines.push_back(wait_or_reject(run, signal, denied));
                   if (denied.reason == Denial::stale)
                     return lines.push_back(too_old(run, signal, run.settings.policy.max_age));
                   run.report.denied += 1;
                   if (denied.reason == Denial::cooldown) return;  // its guard line has said it
                   Line line = Line{Level::warn, "ENTRY_DENIED"}
                                   .add("symbol", symbol)
                                   .add("signal_key", key)
                                   .add("reason", spoken(denied));
                   // What stands in the way of a signal that is well itself.
                   if (is_of_others(denied)) line.add("because", denied.detail);
                   if (spoken(denied) == denied.reason.str()) line.debug("detail", denied.detail);
                   lines.push_back(std::move(line));
                 },
             },
             judged.outcome);
}

void enter(Run& run, Claimed claimed) {
  const std::vector<EntryTicket>& tickets = claimed.tickets;
  const auto say_all = [&] {
    for (const Line& line : claimed.lines) run.say(line);
  };
  if (tickets.empty() || !run.lease_holds() || run.store_lost) return say_all();
  run.sent_entries = true;
  // What has no answer may have left: it is looked up, never sent again.
  const auto outcomes = burst(
      run, Burst::sending, "entering", tickets,
      [&](std::span<const EntryTicket> some) { return run.ports.placer.place(some); },
      [] { return PlaceOutcome{InDoubt{"no answer"}}; });
  say_all();
  run.now = run.ports.clock.now();

  std::vector<Item> items;
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    const Order order = tickets[i].order();
    item_by_item(run, order.trade, "reading the answer to an entry", [&] {
      const Applied applied = apply(order, outcomes[i], run.sound_now());
      Item item{.trade = order.trade};
      if (applied.fill_grew) item.record(tickets[i].trade()).naked_since = run.now;
      tell_outcome(item, applied.order, outcomes[i], run);
      if (applied.order != order) item.change.advance.push_back(applied.order);
      tell_entry(item, order, applied, run);
      items.push_back(std::move(item));
      std::visit(overloaded{
                     [&](const Accepted&) { run.report.entries += 1; },
                     [&](const Refused&) { run.report.refused += 1; },
                     [&](const InDoubt&) { run.report.entries += 1; },
                     [&](const Unsent& unsent) {
                       if (unsent.why == Unsent::Why::throttled || unsent.why == Unsent::Why::clock)
                         run.throttled = unsent.message;
                     },
                 },
                 outcomes[i]);
    });
  }
  run.commit(std::move(items));
}

Line key_line(const SignalKey& key, const Duplicate* known) {
  if (known == nullptr) return Line{Level::info, "GUARD"}.words("idempotency_passed").add("signal_key", key);
  Line line = Line{Level::info, "GUARD"}
                  .words("idempotency_blocked")
                  .add("signal_key", key)
                  .add("existing_order_id", known->existing_order_id);
  if (!known->decided.empty()) line.add("decided", known->decided);
  if (known->differs) line.add("differs", "1");
  return line;
}

// A signal a little ahead of its time waits for a later run; one far ahead says that a clock is wrong.
Line wait_or_reject(Run& run, const Signal& signal, const Denied& denied) {
  const std::int64_t seconds = seconds_rounded_up(denied.ahead);
  if (denied.ahead <= run.settings.policy.max_wait)
    return Line{Level::info, "SIGNAL_WAITS"}
        .add("line", signal.line)
        .add("signal_key", signal_key(signal))
        .add("ahead_seconds", seconds);
  return rejected(run, signal.line, denied.reason.str())
      .add("ahead_seconds", seconds)
      .add("clock", denied.clock_of_store ? "store" : "host");
}

Line too_old(Run& run, const Signal& signal, Micros limit) {
  return rejected(run, signal.line, "stale")
      .add("symbol", signal.symbol.text())
      .add("age_seconds", seconds_rounded_up(run.now - signal.time))
      .add("limit_seconds", seconds_rounded_up(limit));
}

Line rejected(Run& run, int line, std::string_view reason) {
  run.report.rejected += 1;
  return Line{Level::warn, "SIGNAL_REJECTED"}.add("line", line).add("reason", reason);
}

}  // namespace

bool ask_rules(Run& run, std::map<Symbol, InstrumentRules>& into, const std::set<Symbol>& symbols) {
  const auto ask = [&](const std::set<Symbol>& some) {
    try {
      auto rules = run.ports.placer.rules(some);
      if (rules)
        into.merge(*rules);
      else
        run.say(Line{Level::error, "VENUE_UNREADABLE"}.add("what", "rules").add("error", rules.error().what));
      if (!rules) run.venue_error(rules.error());
      return rules.has_value();
    } catch (const std::exception& error) {
      run.say(Line{Level::error, "VENUE_UNREADABLE"}.add("what", "rules").add("error", error.what()));
      run.one_by_one = true;
      return false;
    }
  };
  if (!run.one_by_one && ask(symbols)) return true;
  if (!run.one_by_one) return false;
  bool some_read = false;
  for (const Symbol& symbol : symbols) some_read = ask({symbol}) || some_read;
  return some_read;
}

}  // namespace tradeguard
