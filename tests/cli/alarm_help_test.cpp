#include <catch2/catch.hpp>

#include "alarm_help.hpp"
#include "help.hpp"

using namespace tradeguard;
using namespace tradeguard::cli;

TEST_CASE("every alarm that can stand has its cause, and a next step with its own names in it") {
  for (const NoticeType kind :
       {NoticeType::unprotected, NoticeType::unverified, NoticeType::in_doubt_too_long, NoticeType::drift,
        NoticeType::orphan, NoticeType::oversold, NoticeType::twin, NoticeType::impossible, NoticeType::breaker,
        NoticeType::run_stuck, NoticeType::undeliverable, NoticeType::live_positions_unattended, NoticeType::run_failed,
        NoticeType::run_missed, NoticeType::store_lost, NoticeType::log_unusable}) {
    INFO(text(kind));
    const AlarmHelp* help = find_alarm_help(text(kind));
    REQUIRE(help != nullptr);
    CHECK_FALSE(help->cause.empty());
    CHECK_FALSE(help->meanwhile.empty());
    CHECK_FALSE(help->ends.empty());
    Alarm alarm{.kind = kind, .subject = "tg1-e1-0123456789abcdefghijklmnop", .freezes = {}};
    alarm.symbol = "ETH_USDT";
    const std::string next = next_step(*help, alarm);
    CHECK(next.find('{') == std::string::npos);
    CHECK(alarm_page(*help).find('{') == std::string::npos);
    CHECK(help_topic(text(kind)) == alarm_page(*help));
    CHECK(alarms_page().find("  " + std::string{text(kind)} + " ") != std::string::npos);
  }
  CHECK(help_topic("unprotected") == help_topic("UNPROTECTED"));
  CHECK(help_topic("alarms") == alarms_page());
  CHECK_FALSE(help_topic("NOPE"));
}

TEST_CASE("the next step names the trade and the market of the alarm, to be copied as it stands") {
  Alarm alarm{.kind = NoticeType::unprotected, .subject = "tg1-e1-0123456789abcdefghijklmnop", .freezes = {}};
  alarm.symbol = "ETH_USDT";
  const std::string next = next_step(*find_alarm_help("UNPROTECTED"), alarm);
  CHECK(next.find("tradeguard flatten ETH_USDT") != std::string::npos);
  CHECK(next.find("tradeguard release tg1-e1-0123456789abcdefghijklmnop") != std::string::npos);
}
