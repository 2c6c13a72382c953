// An hour in the life of a bot whose PostgreSQL is restarted every ten minutes. Alone at its time, as every other test
// needs the server.
#include "processes.hpp"
#include "stores.hpp"
#include "story.hpp"

namespace tradeguard::desk_tests {
namespace {

using namespace contract;

TEST_CASE(
    "an hour with PostgreSQL restarted every ten minutes: each signal is entered once, and nothing stays in doubt") {
  OnPostgres store;
  ManualClock clock{noon};
  Desk::Settings settings;
  settings.policy.max_open_positions = 0;
  settings.patience = 60s;
  const auto desk = value_of(Desk::open(store.opener(), {"kraken", "bot7"}, settings, clock));
  std::set<ClientOrderId> sent;
  for (int minute = 1; minute <= 60; ++minute) {
    clock.set(noon + minute * 60s);
    // Under the desk's feet: its session, its lock and its fence die with the server.
    if (minute % 10 == 0) REQUIRE(support::run_program({TRADEGUARD_PG_RESTART, "immediate"}) == 0);
    const ClaimAnswer answer = desk->claim({.symbol = "C" + std::to_string(minute) + "USDT",
                                            .said = clock.now(),
                                            .quantity = quantity("1"),
                                            .price = price("10")});
    if (const auto* no = std::get_if<NotClaimed>(&answer)) FAIL("minute " << minute << ": " << no->text);
    const Ticket& ticket = std::get<Ticket>(answer);
    CHECK(sent.insert(ticket.id).second);
    if (minute % 3 == 0) continue;  // its answer is lost with the bot's connection
    must(desk->settle(ticket.id, Accepted{"v" + ticket.id, std::nullopt}));
    const Tended tended = value_of(desk->tend([&](const Order& order) -> LookedUp {
      REQUIRE(sent.contains(order.client_id));
      return AtVenue{AtVenue::State::filled, {.filled = order.quantity, .value = money("10")}};
    }));
    CHECK(tended.in_doubt == 0);
  }
  value_of(desk->tend([&](const Order& order) -> LookedUp {
    return AtVenue{AtVenue::State::filled, {.filled = order.quantity, .value = money("10")}};
  }));
  const auto open = value_of(desk->open_trades());
  CHECK(open.size() == 60);
  for (const Trade& trade : open) CHECK(trade.entry().filled == quantity("1"));
}

}  // namespace
}  // namespace tradeguard::desk_tests
