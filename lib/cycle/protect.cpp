// One round of moves: the pure next_move says what each trade needs, this carries it out in bursts.
#include "protect.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "market.hpp"
#include "reconcile.hpp"
#include "run.hpp"
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

bool not_shown(const Run& run, const Order& order);
int failed_legs(const Run& run);
void read_surroundings(Run& run);
void look_for_drift(Run& run);
void look_for_unfired_stops(Run& run);
void renew_rules(Run& run);
Moves next_moves(Run& run);
Surroundings around(const Run& run, const Trade& trade);
void ask_cancels(Run& run, const Moves& moves);
void place_legs(Run& run, const Moves& moves);
void place_exits(Run& run, const Moves& moves);
void settle_trades(Run& run, const Moves& moves);
void note_naked(Run& run);
void tell_covered(Run& run);
bool may_act_on(const Run& run, const ClientOrderId& trade);
Order new_leg(Run& run, const Trade& trade, Leg leg, int attempt, Quantity quantity);
void tell_moved_levels(Item& item, const Order& entry, const PlaceLegs& move, bool oco);
void hear_answer(Run& run, Item& item, const Order& order, const PlaceOutcome& outcome);
bool has_holdings(const Trade& trade);
std::optional<Money> value_of(const std::vector<Order>& rows);
// No leg is sent for a trade of an earlier run before unrecorded ones were looked for.
bool looked_for(const Run& run, const Trade& trade) {
  // A run that lost its store may have lost the lock with it: its own trade may be another's by now.
  return (run.notes(trade.id()).own && !run.store_lost) || run.notes(trade.id()).probed;
}

}  // namespace

Round protect(Run& run) {
  const int failed_before = failed_legs(run);
  read_surroundings(run);
  look_for_unfired_stops(run);
  renew_rules(run);
  const Moves moves = next_moves(run);
  ask_cancels(run, moves);
  place_legs(run, moves);
  place_exits(run, moves);
  note_naked(run);
  tell_covered(run);
  settle_trades(run, moves);

  const bool still_naked = std::any_of(moves.legs.begin(), moves.legs.end(), [&](const auto& move) {
    const Trade* trade = run.trade(move.first);
    return trade != nullptr && !run.notes(trade->id()).dropped &&
           !exposure(*trade, run.seen.open, run.venue_now()).naked_is_dust;
  });
  const bool sold_at_once = !moves.exits.empty() && moves.cancels.empty() && !still_naked;
  // What just came to nothing has a better chance a moment later.
  const bool sent =
      (!moves.legs.empty() || !moves.exits.empty() || !moves.cancels.empty()) && failed_legs(run) == failed_before;
  return {still_naked || !moves.exits.empty() || !moves.cancels.empty(), sold_at_once, sent};
}

bool questions_wait(const Run& run, bool wait_for_entries) {
  for (const Trade& trade : run.book.trades) {
    if (run.notes(trade.id()).dropped || run.notes(trade.id()).hands_off) continue;
    if (run.notes(trade.id()).unread) {
      if (run.failed_reads < reads_per_run) return true;
      continue;
    }
    if (trade.record.settled || trade.record.released) continue;
    const bool entry_open = std::any_of(trade.entries.begin(), trade.entries.end(), [&](const Order& o) {
      return (o.live() && !not_shown(run, o)) ||
             (o.state == OrderState::closed && o.filled.is_positive() && !o.fees_known);
    });
    if (entry_open && wait_for_entries && run.may_wait_for_entries()) return true;
    const bool leg_open = std::any_of(trade.legs.begin(), trade.legs.end(), [&](const Order& leg) {
      if (run.order_notes(leg.client_id).cancels > cancels_per_run) return false;
      if (run.copy_may_come(leg) && !leg.live()) return true;
      if (leg.live() && run.order_notes(leg.client_id).market_below) return true;
      if (not_shown(run, leg)) return false;
      return leg.live() && (leg.leg == Leg::exit || leg.in_doubt() || leg.cancel_asked_at || leg.fired_at ||
                            !run.seen.open.contains(leg.client_id));
    });
    if (leg_open) return true;
  }
  return false;
}

