// The barrier behind protection: every held quantity is covered by a stop sighted in this run, or a
// CRITICAL about it is in the outbox.
#include "alarms.hpp"

#include <algorithm>
#include <utility>

#include "ledger.hpp"
#include "protect.hpp"
#include "tell.hpp"
#include "tradeguard/alarm_edges.hpp"

namespace tradeguard {

namespace {

void judge_trade(Ledger& ledger, const VenueView& venue, const RunClock& clock, const CycleSettings& settings,
                 const Trade& trade, Item& item);
void judge_unread(Ledger& ledger, const RunClock& clock, const CycleSettings& settings, const Trade& trade, Item& item);
void judge_naked(Ledger& ledger, const VenueView& venue, const RunClock& clock, const Trade& trade, const Exposure& e,
                 Item& item);
std::string why_naked(const VenueView& venue, const Trade& trade);
void judge_doubt(const Ledger& ledger, const VenueView& venue, const RunClock& clock, const CycleSettings& settings,
                 const Trade& trade, Item& item);
void end_old_wish(const RunClock& clock, const Trade& trade, Item& item);
void remind(Ledger& ledger, const RunClock& clock);
void trip_breaker(Ledger& ledger, const VenueView& venue, const RunClock& clock);
Alarm alarm_of(NoticeType kind, const Trade& trade);

constexpr int flattened_limit = 3;

}  // namespace

int raise_and_clear_alarms(Ledger& ledger, const VenueView& venue, const RunClock& clock,
                           const CycleSettings& settings) {
  std::vector<Item> items;
  int unverified = 0;
  for (const Trade& trade : ledger.book.trades) {
    if (trade.record.settled || trade.record.released || ledger.notes(trade.id()).dropped) continue;
    item_by_item(ledger, trade.id(), "judging the protection", [&] {
      unverified += ledger.notes(trade.id()).unread ? 1 : 0;
      Item item{.trade = trade.id()};
      judge_trade(ledger, venue, clock, settings, trade, item);
      items.push_back(std::move(item));
    });
  }
  ledger.commit(std::move(items));
  remind(ledger, clock);
  trip_breaker(ledger, venue, clock);
  return unverified;
}

namespace {

void judge_trade(Ledger& ledger, const VenueView& venue, const RunClock& clock, const CycleSettings& settings,
                 const Trade& trade, Item& item) {
  end_old_wish(clock, trade, item);
  if (ledger.notes(trade.id()).unread) return judge_unread(ledger, clock, settings, trade, item);
  clear(item, ledger, clock, NoticeType::unverified, trade.id());
  const Exposure e = exposure(trade, venue.seen.open, clock.venue_now());
  start_naked_clock(clock, trade, e, item);
  judge_naked(ledger, venue, clock, trade, e, item);
  judge_doubt(ledger, venue, clock, settings, trade, item);
}

// Not seen in this run is neither covered nor naked; long enough unseen it is a CRITICAL.
void judge_unread(Ledger& ledger, const RunClock& clock, const CycleSettings& settings, const Trade& trade,
                  Item& item) {
  const auto told = [&](AlarmEdge::What what, Alarm alarm) { item.change.alarms.push_back({what, std::move(alarm)}); };
  // Said once a run, however many barriers it passes.
  if (!std::exchange(ledger.notes(trade.id()).said_unverified, true))
    item.say(
        Line{Event::unverified}.add("symbol", trade.entry().symbol.text()).add("order_id", order_id_of(trade.entry())));
  const auto standing = std::find_if(ledger.book.alarms.begin(), ledger.book.alarms.end(), [&](const Alarm& a) {
    return a.kind == NoticeType::unverified && a.subject == trade.id();
  });
  if (standing == ledger.book.alarms.end()) {
    Alarm alarm = alarm_of(NoticeType::unverified, trade);
    alarm.raised_at = clock.now;
    alarm.told = 0;
    told(AlarmEdge::What::raise, alarm);
  } else if (standing->told == 0 &&
             is_due(standing->raised_at + settings.unverified_after, 2 * settings.unverified_after, clock.now)) {
    Alarm alarm = *standing;
    alarm.told = 1;
    alarm.next_reminder = clock.now + 5min;
    told(AlarmEdge::What::remind, alarm);
    Notice notice =
        notice_of(NoticeType::unverified, trade.entry(), clock.now, std::to_string(to_micros(alarm.raised_at)));
    notice.facts = {{"since", iso_micros(alarm.raised_at)}};
    item.tell(std::move(notice));
  }
}

void judge_naked(Ledger& ledger, const VenueView& venue, const RunClock& clock, const Trade& trade, const Exposure& e,
                 Item& item) {
  const Order& entry = trade.entry();
  if (e.oversold()) {
    Notice notice = notice_of(NoticeType::oversold, entry, clock.now);
    notice.facts = {{"held", in_base(e.held, entry.symbol)}};
    Alarm alarm = alarm_of(NoticeType::oversold, trade);
    alarm.detail = "held " + in_base(e.held, entry.symbol);
    raise(item, ledger, clock, alarm, line_of(Event::oversold, entry).add("held", e.held.text()), std::move(notice));
  } else {
    clear(item, ledger, clock, NoticeType::oversold, trade.id());
  }
  if (e.oversold() || e.naked_is_dust) {
    clear(item, ledger, clock, NoticeType::unprotected, trade.id());
    return;
  }
  const auto since = naked_from(trade);
  const Micros naked_for = since ? std::max(Micros{0}, clock.now - *since) : Micros{0};
  const Line line = Line{Event::unprotected}
                        .add("symbol", entry.symbol.text())
                        .add("order_id", order_id_of(entry))
                        .add("seconds", naked_for.count() / 1'000'000)
                        .add("quantity", e.naked.text());
  if (stands(ledger, NoticeType::unprotected, trade.id())) {
    // Said once a run, however many barriers it passes.
    if (!std::exchange(ledger.notes(trade.id()).said_unprotected, true)) item.say(line);
    return;
  }
  ledger.notes(trade.id()).said_unprotected = true;
  Notice notice = notice_of(NoticeType::unprotected, entry, clock.now);
  const std::string reason = why_naked(venue, trade);
  notice.facts = {{"quantity", in_base(e.naked, entry.symbol)},
                  {"seconds", std::to_string(naked_for.count() / 1'000'000)},
                  {"reason", reason}};
  Alarm alarm = alarm_of(NoticeType::unprotected, trade);
  alarm.detail = in_base(e.naked, entry.symbol) + " without a stop: " + reason;
  raise(item, ledger, clock, alarm, line, std::move(notice));
}

// A SELL that touched a trade and could not be carried out in all its time is told; silence is no end.
void end_old_wish(const RunClock& clock, const Trade& trade, Item& item) {
  const TradeRecord& record = trade.record;
  if (record.exit_reason.empty() || !record.exit_until || clock.venue_now() < *record.exit_until) return;
  if (std::any_of(trade.legs.begin(), trade.legs.end(),
                  [](const Order& leg) { return leg.leg == Leg::exit && leg.live(); }))
    return;
  const Order& entry = trade.entry();
  item.say(Line{Event::exit_expired}
               .add("symbol", entry.symbol.text())
               .add("order_id", order_id_of(entry))
               .add("asked_by", record.exit_reason.str()));
  Notice notice = notice_of(NoticeType::exit_expired, entry, clock.now, std::to_string(to_micros(*record.exit_until)));
  notice.facts = {{"asked by", record.exit_key.empty() ? record.exit_reason.str() : record.exit_key},
                  {"why", "it could not be sold in time; the trade stays open"},
                  {"to sell", "tradeguard flatten " + entry.symbol.text()}};
  item.tell(std::move(notice));
  TradeRecord& without = item.record(record);
  without.exit_reason = {};
  without.exit_key.clear();
  without.exit_until.reset();
}

// By the newest stop there was.
std::string why_naked(const VenueView& venue, const Trade& trade) {
  const Order* stop = nullptr;
  for (const Order& leg : trade.legs)
    if (leg.leg == Leg::stop && (stop == nullptr || leg.attempt >= stop->attempt)) stop = &leg;
  if (!trade.record.exit_reason.empty()) return "it is to be sold (" + trade.record.exit_reason.str() + ")";
  if (stop == nullptr) return "no stop was placed yet";
  const std::string because = stop->reason.empty() ? "" : ": " + stop->reason;
  switch (stop->state) {
    case OrderState::claimed:
      return "the stop was sent, and does not show at the exchange" + because;
    case OrderState::placed:
      if (stop->cancel_asked_at) return "the stop is being cancelled";
      if (stop->fired_at) return "the stop fired, and rests unfilled";
      if (venue.seen.mismatched.contains(stop->client_id)) return "the stop at the exchange is not as planned";
      return venue.seen.open.contains(stop->client_id) ? "the stop covers only a part"
                                                       : "the stop does not show at the exchange";
    case OrderState::closed:
      return "the stop ended at the exchange" + because;
    case OrderState::refused:
      return "the stop was refused" + because;
    case OrderState::lapsed:
      return "the stop never arrived" + because;
  }
  return "";
}

void judge_doubt(const Ledger& ledger, const VenueView& venue, const RunClock& clock, const CycleSettings& settings,
                 const Trade& trade, Item& item) {
  const Order& entry = trade.entry();
  const bool doubtful = std::any_of(trade.entries.begin(), trade.entries.end(), [&](const Order& o) {
    return o.live() &&
           (clock.now - o.claimed_at > settings.in_doubt_after || venue.order_notes(o.client_id).end_unknown);
  });
  if (!doubtful) {
    clear(item, ledger, clock, NoticeType::in_doubt_too_long, trade.id());
    return;
  }
  Alarm alarm = alarm_of(NoticeType::in_doubt_too_long, trade);
  if (venue.order_notes(entry.client_id).end_unknown)
    alarm.detail = "the exchange says that it ended, and not how much was filled";
  raise(item, ledger, clock, alarm, line_of(Event::in_doubt_too_long, entry),
        notice_of(NoticeType::in_doubt_too_long, entry, clock.now));
}

void remind(Ledger& ledger, const RunClock& clock) {
  std::vector<Item> items;
  for (const Alarm& standing : ledger.book.alarms) {
    auto edge = reminded(standing, clock.now);
    if (!edge) continue;
    Item item;
    item.change.alarms.push_back(std::move(edge->edge));
    item.tell(std::move(*edge->notice));
    items.push_back(std::move(item));
  }
  ledger.commit(std::move(items));
}

// An exit that nobody asked for, and that sold something.
bool flattens(const Order& leg) {
  return leg.leg == Leg::exit && leg.filled.is_positive() && is_flattening(leg.because);
}

// Those of this run are not in the book as it was read. A trade counts once, however often it was sold from.
int flattened_today(const Ledger& ledger, const VenueView& venue, const RunClock& clock) {
  Instant since = ledger.book.account.breaker_reset_at.value_or(Instant::min());
  if (since > clock.now) since = Instant::min();
  const auto day = [](Instant at) { return std::chrono::floor<std::chrono::days>(at); };
  int flattened = ledger.book.flattened_today;
  for (const Trade& trade : ledger.book.trades) {
    bool here = false;
    bool counted = false;
    for (const Order& leg : trade.legs) {
      if (!flattens(leg)) continue;
      const bool of_this_run = venue.order_notes(leg.client_id).here;
      here = here || of_this_run;
      const bool today = day(leg.closed_at.value_or(leg.claimed_at)) == day(clock.now);
      counted = counted || (!of_this_run && today && leg.claimed_at > since);
    }
    flattened += here && !counted;
  }
  return flattened;
}

// Three trades sold in one day because they could not be protected: a person has to look. It stands as an
// alarm for as long as the account has it, so that each run ends with it and somebody is reminded.
void trip_breaker(Ledger& ledger, const VenueView& venue, const RunClock& clock) {
  if (!ledger.may_write()) return;
  std::optional<std::string>& breaker = ledger.book.account.breaker;
  const std::string subject = "-";
  Item item;
  if (!breaker) {
    if (const int flattened = flattened_today(ledger, venue, clock); flattened >= flattened_limit) {
      const std::string reason = std::to_string(flattened) + " trades flattened today";
      if (auto set = ledger.journal().set_breaker(reason, clock.now); !set) {
        ledger.store_failed(set.error());
        return;
      }
      breaker = reason;
    }
  }
  if (breaker) {
    Alarm alarm = alarm_of(NoticeType::breaker, subject);
    alarm.breaks = false;  // the account itself does, until `resume`
    alarm.detail = *breaker;
    Notice notice = notice_of(NoticeType::breaker, "BREAKER", clock.now);
    notice.facts = {{"reason", *breaker}};
    raise(item, ledger, clock, std::move(alarm), Line{Event::breaker}.add("reason", *breaker), std::move(notice));
  } else {
    clear(item, ledger, clock, NoticeType::breaker, subject);
  }
  ledger.commit({std::move(item)});
}

Alarm alarm_of(NoticeType kind, const Trade& trade) {
  Alarm alarm = alarm_of(kind, trade.id(), trade.entry().symbol.base());
  alarm.symbol = trade.entry().symbol.text();
  alarm.order_id = order_id_of(trade.entry());
  return alarm;
}

}  // namespace
}  // namespace tradeguard
