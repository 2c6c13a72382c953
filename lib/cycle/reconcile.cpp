// Every open question is asked at the venue, all at once, and the answers are judged trade by trade.
#include "reconcile.hpp"

#include <algorithm>
#include <utility>

#include "ledger.hpp"
#include "tell.hpp"

namespace tradeguard {

namespace {

struct Question {
  Order order;
  bool probe = false;  // no row yet: a leg a run without its store may have sent
};

std::vector<Question> open_questions(Ledger& ledger, const VenueView& venue, const RunClock& clock);
bool to_be_probed(const Ledger& ledger, const VenueView& venue, const RunClock& clock, const Trade& trade);
void probe_legs(const Ledger& ledger, const RunClock& clock, const Trade& trade, std::vector<Question>& questions);
Order expected_leg(const Ledger& ledger, const RunClock& clock, const Trade& trade, Leg leg, int attempt);
OrderQuery query_for(const Ledger& ledger, const RunClock& clock, const Order& order);
bool claimed_by_a_clock_ahead(const VenueView& venue, const RunClock& clock, const Order& order, Instant read_began);
bool hear(Ledger& ledger, VenueView& venue, const RunClock& clock, const Question& question, const Lookup& lookup,
          Item& item);
Applied hear_own(VenueView& venue, const RunClock& clock, const Order& order, const Lookup& lookup);
void hear_twins(Ledger& ledger, VenueView& venue, const RunClock& clock, const Order& order, const Lookup& lookup,
                Item& item);
void remember_sight(VenueView& venue, const Order& order, const Sighting& sighting);
void alarm_wrong_proof(const Ledger& ledger, const RunClock& clock, const Order& order, Item& item);
void note_first_fill(Ledger& ledger, const RunClock& clock, const Trade* trade, Item& item);
void tell_lost_legs(Ledger& ledger, const RunClock& clock, Item& item);
const Sighting* own_sighting(const Order& order, const Lookup& lookup);

}  // namespace

void reconcile(Ledger& ledger, VenueView& venue, RunClock& clock) {
  ledger.forget_what_was_unread();
  // A fill that is found wants its legs looked for, and a leg that is found makes room for the next
  // number: so the asking repeats. Three unrecorded legs are more than one lost store can leave behind.
  for (int depth = 0; depth < 4; ++depth) {
    const std::vector<Question> questions = open_questions(ledger, venue, clock);
    if (questions.empty()) break;
    venue.measure_clock(clock);
    std::vector<OrderQuery> queries;
    queries.reserve(questions.size());
    for (const Question& question : questions) queries.push_back(query_for(ledger, clock, question.order));

    const auto answers = burst(
        ledger, venue, Burst::reading, "looking orders up", queries,
        [&](std::span<const OrderQuery> some) { return venue.protector.find(some); },
        [] { return Result<Lookup>{failed(Fault::unreachable, "no answer")}; });
    clock.look();  // an end that is read now did not happen before the question

    std::map<ClientOrderId, Item> items;
    std::set<ClientOrderId> probed;
    std::set<ClientOrderId> adopted;
    // The unrecorded legs of a trade are taken over together or not at all.
    std::set<ClientOrderId> half_asked;
    for (std::size_t i = 0; i < questions.size(); ++i)
      if (questions[i].probe && (!answers[i] || (answers[i]->found.empty() && !answers[i]->every_view_read)))
        half_asked.insert(questions[i].order.trade);
    for (std::size_t i = 0; i < questions.size(); ++i) {
      const Order& order = questions[i].order;
      // A leg that one view shows is there, whatever the others would say; that there is none takes all.
      if (!answers[i] || (questions[i].probe && half_asked.contains(order.trade))) {
        venue.standing.failed = true;
        if (!answers[i]) venue.standing.hear(answers[i].error());
        ledger.notes(order.trade).unread = true;
        continue;
      }
      Item& item = items[order.trade];
      item.trade = order.trade;
      item_by_item(ledger, order.trade, "reading an order back", [&] {
        if (questions[i].probe) probed.insert(order.trade);
        if (hear(ledger, venue, clock, questions[i], *answers[i], item)) adopted.insert(order.trade);
      });
    }
    std::vector<Item> batch;
    for (auto& [id, item] : items) {
      if (ledger.notes(id).dropped) continue;
      note_first_fill(ledger, clock, ledger.trade(id), item);
      tell_lost_legs(ledger, clock, item);
      batch.push_back(std::move(item));
    }
    ledger.commit(std::move(batch));
    venue.everything_asked = true;
    for (const ClientOrderId& id : probed)
      if (!adopted.contains(id) && !ledger.notes(id).unread) ledger.notes(id).probed = true;
    const bool more = std::any_of(ledger.book.trades.begin(), ledger.book.trades.end(), [&](const Trade& t) {
      return !ledger.notes(t.id()).unread && !ledger.notes(t.id()).dropped && !ledger.notes(t.id()).hands_off &&
             to_be_probed(ledger, venue, clock, t);
    });
    if (!more) break;
  }
  venue.everything_asked = true;
  if (ledger.any_unread()) venue.failed_reads += 1;
}

namespace {

bool still_asked(const Ledger& ledger, const VenueView& venue, const RunClock& clock, const Order& order) {
  if (venue.copy_may_come(order, clock)) return true;
  // An end with a part filled may not be the last word: the exchange has been seen to fill the rest.
  if (order.leg == Leg::entry && order.state == OrderState::closed && order.filled.is_positive() &&
      order.left().is_positive() && !venue.everything_asked)
    return true;
  // For how much it was bought or sold is asked for a while, as long as its trade is open.
  if (order.state == OrderState::closed && order.filled.is_positive() && !order.filled_value.is_positive() &&
      clock.venue_now() < order.valid_until + 1h)
    return true;
  if (!is_open_question(order, clock.venue_now())) return false;
  if (!venue.everything_asked || ledger.notes(order.trade).ask_again) return true;
  switch (order.state) {
    case OrderState::claimed:
      return true;
    case OrderState::placed:
      return order.leg == Leg::entry || order.leg == Leg::exit || order.cancel_asked_at || order.fired_at ||
             !venue.seen.open.contains(order.client_id);
    case OrderState::closed:
      return true;
    case OrderState::refused:
    case OrderState::lapsed:
      return false;
  }
  return true;
}

// A twin shares its client id with the order it doubles, so one question serves both.
bool twin_asked(const Ledger& ledger, const VenueView& venue, const RunClock& clock, const std::vector<Order>& rows,
                const Order& order) {
  return std::any_of(rows.begin(), rows.end(), [&](const Order& row) {
    return row.twin && row.client_id.starts_with(order.client_id + "/") && still_asked(ledger, venue, clock, row);
  });
}

std::vector<Question> open_questions(Ledger& ledger, const VenueView& venue, const RunClock& clock) {
  std::vector<Question> questions;
  for (const Trade& trade : ledger.book.trades) {
    if (ledger.notes(trade.id()).dropped || ledger.notes(trade.id()).hands_off) continue;
    std::vector<Question> of_trade;
    item_by_item(ledger, trade.id(), "asking about a trade", [&] {
      for (const auto* rows : {&trade.entries, &trade.legs})
        for (const Order& order : *rows)
          if (!order.twin &&
              (still_asked(ledger, venue, clock, order) || twin_asked(ledger, venue, clock, *rows, order)))
            of_trade.push_back({order});
      if (to_be_probed(ledger, venue, clock, trade)) probe_legs(ledger, clock, trade, of_trade);
      std::move(of_trade.begin(), of_trade.end(), std::back_inserter(questions));
    });
  }
  for (const OpenQuestion& question : ledger.book.questions)
    if (still_asked(ledger, venue, clock, question.order)) questions.push_back({question.order});
  return questions;
}

// A run that lost its store protects its own fills from memory; their legs have ids but no rows. So no
// leg is claimed for a trade of an earlier run before the venue was asked for it.
bool to_be_probed(const Ledger& ledger, const VenueView& venue, const RunClock& clock, const Trade& trade) {
  if (ledger.notes(trade.id()).probed) return false;
  if (ledger.notes(trade.id()).own && !ledger.store_lost) return false;
  if (trade.record.released || trade.record.settled) return false;
  const Exposure e = exposure(trade, venue.seen.open, clock.venue_now());
  return (e.held - e.working - e.asked - e.leaving).is_positive();
}

void probe_legs(const Ledger& ledger, const RunClock& clock, const Trade& trade, std::vector<Question>& questions) {
  const int pair = std::max(trade.next_attempt(Leg::stop), trade.next_attempt(Leg::target));
  constexpr int attempts_without_rows = 3;  // as many as a run that lost its store may have made
  for (int more = 0; more < attempts_without_rows; ++more)
    for (const auto& [leg, attempt] : {std::pair{Leg::stop, pair}, std::pair{Leg::target, pair},
                                       std::pair{Leg::exit, trade.next_attempt(Leg::exit)}})
      questions.push_back({expected_leg(ledger, clock, trade, leg, attempt + more), true});
}

Order expected_leg(const Ledger& ledger, const RunClock& clock, const Trade& trade, Leg leg, int attempt) {
  const AccountKey& account = ledger.account().key();
  Order order{.client_id = client_order_id(account, trade.id(), leg, attempt),
              .trade = trade.id(),
              .leg = leg,
              .attempt = attempt,
              .signal_key = {},
              .symbol = trade.entry().symbol,
              .side = Side::sell};
  order.claimed_at = clock.now;
  order.stamp = trade.entry().stamp;  // sent at any time since: it may have come to its end already
  order.valid_until = clock.venue_now();
  if (leg != Leg::exit) order.pair = client_order_id(account, trade.id(), Leg::stop, attempt);
  return order;
}

// A leg was stamped by a clock that was ahead while the exchange's time could not be read, for no request is
// stamped after the moment at which it is sent. The clock that says so has to be sure: measured by this run and
// borne out by the look itself. What this run sent is left alone, because its clock may have been set back since.
bool claimed_by_a_clock_ahead(const VenueView& venue, const RunClock& clock, const Order& order, Instant read_began) {
  constexpr Micros clocks_differ_by = 1min;
  return order.leg != Leg::entry && order.state == OrderState::claimed && clock.venue_offset &&
         order.stamp > clock.venue_now() + clocks_differ_by && order.stamp > read_began + clocks_differ_by &&
         !venue.order_notes(order.client_id).here && !venue.order_notes(order.pair).here;
}

OrderQuery query_for(const Ledger& ledger, const RunClock& clock, const Order& order) {
  Instant since = order.stamp;
  // No look begins in the future: what was stamped there was sent at any time since the entry.
  if (order.stamp > clock.venue_now())
    if (const auto known = std::find_if(ledger.book.trades.begin(), ledger.book.trades.end(),
                                        [&](const Trade& trade) { return trade.id() == order.trade; });
        known != ledger.book.trades.end())
      since = std::min(since, known->entry().stamp);
  return OrderQuery{.client_id = order.client_id,
                    .venue_id = order.venue_id,
                    .fired_id = order.fired_id,
                    .symbol = order.symbol,
                    .leg = order.leg,
                    .want_fees = order.side == Side::buy && !order.fees_known,
                    .since = since - 1min,
                    .quantity = order.quantity};
}

// With the store the lock may be gone, and with it the trade: a leg that this run did not send, or whose end
// it did not ask for, says that somebody else works on it.
bool is_anothers_doing(const Question& question, const Order& before, const Order& after) {
  if (question.probe) return after.acknowledged;
  return before.leg != Leg::entry && before.live() && !after.live() && !before.cancel_asked_at;
}

void leave_to_the_other(Ledger& ledger, const RunClock& clock, const Order& order) {
  if (std::exchange(ledger.notes(order.trade).hands_off, true)) return;
  const Trade* trade = ledger.trade(order.trade);
  if (trade == nullptr) return;
  ledger.criticals.push_back("a trade was left to another run: " + order.trade);
  ledger.say(line_of(Event::hands_off, trade->entry()).add("leg", text(order.leg)));
  Notice notice = notice_of(NoticeType::hands_off, trade->entry(), clock.now);
  notice.facts = {{"why", "this run lost its store, and another run has worked on the trade since"},
                  {"what was not done", "no stop was placed and nothing was sold by this run"},
                  {"what to do", "tradeguard status"}};
  ledger.tell_directly(notice);
}

// An entry of a trade that was over, and that the venue shows after all.
bool reopen(Ledger& ledger, const Applied& applied, Item& item) {
  if (!applied.alive_again || applied.order.client_id != applied.order.trade) return false;
  const TradeRecord* record = ledger.record(applied.order.trade);
  if (record == nullptr || !record->reopens()) return false;
  item.record(*record).settled = false;
  return true;
}

// Answers whether a leg without a row was adopted.
bool hear(Ledger& ledger, VenueView& venue, const RunClock& clock, const Question& question, const Lookup& lookup,
          Item& item) {
  Order order = question.order;
  // It was sent before now. So it is not waited for until a day that is weeks away: absence would have no
  // proof, and the position no stop, for as long as the clock was ahead.
  const VenueTraits& traits = venue.protector.traits();
  if (claimed_by_a_clock_ahead(venue, clock, order, lookup.read_began))
    order.valid_until = std::min(order.valid_until, lookup.read_began + traits.validity_window);
  const Sighting* sighting = own_sighting(order, lookup);
  if (question.probe) {
    // One that was rejected protects nothing, but its id is used up: without a row the next stop
    // would take the same id, and this one would be found in its place, as a twin or an end that was impossible.
    if (sighting == nullptr) return false;
    order.type = sighting->type;
    order.quantity = sighting->quantity;
    order.price = sighting->price;
    order.trigger = sighting->trigger;
  }
  const Applied applied = hear_own(venue, clock, order, lookup);
  if (ledger.store_lost && is_anothers_doing(question, order, applied.order)) {
    leave_to_the_other(ledger, clock, order);
    return false;
  }
  if (sighting != nullptr) remember_sight(venue, applied.order, *sighting);
  if (sighting == nullptr && order.state == OrderState::placed) venue.order_notes(order.client_id).unseen += 1;
  if (lookup.found.size() > 1) hear_twins(ledger, venue, clock, order, lookup, item);

  Order compared = applied.order;
  compared.sighted_at = order.sighted_at;  // a newer look at the same facts is no news
  const bool reopens = reopen(ledger, applied, item);
  if (question.probe) {
    item.change.append.push_back(applied.order);
  } else if (compared != question.order) {
    item.change.advance.push_back(applied.order);
  } else if (!reopens) {
    return false;
  }
  if (order.leg == Leg::entry)
    tell_entry(item, order, applied, ledger, clock);
  else
    tell_leg(item, order, applied, ledger, clock);
  // A run without its store may have sent a leg a moment before this row took the same id and was not sent. What
  // was rejected without a fill has sold nothing.
  const bool rejected_elsewhere = order.leg != Leg::entry && order.ending == Ending::unsent &&
                                  applied.order.ending == Ending::rejected && !applied.order.filled.is_positive();
  if ((applied.proof_was_wrong && !rejected_elsewhere) || applied.step == Step::alarm)
    alarm_wrong_proof(ledger, clock, applied.order, item);
  const bool came_to_nothing =
      order.live() && !applied.order.live() && !applied.order.filled.is_positive() && !order.cancel_asked_at;
  // What an earlier run sent and what came to nothing uses up no try of this one.
  const bool tried_here = came_to_nothing && venue.order_notes(order.client_id).here;
  if (tried_here && order.leg == Leg::stop) ledger.notes(order.trade).refused_legs += 1;
  if (tried_here && order.leg == Leg::exit) ledger.notes(order.trade).exit_failed = true;
  return question.probe;
}

Applied hear_own(VenueView& venue, const RunClock& clock, const Order& order, const Lookup& lookup) {
  const VenueTraits& traits = venue.protector.traits();
  if (const Sighting* sighting = own_sighting(order, lookup)) return apply(order, *sighting, clock.sound_now());
  const bool absence_is_asked = order.state != OrderState::placed && order.state != OrderState::closed;
  if (absence_is_asked && proves_absence(order, lookup, traits.absence_margin))
    return apply_absent(order, clock.sound_now());
  // Doubt about a stop is nakedness: where a second copy cannot come to rest, it is sent again.
  if (order.state == OrderState::claimed && order.leg == Leg::stop && lookup.every_view_read && lookup.found.empty() &&
      traits.duplicate_ids_refused && !order.acknowledged &&
      !claimed_by_a_clock_ahead(venue, clock, order, lookup.read_began) && clock.venue_now() < order.valid_until - 2s)
    venue.order_notes(order.client_id).again = true;
  return Applied{.order = order, .step = Step::stale};
}

const Sighting* own_sighting(const Order& order, const Lookup& lookup) {
  if (lookup.found.empty()) return nullptr;
  for (const Sighting& sighting : lookup.found)
    if (!order.venue_id.empty() && sighting.venue_id == order.venue_id) return &sighting;
  return &lookup.found.front();
}

// One client id, several orders: each further one gets a row of its own, counts, and is protected.
void hear_twins(Ledger& ledger, VenueView& venue, const RunClock& clock, const Order& order, const Lookup& lookup,
                Item& item) {
  const Sighting* own = own_sighting(order, lookup);
  for (const Sighting& sighting : lookup.found) {
    if (&sighting == own) continue;
    const ClientOrderId id = order.client_id + "/" + sighting.venue_id;
    const Order* known = ledger.order(id);
    Order twin = known != nullptr ? *known : order;
    if (known == nullptr) {
      twin.client_id = id;
      twin.twin = true;
      twin.state = OrderState::claimed;
      twin.signal_key.clear();
      twin.venue_id = sighting.venue_id;
      twin.filled = {};
      twin.filled_value = {};
      twin.fee_base = {};
      twin.fees_known = false;
      twin.acknowledged = false;
      twin.sighted_at.reset();
      twin.closed_at.reset();
      twin.version = 0;
      Alarm alarm = alarm_of(NoticeType::twin, id, order.symbol.base());
      alarm.symbol = order.symbol.text();
      alarm.order_id = sighting.venue_id;
      raise(item, ledger, clock, alarm, line_of(Event::twin, order).add("twin_order_id", sighting.venue_id),
            notice_of(NoticeType::twin, twin, clock.now));
    }
    const Applied applied = apply(twin, sighting, clock.sound_now());
    remember_sight(venue, applied.order, sighting);
    Order compared = applied.order;
    compared.sighted_at = twin.sighted_at;
    if (known == nullptr)
      item.change.append.push_back(applied.order);
    else if (compared != twin)
      item.change.advance.push_back(applied.order);
  }
}

void remember_sight(VenueView& venue, const Order& order, const Sighting& sighting) {
  venue.seen.open.erase(order.client_id);
  venue.seen.mismatched.erase(order.client_id);
  venue.order_notes(order.client_id).unseen = 0;
  venue.order_notes(order.client_id).end_unknown = false;
  if (!sighting.filled && (sighting.status == VenueStatus::filled || sighting.status == VenueStatus::cancelled ||
                           sighting.status == VenueStatus::expired))
    venue.order_notes(order.client_id).end_unknown = true;
  if (sighting.status != VenueStatus::open) return;
  if (sighting.fired || sighted_as_planned(order, sighting))
    venue.seen.open.insert(order.client_id);
  else if (order.leg == Leg::stop || order.leg == Leg::target)
    venue.seen.mismatched.insert(order.client_id);
}

void alarm_wrong_proof(const Ledger& ledger, const RunClock& clock, const Order& order, Item& item) {
  Alarm alarm = alarm_of(NoticeType::impossible, order.client_id, order.symbol.base());
  alarm.symbol = order.symbol.text();
  alarm.order_id = order_id_of(order);
  alarm.detail = "now " + std::string{text(order.state)};
  raise(item, ledger, clock, alarm, line_of(Event::impossible, order).add("state", text(order.state)),
        notice_of(NoticeType::impossible, order, clock.now));
}

// Seconds without a stop are counted from the first fill that was seen.
void note_first_fill(Ledger& ledger, const RunClock& clock, const Trade* trade, Item& item) {
  const auto filled_more = [&](const Order& row) {
    const Order* before = ledger.order(row.client_id);
    return row.leg == Leg::entry && row.filled > (before != nullptr ? before->filled : Quantity{});
  };
  if (trade == nullptr || trade->record.naked_since) return;
  const bool grew = std::any_of(item.change.advance.begin(), item.change.advance.end(), filled_more) ||
                    std::any_of(item.change.append.begin(), item.change.append.end(), filled_more);
  if (grew) item.record(trade->record).naked_since = clock.now;
}

// Somebody else ended a leg that rested: the owner, the exchange. The sibling of one that sold ends by itself.
void tell_lost_legs(Ledger& ledger, const RunClock& clock, Item& item) {
  const auto newest = [&](const ClientOrderId& id) -> const Order* {
    for (const Order& row : item.change.advance)
      if (row.client_id == id) return &row;
    return ledger.order(id);
  };
  std::vector<Order> lost;
  for (const Order& leg : item.change.advance) {
    const Order* before = ledger.order(leg.client_id);
    if (leg.leg != Leg::stop && leg.leg != Leg::target) continue;
    if (before == nullptr || !before->live() || leg.state != OrderState::closed) continue;
    if (leg.cancel_asked_at || !leg.left().is_positive() || leg.ending == Ending::rejected) continue;
    const Trade* trade = ledger.trade(leg.trade);
    const bool a_sibling_sold =
        trade != nullptr && std::any_of(trade->legs.begin(), trade->legs.end(), [&](const Order& other) {
          const Order* sibling = newest(other.client_id);
          return other.client_id != leg.client_id && !leg.pair.empty() && other.pair == leg.pair &&
                 sibling != nullptr && sibling->filled.is_positive();
        });
    if (trade != nullptr && !a_sibling_sold) lost.push_back(leg);
  }
  for (const Order& leg : lost) {
    const Order& entry = ledger.trade(leg.trade)->entry();
    item.say(Line{Event::sltp_lost}
                 .add("symbol", leg.symbol.text())
                 .add("order_id", order_id_of(entry))
                 .add("leg", text(leg.leg))
                 .add("leg_order_id", order_id_of(leg))
                 .add("reason", leg.reason.empty() ? "ended at the exchange" : leg.reason));
    if (leg.leg != Leg::stop) continue;
    Notice notice = notice_of(NoticeType::sltp_lost, leg, clock.now);
    notice.facts = {{"leg", std::string{text(leg.leg)}},
                    {"reason", leg.reason.empty() ? "ended at the exchange" : leg.reason},
                    {"what happens", "a new stop is placed; closed by hand? tradeguard release " + leg.trade}};
    item.tell(std::move(notice));
  }
}

}  // namespace
}  // namespace tradeguard
