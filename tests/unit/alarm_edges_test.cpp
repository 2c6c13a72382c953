// An alarm is raised once, reminded of ever more rarely, and cleared for those who heard of it.
#include "tradeguard/alarm_edges.hpp"

#include <catch2/catch.hpp>

namespace tradeguard {
namespace {

const Instant noon = *parse_iso("2025-01-01T12:00:00Z");

Alarm doubt() {
  Alarm alarm = alarm_of(NoticeType::in_doubt_too_long, "tg1-e1-x", "ETH");
  alarm.symbol = "ETH_USDT";
  alarm.detail = "its answer was lost";
  return alarm;
}
Alarm standing(Instant at) {
  return raised(doubt(), notice_of(NoticeType::in_doubt_too_long, "IN_DOUBT_TOO_LONG:tg1-e1-x", at), at).edge.alarm;
}

TEST_CASE("raised it stands from now on, and the same edge later is another event") {
  const ToldEdge first = raised(doubt(), notice_of(NoticeType::in_doubt_too_long, "X", noon), noon);
  const ToldEdge second = raised(doubt(), notice_of(NoticeType::in_doubt_too_long, "X", noon + 1h), noon + 1h);
  CHECK(first.edge.what == AlarmEdge::What::raise);
  CHECK(first.edge.alarm.raised_at == noon);
  CHECK(first.edge.alarm.freezes == "ETH");
  REQUIRE((first.notice && second.notice));
  CHECK(first.notice->event_id != second.notice->event_id);
}

TEST_CASE("it is reminded of after 5, 15 and 60 minutes, then hourly") {
  Alarm alarm = standing(noon);
  std::vector<int> minutes;
  for (int minute = 0; minute <= 240; ++minute)
    if (const auto edge = reminded(alarm, noon + minute * 60s)) {
      alarm = edge->edge.alarm;
      minutes.push_back(minute);
      REQUIRE(edge->notice);
      CHECK(edge->notice->facts.front() == std::pair<std::string, std::string>{"still", "IN_DOUBT_TOO_LONG"});
    }
  CHECK(minutes == std::vector<int>{5, 15, 60, 120, 180, 240});
}

TEST_CASE("a clock that was ahead does not keep the reminder away, and one that nobody heard of has none") {
  CHECK(reminded(standing(noon + 24h), noon));
  Alarm unheard = standing(noon);
  unheard.told = 0;
  CHECK_FALSE(reminded(unheard, noon + 24h));
}

TEST_CASE("cleared it is told to those who heard of it") {
  Alarm alarm = standing(noon);
  const ToldEdge told = cleared(alarm, "tg1-e1-x", noon + 1h);
  CHECK(told.edge.what == AlarmEdge::What::clear);
  CHECK(told.edge.alarm.cleared_at == noon + 1h);
  REQUIRE(told.notice);
  CHECK(told.notice->trade == "tg1-e1-x");
  alarm.told = 0;
  CHECK_FALSE(cleared(alarm, "tg1-e1-x", noon + 1h).notice);
}

}  // namespace
}  // namespace tradeguard
