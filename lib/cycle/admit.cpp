// Signals pass the guards, become claims in one transaction, and each claim is sent exactly once.
#include "admit.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "exits.hpp"
#include "ledger.hpp"
#include "market.hpp"
#include "protect.hpp"
#include "read_signals.hpp"
#include "reconcile.hpp"
#include "signal_lines.hpp"
#include "tell.hpp"

namespace tradeguard {

namespace {

// What was claimed, and what the guards said of all of it: lines wait until the orders are on their way.
struct Claimed {
  std::vector<EntryTicket> tickets;
  std::vector<Line> lines;
};

void protect_own_fills(Ledger& ledger, VenueView& venue, RunClock& clock, const CycleSettings& settings,
                       RunReport& report);
std::span<const Signal> next_group(const Market& market, std::span<const Signal> left, std::size_t may_enter);
std::optional<std::string> why_no_more(const VenueView& venue, const RunClock& clock, const CycleSettings& settings);
std::vector<EntryRequest> ask_entries(Ledger& ledger, VenueView& venue, RunClock& clock, const CycleSettings& settings,
                                      std::span<const Signal> signals, const Market& market, const NewestExits& exits);
EntryRequest ask_entry(const Ledger& ledger, const VenueView& venue, const RunClock& clock,
                       const CycleSettings& settings, const Signal& signal, std::size_t index, const Market& market,
                       const NewestExits& exits);
EntryPolicy policy_now(const Ledger& ledger, const VenueView& venue, const RunClock& clock,
                       const CycleSettings& settings, const Market& market, const Obstacles& obstacles);
Claimed claim(Ledger& ledger, const VenueView& venue, const RunClock& clock, const CycleSettings& settings,
              RunReport& report, std::span<const EntryRequest> requests, Market& market, const Obstacles& obstacles);
void tell_verdict(Ledger& ledger, const RunClock& clock, const CycleSettings& settings, RunReport& report,
                  const Signal& signal, const Judged& judged, std::vector<Line>& lines);
void enter(Ledger& ledger, VenueView& venue, RunClock& clock, RunReport& report, Claimed claimed);

}  // namespace

bool admit_and_enter(Ledger& ledger, VenueView& venue, RunClock& clock, SignalSource& source,
                     const CycleSettings& settings, RunReport& report, const Obstacles& obstacles) {
  const ReadSignals read = read_signals(ledger, clock, source);
  report.rejected += read.rejected;
  const std::vector<Signal>& signals = read.signals;
  if (signals.empty() || !ledger.may_write()) return false;
  // A pipe may have kept us waiting. A claim without the lease to send it would use up its signal.
  if (!ledger.lease_holds()) return false;
  venue.begin_pass(clock);
  report.signals = static_cast<int>(signals.size());
  const WishedExits exits = wish_exits(ledger, venue, clock, settings, report, signals);
  std::vector<Signal> buys;
  std::copy_if(signals.begin(), signals.end(), std::back_inserter(buys),
               [](const Signal& signal) { return signal.side == Side::buy; });
  if (buys.empty() || !ledger.may_write()) return exits.any;
  // What is too old by any clock is judged last: nothing fresh waits for it, however much it is.
  std::stable_partition(buys.begin(), buys.end(),
                        [&](const Signal& signal) { return !long_stale(clock, settings, signal); });
  Market market = read_market(ledger, venue, clock, settings, buys);
  const VenueTraits& traits = venue.placer.traits();
  std::size_t entered = 0;
  bool bought = false;  // by the group before
  for (std::size_t first = 0; first < buys.size() && ledger.may_write();) {
    // What was bought a moment ago gets its stop before more is bought.
    if (bought) protect_own_fills(ledger, venue, clock, settings, report);
    if (!venue.standing.throttled && entered >= traits.entries_a_run)
      venue.standing.throttled = "the venue's limits leave no room for more and their stops in this run";
    if (const auto why = first > 0 ? why_no_more(venue, clock, settings) : venue.standing.throttled) {
      ledger.say(Line{Event::signals_deferred}
                     .add("count", static_cast<std::int64_t>(buys.size() - first))
                     .add("reason", *why));
      break;
    }
    const std::size_t may_enter =
        std::min(std::max<std::size_t>(1, traits.entries_at_a_time), traits.entries_a_run - entered);
    const auto group = next_group(market, std::span{buys}.subspan(first), may_enter);
    const auto requests = ask_entries(ledger, venue, clock, settings, group, market, exits.newest);
    Claimed claimed = claim(ledger, venue, clock, settings, report, requests, market, obstacles);
    entered += claimed.tickets.size();
    bought = !claimed.tickets.empty();
    enter(ledger, venue, clock, report, std::move(claimed));
    first += group.size();
  }
  return exits.any;
}

namespace {

// Two words of one moment are told apart by their lines; the store compares the moments only. And it does not
// know a SELL that was ahead when the batch was read and is due by now.
bool overtaken_in_batch(const Signal& signal, const NewestExits& all, Instant now) {
  const auto exits = all.find(signal.symbol);
  return exits != all.end() && std::any_of(exits->second.begin(), exits->second.end(), [&](const Signal& exit) {
           return (exit.time == signal.time && exit.line > signal.line) ||
                  (exit.time > signal.time && exit.time <= now);
         });
}

bool some_fill_waits_for_its_stop(const Ledger& ledger, const VenueView& venue, const RunClock& clock) {
  return std::any_of(ledger.book.trades.begin(), ledger.book.trades.end(), [&](const Trade& trade) {
    if (!ledger.notes(trade.id()).own || trade.record.settled) return false;
    const Exposure e = exposure(trade, venue.seen.open, clock.venue_now());
    return !e.naked_is_dust && (e.held - e.working - e.asked - e.leaving).is_positive();
  });
}

void protect_own_fills(Ledger& ledger, VenueView& venue, RunClock& clock, const CycleSettings& settings,
                       RunReport& report) {
  constexpr int attempts = 4;
  Micros pause = settings.fast_patience;
  for (int attempt = 0; attempt < attempts && !ledger.fenced; ++attempt) {
    venue.begin_pass(clock);
    reconcile(ledger, venue, clock);
    if (ledger.fenced) return;
    count(protect(ledger, venue, clock, settings), report);
    if (venue.standing.legs_throttled == 0 || !some_fill_waits_for_its_stop(ledger, venue, clock)) return;
    // A stop that was too early for the venue goes again before anything more is bought.
    clock.wait(pause);
    pause *= 2;
  }
  venue.standing.throttled = "the venue throttles the stops of this run";
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
std::optional<std::string> why_no_more(const VenueView& venue, const RunClock& clock, const CycleSettings& settings) {
  if (clock.stop_asked()) return "stopping";
  if (clock.past(settings.deadline - 20s)) return "deadline";
  return venue.standing.throttled;
}

std::vector<EntryRequest> ask_entries(Ledger& ledger, VenueView& venue, RunClock& clock, const CycleSettings& settings,
                                      std::span<const Signal> signals, const Market& market, const NewestExits& exits) {
  venue.begin_pass(clock);
  std::vector<EntryRequest> requests;
  std::size_t index = 0;  // of those that may be sent
  for (const Signal& signal : signals) {
    item_by_item(ledger, signal_key(signal), "sizing an entry", [&] {
      requests.push_back(ask_entry(ledger, venue, clock, settings, signal, index, market, exits));
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

bool slipped(const CycleSettings& settings, Price seen, Price market) {
  if (!settings.check_slippage || settings.max_slippage_percent.is_zero()) return false;
  const Price above = moved_by_percent(seen, settings.max_slippage_percent);
  const Price below = moved_by_percent(seen, -settings.max_slippage_percent);
  return market > above || market < below;
}

// Never open what cannot be protected: whatever is missing here is an objection, said before sending.
EntryRequest ask_entry(const Ledger& ledger, const VenueView& venue, const RunClock& clock,
                       const CycleSettings& settings, const Signal& signal, std::size_t index, const Market& market,
                       const NewestExits& exits) {
  Order order{.client_id = {},
              .trade = {},
              .signal_key = signal_key(signal),
              .symbol = signal.symbol,
              .side = signal.side,
              .type = OrderType::market,
              .price = signal.price};
  // Each request has its own millisecond: venues take two alike for one.
  order.stamp = clock.venue_now() + std::chrono::milliseconds{index};
  order.valid_until = order.stamp + venue.placer.traits().validity_window;
  EntryRequest request{signal, std::move(order), Money{}, std::nullopt, std::nullopt, plan_for(settings, signal)};

  if (overtaken_in_batch(signal, exits, clock.read())) {
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
  const auto reference = settings.check_slippage ? seen : (signal.price ? signal.price : seen);
  if (!reference) {
    request.objection = Denied{Denial::no_price};
    return request;
  }
  if (!request.order.price) request.order.price = settings.check_slippage ? reference : std::nullopt;
  if (signal.price && seen && slipped(settings, *signal.price, *seen)) request.objection = Denied{Denial::slippage};
  // Of what it would be paid with nobody said how much there is.
  if (!request.objection && !market.free_quote.contains(signal.symbol.quote()))
    request.objection = Denied{Denial::balances_unreadable};

  auto notional = signal.notional;
  if (const auto usual = settings.markets.find(signal.symbol);
      !notional && !signal.quantity && usual != settings.markets.end())
    notional = usual->second.notional;
  auto size = size_entry(notional, signal.quantity, *reference, *request.plan, rules->second, settings.stranding);
  if (!size) {
    if (!request.objection) request.objection = size.error();
    return request;
  }
  request.order.quantity = size->quantity;
  request.notional = size->notional;
  const int resting =
      static_cast<int>(std::count_if(ledger.book.trades.begin(), ledger.book.trades.end(), [&](const Trade& trade) {
        return trade.symbol() == signal.symbol && !trade.record.settled;
      }));
  if (rules->second.max_open_stops > 0 && resting >= rules->second.max_open_stops && !request.objection)
    request.objection = Denied{Denial::open_order_limit};
  return request;
}

Word<Denial> why_no_entries(const Ledger& ledger, const RunClock& clock, const CycleSettings& settings,
                            const Market& market, const Obstacles& obstacles) {
  if (clock.stop_asked()) return Denial::stopping;
  if (clock.past(settings.deadline - 20s)) return Denial::deadline;
  if (obstacles.unverified > 0 || ledger.any_unread()) return Denial::unverified;
  if (!market.read) return obstacles.no_entries;
  if (!clock.venue_offset) return Denial::clock_unreadable;
  if (clock.is_off()) return Denial::clock_offset;
  return market.no_entries.empty() ? obstacles.no_entries : market.no_entries;
}

EntryPolicy policy_now(const Ledger& ledger, const VenueView& venue, const RunClock& clock,
                       const CycleSettings& settings, const Market& market, const Obstacles& obstacles) {
  EntryPolicy policy = settings.policy;
  // What the bot gave is added to, never overwritten.
  if (policy.no_entries.empty()) policy.no_entries = why_no_entries(ledger, clock, settings, market, obstacles);
  policy.frozen_bases.insert(venue.read.drifted.begin(), venue.read.drifted.end());
  policy.free_quote = market.free_quote;
  return policy;
}

Claimed claim(Ledger& ledger, const VenueView& venue, const RunClock& clock, const CycleSettings& settings,
              RunReport& report, std::span<const EntryRequest> requests, Market& market, const Obstacles& obstacles) {
  Claimed claimed;
  Result<std::vector<Judged>> judged = failed(Fault::data, "");
  try {
    judged = ledger.guard().claim(requests, policy_now(ledger, venue, clock, settings, market, obstacles), clock.now);
  } catch (const std::exception& error) {
    judged = failed(Fault::data, error.what());
  }
  if (!judged) {
    if (judged.error().fault == Fault::data && requests.size() > 1) {
      for (std::size_t i = 0; i < requests.size(); ++i) {
        Claimed alone = claim(ledger, venue, clock, settings, report, requests.subspan(i, 1), market, obstacles);
        std::move(alone.tickets.begin(), alone.tickets.end(), std::back_inserter(claimed.tickets));
        std::move(alone.lines.begin(), alone.lines.end(), std::back_inserter(claimed.lines));
      }
    } else if (judged.error().fault == Fault::data) {
      drop_item(ledger, requests.front().order.signal_key, "claiming an entry",
                std::runtime_error{judged.error().what});
    } else {
      ledger.store_failed(judged.error());
    }
    return claimed;
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    Judged& verdict = (*judged)[i];
    tell_verdict(ledger, clock, settings, report, requests[i].signal, verdict, claimed.lines);
    if (auto* ticket = std::get_if<EntryTicket>(&verdict.outcome)) {
      ledger.notes(ticket->order().trade).own = true;
      ledger.put(ticket->trade());
      ledger.put(ticket->order());
      if (const auto free = market.free_quote.find(ticket->order().symbol.quote()); free != market.free_quote.end())
        free->second -= requests[i].notional;
      claimed.tickets.push_back(std::move(*ticket));
    }
  }
  return claimed;
}

void tell_verdict(Ledger& ledger, const RunClock& clock, const CycleSettings& settings, RunReport& report,
                  const Signal& signal, const Judged& judged, std::vector<Line>& lines) {
  const SignalKey key = signal_key(signal);
  if (std::holds_alternative<Fenced>(judged.outcome)) {
    ledger.fenced = true;
    return;
  }
  if (std::holds_alternative<Cooling>(judged.cooldown)) report.blocked_cooldown += 1;
  lines.push_back(cooldown_line(signal.symbol, judged.cooldown, settings.policy.cooldown, clock.now));
  std::visit(overloaded{
                 [&](const EntryTicket&) { lines.push_back(key_line(key, nullptr)); },
                 [&](const Fenced&) {},
                 [&](const Duplicate& known) {
                   report.blocked_idempotency += 1;
                   lines.push_back(key_line(key, &known));
                 },
                 [&](const Denied& denied) {
                   lines.push_back(key_line(key, nullptr));
                   if (denied.reason == Denial::future)
                     return lines.push_back(wait_or_reject(settings, report, signal, denied));
                   if (denied.reason == Denial::stale)
                     return lines.push_back(too_old(clock, report, signal, settings.policy.max_age));
                   report.denied += 1;
                   if (denied.reason == Denial::cooldown) return;  // its guard line has said it
                   lines.push_back(denied_line(signal.symbol, key, denied));
                 },
             },
             judged.outcome);
}

void enter(Ledger& ledger, VenueView& venue, RunClock& clock, RunReport& report, Claimed claimed) {
  const std::vector<EntryTicket>& tickets = claimed.tickets;
  const auto say_all = [&] {
    for (const Line& line : claimed.lines) ledger.say(line);
  };
  if (tickets.empty() || !ledger.lease_holds() || ledger.store_lost) return say_all();
  ledger.entries_sent = true;
  // What has no answer may have left: it is looked up, never sent again.
  const auto outcomes = burst(
      ledger, venue, Burst::sending, "entering", tickets,
      [&](std::span<const EntryTicket> some) { return venue.placer.place(some); },
      [] { return PlaceOutcome{InDoubt{"no answer"}}; });
  say_all();
  clock.look();

  std::vector<Item> items;
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    const Order order = tickets[i].order();
    item_by_item(ledger, order.trade, "reading the answer to an entry", [&] {
      const Applied applied = apply(order, outcomes[i], clock.sound_now());
      Item item{.trade = order.trade};
      if (applied.fill_grew) item.record(tickets[i].trade()).naked_since = clock.now;
      tell_outcome(item, applied.order, outcomes[i], clock);
      if (applied.order != order) item.change.advance.push_back(applied.order);
      tell_entry(item, order, applied, ledger, clock);
      items.push_back(std::move(item));
      std::visit(overloaded{
                     [&](const Accepted&) { report.entries += 1; },
                     [&](const Refused&) { report.refused += 1; },
                     [&](const InDoubt&) { report.entries += 1; },
                     [&](const Unsent& unsent) {
                       if (unsent.why == Unsent::Why::throttled || unsent.why == Unsent::Why::clock)
                         venue.standing.throttled = unsent.message;
                     },
                 },
                 outcomes[i]);
    });
  }
  ledger.commit(std::move(items));
}

}  // namespace

}  // namespace tradeguard