namespace {

// The venue acknowledged it once, and no view shows it. A stop that does not come to light within some
// seconds is a CRITICAL, and no reason to keep the lock; anything else may take its time to be shown,
// as long as its request may still be executed.
bool not_shown(const Run& run, const Order& order) {
  constexpr int looks_at_legs = 6;
  constexpr int looks_at_others = 3;
  const int looks = run.order_notes(order.client_id).unseen;
  if (looks == 0 || order.state != OrderState::placed) return false;
  if (order.leg == Leg::stop || order.leg == Leg::target) return looks >= looks_at_legs;
  const Micros margin = run.ports.protector.traits().absence_margin;
  return looks >= looks_at_others && run.venue_now() > order.valid_until + margin;
}

int failed_legs(const Run& run) {
  int failed = 0;
  for (const auto& [trade, notes] : run.all_notes()) failed += notes.refused_legs + (notes.exit_failed ? 1 : 0);
  return failed;
}

}  // namespace

void start_naked_clock(const Run& run, const Trade& trade, const Exposure& e, Item& item) {
  // What is on its way out is not what the policy of the naked is about.
  if (trade.record.naked_since || e.naked_is_dust || e.leaving >= e.naked) return;
  item.record(trade.record).naked_since = run.now;
}

namespace {

// Prices and balances decide about what is naked, for sale, or was left by earlier runs. A fresh fill
// waits for no reading: its stop goes first, and what does not fit the venue refuses.
bool wants_surroundings(const Run& run, const Trade& trade) {
  if (!has_holdings(trade)) return false;
  if (!run.ports.protector.traits().oco || !trade.record.exit_reason.empty()) return true;
  const bool own = run.notes(trade.id()).own;
  if (own && trade.legs.empty()) return false;
  if (std::any_of(trade.legs.begin(), trade.legs.end(),
                  [&](const Order& leg) { return run.order_notes(leg.client_id).market_below; }))
    return true;
  if (!own && !run.read.surroundings) return true;
  const Exposure e = exposure(trade, run.seen.open, run.venue_now());
  return !e.naked_is_dust || e.leaving.is_positive();
}

void read_surroundings(Run& run) {
  std::set<Symbol> symbols;
  for (const Trade& trade : run.book.trades) {
    if (run.notes(trade.id()).dropped) continue;
    item_by_item(run, trade.id(), "judging what a trade needs to know", [&] {
      if (wants_surroundings(run, trade)) symbols.insert(trade.entry().symbol);
    });
  }
  const bool drift_stands = std::any_of(run.book.alarms.begin(), run.book.alarms.end(),
                                        [](const Alarm& alarm) { return alarm.kind == NoticeType::drift; });
  if (!symbols.empty()) {
    read_quotes_and_balances(run, symbols);
    run.measure_clock();
    run.read.surroundings = true;
  }
  if (!symbols.empty() || drift_stands) look_for_drift(run);
}

struct Holdings {
  Quantity held;
  Quantity for_sale;  // what rests, or as long as that is not all: what can be sold of it
  Quantity step;      // the largest of the trades'
  const Trade* first = nullptr;
  bool known = true;  // what may have been sold unseen drifts from nothing
};

// A stop that this run sent may have sold already where no view shows it yet.
bool sent_and_not_seen_yet(const Run& run, const Trade& trade) {
  return std::any_of(trade.legs.begin(), trade.legs.end(), [&](const Order& leg) {
    return leg.leg == Leg::stop && leg.live() && run.order_notes(leg.client_id).here &&
           !run.seen.open.contains(leg.client_id) && !not_shown(run, leg);
  });
}

std::map<std::string, Holdings> holdings_of(const Run& run) {
  std::map<std::string, Holdings> all;
  for (const Alarm& alarm : run.book.alarms)
    if (alarm.kind == NoticeType::drift) all[alarm.subject];
  for (const Trade& trade : run.book.trades) {
    if (trade.record.released || !has_holdings(trade) || run.notes(trade.id()).dropped) continue;
    const Exposure e = exposure(trade, run.seen.open, run.venue_now());
    const bool unread = run.notes(trade.id()).unread || e.leaving.is_positive() || sent_and_not_seen_yet(run, trade);
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
bool look_again(Run& run, const std::map<std::string, Holdings>& holdings) {
  std::set<Symbol> symbols;
  for (const auto& [base, own] : holdings) {
    const auto read = own.known ? run.balance_of(base) : std::nullopt;
    if (!read || !drifts_from(own, read->total) || stands(run, NoticeType::drift, base)) continue;
    if (!run.read.looked_again.emplace(base, read->total).second) continue;
    for (const Trade& trade : run.book.trades) {
      if (trade.entry().symbol.base() != base) continue;
      symbols.insert(trade.entry().symbol);
      for (const Order& leg : trade.legs) run.seen.open.erase(leg.client_id);
    }
  }
  if (symbols.empty()) return false;
  reconcile(run);
  if (!run.fenced) read_quotes_and_balances(run, symbols);
  return true;
}

// The venue holds less of a base than our trades of it: then nobody knows whose coins they are.
void look_for_drift(Run& run) {
  auto holdings = holdings_of(run);
  if (look_again(run, holdings)) {
    if (run.fenced) return;
    holdings = holdings_of(run);
  }
  for (const auto& [base, own] : holdings) {
    const auto read = own.known ? run.balance_of(base) : std::nullopt;
    if (!read && (own.held.is_positive() || !own.known)) continue;
    Decimal balance = read ? read->total : Decimal{};  // unread is not zero
    if (const auto before = run.read.looked_again.find(base); before != run.read.looked_again.end())
      balance = std::max(balance, before->second);
    Item item;
    const bool drifts = drifts_from(own, balance);
    if (drifts)
      run.read.drifted.insert(base);
    else
      run.read.drifted.erase(base);
    if (drifts && !stands(run, NoticeType::drift, base)) {
      const Trade& trade = *own.first;
      Alarm alarm = alarm_of(NoticeType::drift, base, base);
      alarm.symbol = trade.entry().symbol.text();
      alarm.detail = "held " + own.held.text() + ", balance " + balance.text();
      Notice notice = notice_of(NoticeType::drift, trade.entry(), run.now, base);
      notice.facts = {{"held", in_base(own.held, trade.entry().symbol)}, {"balance", balance.text() + " " + base}};
      raise(item, run, alarm,
            Line{Event::drift}
                .add("symbol", trade.entry().symbol.text())
                .add("held", own.held.text())
                .add("balance", balance.text()),
            std::move(notice));
    } else if (!drifts && stands(run, NoticeType::drift, base)) {
      clear(item, run, NoticeType::drift, base);
    }
    run.commit({std::move(item)});
  }
}

// A stop fires when the market reaches it. One that rests while the market stays at or below it does not
// work, whatever its record says.
void look_for_unfired_stops(Run& run) {
  if (!run.read.quotes) return;
  std::vector<Item> items;
  for (const Trade& trade : run.book.trades) {
    if (!may_act_on(run, trade.id())) continue;
    const auto quote = run.read.quotes->find(trade.entry().symbol);
    if (quote == run.read.quotes->end()) continue;
    const Price market = quote->second.last;
    for (const Order& leg : trade.legs) {
      const bool rests = leg.leg == Leg::stop && leg.state == OrderState::placed && !leg.cancel_asked_at &&
                         !leg.fired_at && leg.trigger && run.seen.open.contains(leg.client_id);
      if (!rests || market > *leg.trigger) {
        run.order_notes(leg.client_id).market_below.reset();
        continue;
      }
      auto& since = run.order_notes(leg.client_id).market_below;
      if (!since) since = run.venue_now();
      if (run.venue_now() - *since <= fired_patience) continue;
      if (!run.seen.overtaken.insert(leg.client_id).second) continue;
      Item item{.trade = trade.id()};
      Notice notice = notice_of(NoticeType::stop_not_firing, leg, run.now);
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
  run.commit(std::move(items));
}

// Rules change while a trade is open. They are read anew where a leg was refused since they were read, and
// where a leg is to be placed and they are older than their age.
bool refused_for_rules(const Order& leg) {
  const bool came_to_nothing =
      leg.state == OrderState::refused || (leg.state == OrderState::closed && leg.ending == Ending::rejected);
  return came_to_nothing && !leg.filled.is_positive() && complaint_in(leg.reason) == Complaint::rules;
}

// A sale that was refused for the rules waits for others, and is not tried meanwhile: they are asked in every run.
bool waits_for_rules(const Run& run, const Trade& trade) {
  const Order* last = nullptr;
  for (const Order& leg : trade.legs)
    if (leg.leg == Leg::exit && (last == nullptr || leg.attempt > last->attempt)) last = &leg;
  const TradeRecord& record = trade.record;
  return last != nullptr && refused_for_rules(*last) && !record.exit_reason.empty() && record.exit_until &&
         run.venue_now() < *record.exit_until;
}

bool rules_may_be_old(const Run& run, const Trade& trade) {
  const Instant read_at = trade.rules().read_at;
  const bool refused = std::any_of(trade.legs.begin(), trade.legs.end(), [&](const Order& leg) {
    return leg.claimed_at >= read_at && refused_for_rules(leg);
  });
  if (refused || waits_for_rules(run, trade)) return true;
  const Micros age = run.now - read_at;
  return run.ports.placer.traits().network && (age > run.settings.rules_max_age || age < -run.settings.rules_max_age) &&
         !exposure(trade, run.seen.open, run.venue_now()).naked_is_dust;
}

void renew_rules(Run& run) {
  std::set<Symbol> symbols;
  for (const Trade& trade : run.book.trades) {
    if (!may_act_on(run, trade.id()) || !has_holdings(trade)) continue;
    if (run.read.rules_asked.contains(trade.entry().symbol)) continue;
    item_by_item(run, trade.id(), "judging the age of its rules", [&] {
      if (rules_may_be_old(run, trade)) symbols.insert(trade.entry().symbol);
    });
  }
  if (symbols.empty()) return;
  run.read.rules_asked.insert(symbols.begin(), symbols.end());
  std::map<Symbol, InstrumentRules> fresh;
  ask_rules(run, fresh, symbols);
  std::vector<Item> items;
  for (const Trade& trade : run.book.trades) {
    const auto rules = fresh.find(trade.entry().symbol);
    if (rules == fresh.end() || !may_act_on(run, trade.id())) continue;
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
    if (changed) run.notes(trade.id()).refused_legs = 0;
  }
  run.commit(std::move(items));
}

// After three stops in a row that came to nothing, one try a run, and one for the stop alone where the other
// may be of a pair: a naked position is never given up.
int leg_attempts(const Run& run, const Trade& trade) {
  std::vector<const Order*> stops;
  for (const Order& leg : trade.legs)
    if (leg.leg == Leg::stop && !run.order_notes(leg.client_id).here) stops.push_back(&leg);
  std::sort(stops.begin(), stops.end(), [](const Order* a, const Order* b) { return a->attempt > b->attempt; });
  const auto worked = std::find_if(stops.begin(), stops.end(), [](const Order* stop) {
    return stop->live() || stop->filled.is_positive() || stop->state == OrderState::closed;
  });
  if (worked - stops.begin() < leg_attempts_per_run) return leg_attempts_per_run;
  return run.ports.protector.traits().oco ? 2 : 1;
}

Moves next_moves(Run& run) {
  Moves moves;
  for (const Trade& trade : run.book.trades) {
    if (!may_act_on(run, trade.id())) continue;
    item_by_item(run, trade.id(), "deciding the next move", [&] {
      const Exposure e = exposure(trade, run.seen.open, run.venue_now());
      NextMove next = next_move(trade, e, run.seen.open, around(run, trade));
      std::visit(overloaded{
                     [](Nothing&) {},
                     [](Stuck&) {},  // the barrier raises the alarm
                     [&](Cancel& move) { moves.cancels.emplace_back(trade.id(), std::move(move)); },
                     [&](PlaceLegs& move) {
                       if (!looked_for(run, trade)) return;
                       if (run.notes(trade.id()).refused_legs < leg_attempts(run, trade))
                         moves.legs.emplace_back(trade.id(), move);
                     },
                     [&](PlaceExit& move) {
                       if (!looked_for(run, trade)) return;
                       if (!run.notes(trade.id()).exit_failed) moves.exits.emplace_back(trade.id(), std::move(move));
                     },
                     [&](Settle&) {
                       const bool waits = std::any_of(trade.legs.begin(), trade.legs.end(),
                                                      [&](const Order& leg) { return run.copy_may_come(leg); });
                       if (!waits) moves.settled.push_back(trade.id());
                     },
                 },
                 next);
    });
  }
  return moves;
}

Surroundings around(const Run& run, const Trade& trade) {
  const TradeRecord& record = trade.record;
  Surroundings s;
  s.now = run.venue_now();
  s.oco = run.ports.protector.traits().oco;
  s.stop_market = run.ports.protector.traits().stop_market && trade.rules().stop_market;
  s.venue_read = !run.notes(trade.id()).unread;
  s.mismatched = run.seen.mismatched;
  s.overtaken = run.seen.overtaken;
  s.stop_tried = run.notes(trade.id()).refused_legs > 0;
  s.drifted = run.read.drifted.contains(record.symbol.base());
  if (run.read.quotes)
    if (const auto quote = run.read.quotes->find(record.symbol); quote != run.read.quotes->end())
      s.market = quote->second.last;
  if (const auto balance = run.balance_of(record.symbol.base())) s.free_base = Quantity{balance->free};
  const bool wanted = !record.exit_reason.empty() && record.exit_until && s.now < *record.exit_until;
  // An exit that came to nothing: protection first, a new attempt in a later run.
  if (wanted && !run.notes(trade.id()).exit_failed) s.exit_reason = record.exit_reason;
  return s;
}

bool may_act_on(const Run& run, const ClientOrderId& trade) {
  if (run.fenced || run.notes(trade).dropped || run.notes(trade).hands_off) return false;
  return !run.store_lost || run.notes(trade).own;
}

void ask_cancels(Run& run, const Moves& moves) {
  std::vector<Item> items;
  for (const auto& [id, move] : moves.cancels) {
    Item item{.trade = id};
    for (const ClientOrderId& leg : move.ids) {
      Order order = *run.order(leg);
      order.cancel_asked_at = run.now;
      if (move.why == Cancel::Why::sibling)
        item.say(Line{Event::sibling_cancelled}
                     .add("symbol", order.symbol.text())
                     .add("order_id", order_id_of(order))
                     .add("leg", text(order.leg)));
      item.change.advance.push_back(std::move(order));
    }
    items.push_back(std::move(item));
  }
  run.commit(std::move(items));

  // Only what is on record is sent. A cancel asked by a run that was killed before it sent, or one that
  // the venue took and did not carry out, is sent again: cancelling twice is cancelling once.
  std::vector<CancelRequest> requests;
  for (const Trade& trade : run.book.trades) {
    if (!may_act_on(run, trade.id()) || run.notes(trade.id()).unread) continue;
    for (const Order& leg : trade.legs) {
      if (!leg.live() || !leg.cancel_asked_at || !leg.acknowledged) continue;
      run.seen.open.erase(leg.client_id);
      if (++run.order_notes(leg.client_id).cancels > cancels_per_run) continue;
      requests.push_back({leg.client_id, leg.venue_id, leg.symbol, leg.leg});
    }
  }
  if (requests.empty()) return;
  // What the venue answers is not believed: the next round reads each order back.
  burst(
      run, Burst::reading, "cancelling", requests,
      [&](std::span<const CancelRequest> some) { return run.ports.protector.cancel(some); },
      [] { return CancelOutcome{InDoubt{"no answer"}}; });
}

// The last try of a run is the stop alone: the pair may be what the exchange does not take, and what was refused
// in earlier runs is not known any more.
bool is_last_try(const Run& run, const Trade& trade) {
  return run.notes(trade.id()).refused_legs + 1 >= leg_attempts(run, trade);
}

// For people: why a stop stands alone. Empty: it does not.
std::string why_no_target(const Run& run, const Trade& trade, const PlaceLegs& move) {
  if (!run.ports.protector.traits().oco) return "this market takes no pairs";
  if (run.notes(trade.id()).without_target) return "the pair was refused";
  if (!move.with_target && move.levels.target != move.planned.target)
    return "the exchange's price band allows none above what was paid";
  if (!move.with_target) return "the price is at or beyond the target";
  if (is_last_try(run, trade)) return "the tries before it came to nothing";
  return "";
}

void place_legs(Run& run, const Moves& moves) {
  const bool oco = run.ports.protector.traits().oco;
  std::vector<Item> claims;
  std::vector<ClientOrderId> stops;
  for (const auto& wanted : moves.legs) {
    const ClientOrderId& id = wanted.first;
    const PlaceLegs& move = wanted.second;
    item_by_item(run, id, "claiming a stop", [&] {
      const Trade& trade = *run.trade(id);
      const int attempt = std::max(trade.next_attempt(Leg::stop), trade.next_attempt(Leg::target));
      Order stop = new_leg(run, trade, Leg::stop, attempt, move.quantity);
      const bool at_market = run.ports.protector.traits().stop_market && trade.rules().stop_market;
      stop.type = at_market ? OrderType::stop_market : OrderType::stop_limit;
      stop.trigger = move.levels.stop;
      if (stop.type == OrderType::stop_limit)
        stop.price =
            std::max(stop_limit_price(move.levels.stop, trade.plan(), trade.rules()), move.lowest.value_or(Price{}));
      Item item{.trade = id};
      const bool with_target = oco && move.with_target && !run.notes(id).without_target && !is_last_try(run, trade);
      if (with_target) {
        stop.pair = stop.client_id;
        Order target = new_leg(run, trade, Leg::target, attempt, move.quantity);
        target.type = OrderType::limit;
        target.price = move.levels.target;
        target.pair = stop.client_id;
        item.change.append.push_back(std::move(target));
      }
      tell_moved_levels(item, trade.entry(), move, oco);
      stops.push_back(stop.client_id);
      item.change.append.push_back(std::move(stop));
      const std::string target_none = why_no_target(run, trade, move);
      if (trade.record.legs_told) item.record(trade.record).legs_told = false;
      if (trade.record.target_none != target_none) item.record(trade.record).target_none = target_none;
      start_naked_clock(run, trade, exposure(trade, run.seen.open, run.venue_now()), item);
      claims.push_back(std::move(item));
    });
  }
  run.commit(std::move(claims));
  const std::set<ClientOrderId> again = run.take_what_goes_again();
  stops.insert(stops.end(), again.begin(), again.end());

  std::vector<SltpPlacer::LegRequest> requests;
  for (const ClientOrderId& id : stops) {
    const Order* stop = run.order(id);
    if (stop == nullptr || !stop->in_doubt() || !may_act_on(run, stop->trade)) continue;
    SltpPlacer::LegRequest request{.stop = *stop, .target = {}};
    if (!stop->pair.empty())
      for (const Order& leg : run.trade(stop->trade)->legs)
        if (leg.leg == Leg::target && leg.pair == stop->client_id) request.target = leg;
    requests.push_back(std::move(request));
  }
  if (requests.empty()) return;
  const auto outcomes = burst(
      run, Burst::sending, "placing stops", requests,
      [&](std::span<const SltpPlacer::LegRequest> some) { return run.ports.protector.protect(some); },
      [] {
        return SltpPlacer::LegOutcome{InDoubt{"no answer"}, PlaceOutcome{InDoubt{"no answer"}}};
      });

  std::vector<Item> items;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const ClientOrderId& id = requests[i].stop.trade;
    // Sent a second time, only a yes says anything: a no may come from the first copy resting there.
    if (again.contains(requests[i].stop.client_id) && !std::holds_alternative<Accepted>(outcomes[i].stop)) continue;
    item_by_item(run, id, "reading the answer to a stop", [&] {
      Item item{.trade = id};
      run.order_notes(requests[i].stop.client_id).here = true;
      hear_answer(run, item, requests[i].stop, outcomes[i].stop);
      if (requests[i].target && outcomes[i].target) {
        hear_answer(run, item, *requests[i].target, *outcomes[i].target);
        if (std::holds_alternative<Refused>(*outcomes[i].target) || std::holds_alternative<Refused>(outcomes[i].stop))
          run.notes(id).without_target = true;
      }
      items.push_back(std::move(item));
    });
  }
  run.commit(std::move(items));
}

void place_exits(Run& run, const Moves& moves) {
  std::vector<Item> claims;
  std::vector<ClientOrderId> ids;
  for (const auto& wanted : moves.exits) {
    const ClientOrderId& id = wanted.first;
    const PlaceExit& move = wanted.second;
    item_by_item(run, id, "claiming an exit", [&] {
      const Trade& trade = *run.trade(id);
      Order exit = new_leg(run, trade, Leg::exit, trade.next_attempt(Leg::exit), move.quantity);
      exit.because = move.why;
      // What a later try is compared with: is anything different since this one?
      exit.rules = trade.rules();
      if (const auto balance = run.balance_of(trade.entry().symbol.base())) exit.free_base = Quantity{balance->free};
      ids.push_back(exit.client_id);
      Item item{.trade = id};
      item.change.append.push_back(std::move(exit));
      start_naked_clock(run, trade, exposure(trade, run.seen.open, run.venue_now()), item);
      claims.push_back(std::move(item));
    });
  }
  run.commit(std::move(claims));

  std::vector<Order> exits;
  for (const ClientOrderId& id : ids)
    if (const Order* exit = run.order(id); exit != nullptr && may_act_on(run, exit->trade)) exits.push_back(*exit);
  if (exits.empty()) return;
  const auto outcomes = burst(
      run, Burst::sending, "selling", exits,
      [&](std::span<const Order> some) { return run.ports.protector.flatten(some); },
      [] { return PlaceOutcome{InDoubt{"no answer"}}; });
  run.report.exits += static_cast<int>(exits.size());
  for (const Order& exit : exits) run.order_notes(exit.client_id).here = true;

  std::vector<Item> items;
  for (std::size_t i = 0; i < exits.size(); ++i) {
    item_by_item(run, exits[i].trade, "reading the answer to an exit", [&] {
      Item item{.trade = exits[i].trade};
      hear_answer(run, item, exits[i], outcomes[i]);
      items.push_back(std::move(item));
    });
  }
  run.commit(std::move(items));
}

Order new_leg(Run& run, const Trade& trade, Leg leg, int attempt, Quantity quantity) {
  Order order{.client_id = client_order_id(run.account(), trade.id(), leg, attempt),
              .trade = trade.id(),
              .leg = leg,
              .attempt = attempt,
              .signal_key = {},
              .symbol = trade.entry().symbol,
              .side = Side::sell,
              .type = OrderType::market,
              .quantity = quantity};
  order.claimed_at = run.sound_now();
  order.stamp = run.venue_now();
  order.valid_until = order.stamp + run.ports.protector.traits().validity_window;
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

void hear_answer(Run& run, Item& item, const Order& order, const PlaceOutcome& outcome) {
  const Applied applied = apply(order, outcome, run.sound_now());
  tell_outcome(item, applied.order, outcome, run);
  if (applied.order != order) item.change.advance.push_back(applied.order);
  tell_leg(item, order, applied, run);
  if (const auto* accepted = std::get_if<Accepted>(&outcome); accepted && accepted->record) {
    run.seen.open.erase(order.client_id);
    if (sighted_as_planned(applied.order, *accepted->record))
      run.seen.open.insert(order.client_id);
    else if (accepted->record->status == VenueStatus::open)
      run.seen.mismatched.insert(order.client_id);
  }
  if (const auto* unsent = std::get_if<Unsent>(&outcome)) {
    if (unsent->why == Unsent::Why::clock) run.venue.throttled = unsent->message;
    // A leg of this moment, not the entries of this run: they wait until it rests.
    if (unsent->why == Unsent::Why::throttled) run.venue.legs_throttled += 1;
  }
  const bool came_to_nothing = !applied.order.live() && !applied.order.filled.is_positive();
  if (came_to_nothing && order.leg == Leg::stop) run.notes(order.trade).refused_legs += 1;
  if (came_to_nothing && order.leg == Leg::exit) run.notes(order.trade).exit_failed = true;
}

// Whatever is done about it, and whether anything can be: from the first look on it is on record.
void note_naked(Run& run) {
  std::vector<Item> items;
  for (const Trade& trade : run.book.trades) {
    if (!may_act_on(run, trade.id()) || !has_holdings(trade) || trade.record.released) continue;
    if (run.notes(trade.id()).unread) continue;
    item_by_item(run, trade.id(), "noting a position without a stop", [&] {
      Item item{.trade = trade.id()};
      start_naked_clock(run, trade, exposure(trade, run.seen.open, run.venue_now()), item);
      items.push_back(std::move(item));
    });
  }
  run.commit(std::move(items));
}

// Said when the stop is sighted and the target is sighted or settled as none.
void tell_covered(Run& run) {
  std::vector<Item> items;
  for (const Trade& trade : run.book.trades) {
    if (!may_act_on(run, trade.id()) || !has_holdings(trade)) continue;
    item_by_item(run, trade.id(), "telling the protection", [&] {
      const Exposure e = exposure(trade, run.seen.open, run.venue_now());
      if (!e.naked_is_dust || !e.working.is_positive()) return;
      const Order* stop = nullptr;
      const Order* target = nullptr;
      bool target_in_doubt = false;
      std::string existing;
      bool all_placed_here = true;
      for (const Order& leg : trade.legs) {
        if (!leg.live() || leg.leg == Leg::exit) continue;
        if (leg.leg == Leg::stop && run.seen.open.contains(leg.client_id)) stop = &leg;
        if (leg.leg == Leg::target) {
          if (run.seen.open.contains(leg.client_id))
            target = &leg;
          else
            target_in_doubt = true;
        }
        all_placed_here = all_placed_here && (run.order_notes(leg.client_id).here || run.order_notes(leg.pair).here);
        existing += (existing.empty() ? "" : ",") + order_id_of(leg);
      }
      if (stop == nullptr || target_in_doubt) return;
      const Order& entry = trade.entry();
      TradeRecord told = trade.record;
      Item item{.trade = trade.id()};
      if (const auto since = naked_from(trade)) {
        const Micros spell = std::max(Micros{0}, run.now - *since);
        told.naked_total += spell;
        told.naked_since.reset();
        run.report.unprotected.push_back(spell);
        run.report.protected_trades += 1;
      }
      if (!std::exchange(run.notes(trade.id()).covered_noted, true) || told != trade.record) told.covered_at = run.now;
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
        Notice notice = notice_of(NoticeType::sltp_created, entry, run.now, stop->client_id);
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
  run.commit(std::move(items));
}

void settle_trades(Run& run, const Moves& moves) {
  std::vector<Item> items;
  for (const ClientOrderId& id : moves.settled) {
    item_by_item(run, id, "settling a trade", [&] {
      const Trade& trade = *run.trade(id);
      const Exposure e = exposure(trade, run.seen.open, run.venue_now());
      const Order& entry = trade.entry();
      Item item{.trade = id};
      TradeRecord& record = item.record(trade.record);
      record.settled = true;
      if (const auto since = naked_from(trade)) {
        record.naked_total += std::max(Micros{0}, run.now - *since);
        record.naked_since.reset();
      }
      if (e.held.is_positive() && !record.dust_told) {
        record.dust_told = true;
        Notice dust = notice_of(NoticeType::dust, entry, run.now);
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
        Notice closed = notice_of(NoticeType::trade_closed, entry, run.now);
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
        clear(item, run, kind, id);
      items.push_back(std::move(item));
    });
  }
  run.commit(std::move(items));
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
