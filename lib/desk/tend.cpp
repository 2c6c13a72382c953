// What a daemon does once a minute: ask, alarm, deliver, prune, and leave a record of having been here.
#include <algorithm>
#include <utility>

#include "impl.hpp"
#include "rows.hpp"
#include "tradeguard/alarm_edges.hpp"
#include "tradeguard/order_state.hpp"

namespace tradeguard {

namespace {

constexpr std::size_t notices_at_once = 100;
constexpr Micros prune_budget = 20ms;

// A trade with a plan is a cycle's, which asks and tells for itself.
bool is_bots_own(const TradeRecord& trade) { return !trade.plan; }

// An entry that has not come to its end, and one that is said never to have arrived, for an hour.
std::vector<Order> questions_of(const OpenBook& book, Instant now) {
  std::vector<Order> questions;
  for (const Trade& trade : book.trades)
    for (const Order& entry : trade.entries)
      if (is_bots_own(trade.record) && entry.live() && !entry.twin) questions.push_back(entry);
  for (const OpenQuestion& question : book.questions)
    if (is_bots_own(question.trade) && question.order.leg == Leg::entry && question.order.state != OrderState::closed &&
        is_open_question(question.order, now))
      questions.push_back(question.order);
  return questions;
}

VenueStatus status_of(AtVenue::State state) {
  switch (state) {
    case AtVenue::State::open:
      return VenueStatus::open;
    case AtVenue::State::filled:
      return VenueStatus::filled;
    case AtVenue::State::cancelled:
      return VenueStatus::cancelled;
    case AtVenue::State::rejected:
      return VenueStatus::rejected;
  }
  return VenueStatus::unknown;
}

}  // namespace

Result<Tended> Desk::Impl::tend(const LookUp& look_up) {
  Tended tended;
  auto questions = in_turn([&](Account& account) -> Result<std::vector<Order>> {
    const Instant now = clock_.now();
    auto book = account.journal().open_book(now);
    if (!book) return relayed(book, "reading what is open");
    return questions_of(*book, now);
  });
  if (!questions) return relayed(questions, "tending");
  for (const Order& order : *questions) {
    const Instant read_began = clock_.now();
    tended.asked += 1;
    const LookedUp found = look_up(order);  // nothing is locked meanwhile
    auto heard = in_turn([&](Account& account) { return hear_lookup(account, order, found, read_began, tended); });
    if (!heard && heard.error().fault != Fault::data) return relayed(heard, "tending");
    if (!heard) say(Line{Event::item_dropped}.add("trade", order.trade).add("error", heard.error().what));
  }
  auto kept = in_turn([&](Account& account) { return keep_alarms(account, tended); });
  if (!kept) return relayed(kept, "tending");
  if (settings_.notifier != nullptr)
    if (auto told = deliver(tended); !told) return relayed(told, "tending");
  auto ended = in_turn([&](Account& account) -> Result<void> {
    const Micros began = clock_.monotonic();
    const Instant now = clock_.now();
    auto gone =
        account.journal().prune(now - settings_.keep, now, [&] { return clock_.monotonic() - began >= prune_budget; });
    if (!gone) return relayed(gone);
    tended.pruned += *gone;
    if (auto begun = account.journal().begin_run(settings_.name, "-", now); !begun) return relayed(begun);
    return account.journal().finish_run(tended.alarms > 0 ? "critical" : "ok", now);
  });
  if (!ended) return relayed(ended, "tending");
  return tended;
}

Result<void> Desk::Impl::hear_lookup(Account& account, const Order& asked, const LookedUp& found, Instant read_began,
                                     Tended& tended) {
  return std::visit(
      overloaded{
          [&](const AtVenue& record) -> Result<void> {
            auto heard = hear(account, asked.client_id, [&](const Order& entry) {
              Fill fill = record.fill;
              // Its end with all of it filled is the exchange's word, and what was filled is not less then.
              if (record.state == AtVenue::State::filled) fill.filled = std::max(fill.filled, entry.quantity);
              return fill_applied(entry, fill, status_of(record.state), record.reason, clock_.now());
            });
            if (heard) tended.answered += 1;
            return heard;
          },
          [&](const NotThere&) -> Result<void> {
            const Lookup nothing{.found = {}, .every_view_read = true, .read_began = read_began};
            return hear(account, asked.client_id, [&](const Order& entry) -> Result<Applied> {
              // What was acknowledged was there. That it is not shown proves nothing but that somebody has to look.
              if (!entry.in_doubt() || entry.acknowledged || !proves_absence(entry, nothing, settings_.absence_margin))
                return Applied{.order = entry, .step = Step::stale};
              tended.answered += 1;
              tended.lapsed += 1;
              return apply_absent(entry, clock_.now());
            });
          },
          [](const CannotSay&) -> Result<void> { return {}; },
      },
      found);
}

// Doubts that have lasted too long are told; what came to its end is cleared; what stands is reminded of.
Result<void> Desk::Impl::keep_alarms(Account& account, Tended& tended) {
  const Instant now = clock_.now();
  auto book = account.journal().open_book(now);
  if (!book) return relayed(book);
  constexpr NoticeType kind = NoticeType::in_doubt_too_long;
  std::set<ClientOrderId> doubtful;
  Change change;
  tended.in_doubt = 0;
  const auto stands = [&](const ClientOrderId& trade) {
    return std::any_of(book->alarms.begin(), book->alarms.end(),
                       [&](const Alarm& alarm) { return alarm.kind == kind && alarm.subject == trade; });
  };
  const auto write_edge = [&](ToldEdge edge) {
    change.alarms.push_back(std::move(edge.edge));
    if (edge.notice) change.notices.push_back(std::move(*edge.notice));
  };
  std::vector<Line> lines;
  int raised_now = 0;
  int cleared_now = 0;
  for (const Trade& trade : book->trades) {
    const Order& entry = trade.entry();
    if (!entry.in_doubt() || !is_bots_own(trade.record)) continue;
    tended.in_doubt += 1;
    if (now - entry.claimed_at <= settings_.in_doubt_after) continue;
    doubtful.insert(trade.id());
    if (stands(trade.id())) continue;
    Alarm alarm = alarm_of(kind, trade.id(), entry.symbol.base());
    alarm.symbol = entry.symbol.text();
    alarm.order_id = order_id_of(entry);
    alarm.detail =
        entry.acknowledged ? "the exchange took it, and nobody said what became of it" : "its answer was lost";
    Notice notice = notice_of(kind, std::string{text(kind)} + ":" + entry.client_id, now);
    notice.trade = trade.id();
    notice.symbol = alarm.symbol;
    notice.order_id = alarm.order_id;
    notice.side = entry.side;
    notice.facts = {{"why", alarm.detail}};
    lines.push_back(line_of(Event::in_doubt_too_long, entry));
    write_edge(raised(std::move(alarm), std::move(notice), now));
    raised_now += 1;
  }
  for (const Alarm& alarm : book->alarms) {
    const auto about = std::find_if(book->trades.begin(), book->trades.end(),
                                    [&](const Trade& trade) { return trade.id() == alarm.subject; });
    const bool a_cycles = about != book->trades.end() && !is_bots_own(about->record);
    if (a_cycles) continue;
    if (alarm.kind == kind && !doubtful.contains(alarm.subject)) {
      lines.push_back(line_of_cleared(alarm));
      write_edge(cleared(alarm, alarm.subject, now));
      cleared_now += 1;
    } else if (auto edge = reminded(alarm, now)) {
      write_edge(std::move(*edge));
    }
  }
  tended.alarms = static_cast<int>(book->alarms.size()) + raised_now - cleared_now;
  if (change.alarms.empty()) return {};
  const auto written = account.journal().write({&change, 1});
  if (!written) return tl::unexpected{written.error()};
  for (const Line& line : lines) say(line);
  return {};
}

Result<void> Desk::Impl::deliver(Tended& tended) {
  const Micros until = clock_.monotonic() + settings_.notify_budget;
  auto due = in_turn([&](Account& account) { return account.journal().due_notices(clock_.now(), notices_at_once); });
  if (!due) return relayed(due);
  std::vector<DeliveryRecord> records;
  std::set<ClientOrderId> waiting;
  for (const Notice& notice : *due) {
    const Micros left = until - clock_.monotonic();
    if (left <= Micros{0}) break;
    if (waiting.contains(notice.trade) && notice.severity != Severity::critical) continue;
    // No call of another thread waits for a messenger.
    const Delivery delivery = settings_.notifier->deliver(notice, left);
    DeliveryRecord record = delivery_record(notice, delivery, clock_.now());
    if (record.what == DeliveryRecord::What::delivered) tended.told += 1;
    if (record.what == DeliveryRecord::What::try_later && !notice.trade.empty()) waiting.insert(notice.trade);
    records.push_back(std::move(record));
  }
  if (records.empty()) return {};
  return in_turn([&](Account& account) { return account.journal().record_deliveries(records, clock_.now()); });
}

}  // namespace tradeguard
