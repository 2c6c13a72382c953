// Binance's answers: every reader takes every answer, and none of them throws.
#include "exchange_answer.hpp"
#include "wire.hpp"

using namespace tradeguard;
using namespace tradeguard::fuzz;
using namespace tradeguard::binance;

namespace {

Order order_of(Leg leg, OrderType type) {
  Order order{.symbol = *Symbol::parse("ETH_USDT")};
  order.client_id = leg == Leg::entry ? "tg1-e1-abc" : leg == Leg::stop ? "tg1-s1-abc" : "tg1-t1-abc";
  order.leg = leg;
  order.side = leg == Leg::entry ? Side::buy : Side::sell;
  order.type = type;
  order.quantity = *Quantity::parse("0.0149");
  return order;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes{data, size};
  const HttpResult answer = answer_of(bytes);
  const Instant at{std::chrono::sys_days{std::chrono::year{2025} / 1 / 1} + 12h};
  const Symbol symbol = *Symbol::parse("ETH_USDT");

  for (const Call call : {Call::create, Call::cancel, Call::read})
    require(ruling(call, answer).message.size() <= 200, "foreign text is bounded");
  const auto made = read_order_made(answer, order_of(Leg::entry, OrderType::market), at);
  check_outcome(answer, made.it);
  static_cast<void>(
      read_pair_made(answer, order_of(Leg::stop, OrderType::stop_limit), order_of(Leg::target, OrderType::limit), at));
  static_cast<void>(read_cancelled(answer));
  static_cast<void>(read_order(answer, symbol, at));
  const auto page = read_orders(answer, {{"ETHUSDT", symbol}}, at);
  if (page.it) require(page.it->rows.size() <= page.it->shown, "no order is made up");
  static_cast<void>(read_pair(answer));
  static_cast<void>(read_trades(answer, symbol));
  const auto rules = read_market_rules(answer, *Decimal::parse("0.001"), at);
  if (rules.it)
    for (const auto& [name, of_market] : rules.it->rules)
      require(of_market.tick.value.is_positive() && of_market.step.value.is_positive(), "tick and step are positive");
  const auto prices = read_prices(answer);
  if (prices.it)
    for (const auto& [name, price] : *prices.it) require(price.value.is_positive(), "prices are positive");
  static_cast<void>(read_account(answer));
  if (answer && read_permissions(answer->body).trade)
    require(answer->body.find("canTrade") != std::string::npos || answer->body.find('\\') != std::string::npos,
            "what was not said is not known");
  static_cast<void>(read_time(answer));
  return 0;
}
