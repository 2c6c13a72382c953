#include "tell.hpp"

#include <algorithm>
#include <utility>

#include "tradeguard/alarm_edges.hpp"

#include "ledger.hpp"

namespace tradeguard {

namespace {

void tell_acknowledged(Item& item, const Order& order, Ledger& ledger, const RunClock& clock);
void tell_fill(Item& item, const Order& order, const RunClock& clock);
std::string value_of(const Order& order);
Notice fact(Notice notice, std::string key, std::string value);

}  // namespace

std::string in_base(Quantity quantity, const Symbol& symbol) { return quantity.text() + " " + symbol.base(); }
std::string in_quote(Money money, const Symbol& symbol) { return money.text() + " " + symbol.quote(); }
std::string in_quote(Price price, const Symbol& symbol) { return price.text() + " " + symbol.quote(); }

Notice notice_of(NoticeType type, const Order& order, Instant now, std::string_view once) {
  // A pure function of what happened: the same event written twice is one notice.
  std::string event_id = std::string{text(type)} + ":" + order.client_id;
  if (!once.empty()) event_id += ":" + std::string{once};
  Notice notice = notice_of(type, std::move(event_id), now);
  notice.trade = order.trade;
  notice.symbol = order.symbol.text();
  notice.order_id = order_id_of(order);
  notice.side = order.side;
  return notice;
}

void tell_entry(Item& item, const Order& before, const Applied& after, Ledger& ledger, const RunClock& clock) {
  const Order& order = after.order;
  if (after.first_acknowledged) tell_acknowledged(item, order, ledger, clock);
  if (after.fill_grew) tell_fill(item, order, clock);
  if (before.state != order.state && order.state == OrderState::lapsed) {
    item.say(line_of(Event::order_lapsed, order).add("reason", order.reason));
    item.tell(fact(notice_of(NoticeType::order_lapsed, order, clock.now), "reason", order.reason));
  }
  if (before.state != order.state && order.state == OrderState::closed && !order.filled.is_positive()) {
    const std::string reason = order.reason.empty() ? "it ended at the exchange with nothing filled" : order.reason;
    item.say(line_of(Line{Event::order_refused, Level::warn}, order).add("reason", reason));
    item.tell(fact(notice_of(NoticeType::order_refused, order, clock.now), "reason", reason));
  }
}

void tell_leg(Item& item, const Order& before, const Applied& after, Ledger& ledger, const RunClock& clock) {
  const Order& order = after.order;
  if (after.fill_grew) {
    const NoticeType type = order.leg == Leg::stop     ? NoticeType::stop_filled
                            : order.leg == Leg::target ? NoticeType::target_filled
                                                       : NoticeType::exit_filled;
    if (order.leg == Leg::exit && !before.acknowledged) item.say(line_of(Event::order_placed, order));
    item.say(line_of(Event::order_filled, order).add("leg", text(order.leg)).add("filled", order.filled.text()));
    Notice notice = notice_of(type, order, clock.now, order.filled.text());
    notice.facts = {{"filled", in_base(order.filled, order.symbol)}, {"value", value_of(order)}};
    if (order.filled_value.is_positive())
      notice.facts.emplace_back("average price",
                                in_quote(average_price(order.filled_value, order.filled), order.symbol));
    // An exit says who wanted it; a stop and a target are their own reason.
    if (order.leg == Leg::exit) notice.facts.emplace_back("why", order.because.str());
    item.tell(std::move(notice));
  } else if (order.leg == Leg::exit && after.first_acknowledged) {
    item.say(line_of(Event::order_placed, order));
  }
  const bool came_to_nothing =
      before.state != order.state && !order.filled.is_positive() && !order.cancel_asked_at &&
      (order.state == OrderState::refused || order.state == OrderState::lapsed || order.state == OrderState::closed);
  // The sibling of a filled leg ends unfilled too, and that is no failure.
  const bool rejected = order.state != OrderState::closed || order.ending == Ending::rejected;
  if (came_to_nothing && rejected) {
    const Trade* trade = ledger.trade(order.trade);
    item.say(Line{Event::sltp_failed}
                 .add("symbol", order.symbol.text())
                 .add("order_id", trade != nullptr ? order_id_of(trade->entry()) : order.trade)
                 .add("leg", text(order.leg))
                 .add("reason", order.reason));
    // One notice a trade and kind of leg: what goes on failing is the alarm's to tell.
    const bool told = stands(ledger, NoticeType::unprotected, order.trade) ||
                      !ledger.notes(order.trade).told_failed.insert(order.leg).second;
    if (!told)
      item.tell(fact(fact(notice_of(NoticeType::sltp_failed, order, clock.now), "leg", std::string{text(order.leg)}),
                     "reason", order.reason));
  }
}

void tell_outcome(Item& item, const Order& order, const PlaceOutcome& outcome, const RunClock& clock) {
  std::visit(
      overloaded{
          [](const Accepted&) {},
          [&](const Refused& refused) {
            if (order.leg != Leg::entry) return;  // a leg's refusal is told as SLTP_FAILED
            item.say(line_of(Event::order_refused, order).add("code", refused.code).add("message", refused.message));
            Notice notice = notice_of(NoticeType::order_refused, order, clock.now);
            notice.facts = {{"code", refused.code}, {"message", refused.message}};
            item.tell(std::move(notice));
          },
          [&](const Unsent& unsent) { item.say(line_of(Event::order_unsent, order).add("reason", unsent.message)); },
          [&](const InDoubt& doubt) {
            item.say(line_of(Event::order_in_doubt, order).add("reason", doubt.message));
            if (order.leg == Leg::entry)
              item.tell(fact(notice_of(NoticeType::order_in_doubt, order, clock.now), "reason", doubt.message));
          },
      },
      outcome);
}

bool stands(const Ledger& ledger, NoticeType kind, const std::string& subject) {
  return std::any_of(ledger.book.alarms.begin(), ledger.book.alarms.end(),
                     [&](const Alarm& alarm) { return alarm.kind == kind && alarm.subject == subject; });
}

void raise(Item& item, const Ledger& ledger, const RunClock& clock, Alarm alarm, Line line, Notice notice) {
  if (stands(ledger, alarm.kind, alarm.subject)) return;
  ToldEdge edge = raised(std::move(alarm), std::move(notice), clock.now);
  item.change.alarms.push_back(std::move(edge.edge));
  item.say(std::move(line));
  item.tell(std::move(*edge.notice));
}

void clear(Item& item, const Ledger& ledger, const RunClock& clock, NoticeType kind, const std::string& subject) {
  for (const Alarm& alarm : ledger.book.alarms) {
    if (alarm.kind != kind || alarm.subject != subject) continue;
    ToldEdge edge = cleared(alarm, item.trade, clock.now);
    item.change.alarms.push_back(std::move(edge.edge));
    item.say(line_of_cleared(alarm));
    if (edge.notice) item.tell(std::move(*edge.notice));
    return;
  }
}

namespace {

void tell_acknowledged(Item& item, const Order& order, Ledger& ledger, const RunClock& clock) {
  if (!ledger.notes(order.trade).own) {
    item.say(line_of(Event::order_recovered, order));
    item.tell(notice_of(NoticeType::order_recovered, order, clock.now));
  }
  item.say(line_of(Event::order_placed, order));
  Notice notice = notice_of(NoticeType::order_created, order, clock.now);
  notice.facts = {{"quantity", in_base(order.quantity, order.symbol)}, {"type", std::string{text(order.type)}}};
  if (order.price) notice.facts.emplace_back("signal price", in_quote(*order.price, order.symbol));
  notice.facts.emplace_back("signal", order.signal_key);
  if (const TradeRecord* record = ledger.record(order.trade); record != nullptr && !record->strategy.empty())
    notice.facts.emplace_back("strategy", record->strategy);
  item.tell(std::move(notice));
}

void tell_fill(Item& item, const Order& order, const RunClock& clock) {
  item.say(line_of(Event::order_filled, order).add("filled", order.filled.text()).add("left", order.left().text()));
  Notice notice = notice_of(NoticeType::order_filled, order, clock.now, order.filled.text());
  notice.facts = {{"filled", in_base(order.filled, order.symbol)},
                  {"of", in_base(order.quantity, order.symbol)},
                  {"value", value_of(order)}};
  if (order.filled_value.is_positive())
    notice.facts.emplace_back("average price", in_quote(average_price(order.filled_value, order.filled), order.symbol));
  item.tell(std::move(notice));
}

// What was filled had a price: zero is one that the venue did not say.
std::string value_of(const Order& order) {
  return order.filled_value.is_positive() ? in_quote(order.filled_value, order.symbol) : "not known";
}

Notice fact(Notice notice, std::string key, std::string value) {
  notice.facts.emplace_back(std::move(key), std::move(value));
  return notice;
}

}  // namespace
}  // namespace tradeguard
