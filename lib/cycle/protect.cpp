// One round of moves: the pure next_move says what each trade needs, this carries it out in bursts.
#include "protect.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "ledger.hpp"
#include "market.hpp"
#include "reconcile.hpp"
#include "tell.hpp"
#include "tradeguard/trade_result.hpp"

namespace tradeguard {

namespace {

struct Moves {
  std::vector<std::pair<ClientOrderId, Cancel>> cancels;
  std::vector<std::pair<ClientOrderId, PlaceLegs>> legs;
  std::vector<std::pair<ClientOrderId, PlaceExit>> exits;
  std::vector<ClientOrderId> settled;
};

constexpr int leg_attempts_per_run = 3;
constexpr int reads_per_run = 3;
constexpr int cancels_per_run = 5;

bool not_shown(const VenueView& venue, const RunClock& clock, const Order& order);
int failed_legs(const Ledger& ledger);
void read_surroundings(Ledger& ledger, VenueView& venue, RunClock& clock);
void look_for_drift(Ledger& ledger, VenueView& venue, RunClock& clock);
void look_for_unfired_stops(Ledger& ledger, VenueView& venue, const RunClock& clock);
void renew_rules(Ledger& ledger, VenueView& venue, const RunClock& clock, const CycleSettings& settings);
Moves next_moves(Ledger& ledger, const VenueView& venue, const RunClock& clock);
Surroundings around(const Ledger& ledger, const VenueView& venue, const RunClock& clock, const Trade& trade);
void ask_cancels(Ledger& ledger, VenueView& venue, const RunClock& clock, const Moves& moves);
void place_legs(Ledger& ledger, VenueView& venue, const RunClock& clock, const Moves& moves);
int place_exits(Ledger& ledger, VenueView& venue, const RunClock& clock, const Moves& moves);
void settle_trades(Ledger& ledger, const VenueView& venue, const RunClock& clock, const Moves& moves);
void note_naked(Ledger& ledger, const VenueView& venue, const RunClock& clock);
std::vector<Micros> tell_covered(Ledger& ledger, const VenueView& venue, const RunClock& clock);
bool may_act_on(const Ledger& ledger, const ClientOrderId& trade);
Order new_leg(const Ledger& ledger, const VenueView& venue, const RunClock& clock, const Trade& trade, Leg leg,
              int attempt, Quantity quantity);
void tell_moved_levels(Item& item, const Order& entry, const PlaceLegs& move, bool oco);
void hear_answer(Ledger& ledger, VenueView& venue, const RunClock& clock, Item& item, const Order& order,
                 const PlaceOutcome& outcome);
bool has_holdings(const Trade& trade);
std::optional<Money> value_of(const std::vector<Order>& rows);
// No leg is sent for a trade of an earlier run before unrecorded ones were looked for.
bool looked_for(const Ledger& ledger, const Trade& trade) {
  // A run that lost its store may have lost the lock with it: its own trade may be another's by now.
  return (ledger.notes(trade.id()).own && !ledger.store_lost) || ledger.notes(trade.id()).probed;
}

}  // namespace

Round protect(Ledger& ledger, VenueView& venue, RunClock& clock, const CycleSettings& settings) {
  const int failed_before = failed_legs(ledger);
  read_surroundings(ledger, venue, clock);
  look_for_unfired_stops(ledger, venue, clock);
  renew_rules(ledger, venue, clock, settings);
  const Moves moves = next_moves(ledger, venue, clock);
  ask_cancels(ledger, venue, clock, moves);
  place_legs(ledger, venue, clock, moves);
  const int exits = place_exits(ledger, venue, clock, moves);
  note_naked(ledger, venue, clock);
  std::vector<Micros> covered = tell_covered(ledger, venue, clock);
  settle_trades(ledger, venue, clock, moves);

  const bool still_naked = std::any_of(moves.legs.begin(), moves.legs.end(), [&](const auto& move) {
    const Trade* trade = ledger.trade(move.first);
    return trade != nullptr && !ledger.notes(trade->id()).dropped &&
           !exposure(*trade, venue.seen.open, clock.venue_now()).naked_is_dust;
  });
  const bool sold_at_once = !moves.exits.empty() && moves.cancels.empty() && !still_naked;
  // What just came to nothing has a better chance a moment later.
  const bool sent =
      (!moves.legs.empty() || !moves.exits.empty() || !moves.cancels.empty()) && failed_legs(ledger) == failed_before;
  return {still_naked || !moves.exits.empty() || !moves.cancels.empty(), sold_at_once, sent, exits, std::move(covered)};
}

void count(const Round& round, RunReport& report) {
  report.exits += round.exits;
  report.protected_trades += static_cast<int>(round.covered.size());
  report.unprotected.insert(report.unprotected.end(), round.covered.begin(), round.covered.end());
}

bool questions_wait(const Ledger& ledger, const VenueView& venue, const RunClock& clock, bool wait_for_entries) {
  for (const Trade& trade : ledger.book.trades) {
    if (ledger.notes(trade.id()).dropped || ledger.notes(trade.id()).hands_off) continue;
    if (ledger.notes(trade.id()).unread) {
      if (venue.failed_reads < reads_per_run) return true;
      continue;
    }
    if (trade.record.settled || trade.record.released) continue;
    const bool entry_open = std::any_of(trade.entries.begin(), trade.entries.end(), [&](const Order& o) {
      return (o.live() && !not_shown(venue, clock, o)) ||
             (o.state == OrderState::closed && o.filled.is_positive() && !o.fees_known);
    });
    if (entry_open && wait_for_entries && clock.may_wait_for_entries()) return true;
    const bool leg_open = std::any_of(trade.legs.begin(), trade.legs.end(), [&](const Order& leg) {
      if (venue.order_notes(leg.client_id).cancels > cancels_per_run) return false;
      if (venue.copy_may_come(leg, clock) && !leg.live()) return true;
      if (leg.live() && venue.order_notes(leg.client_id).market_below) return true;
      if (not_shown(venue, clock, leg)) return false;
      return leg.live() && (leg.leg == Leg::exit || leg.in_doubt() || leg.cancel_asked_at || leg.fired_at ||
                            !venue.seen.open.contains(leg.client_id));
    });
    if (leg_open) return true;
  }
  return false;
}

namespace {

// The venue acknowledged it once, and no view shows it. A stop that does not come to light within some
// seconds is a CRITICAL, and no reason to keep the lock; anything else may take its time to be shown,
// as long as its request may still be executed.
bool not_shown(const VenueView& venue, const RunClock& clock, const Order& order) {
  constexpr int looks_at_legs = 6;
  constexpr int looks_at_others = 3;
  const int looks = venue.order_notes(order.client_id).unseen;
  if (looks == 0 || order.state != OrderState::placed) return false;
  if (order.leg == Leg::stop || order.leg == Leg::target) return looks >= looks_at_legs;
  const Micros margin = venue.protector.traits().absence_margin;
  return looks >= looks_at_others && clock.venue_now() > order.valid_until + margin;
}

int failed_legs(const Ledger& ledger) {
  int failed = 0;
  for (const auto& [trade, notes] : ledger.all_notes()) failed += notes.refused_legs + (notes.exit_failed ? 1 : 0);
  return failed;
}

}  // namespace

void start_naked_clock(const RunClock& clock, const Trade& trade, const Exposure& e, Item& item) {
  // What is on its way out is not what the policy of the naked is about.
  if (trade.record.naked_since || e.naked_is_dust || e.leaving >= e.naked) return;
  item.record(trade.record).naked_since = clock.now;
}

namespace {

// Prices and balances decide about what is naked, for sale, or was left by earlier runs. A fresh fill
// waits for no reading: its stop goes first, and what does not fit the venue refuses.
bool wants_surroundings(const Ledger& ledger, const VenueView& venue, const RunClock& clock, const Trade& trade) {
  if (!has_holdings(trade)) return false;
  if (!venue.protector.traits().oco || !trade.record.exit_reason.empty()) return true;
  const bool own = ledger.notes(trade.id()).own;
  if (own && trade.legs.empty()) return false;
  if (std::any_of(trade.legs.begin(), trade.legs.end(),
                  [&](const Order& leg) { return venue.order_notes(leg.client_id).market_below; }))
    return true;
  if (!own && !venue.read.surroundings) return true;
  const Exposure e = exposure(trade, venue.seen.open, clock.venue_now());
  return !e.naked_is_dust || e.leaving.is_positive();
}

void read_surroundings(Ledger& ledger, VenueView& venue, RunClock& clock) {
  std::set<Symbol> symbols;
  for (const Trade& trade : ledger.book.trades) {
    if (ledger.notes(trade.id()).dropped) continue;
    item_by_item(ledger, trade.id(), "judging what a trade needs to know", [&] {
      if (wants_surroundings(ledger, venue, clock, trade)) symbols.insert(trade.entry().symbol);
    });
  }
  const bool drift_stands = std::any_of(ledger.book.alarms.begin(), ledger.book.alarms.end(),
                                        [](const Alarm& alarm) { return alarm.kind == NoticeType::drift; });
  if (!symbols.empty()) {
    read_quotes_and_balances(ledger, venue, symbols);
    venue.measure_clock(clock);
    venue.read.surroundings = true;
  }
  if (!symbols.empty() || drift_stands) look_for_drift(ledger, venue, clock);
}

struct Holdings {
  Quantity held;
  Quantity for_sale;  // what rests, or as long as that is not all: what can be sold of it
  Quantity step;      // the largest of the trades'
  const Trade* first = nullptr;
  bool known = true;  // what may have been sold unseen drifts from nothing
};

// A stop that this run sent may have sold already where no view shows it yet.
bool sent_and_not_seen_yet(const VenueView& venue, const RunClock& clock, const Trade& trade) {
  return std::any_of(trade.legs.begin(), trade.legs.end(), [&](const Order& leg) {
    return leg.leg == Leg::stop && leg.live() && venue.order_notes(leg.client_id).here &&
           !venue.seen.open.contains(leg.client_id) && !not_shown(venue, clock, leg);
  });
}

std::map<std::string, Holdings> holdings_of(const Ledger& ledger, const VenueView& venue, const RunClock& clock) {
  std::map<std::string, Holdings> all;
  for (const Alarm& alarm : ledger.book.alarms)
    if (alarm.kind == NoticeType::drift) all[alarm.subject];
  for (const Trade& trade : ledger.book.trades) {
    if (trade.record.released || !has_holdings(trade) || ledger.notes(trade.id()).dropped) continue;
    const Exposure e = exposure(trade, venue.seen.open, clock.venue_now());
    const bool unread =
        ledger.notes(trade.id()).unread || e.leaving.is_positive() || sent_and_not_seen_yet(venue, clock, trade);
    if (!unread && e.held_is_dust) continue;
    Holdings& base = all[trade.entry().symbol.base()];
    base.known = base.known && !unread;
    if (e.held_is_dust) continue;
    base.held += e.held;
    base.for_sale += e.naked_is_dust ? std::min(e.working, e.held) : floor_to_step(e.held, trade.rules().step);
    base.step = std::max(base.step, trade.rules().step);
    if (base.first == nullptr) base.first = &trade;
  }
  return all;
}

// Less than a step is nothing that could be sold, and no fee of another trade makes it a drift.
bool drifts_from(const Holdings& holdings, const Decimal& balance) {
  return holdings.for_sale.is_positive() && (holdings.for_sale.value - balance) >= holdings.step.value;
}

// A leg that fills between the reading of the orders and that of the balances looks like coins that
// are gone. So the orders of such a base are read once more, and balances after them; the larger of
// both balances counts.
bool look_again(Ledger& ledger, VenueView& venue, RunClock& clock, const std::map<std::string, Holdings>& holdings) {
  std::set<Symbol> symbols;
  for (const auto& [base, own] : holdings) {
    const auto read = own.known ? venue.balance_of(base) : std::nullopt;
    if (!read || !drifts_from(own, read->total) || stands(ledger, NoticeType::drift, base)) continue;
    if (!venue.read.looked_again.emplace(base, read->total).second) continue;
    for (const Trade& trade : ledger.book.trades) {
      if (trade.entry().symbol.base() != base) continue;
      symbols.insert(trade.entry().symbol);
      for (const Order& leg : trade.legs) venue.seen.open.erase(leg.client_id);
    }
  }
  if (symbols.empty()) return false;
  reconcile(ledger, venue, clock);
  if (!ledger.fenced) read_quotes_and_balances(ledger, venue, symbols);
  return true;
}

// The venue holds less of a base than our trades of it: then nobody knows whose coins they are.
void look_for_drift(Ledger& ledger, VenueView& venue, RunClock& clock) {
  auto holdings = holdings_of(ledger, venue, clock);
  if (look_again(ledger, venue, clock, holdings)) {
    if (ledger.fenced) return;
    holdings = holdings_of(ledger, venue, clock);
  }
  for (const auto& [base, own] : holdings) {
    const auto read = own.known ? venue.balance_of(base) : std::nullopt;
    if (!read && (own.held.is_positive() || !own.known)) continue;
    Decimal balance = read ? read->total : Decimal{};  // unread is not zero
    if (const auto before = venue.read.looked_again.find(base); before != venue.read.looked_again.end())
      balance = std::max(balance, before->second);
    Item item;
    const bool drifts = drifts_from(own, balance);
    if (drifts)
      venue.read.drifted.insert(base);
    else
      venue.read.drifted.erase(base);
    if (drifts && !stands(ledger, NoticeType::drift, base)) {
      const Trade& trade = *own.first;
      Alarm alarm = alarm_of(NoticeType::drift, base, base);
      alarm.symbol = trade.entry().symbol.text();
      alarm.detail = "held " + own.held.text() + ", balance " + balance.text();
      Notice notice = notice_of(NoticeType::drift, trade.entry(), clock.now, base);
      notice.facts = {{"held", in_base(own.held, trade.entry().symbol)}, {"balance", balance.text() + " " + base}};
      raise(item, ledger, clock, alarm,
            Line{Event::drift}
                .add("symbol", trade.entry().symbol.text())
                .add("held", own.held.text())
                .add("balance", balance.text()),
            std::move(notice));
    } else if (!drifts && stands(ledger, NoticeType::drift, base)) {
      clear(item, ledger, clock, NoticeType::drift, base);
    }
    ledger.commit({std::move(item)});
  }
}

// A stop fires when the market reaches it. One that rests while the market stays at or below it does not
// work, whatever its record says.
void look_for_unfired_stops(Ledger& ledger, VenueView& venue, const RunClock& clock) {
  if (!venue.read.quotes) return;
  std::vector<Item> items;
  for (const Trade& trade : ledger.book.trades) {
    if (!may_act_on(ledger, trade.id())) continue;
    const auto quote = venue.read.quotes->find(trade.entry().symbol);
    if (quote == venue.read.quotes->end()) continue;
    const Price market = quote->second.last;
    for (const Order& leg : trade.legs) {
      const bool rests = leg.leg == Leg::stop && leg.state == OrderState::placed && !leg.cancel_asked_at &&
                         !leg.fired_at && leg.trigger && venue.seen.open.contains(leg.client_id);
      if (!rests || market > *leg.trigger) {
        venue.order_notes(leg.client_id).market_below.reset();
        continue;
      }
      auto& since = venue.order_notes(leg.client_id).market_below;
      if (!since) since = clock.venue_now();
      if (clock.venue_now() - *since <= fired_patience) continue;
      if (!venue.seen.overtaken.insert(leg.client_id).second) continue;
      Item item{.trade = trade.id()};
      Notice notice = notice_of(NoticeType::stop_not_firing, leg, clock.now);
      notice.facts = {{"trigger", in_quote(*leg.trigger, leg.symbol)},
                      {"market", in_quote(market, leg.symbol)},
                      {"what happens", "the stop is taken back, and protection.on_breach decides"}};
      item.say(Line{Event::stop_not_firing}
                   .add("symbol", leg.symbol.text())
                   .add("order_id", order_id_of(leg))
                   .add("trigger", leg.trigger->text())
                   .add("market", market.text()));
      item.tell(std::move(notice));
      items.push_back(std::move(item));
    }
  }
  ledger.commit(std::move(items));
}

// Rules change while a trade is open. They are read anew where a leg was refused since they were read, and
// where a leg is to be placed and they are older than their age.
bool refused_for_rules(const Order& leg) {
  const bool came_to_nothing =
      leg.state == OrderState::refused || (leg.state == OrderState::closed && leg.ending == Ending::rejected);
  return came_to_nothing && !leg.filled.is_positive() && complaint_in(leg.reason) == Complaint::rules;
}

// A sale that was refused for the rules waits for others, and is not tried meanwhile: they are asked in every run.
bool waits_for_rules(const RunClock& clock, const Trade& trade) {
  const Order* last = nullptr;
  for (const Order& leg : trade.legs)
    if (leg.leg == Leg::exit && (last == nullptr || leg.attempt > last->attempt)) last = &leg;
  const TradeRecord& record = trade.record;
  return last != nullptr && refused_for_rules(*last) && !record.exit_reason.empty() && record.exit_until &&
         clock.venue_now() < *record.exit_until;
}

bool rules_may_be_old(const VenueView& venue, const RunClock& clock, const CycleSettings& settings,
                      const Trade& trade) {
  const Instant read_at = trade.rules().read_at;
  const bool refused = std::any_of(trade.legs.begin(), trade.legs.end(), [&](const Order& leg) {
    return leg.claimed_at >= read_at && refused_for_rules(leg);
  });
  if (refused || waits_for_rules(clock, trade)) return true;
  const Micros age = clock.now - read_at;
  return venue.placer.traits().network && (age > settings.rules_max_age || age < -settings.rules_max_age) &&
         !exposure(trade, venue.seen.open, clock.venue_now()).naked_is_dust;
}

void renew_rules(Ledger& ledger, VenueView& venue, const RunClock& clock, const CycleSettings& settings) {
  std::set<Symbol> symbols;
  for (const Trade& trade : ledger.book.trades) {
    if (!may_act_on(ledger, trade.id()) || !has_holdings(trade)) continue;
    if (venue.read.rules_asked.contains(trade.entry().symbol)) continue;
    item_by_item(ledger, trade.id(), "judging the age of its rules", [&] {
      if (rules_may_be_old(venue, clock, settings, trade)) symbols.insert(trade.entry().symbol);
    });
  }
  if (symbols.empty()) return;
  venue.read.rules_asked.insert(symbols.begin(), symbols.end());
  std::map<Symbol, InstrumentRules> fresh;
  ask_rules(ledger, venue, fresh, symbols);
  std::vector<Item> items;
  for (const Trade& trade : ledger.book.trades) {
    const auto rules = fresh.find(trade.entry().symbol);
    if (rules == fresh.end() || !may_act_on(ledger, trade.id())) continue;
    if (!has_holdings(trade)) continue;
    const bool changed = !same_demands(trade.rules(), rules->second);
    Item item{.trade = trade.id()};
    item.record(trade.record).rules = rules->second;
    if (changed)
      item.say(Line{Event::rules_changed}
                   .add("symbol", trade.symbol().text())
                   .add("order_id", order_id_of(trade.entry()))
                   .add("tick", rules->second.tick.text())
                   .add("step", rules->second.step.text())
                   .add("min_notional", rules->second.min_notional.text()));
    items.push_back(std::move(item));
    // What was refused under the old rules says nothing about the new ones.
    if (changed) ledger.notes(trade.id()).refused_legs = 0;
  }
  ledger.commit(std::move(items));
}

// After three stops in a row that came to nothing, one try a run, and one for the stop alone where the other
// may be of a pair: a naked position is never given up.
int leg_attempts(const VenueView& venue, const Trade& trade) {
  std::vector<const Order*> stops;
  for (const Order& leg : trade.legs)
    if (leg.leg == Leg::stop && !venue.order_notes(leg.client_id).here) stops.push_back(&leg);
  std::sort(stops.begin(), stops.end(), [](const Order* a, const Order* b) { return a->attempt > b->attempt; });
  const auto worked = std::find_if(stops.begin(), stops.end(), [](const Order* stop) {
    return stop->live() || stop->filled.is_positive() || stop->state == OrderState::closed;
  });
  if (worked - stops.begin() < leg_attempts_per_run) return leg_attempts_per_run;
  return venue.protector.traits().oco ? 2 : 1;
}

Moves next_moves(Ledger& ledger, const VenueView& venue, const RunClock& clock) {
  Moves moves;
  for (const Trade& trade : ledger.book.trades) {
    if (!may_act_on(ledger, trade.id())) continue;
    item_by_item(ledger, trade.id(), "deciding the next move", [&] {
      const Exposure e = exposure(trade, venue.seen.open, clock.venue_now());
      NextMove next = next_move(trade, e, venue.seen.open, around(ledger, venue, clock, trade));
      std::visit(overloaded{
                     [](Nothing&) {},
                     [](Stuck&) {},  // the barrier raises the alarm
                     [&](Cancel& move) { moves.cancels.emplace_back(trade.id(), std::move(move)); },
                     [&](PlaceLegs& move) {
                       if (!looked_for(ledger, trade)) return;
                       if (ledger.notes(trade.id()).refused_legs < leg_attempts(venue, trade))
                         moves.legs.emplace_back(trade.id(), move);
                     },
                     [&](PlaceExit& move) {
                       if (!looked_for(ledger, trade)) return;
                       if (!ledger.notes(trade.id()).exit_failed) moves.exits.emplace_back(trade.id(), std::move(move));
                     },
                     [&](Settle&) {
                       const bool waits = std::any_of(trade.legs.begin(), trade.legs.end(), [&](const Order& leg) {
                         return venue.copy_may_come(leg, clock);
                       });
                       if (!waits) moves.settled.push_back(trade.id());
                     },
                 },
                 next);
    });
  }
  return moves;
}

Surroundings around(const Ledger& ledger, const VenueView& venue, const RunClock& clock, const Trade& trade) {
  const TradeRecord& record = trade.record;
  Surroundings s;
  s.now = clock.venue_now();
  s.oco = venue.protector.traits().oco;
  s.stop_market = venue.protector.traits().stop_market && trade.rules().stop_market;
  s.venue_read = !ledger.notes(trade.id()).unread;
  s.mismatched = venue.seen.mismatched;
  s.overtaken = venue.seen.overtaken;
  s.stop_tried = ledger.notes(trade.id()).refused_legs > 0;
  s.drifted = venue.read.drifted.contains(record.symbol.base());
  if (venue.read.quotes)
    if (const auto quote = venue.read.quotes->find(record.symbol); quote != venue.read.quotes->end())
      s.market = quote->second.last;
  if (const auto balance = venue.balance_of(record.symbol.base())) s.free_base = Quantity{balance->free};
  const bool wanted = !record.exit_reason.empty() && record.exit_until && s.now < *record.exit_until;
  // An exit that came to nothing: protection first, a new attempt in a later run.
  if (wanted && !ledger.notes(trade.id()).exit_failed) s.exit_reason = record.exit_reason;
  return s;
}

bool may_act_on(const Ledger& ledger, const ClientOrderId& trade) {
  if (ledger.fenced || ledger.notes(trade).dropped || ledger.notes(trade).hands_off) return false;
  return !ledger.store_lost || ledger.notes(trade).own;
}

void ask_cancels(Ledger& ledger, VenueView& venue, const RunClock& clock, const Moves& moves) {
  std::vector<Item> items;
  for (const auto& [id, move] : moves.cancels) {
    Item item{.trade = id};
    for (const ClientOrderId& leg : move.ids) {
      Order order = *ledger.order(leg);
      order.cancel_asked_at = clock.now;
      if (move.why == Cancel::Why::sibling)
        item.say(Line{Event::sibling_cancelled}
                     .add("symbol", order.symbol.text())
                     .add("order_id", order_id_of(order))
                     .add("leg", text(order.leg)));
      item.change.advance.push_back(std::move(order));
    }
    items.push_back(std::move(item));
  }
  ledger.commit(std::move(items));

  // Only what is on record is sent. A cancel asked by a run that was killed before it sent, or one that
  // the venue took and did not carry out, is sent again: cancelling twice is cancelling once.
  std::vector<CancelRequest> requests;
  for (const Trade& trade : ledger.book.trades) {
    if (!may_act_on(ledger, trade.id()) || ledger.notes(trade.id()).unread) continue;
    for (const Order& leg : trade.legs) {
      if (!leg.live() || !leg.cancel_asked_at || !leg.acknowledged) continue;
      venue.seen.open.erase(leg.client_id);
      if (++venue.order_notes(leg.client_id).cancels > cancels_per_run) continue;
      requests.push_back({leg.client_id, leg.venue_id, leg.symbol, leg.leg});
    }
  }
  if (requests.empty()) return;
  // What the venue answers is not believed: the next round reads each order back.
  burst(
      ledger, venue, Burst::reading, "cancelling", requests,
      [&](std::span<const CancelRequest> some) { return venue.protector.cancel(some); },
      [] { return CancelOutcome{InDoubt{"no answer"}}; });
}

// The last try of a run is the stop alone: the pair may be what the exchange does not take, and what was refused
// in earlier runs is not known any more.
bool is_last_try(const Ledger& ledger, const VenueView& venue, const Trade& trade) {
  return ledger.notes(trade.id()).refused_legs + 1 >= leg_attempts(venue, trade);
}

// For people: why a stop stands alone. Empty: it does not.
std::string why_no_target(const Ledger& ledger, const VenueView& venue, const Trade& trade, const PlaceLegs& move) {
  if (!venue.protector.traits().oco) return "this market takes no pairs";
  if (ledger.notes(trade.id()).without_target) return "the pair was refused";
  if (!move.with_target && move.levels.target != move.planned.target)
    return "the exchange's price band allows none above what was paid";
  if (!move.with_target) return "the price is at or beyond the target";
  if (is_last_try(ledger, venue, trade)) return "the tries before it came to nothing";
  return "";
}

void place_legs(Ledger& ledger, VenueView& venue, const RunClock& clock, const Moves& moves) {
  const bool oco = venue.protector.traits().oco;
  std::vector<Item> claims;
  std::vector<ClientOrderId> stops;
  for (const auto& wanted : moves.legs) {
    const ClientOrderId& id = wanted.first;
    const PlaceLegs& move = wanted.second;
    item_by_item(ledger, id, "claiming a stop", [&] {
      const Trade& trade = *ledger.trade(id);
      const int attempt = std::max(trade.next_attempt(Leg::stop), trade.next_attempt(Leg::target));
      Order stop = new_leg(ledger, venue, clock, trade, Leg::stop, attempt, move.quantity);
      const bool at_market = venue.protector.traits().stop_market && trade.rules().stop_market;
      stop.type = at_market ? OrderType::stop_market : OrderType::stop_limit;
      stop.trigger = move.levels.stop;
      if (stop.type == OrderType::stop_limit)
        stop.price =
            std::max(stop_limit_price(move.levels.stop, trade.plan(), trade.rules()), move.lowest.value_or(Price{}));
      Item item{.trade = id};
      const bool with_target =
          oco && move.with_target && !ledger.notes(id).without_target && !is_last_try(ledger, venue, trade);
      if (with_target) {
        stop.pair = stop.client_id;
        Order target = new_leg(ledger, venue, clock, trade, Leg::target, attempt, move.quantity);
        target.type = OrderType::limit;
        target.price = move.levels.target;
        target.pair = stop.client_id;
        item.change.append.push_back(std::move(target));
      }
      tell_moved_levels(item, trade.entry(), move, oco);
      stops.push_back(stop.client_id);
      item.change.append.push_back(std::move(stop));
      const std::string target_none = why_no_target(ledger, venue, trade, move);
      if (trade.record.legs_told) item.record(trade.record).legs_told = false;
      if (trade.record.target_none != target_none) item.record(trade.record).target_none = target_none;
      start_naked_clock(clock, trade, exposure(trade, venue.seen.open, clock.venue_now()), item);
      claims.push_back(std::move(item));
    });
  }
  ledger.commit(std::move(claims));
  const std::set<ClientOrderId> again = venue.take_what_goes_again();
  stops.insert(stops.end(), again.begin(), again.end());

  std::vector<SltpPlacer::LegRequest> requests;
  for (const ClientOrderId& id : stops) {
    const Order* stop = ledger.order(id);
    if (stop == nullptr || !stop->in_doubt() || !may_act_on(ledger, stop->trade)) continue;
    SltpPlacer::LegRequest request{.stop = *stop, .target = {}};
    if (!stop->pair.empty())
      for (const Order& leg : ledger.trade(stop->trade)->legs)
        if (leg.leg == Leg::target && leg.pair == stop->client_id) request.target = leg;
    requests.push_back(std::move(request));
  }
  if (requests.empty()) return;
  const auto outcomes = burst(
      ledger, venue, Burst::sending, "placing stops", requests,
      [&](std::span<const SltpPlacer::LegRequest> some) { return venue.protector.protect(some); },
      [] {
        return SltpPlacer::LegOutcome{InDoubt{"no answer"}, PlaceOutcome{InDoubt{"no answer"}}};
      });

  std::vector<Item> items;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const ClientOrderId& id = requests[i].stop.trade;
    // Sent a second time, only a yes says anything: a no may come from the first copy resting there.
    if (again.contains(requests[i].stop.client_id) && !std::holds_alternative<Accepted>(outcomes[i].stop)) continue;
    item_by_item(ledger, id, "reading the answer to a stop", [&] {
      Item item{.trade = id};
      venue.order_notes(requests[i].stop.client_id).here = true;
      hear_answer(ledger, venue, clock, item, requests[i].stop, outcomes[i].stop);
      if (requests[i].target && outcomes[i].target) {
        hear_answer(ledger, venue, clock, item, *requests[i].target, *outcomes[i].target);
        if (std::holds_alternative<Refused>(*outcomes[i].target) || std::holds_alternative<Refused>(outcomes[i].stop))
          ledger.notes(id).without_target = true;
      }
      items.push_back(std::move(item));
    });
  }
  ledger.commit(std::move(items));
}

int place_exits(Ledger& ledger, VenueView& venue, const RunClock& clock, const Moves& moves) {
  std::vector<Item> claims;
  std::vector<ClientOrderId> ids;
  for (const auto& wanted : moves.exits) {
    const ClientOrderId& id = wanted.first;
    const PlaceExit& move = wanted.second;
    item_by_item(ledger, id, "claiming an exit", [&] {
      const Trade& trade = *ledger.trade(id);
      Order exit = new_leg(ledger, venue, clock, trade, Leg::exit, trade.next_attempt(Leg::exit), move.quantity);
      exit.because = move.why;
      // What a later try is compared with: is anything different since this one?
      exit.rules = trade.rules();
      if (const auto balance = venue.balance_of(trade.entry().symbol.base())) exit.free_base = Quantity{balance->free};
      ids.push_back(exit.client_id);
      Item item{.trade = id};
      item.change.append.push_back(std::move(exit));
      start_naked_clock(clock, trade, exposure(trade, venue.seen.open, clock.venue_now()), item);
      claims.push_back(std::move(item));
    });
  }
  ledger.commit(std::move(claims));

  std::vector<Order> exits;
  for (const ClientOrderId& id : ids)
    if (const Order* exit = ledger.order(id); exit != nullptr && may_act_on(ledger, exit->trade))
      exits.push_back(*exit);
  if (exits.empty()) return 0;
  const auto outcomes = burst(
      ledger, venue, Burst::sending, "selling", exits,
      [&](std::span<const Order> some) { return venue.protector.flatten(some); },
      [] { return PlaceOutcome{InDoubt{"no answer"}}; });
  for (const Order& exit : exits) venue.order_notes(exit.client_id).here = true;

  std::vector<Item> items;
  for (std::size_t i = 0; i < exits.size(); ++i) {
    item_by_item(ledger, exits[i].trade, "reading the answer to an exit", [&] {
      Item item{.trade = exits[i].trade};
      hear_answer(ledger, venue, clock, item, exits[i], outcomes[i]);
      items.push_back(std::move(item));
    });
  }
  ledger.commit(std::move(items));
  return static_cast<int>(exits.size());
}

Order new_leg(const Ledger& ledger, const VenueView& venue, const RunClock& clock, const Trade& trade, Leg leg,
              int attempt, Quantity quantity) {
  Order order{.client_id = client_order_id(ledger.account().key(), trade.id(), leg, attempt),
              .trade = trade.id(),
              .leg = leg,
              .attempt = attempt,
              .signal_key = {},
              .symbol = trade.entry().symbol,
              .side = Side::sell,
              .type = OrderType::market,
              .quantity = quantity};
  order.claimed_at = clock.sound_now();
  order.stamp = clock.venue_now();
  order.valid_until = order.stamp + venue.protector.traits().validity_window;
  return order;
}

// The venue's price band is narrower than the plan.
void tell_moved_levels(Item& item, const Order& entry, const PlaceLegs& move, bool oco) {
  const auto tell = [&](Leg leg, Price wanted, const std::string& placed) {
    if (wanted.text() == placed) return;
    item.say(Line{Event::level_moved}
                 .add("symbol", entry.symbol.text())
                 .add("order_id", order_id_of(entry))
                 .add("leg", text(leg))
                 .add("wanted", wanted.text())
                 .add("placed", placed));
  };
  tell(Leg::stop, move.planned.stop, move.levels.stop.text());
  const bool held_back = move.levels.target != move.planned.target;
  if (oco && held_back) tell(Leg::target, move.planned.target, move.with_target ? move.levels.target.text() : "-");
}

void hear_answer(Ledger& ledger, VenueView& venue, const RunClock& clock, Item& item, const Order& order,
                 const PlaceOutcome& outcome) {
  const Applied applied = apply(order, outcome, clock.sound_now());
  tell_outcome(item, applied.order, outcome, clock);
  if (applied.order != order) item.change.advance.push_back(applied.order);
  tell_leg(item, order, applied, ledger, clock);
  if (const auto* accepted = std::get_if<Accepted>(&outcome); accepted && accepted->record) {
    venue.seen.open.erase(order.client_id);
    if (sighted_as_planned(applied.order, *accepted->record))
      venue.seen.open.insert(order.client_id);
    else if (accepted->record->status == VenueStatus::open)
      venue.seen.mismatched.insert(order.client_id);
  }
  if (const auto* unsent = std::get_if<Unsent>(&outcome)) {
    if (unsent->why == Unsent::Why::clock) venue.standing.throttled = unsent->message;
    // A leg of this moment, not the entries of this run: they wait until it rests.
    if (unsent->why == Unsent::Why::throttled) venue.standing.legs_throttled += 1;
  }
  const bool came_to_nothing = !applied.order.live() && !applied.order.filled.is_positive();
  if (came_to_nothing && order.leg == Leg::stop) ledger.notes(order.trade).refused_legs += 1;
  if (came_to_nothing && order.leg == Leg::exit) ledger.notes(order.trade).exit_failed = true;
}

// Whatever is done about it, and whether anything can be: from the first look on it is on record.
void note_naked(Ledger& ledger, const VenueView& venue, const RunClock& clock) {
  std::vector<Item> items;
  for (const Trade& trade : ledger.book.trades) {
    if (!may_act_on(ledger, trade.id()) || !has_holdings(trade) || trade.record.released) continue;
    if (ledger.notes(trade.id()).unread) continue;
    item_by_item(ledger, trade.id(), "noting a position without a stop", [&] {
      Item item{.trade = trade.id()};
      start_naked_clock(clock, trade, exposure(trade, venue.seen.open, clock.venue_now()), item);
      items.push_back(std::move(item));
    });
  }
  ledger.commit(std::move(items));
}

// Said when the stop is sighted and the target is sighted or settled as none.
std::vector<Micros> tell_covered(Ledger& ledger, const VenueView& venue, const RunClock& clock) {
  std::vector<Item> items;
  std::vector<Micros> covered;
  for (const Trade& trade : ledger.book.trades) {
    if (!may_act_on(ledger, trade.id()) || !has_holdings(trade)) continue;
    item_by_item(ledger, trade.id(), "telling the protection", [&] {
      const Exposure e = exposure(trade, venue.seen.open, clock.venue_now());
      if (!e.naked_is_dust || !e.working.is_positive()) return;
      const Order* stop = nullptr;
      const Order* target = nullptr;
      bool target_in_doubt = false;
      std::string existing;
      bool all_placed_here = true;
      for (const Order& leg : trade.legs) {
        if (!leg.live() || leg.leg == Leg::exit) continue;
        if (leg.leg == Leg::stop && venue.seen.open.contains(leg.client_id)) stop = &leg;
        if (leg.leg == Leg::target) {
          if (venue.seen.open.contains(leg.client_id))
            target = &leg;
          else
            target_in_doubt = true;
        }
        all_placed_here =
            all_placed_here && (venue.order_notes(leg.client_id).here || venue.order_notes(leg.pair).here);
        existing += (existing.empty() ? "" : ",") + order_id_of(leg);
      }
      if (stop == nullptr || target_in_doubt) return;
      const Order& entry = trade.entry();
      TradeRecord told = trade.record;
      Item item{.trade = trade.id()};
      if (const auto since = naked_from(trade)) {
        const Micros spell = std::max(Micros{0}, clock.now - *since);
        told.naked_total += spell;
        told.naked_since.reset();
        covered.push_back(spell);
      }
      if (!std::exchange(ledger.notes(trade.id()).covered_noted, true) || told != trade.record)
        told.covered_at = clock.now;
      if (!all_placed_here && !told.skip_told) {
        told.skip_told = true;
        item.say(Line{Event::sltp_skipped_already_exists}
                     .add("symbol", entry.symbol.text())
                     .add("order_id", order_id_of(entry))
                     .add("existing_orders", "[" + existing + "]"));
      }
      if (!told.legs_told) {
        told.legs_told = true;
        item.say(Line{Event::sltp_placed}
                     .add("symbol", entry.symbol.text())
                     .add("order_id", order_id_of(entry))
                     .add("sl_order_id", order_id_of(*stop))
                     .add("tp_order_id", target != nullptr ? order_id_of(*target) : "-")
                     .debug("unprotected_ms", to_micros(Instant{told.naked_total}) / 1000));
        Notice notice = notice_of(NoticeType::sltp_created, entry, clock.now, stop->client_id);
        notice.side.reset();
        notice.facts = {{"stop", in_quote(*stop->trigger, entry.symbol)},
                        {"stop order", order_id_of(*stop)},
                        {"target", target != nullptr ? in_quote(*target->price, entry.symbol) : "-"},
                        {"target order", target != nullptr ? order_id_of(*target) : "-"},
                        {"quantity", in_base(stop->quantity, entry.symbol)},
                        {"seconds unprotected",
                         Decimal::from_units(Decimal::Units{told.naked_total.count()} * 1'000'000'000'000).text()}};
        if (e.levels && stop->trigger && *stop->trigger > e.levels->stop)
          notice.facts.emplace_back("stop wanted", in_quote(e.levels->stop, entry.symbol) + ", outside the price band");
        if (e.levels && target != nullptr && *target->price < e.levels->target)
          notice.facts.emplace_back("target wanted",
                                    in_quote(e.levels->target, entry.symbol) + ", outside the price band");
        if (e.naked.is_positive()) notice.facts.emplace_back("dust", in_base(e.naked, entry.symbol));
        item.tell(std::move(notice));
      }
      if (told != trade.record) item.record(trade.record) = std::move(told);
      items.push_back(std::move(item));
    });
  }
  ledger.commit(std::move(items));
  return covered;
}

void settle_trades(Ledger& ledger, const VenueView& venue, const RunClock& clock, const Moves& moves) {
  std::vector<Item> items;
  for (const ClientOrderId& id : moves.settled) {
    item_by_item(ledger, id, "settling a trade", [&] {
      const Trade& trade = *ledger.trade(id);
      const Exposure e = exposure(trade, venue.seen.open, clock.venue_now());
      const Order& entry = trade.entry();
      Item item{.trade = id};
      TradeRecord& record = item.record(trade.record);
      record.settled = true;
      if (const auto since = naked_from(trade)) {
        record.naked_total += std::max(Micros{0}, clock.now - *since);
        record.naked_since.reset();
      }
      if (e.held.is_positive() && !record.dust_told) {
        record.dust_told = true;
        Notice dust = notice_of(NoticeType::dust, entry, clock.now);
        dust.facts = {{"left", in_base(e.held, entry.symbol)}};
        item.say(Line{Event::dust}
                     .add("symbol", entry.symbol.text())
                     .add("order_id", order_id_of(entry))
                     .add("left", e.held.text()));
        item.tell(std::move(dust));
      }
      const auto bought = value_of(trade.entries);
      const auto sold = value_of(trade.legs);
      if (has_holdings(trade)) {
        const auto shown = [](const std::optional<Money>& value, const char* unknown) {
          return value ? value->text() : unknown;
        };
        item.say(Line{Event::trade_closed}
                     .add("symbol", entry.symbol.text())
                     .add("order_id", order_id_of(entry))
                     .add("bought", shown(bought, "-"))
                     .add("sold", shown(sold, "-"))
                     .add("left", std::max(Quantity{}, e.held).text()));
        Notice closed = notice_of(NoticeType::trade_closed, entry, clock.now);
        closed.side.reset();
        const auto told = [&](const std::optional<Money>& money) {
          return money ? in_quote(*money, entry.symbol) : std::string{"not known"};
        };
        closed.facts = {{"bought for", told(bought)}, {"sold for", told(sold)}};
        if (const std::string way = way_out(trade); !way.empty()) closed.facts.emplace_back("by", way);
        const TradeResult result = result_of(trade);
        if (!bought || !sold)
          closed.facts.emplace_back("result", "not known");
        else if (result.fees_known)
          closed.facts.emplace_back("result after fees", in_quote(result.after_fees(), entry.symbol));
        else
          closed.facts.emplace_back("result before fees", in_quote(result.before_fees(), entry.symbol));
        if (e.held.is_positive())
          closed.facts.emplace_back("left behind",
                                    e.held.text() + " " + entry.symbol.base() + ", too little for the exchange");
        item.tell(std::move(closed));
      }
      for (const NoticeType kind :
           {NoticeType::unprotected, NoticeType::unverified, NoticeType::in_doubt_too_long, NoticeType::oversold})
        clear(item, ledger, clock, kind, id);
      items.push_back(std::move(item));
    });
  }
  ledger.commit(std::move(items));
}

// Of all that was filled; nullopt: of some of it the venue did not say.
std::optional<Money> value_of(const std::vector<Order>& rows) {
  Money all;
  for (const Order& row : rows) {
    if (row.filled.is_positive() && !row.filled_value.is_positive()) return std::nullopt;
    all += row.filled_value;
  }
  return all;
}

bool has_holdings(const Trade& trade) {
  return !trade.record.settled && std::any_of(trade.entries.begin(), trade.entries.end(),
                                              [](const Order& entry) { return entry.filled.is_positive(); });
}

}  // namespace
}  // namespace tradeguard
