// Signals pass the guards, become claims in one transaction, and each claim is sent exactly once.
#include <algorithm>
#include <stdexcept>

#include "run.hpp"

namespace tradeguard {

namespace {

std::vector<Signal> read_signals(Run& run);
void wish_exits(Run& run, const std::vector<Signal>& signals);
void claim_wishes(Run& run, std::span<const ExitClaim> claims);
std::vector<EntryRequest> ask_entries(Run& run, const std::vector<Signal>& signals);
EntryRequest ask_entry(Run& run, const Signal& signal, std::size_t index);
std::optional<std::string> why_no_entries(Run& run);
void read_market(Run& run, const std::vector<Signal>& signals);
bool read_rules(Run& run, const std::set<Symbol>& symbols);
EntryPolicy policy_now(Run& run);
std::vector<EntryTicket> claim(Run& run, std::span<const EntryRequest> requests);
void enter(Run& run, std::vector<EntryTicket> tickets);
void tell_verdict(Run& run, const Signal& signal, Judged& judged);
void say_key(Run& run, const SignalKey& key, const Duplicate* known);
void reject(Run& run, int line, std::string_view reason);

}  // namespace

void admit_and_enter(Run& run) {
  const std::vector<Signal> signals = read_signals(run);
  if (signals.empty() || !run.may_write()) return;
  // A pipe may have kept us waiting. A claim without the lease to send it would use up its signal.
  if (!run.lease_holds()) return;
  run.begin_pass();
  run.report.signals = static_cast<int>(signals.size());
  wish_exits(run, signals);
  if (std::none_of(signals.begin(), signals.end(),
                   [](const Signal& s) { return s.side == Side::buy; }))
    return;
  read_market(run, signals);
  const std::vector<EntryRequest> requests = ask_entries(run, signals);
  // At most as many claims at a time as can be sent in a second; the rest wait unclaimed.
  const std::size_t at_a_time =
      std::max<std::size_t>(1, run.ports.placer.traits().entries_at_a_time);
  for (std::size_t first = 0; first < requests.size() && run.may_write(); first += at_a_time) {
    if (first > 0) run.ports.clock.wait(1s);
    if (run.throttled) {
      run.say(Line{Level::warn, "SIGNALS_DEFERRED"}
                  .add("count", static_cast<std::int64_t>(requests.size() - first))
                  .add("reason", *run.throttled));
      return;
    }
    const std::size_t count = std::min(at_a_time, requests.size() - first);
    enter(run, claim(run, std::span{requests}.subspan(first, count)));
  }
}

namespace {

std::vector<Signal> read_signals(Run& run) {
  Result<SignalBatch> batch = failed(Fault::unreachable, "");
  try {
    batch = run.ports.signals.read();
  } catch (const std::exception& error) {
    batch = failed(Fault::unreachable, error.what());
  }
  if (!batch) {
    run.say(Line{Level::error, "SIGNALS_UNREADABLE"}.add("error", batch.error().what));
    run.report.rejected += 1;
    return {};
  }
  for (const RejectedLine& rejected : batch->rejected) reject(run, rejected.line, rejected.reason);
  std::stable_sort(batch->signals.begin(), batch->signals.end(),
                   [](const Signal& a, const Signal& b) {
                     return std::pair{a.time, a.line} < std::pair{b.time, b.line};
                   });
  return std::move(batch->signals);
}

// A SELL signal exits the own trades of its symbol that were opened before it. The wish is durable
// before anything is cancelled for it; the rounds behind the entries carry it out.
void wish_exits(Run& run, const std::vector<Signal>& signals) {
  std::vector<ExitClaim> claims;
  std::set<ClientOrderId> wished;
  for (const Signal& signal : signals) {
    if (signal.side != Side::sell) continue;
    ExitClaim exit{signal, {}};
    for (const Trade& trade : run.book.trades) {
      const Order& entry = trade.entry();
      if (entry.symbol != signal.symbol || entry.settled || entry.released) continue;
      if (entry.stamp >= signal.time || !wished.insert(trade.id()).second) continue;
      Order wish = entry;
      wish.exit_reason = "signal";
      wish.exit_until = run.now + run.settings.policy.max_age;
      exit.advance.push_back(std::move(wish));
    }
    claims.push_back(std::move(exit));
  }
  if (claims.empty()) return;
  claim_wishes(run, claims);
}

void claim_wishes(Run& run, std::span<const ExitClaim> claims) {
  Result<std::vector<ExitVerdict>> verdicts = failed(Fault::data, "");
  try {
    verdicts = run.ports.journal.claim_exits(claims, run.settings.policy.max_age,
                                             run.settings.policy.max_future, run.now);
  } catch (const std::exception& error) {
    verdicts = failed(Fault::data, error.what());
  }
  if (!verdicts && verdicts.error().fault == Fault::data && claims.size() > 1) {
    for (std::size_t i = 0; i < claims.size(); ++i) claim_wishes(run, claims.subspan(i, 1));
    return;
  }
  if (!verdicts && verdicts.error().fault == Fault::data) {
    drop_item(run, signal_key(claims.front().signal), "claiming an exit",
              std::runtime_error{verdicts.error().what});
    return;
  }
  if (!verdicts) {
    run.store_failed(verdicts.error());
    return;
  }
  for (std::size_t i = 0; i < claims.size(); ++i) {
    const SignalKey key = signal_key(claims[i].signal);
    std::visit(overloaded{
                   [&](const ExitClaimed&) {
                     say_key(run, key, nullptr);
                     run.exits_wished = run.exits_wished || !claims[i].advance.empty();
                     for (Order wish : claims[i].advance) {
                       wish.version += 1;
                       run.put(wish);
                     }
                   },
                   [&](const Duplicate& known) {
                     run.report.blocked_idempotency += 1;
                     say_key(run, key, &known);
                   },
                   [&](const Denied& denied) {
                     say_key(run, key, nullptr);
                     reject(run, claims[i].signal.line, denied.reason);
                   },
               },
               (*verdicts)[i]);
  }
}

// Rules, prices and balances are read for the whole set, once.
void read_market(Run& run, const std::vector<Signal>& signals) {
  std::set<Symbol> symbols;
  for (const Signal& signal : signals)
    if (signal.side == Side::buy) symbols.insert(signal.symbol);
  run.measure_clock();
  run.begin_pass();
  if (!read_rules(run, symbols)) run.no_entries = "rules_unreadable";
  if (!read_quotes(run, symbols)) run.no_entries = "prices_unreadable";
  if (!read_balances(run)) run.no_entries = "balances_unreadable";
}

bool read_rules(Run& run, const std::set<Symbol>& symbols) {
  const auto ask = [&](const std::set<Symbol>& some) {
    try {
      auto rules = run.ports.placer.rules(some);
      if (rules) run.rules.merge(*rules);
      else run.say(Line{Level::error, "VENUE_UNREADABLE"}.add("what", "rules")
                       .add("error", rules.error().what));
      run.venue_failed = run.venue_failed || !rules;
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

std::vector<EntryRequest> ask_entries(Run& run, const std::vector<Signal>& signals) {
  std::vector<EntryRequest> requests;
  for (const Signal& signal : signals) {
    if (signal.side != Side::buy) continue;
    item_by_item(run, signal_key(signal), "sizing an entry", [&] {
      requests.push_back(ask_entry(run, signal, requests.size()));
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

std::optional<Price> market_price(const Run& run, const Symbol& symbol) {
  if (!run.quotes) return std::nullopt;
  const auto quote = run.quotes->find(symbol);
  return quote == run.quotes->end() ? std::nullopt : std::optional{quote->second.last};
}

bool slipped(const Run& run, Price seen, Price market) {
  if (!run.settings.check_slippage || run.settings.max_slippage_percent.is_zero()) return false;
  const Price above = moved_by_percent(seen, run.settings.max_slippage_percent);
  const Price below = moved_by_percent(seen, -run.settings.max_slippage_percent);
  return market > above || market < below;
}

// Never open what cannot be protected: whatever is missing here is an objection, said before sending.
EntryRequest ask_entry(Run& run, const Signal& signal, std::size_t index) {
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
  order.plan = plan_for(run.settings, signal);
  order.strategy = signal.strategy;
  EntryRequest request{signal, std::move(order), Money{}, std::nullopt};

  const auto rules = run.rules.find(signal.symbol);
  if (rules == run.rules.end()) {
    request.objection = "no_rules";
    return request;
  }
  request.order.rules = rules->second;
  const auto market = market_price(run, signal.symbol);
  const auto reference = run.settings.check_slippage ? market : (signal.price ? signal.price : market);
  if (!reference) {
    request.objection = "no_price";
    return request;
  }
  if (!request.order.price) request.order.price = run.settings.check_slippage ? reference : std::nullopt;
  if (signal.price && market && slipped(run, *signal.price, *market)) request.objection = "slippage";

  auto notional = signal.notional;
  if (const auto settings = run.settings.markets.find(signal.symbol);
      !notional && !signal.quantity && settings != run.settings.markets.end())
    notional = settings->second.notional;
  auto size = size_entry(notional, signal.quantity, *reference, *request.order.plan, rules->second);
  if (!size) {
    if (!request.objection) request.objection = size.error();
    return request;
  }
  request.order.quantity = size->quantity;
  request.notional = size->notional;
  const int resting = static_cast<int>(std::count_if(
      run.book.trades.begin(), run.book.trades.end(),
      [&](const Trade& trade) { return trade.entry().symbol == signal.symbol && !trade.entry().settled; }));
  if (rules->second.max_open_stops > 0 && resting >= rules->second.max_open_stops &&
      !request.objection)
    request.objection = "open_order_limit";
  return request;
}

std::optional<std::string> why_no_entries(Run& run) {
  if (run.stop_asked()) return "stopping";
  if (run.past(run.settings.deadline - 20s)) return "deadline";
  if (run.unverified > 0) return "unverified";
  if (!run.clock_offset) return "clock_unreadable";
  if (std::chrono::abs(*run.clock_offset) > run.settings.max_clock_offset) return "clock_offset";
  return run.no_entries;
}

EntryPolicy policy_now(Run& run) {
  EntryPolicy policy = run.settings.policy;
  policy.no_entries = why_no_entries(run);
  policy.frozen_bases = run.drifted;
  if (run.balances)
    for (const auto& [currency, balance] : *run.balances)
      policy.free_quote[currency] = Money{balance.free};
  return policy;
}

std::vector<EntryTicket> claim(Run& run, std::span<const EntryRequest> requests) {
  std::vector<EntryTicket> tickets;
  Result<std::vector<Judged>> judged = failed(Fault::data, "");
  try {
    judged = run.ports.guard.claim(requests, policy_now(run), run.now);
  } catch (const std::exception& error) {
    judged = failed(Fault::data, error.what());
  }
  if (!judged) {
    if (judged.error().fault == Fault::data && requests.size() > 1) {
      for (std::size_t i = 0; i < requests.size(); ++i) {
        auto alone = claim(run, requests.subspan(i, 1));
        std::move(alone.begin(), alone.end(), std::back_inserter(tickets));
      }
    } else if (judged.error().fault == Fault::data) {
      drop_item(run, requests.front().order.signal_key, "claiming an entry",
                std::runtime_error{judged.error().what});
    } else {
      run.store_failed(judged.error());
    }
    return tickets;
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    Judged& verdict = (*judged)[i];
    tell_verdict(run, requests[i].signal, verdict);
    if (auto* ticket = std::get_if<EntryTicket>(&verdict.outcome)) {
      run.own.insert(ticket->order().trade);
      run.put(ticket->order());
      tickets.push_back(std::move(*ticket));
    }
  }
  return tickets;
}

void tell_verdict(Run& run, const Signal& signal, Judged& judged) {
  const std::string symbol = signal.symbol.text();
  const SignalKey key = signal_key(signal);
  if (std::holds_alternative<Fenced>(judged.outcome)) {
    run.fenced = true;
    return;
  }
  std::visit(overloaded{
                 [&](const Passed&) {
                   run.say(Line{Level::info, "GUARD"}.words("cooldown_passed").add("symbol", symbol));
                 },
                 [&](const Cooling& cooling) {
                   run.report.blocked_cooldown += 1;
                   run.say(Line{Level::info, "GUARD"}
                               .words("cooldown_blocked")
                               .add("symbol", symbol)
                               .add("seconds_remaining", seconds_rounded_up(cooling.until - run.now))
                               .debug("because", cooling.because));
                 },
             },
             judged.cooldown);
  std::visit(
      overloaded{
          [&](const EntryTicket&) { say_key(run, key, nullptr); },
          [&](const Fenced&) {},
          [&](const Duplicate& known) {
            run.report.blocked_idempotency += 1;
            say_key(run, key, &known);
          },
          [&](const Denied& denied) {
            say_key(run, key, nullptr);
            if (denied.reason == "stale" || denied.reason == "future") {
              reject(run, signal.line, denied.reason);
              return;
            }
            run.report.denied += 1;
            if (denied.reason == "cooldown") return;  // its guard line has said it
            run.say(Line{Level::warn, "ENTRY_DENIED"}
                        .add("symbol", symbol)
                        .add("signal_key", key)
                        .add("reason", denied.reason)
                        .debug("detail", denied.detail));
          },
      },
      judged.outcome);
}

void enter(Run& run, std::vector<EntryTicket> tickets) {
  if (tickets.empty() || !run.lease_holds() || run.store_lost) return;
  run.sent_entries = true;
  // What has no answer may have left: it is looked up, never sent again.
  const auto outcomes = burst(
      run, Burst::sending, "entering", tickets,
      [&](std::span<const EntryTicket> some) { return run.ports.placer.place(some); },
      [] { return PlaceOutcome{InDoubt{"no answer"}}; });
  run.now = run.ports.clock.now();

  std::vector<Item> items;
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    const Order order = tickets[i].order();
    item_by_item(run, order.trade, "reading the answer to an entry", [&] {
      Applied applied = apply(order, outcomes[i], run.now);
      if (applied.fill_grew) applied.order.naked_since = run.now;
      Item item{.trade = order.trade};
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

void say_key(Run& run, const SignalKey& key, const Duplicate* known) {
  if (known == nullptr) {
    run.say(Line{Level::info, "GUARD"}.words("idempotency_passed").add("signal_key", key));
    return;
  }
  Line line = Line{Level::info, "GUARD"}
                  .words("idempotency_blocked")
                  .add("signal_key", key)
                  .add("existing_order_id", known->existing_order_id);
  if (known->differs) line.add("differs", "1");
  run.say(line);
}

void reject(Run& run, int line, std::string_view reason) {
  run.report.rejected += 1;
  run.say(Line{Level::warn, "SIGNAL_REJECTED"}.add("line", line).add("reason", reason));
}

}  // namespace
}  // namespace tradeguard
