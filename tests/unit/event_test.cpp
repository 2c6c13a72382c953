// The table of events: a name each, and the fields their lines may have.
#include "tradeguard/event.hpp"

#include <catch2/catch.hpp>
#include <set>

#include "tradeguard/log.hpp"

using namespace tradeguard;

TEST_CASE("each event has a name of its own, which is found again, and says what it means") {
  std::set<std::string_view> names;
  for (const EventRow& row : event_rows()) {
    CAPTURE(row.name);
    CHECK(names.insert(row.name).second);
    CHECK(event_named(row.name) == &row);
    CHECK(&row_of(row.event) == &row);
    CHECK_FALSE(row.meaning.empty());
    CHECK(parse_line(row.name)->name == row.name);
  }
  CHECK(event_named("RUN_BEGIN") == nullptr);
  CHECK(event_named("GUARD") == nullptr);
}

TEST_CASE("a line takes its name and level from its row, and another level only where one is given") {
  CHECK(Line{Event::guard_cooldown_blocked}.add("symbol", "ETH_USDT").plain() ==
        "GUARD cooldown_blocked symbol=ETH_USDT");
  CHECK(Line{Event::order_refused}.level() == Level::error);
  CHECK(Line{Event::order_refused, Level::warn}.level() == Level::warn);
  CHECK(row_of(Event::order_refused).other == Level::warn);
}

TEST_CASE("a field is listed by its whole name") {
  const EventRow& row = row_of(Event::tg_chat_moved);
  CHECK(lists(row, "telegram.chat_id"));
  CHECK_FALSE(lists(row, "chat_id"));
  CHECK_FALSE(lists(row, ""));
  CHECK(lists(row_of(Event::run_start), "fence"));
}
