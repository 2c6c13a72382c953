// What every outbox promises: told in the transaction that makes it true, in order per trade, and
// never lost and never in the way.
#include <algorithm>

#include "contract.hpp"
#include "story.hpp"

namespace tradeguard::contract {
namespace {

using Events = std::vector<std::string>;
using enum DeliveryRecord::What;

STORE_CONTRACT("a notice comes back as it was written after a restart", "[outbox]") {
  Notice written = notice("tg1-e1-abc/filled/1", "tg1-e1-abc", Severity::warning);
  written.type = NoticeType::order_filled;
  written.symbol = "ETH_USDT";
  written.order_id = "4711";
  written.side = Side::sell;
  written.facts = {{"quantity", "0.0149"}, {"reason", "it's \"so\" = 1\nand more"}, {"empty", ""}};
  { tell(*store.open(), {written}); }

  const auto after_restart = store.open();
  const auto due_now = value_of(after_restart->journal().due_notices(noon, 10));
  REQUIRE(due_now.size() == 1);
  CHECK(due_now[0].event_id == written.event_id);
  CHECK(due_now[0].type == written.type);
  CHECK(due_now[0].severity == written.severity);
  CHECK(due_now[0].trade == written.trade);
  CHECK(due_now[0].symbol == written.symbol);
  CHECK(due_now[0].order_id == written.order_id);
  CHECK(due_now[0].side == written.side);
  CHECK(due_now[0].facts == written.facts);
  CHECK(due_now[0].created_at == written.created_at);
  CHECK(due_now[0].attempts == 0);
  CHECK_FALSE(due_now[0].next_try);
  CHECK(book(*after_restart, noon).notices_waiting);
}

STORE_CONTRACT("a notice of no trade and no side comes back without them", "[outbox]") {
  const auto session = store.open();
  tell(*session, {notice("event")});
  const auto due_now = value_of(session->journal().due_notices(noon, 10));
  REQUIRE(due_now.size() == 1);
  CHECK(due_now[0].trade.empty());
  CHECK(due_now[0].symbol.empty());
  CHECK(due_now[0].order_id.empty());
  CHECK_FALSE(due_now[0].side);
  CHECK(due_now[0].facts.empty());
}

STORE_CONTRACT("nothing waits in a new account", "[outbox]") {
  const auto session = store.open();
  CHECK(due(*session, noon).empty());
  CHECK(value_of(session->journal().waiting_notices()) == 0);
  CHECK_FALSE(book(*session, noon).notices_waiting);
}

// ---- once told is once
// ---------------------------------------------------------------------------

STORE_CONTRACT("an event is told once however often it is written", "[outbox]") {
  const auto session = store.open();
  tell(*session, {notice("event"), notice("event")});
  tell(*session, {notice("event"), notice("another")});
  CHECK(due(*session, noon) == Events{"event", "another"});
}

STORE_CONTRACT("an event that was told is not told again when it is written again", "[outbox]") {
  const auto session = store.open();
  tell(*session, {notice("event"), notice("lost cause")});
  record(*session, "event", delivered);
  record(*session, "lost cause", undeliverable);
  tell(*session, {notice("event"), notice("lost cause")});
  CHECK(due(*session, noon).empty());
  CHECK(value_of(session->journal().waiting_notices()) == 0);
}

STORE_CONTRACT("a change that repeats an event is written all the same", "[outbox]") {
  const auto session = store.open();
  const Order entry = bought(*session, buy("ETH_USDT"), noon);
  tell(*session, {notice("event", entry.trade)});
  const Change change{.append = {stop_for(entry)},
                      .notices = {notice("event", entry.trade), notice("new", entry.trade)}};
  CHECK(write(*session, change) == Written::yes);
  CHECK(value_of(session->journal().waiting_notices()) == 2);
}

STORE_CONTRACT("a delivered notice is gone after a restart too", "[outbox]") {
  {
    const auto session = store.open();
    tell(*session, {notice("event"), notice("other")});
    record(*session, "event", delivered);
  }
  CHECK(due(*store.open(), noon) == Events{"other"});
}

// Sent and not marked is the one doubt an outbox has: the notice is told again, as it was.
STORE_CONTRACT("a notice whose delivery was not recorded is told again", "[outbox]") {
  {
    const auto session = store.open();
    tell(*session, {notice("event")});
    CHECK(due(*session, noon) == Events{"event"});
  }
  CHECK(due(*store.open(), noon) == Events{"event"});
}

STORE_CONTRACT("recording an event that nobody wrote is no error", "[outbox]") {
  const auto session = store.open();
  tell(*session, {notice("event")});
  record(*session, "never written", delivered);
  must(session->journal().record_deliveries({}, noon));
  CHECK(due(*session, noon) == Events{"event"});
}

// ---- order -------------------------------------------------------------------------------------

STORE_CONTRACT("notices of no trade are due in the order of writing", "[outbox]") {
  const auto session = store.open();
  tell(*session, {notice("1"), notice("2")});
  tell(*session, {notice("3")});
  CHECK(due(*session, noon) == Events{"1", "2", "3"});
  CHECK(due(*session, noon, 2) == Events{"1", "2"});
}

STORE_CONTRACT("notices of one trade are due in the order of writing", "[outbox]") {
  const auto session = store.open();
  tell(*session, {notice("created", "A"), notice("filled", "A"), notice("other trade", "B")});
  CHECK(due(*session, noon) == Events{"created", "filled", "other trade"});
  CHECK(due(*session, noon, 1) == Events{"created"});
  record(*session, "created", delivered);
  CHECK(due(*session, noon) == Events{"filled", "other trade"});
}

STORE_CONTRACT("the sequence of notices grows in the order of writing", "[outbox]") {
  const auto session = store.open();
  tell(*session, {notice("1", "A"), notice("2", "B")});
  tell(*session, {notice("3", "C")});
  const auto due_now = value_of(session->journal().due_notices(noon, 10));
  REQUIRE(due_now.size() == 3);
  CHECK(due_now[0].sequence < due_now[1].sequence);
  CHECK(due_now[1].sequence < due_now[2].sequence);
}

STORE_CONTRACT("a CRITICAL is due before everything and overtakes its own trade", "[outbox]") {
  const auto session = store.open();
  tell(*session, {notice("created", "A"), notice("plain"), notice("unprotected", "A", Severity::critical),
                  notice("alone", "", Severity::critical)});
  CHECK(due(*session, noon) == Events{"unprotected", "alone", "created", "plain"});
  CHECK(due(*session, noon, 1) == Events{"unprotected"});
}

STORE_CONTRACT("the rest of a trade keeps its order after a CRITICAL overtook it", "[outbox]") {
  const auto session = store.open();
  tell(*session, {notice("created", "A"), notice("unprotected", "A", Severity::critical), notice("closed", "A")});
  record(*session, "unprotected", delivered);
  CHECK(due(*session, noon) == Events{"created", "closed"});
}

STORE_CONTRACT("a WARNING does not overtake", "[outbox]") {
  const auto session = store.open();
  tell(*session, {notice("created", "A"), notice("in doubt", "A", Severity::warning)});
  CHECK(due(*session, noon) == Events{"created", "in doubt"});
}

// ---- waiting -----------------------------------------------------------------------------------

STORE_CONTRACT("a notice put off is due again when its time comes", "[outbox]") {
  const auto session = store.open();
  tell(*session, {notice("event")});
  record(*session, "event", try_later, noon + 35s);
  CHECK(due(*session, noon + 35s - 1us).empty());
  CHECK(value_of(session->journal().waiting_notices()) == 1);
  CHECK(book(*session, noon).notices_waiting);
  const auto due_then = value_of(session->journal().due_notices(noon + 35s, 10));
  REQUIRE(due_then.size() == 1);
  CHECK(due_then[0].attempts == 1);
  CHECK(due_then[0].next_try == noon + 35s);
}

STORE_CONTRACT("attempts and the next try are remembered over a restart", "[outbox]") {
  {
    const auto session = store.open();
    tell(*session, {notice("event")});
    for (int i = 1; i <= 3; ++i) record(*session, "event", try_later, noon + i * 60s);
  }
  const auto after_restart = store.open();
  CHECK(due(*after_restart, noon + 179s).empty());
  const auto due_then = value_of(after_restart->journal().due_notices(noon + 180s, 10));
  REQUIRE(due_then.size() == 1);
  CHECK(due_then[0].attempts == 3);
}

STORE_CONTRACT("an attempt that may have arrived is remembered with its notice", "[outbox]") {
  {
    const auto session = store.open();
    tell(*session, {notice("asked"), notice("refused")});
    const std::vector<DeliveryRecord> records{{"asked", try_later, noon, "no answer", true},
                                              {"refused", try_later, noon, "no", false}};
    REQUIRE(session->journal().record_deliveries(records, noon));
  }
  const auto session = store.open();
  const auto due_now = value_of(session->journal().due_notices(noon, 10));
  REQUIRE(due_now.size() == 2);
  CHECK(due_now[0].may_have_arrived);
  CHECK_FALSE(due_now[1].may_have_arrived);
}

// In order means that the second waits for the first, also while the first waits.
STORE_CONTRACT("a notice put off holds back its own trade and no other", "[outbox]") {
  const auto session = store.open();
  tell(*session, {notice("created", "A"), notice("filled", "A"), notice("unprotected", "A", Severity::critical),
                  notice("other", "B"), notice("alone")});
  record(*session, "created", try_later, noon + 60s);
  CHECK(due(*session, noon) == Events{"unprotected", "other", "alone"});
  CHECK(due(*session, noon + 60s) == Events{"unprotected", "created", "filled", "other", "alone"});
}

STORE_CONTRACT("a CRITICAL put off does not hold back another CRITICAL of its trade", "[outbox]") {
  const auto session = store.open();
  tell(*session, {notice("first", "A", Severity::critical), notice("second", "A", Severity::critical)});
  record(*session, "first", try_later, noon + 60s);
  CHECK(due(*session, noon) == Events{"second"});
}

// Also when it is the CRITICAL that waits: what came after it is told after it.
STORE_CONTRACT("a CRITICAL put off holds back what was written after it in its trade", "[outbox]") {
  const auto session = store.open();
  tell(*session, {notice("before", "A"), notice("unprotected", "A", Severity::critical), notice("protected", "A")});
  record(*session, "unprotected", try_later, noon + 60s);
  CHECK(due(*session, noon) == Events{"before"});
  CHECK(due(*session, noon + 60s) == Events{"unprotected", "before", "protected"});
}

// A message the venue of messages will never take must not silence the trade for good.
STORE_CONTRACT("an undeliverable notice never blocks", "[outbox]") {
  const auto session = store.open();
  tell(*session, {notice("too long", "A"), notice("filled", "A")});
  record(*session, "too long", undeliverable);
  CHECK(due(*session, noon) == Events{"filled"});
  CHECK(value_of(session->journal().waiting_notices()) == 1);
  record(*session, "filled", undeliverable);
  CHECK(due(*session, noon + 24h).empty());
  CHECK(value_of(session->journal().waiting_notices()) == 0);
  CHECK_FALSE(book(*session, noon).notices_waiting);
}

STORE_CONTRACT("accounts tell events of the same id independently", "[outbox]") {
  const auto main = store.open({"paper", "main"});
  const auto other = store.open({"paper", "other"});
  tell(*main, {notice("event")});
  tell(*other, {notice("event")});
  record(*main, "event", delivered);
  CHECK(due(*main, noon).empty());
  CHECK(due(*other, noon) == Events{"event"});
}

STORE_CONTRACT("many deliveries are recorded in one call", "[outbox]") {
  const auto session = store.open();
  std::vector<Notice> notices;
  std::vector<DeliveryRecord> records;
  for (int i = 0; i < 100; ++i) {
    notices.push_back(notice(std::to_string(i)));
    records.push_back(
        {std::to_string(i), i % 3 ? delivered : try_later, i % 3 ? std::nullopt : std::optional{noon + 60s}, ""});
  }
  tell(*session, notices);
  must(session->journal().record_deliveries(records, noon));
  CHECK(due(*session, noon).empty());
  CHECK(due(*session, noon + 60s).size() == 34);
}

// Two hours without the messenger: everything is told once afterwards, and in order.
STORE_CONTRACT("after an outage every notice is delivered once and in order per trade", "[outbox]") {
  constexpr int trades = 5;
  constexpr int events = 4;
  {
    const auto session = store.open();
    for (int event = 0; event < events; ++event)
      for (int trade = 0; trade < trades; ++trade)
        tell(*session, {notice(std::to_string(trade) + "/" + std::to_string(event), "trade-" + std::to_string(trade))});
    for (int minute = 0; minute < 120; minute += 10)
      for (const auto& event : due(*session, noon + minute * 60s))
        record(*session, event, try_later, noon + (minute + 10) * 60s);
  }
  const auto session = store.open();
  Events told;
  const Instant over = noon + 3h;
  for (Events now_due = due(*session, over); !now_due.empty(); now_due = due(*session, over))
    for (const auto& event : now_due) {
      record(*session, event, delivered);
      told.push_back(event);
    }
  REQUIRE(told.size() == trades * events);
  for (int trade = 0; trade < trades; ++trade) {
    Events of_trade;
    for (const auto& event : told)
      if (event.starts_with(std::to_string(trade) + "/")) of_trade.push_back(event);
    CHECK(std::is_sorted(of_trade.begin(), of_trade.end()));
    CHECK(of_trade.size() == events);
  }
}

}  // namespace
}  // namespace tradeguard::contract
