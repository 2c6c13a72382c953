// 09: a bot that runs for days and sends its own orders. Teaches Desk: claim, settle, closed, tend.
#include <iostream>
#include <map>

#include "tradeguard/desk.hpp"
#include "tradeguard/sql_schema.hpp"
#include "tradeguard/sqlite_store.hpp"

using namespace tradeguard;

// The bot's own REST client, as it was. An answer may be lost on its way back.
struct MyExchange {
  std::map<std::string, Quantity> orders;
  PlaceOutcome buy(const Ticket& order, bool answer_lost) {
    std::cout << "  POST " << order.wire_id << '\n';
    orders[order.wire_id] = order.quantity;
    if (answer_lost) return InDoubt{"no answer within 2 s"};
    return Accepted{"ex-" + std::to_string(orders.size()), std::nullopt};
  }
};

void on_alert(Desk& desk, MyExchange& exchange, Wish wish, bool answer_lost = false) {
  std::cout << "alert for " << wish.symbol << '\n';
  const ClaimAnswer answer = desk.claim(wish);
  if (const auto* ticket = std::get_if<Ticket>(&answer))
    desk.settle(ticket->id, exchange.buy(*ticket, answer_lost)).value();
  else
    std::cout << "  not sent: " << text(std::get<NotClaimed>(answer).why) << '\n';
}

int main() {
  init_schema(*SqliteSession::open("bot.db", {.mode = SqliteOptions::Mode::create}).value())
      .value();
  ManualClock clock{parse_iso("2025-01-01T12:00:00Z").value()};  // a bot has a SystemClock
  Desk::Settings settings;
  settings.policy.client_id_form = ClientIdForm::hex32;
  auto desk = Desk::open(at_sqlite("bot.db"), {"my-exchange", "bot7"}, settings, clock).value();
  MyExchange exchange;
  clock.advance(7s);

  const Quantity size = nearest(0.25, Quantity{Decimal::parse("0.001").value()}).value();
  const Wish eth{
      .symbol = "ETHUSDT", .said = clock.now(), .quantity = size, .price = Price{Decimal{3350}}};
  on_alert(*desk, exchange, eth);
  on_alert(*desk, exchange, eth);  // the webhook came twice
  Wish sol = eth;
  sol.symbol = "SOLUSDT";
  on_alert(*desk, exchange, sol, true);
  desk.reset();  // the bot is restarted, and hears of it again
  desk = Desk::open(at_sqlite("bot.db"), {"my-exchange", "bot7"}, settings, clock).value();
  on_alert(*desk, exchange, sol);

  // Once a minute: what has no answer is looked up under its own id, and never sent again.
  const Tended tended =
      desk->tend([&](const Order& order) -> LookedUp {
            const auto found = exchange.orders.find(order.wire_id);
            if (found == exchange.orders.end()) return NotThere{};
            return AtVenue{AtVenue::State::filled,
                           {.filled = found->second, .value = Money{Decimal{837}}}};
          })
          .value();
  std::cout << "asked " << tended.asked << ", in doubt " << tended.in_doubt << '\n';
  for (const Trade& trade : desk->open_trades().value())
    std::cout << "open: " << trade.symbol().text() << '\n';
}
