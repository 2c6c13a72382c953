// What a run and a desk say of a signal, in the same words.
#include "tradeguard/guard_lines.hpp"

#include <catch2/catch.hpp>

#include "tradeguard/journal.hpp"

namespace tradeguard {
namespace {

const Instant noon = *parse_iso("2025-01-01T12:00:00Z");
const Symbol eth = *Symbol::parse("ETH_USDT");

std::string said(const Line& line) { return line.plain(); }

TEST_CASE("what is left of a cooldown is rounded up, and never more than the policy has") {
  const CooldownPolicy policy{.cooldown = 300s, .after_stop = 600s};
  CHECK(said(cooldown_line(eth, Passed{}, policy, noon)) == "GUARD cooldown_passed symbol=ETH_USDT");
  CHECK(said(cooldown_line(eth, Cooling{noon + 1500ms, "entry"}, policy, noon)) ==
        "GUARD cooldown_blocked symbol=ETH_USDT seconds_remaining=2");
  CHECK(said(cooldown_line(eth, Cooling{noon + 2h, "entry"}, policy, noon)) ==
        "GUARD cooldown_blocked symbol=ETH_USDT seconds_remaining=600");
}

TEST_CASE("a key that was taken says by what, and whether the signal differs") {
  CHECK(said(key_line("K", nullptr)) == "GUARD idempotency_passed signal_key=K");
  Duplicate known{"tg1-e1-x", "4711", noon};
  CHECK(said(key_line("K", &known)) == "GUARD idempotency_blocked signal_key=K existing_order_id=4711");
  known.decided = "cooldown";
  known.differs = true;
  CHECK(said(key_line("K", &known)) ==
        "GUARD idempotency_blocked signal_key=K existing_order_id=4711 decided=cooldown differs=1");
}

TEST_CASE("a denial names what stands in the way of a signal that is well itself") {
  CHECK(said(denied_line(eth, "K", Denied{Denial::balance, std::nullopt, "3 USDT free"})) ==
        "ENTRY_DENIED symbol=ETH_USDT signal_key=K reason=balance");
  CHECK(said(denied_line(eth, "K", Denied{Denial::frozen, std::nullopt, "DRIFT ETH_USDT"})) ==
        "ENTRY_DENIED symbol=ETH_USDT signal_key=K reason=frozen because=\"DRIFT ETH_USDT\"");
}

Notice notice(int attempts, Severity severity, bool may_have_arrived = false) {
  Notice some = notice_of(NoticeType::order_filled, "E", noon);
  some.attempts = attempts;
  some.severity = severity;
  some.may_have_arrived = may_have_arrived;
  return some;
}
Micros later(const Notice& some, Micros after = 0s) {
  const DeliveryRecord record = delivery_record(some, TryLater{after, "429"}, noon);
  REQUIRE(record.what == DeliveryRecord::What::try_later);
  return *record.next_try - noon;
}

TEST_CASE("an attempt that failed comes again ever more rarely, a CRITICAL never after more than five minutes") {
  CHECK(later(notice(0, Severity::info)) == 30s);
  CHECK(later(notice(3, Severity::info)) == 5min);
  CHECK(later(notice(9, Severity::info)) == 30min);
  CHECK(later(notice(9, Severity::critical)) == 5min);
  CHECK(later(notice(0, Severity::info), 90s) == 90s);
  CHECK(later(notice(0, Severity::info), 48h) == longest_retry);
}

TEST_CASE("two attempts that may have arrived are as good as told, but of a CRITICAL") {
  const Delivery unsure = TryLater{0s, "no answer", false, true};
  CHECK(delivery_record(notice(1, Severity::info), unsure, noon).may_have_arrived);
  CHECK(delivery_record(notice(1, Severity::info, true), unsure, noon).what == DeliveryRecord::What::delivered);
  CHECK(delivery_record(notice(1, Severity::critical, true), unsure, noon).what == DeliveryRecord::What::try_later);
  CHECK(delivery_record(notice(1, Severity::info), Undeliverable{"too long"}, noon).what ==
        DeliveryRecord::What::undeliverable);
}

}  // namespace
}  // namespace tradeguard
