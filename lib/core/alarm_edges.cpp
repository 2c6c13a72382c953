#include "tradeguard/alarm_edges.hpp"

#include <utility>

namespace tradeguard {

namespace {

Micros next_pause(int told) {
  switch (told) {
    case 1:
      return 10min;
    case 2:
      return 45min;
    default:
      return 60min;
  }
}

}  // namespace

ToldEdge raised(Alarm alarm, Notice notice, Instant now) {
  alarm.raised_at = now;
  alarm.next_reminder = now + 5min;
  notice.event_id += ":" + std::to_string(to_micros(now));
  return {{AlarmEdge::What::raise, std::move(alarm)}, std::move(notice)};
}

std::optional<ToldEdge> reminded(const Alarm& standing, Instant now) {
  constexpr Micros clocks_differ_by = 1min;
  const Micros pause = standing.told <= 1 ? Micros{5min} : next_pause(standing.told - 1);
  if (standing.told == 0 || !standing.next_reminder || !is_due(*standing.next_reminder, pause + clocks_differ_by, now))
    return std::nullopt;
  Alarm alarm = standing;
  alarm.next_reminder = now + next_pause(alarm.told);
  alarm.told += 1;
  Notice notice = notice_of(NoticeType::reminder,
                            "REMINDER:" + std::string{kind_of(alarm)} + ":" + alarm.subject + ":" +
                                std::to_string(to_micros(alarm.raised_at)) + ":" + std::to_string(alarm.told),
                            now);
  notice.symbol = alarm.symbol;
  notice.order_id = alarm.order_id;
  notice.facts = {{"still", std::string{kind_of(alarm)}}, {"since", iso_seconds(alarm.raised_at) + " UTC"}};
  if (!alarm.detail.empty()) notice.facts.emplace_back("detail", alarm.detail);
  if (alarm.subject.starts_with(client_id_prefix)) notice.facts.emplace_back("trade", alarm.subject);
  return ToldEdge{{AlarmEdge::What::remind, std::move(alarm)}, std::move(notice)};
}

ToldEdge cleared(const Alarm& standing, const ClientOrderId& trade, Instant now) {
  Alarm alarm = standing;
  alarm.cleared_at = now;
  std::optional<Notice> notice;
  if (standing.told > 0) {
    const std::string kind{kind_of(standing)};
    notice = notice_of(NoticeType::cleared,
                       "CLEARED:" + kind + ":" + standing.subject + ":" + std::to_string(to_micros(now)), now);
    notice->trade = trade;
    notice->symbol = standing.symbol;
    notice->order_id = standing.order_id;
    notice->facts = {{"was", kind}, {"since", iso_micros(standing.raised_at)}};
  }
  return {{AlarmEdge::What::clear, std::move(alarm)}, std::move(notice)};
}

Line line_of_cleared(const Alarm& alarm) {
  return Line{Event::cleared}
      .add("kind", kind_of(alarm))
      .add("symbol", alarm.symbol.empty() ? "-" : alarm.symbol)
      .add("subject", alarm.subject);
}

}  // namespace tradeguard
