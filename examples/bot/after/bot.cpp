// The same bot behind a desk: it asks before it sends, and looks up what it does not know.
#include <string_view>

#include "../alerts.hpp"
#include "../rest_client.hpp"
#include "tradeguard/desk.hpp"
#include "tradeguard/sqlite_store.hpp"

using namespace tradeguard;

namespace {

Fill fill_in(const RestClient::Answer& answer) {
  return {.filled = Quantity::parse(answer.field("filled")).value_or(Quantity{}),
          .value = Money::parse(answer.field("value")).value_or(Money{}),
          .final = answer.field("state") == "filled",
          .venue_id = answer.field("order")};
}

LookedUp look_up(RestClient& exchange, const Order& order) {
  try {
    const auto answer = exchange.get("/orders/" + order.wire_id);
    if (answer.status == 404) return NotThere{};
    const Fill fill = fill_in(answer);
    return AtVenue{fill.final ? AtVenue::State::filled : AtVenue::State::open, fill};
  } catch (const std::exception& error) {
    return CannotSay{error.what()};
  }
}

}  // namespace

int main(int, char** words) {
  RestClient exchange{words[1], words[2]};
  SystemClock clock;
  Desk::Settings settings;
  settings.policy.client_id_form = ClientIdForm::uuid;
  const auto desk = Desk::open(at_sqlite(words[3]), {"small", "bot7"}, settings, clock).value();
  serve(2, [&](const Alert& alert) {
    const ClaimAnswer claimed = desk->claim(
        {.symbol = alert.symbol,
         .said = clock.now(),
         .id = alert.id,
         .quantity = nearest(alert.size, Quantity{Decimal::parse("0.001").value()}).value()});
    const auto* ticket = std::get_if<Ticket>(&claimed);
    if (ticket == nullptr) {
      std::cerr << alert.symbol << ": " << std::get<NotClaimed>(claimed).text << '\n';
      return;
    }
    try {
      const auto answer = exchange.post(
          "/orders", R"({"id": ")" + ticket->wire_id + R"(", "symbol": ")" + alert.symbol +
                         R"(", "side": "BUY", "quantity": ")" + ticket->quantity.text() + R"("})");
      if (answer.status != 200) {
        desk->settle(ticket->id, Refused{std::to_string(answer.status), answer.body}).value();
      } else {
        desk->settle(ticket->id, Accepted{answer.field("order"), std::nullopt}).value();
        desk->filled(ticket->id, fill_in(answer)).value();
      }
    } catch (const std::exception& error) {
      desk->settle(ticket->id, InDoubt{error.what()}).value();
    }
  });
  const Tended tended =
      desk->tend([&](const Order& order) { return look_up(exchange, order); }).value();
  std::cout << "in doubt " << tended.in_doubt << '\n';
  for (const Trade& trade : desk->open_trades().value())
    std::cout << trade.symbol().text() << ' ' << trade.entry().filled.text() << '\n';
}
