// The rules of the fake exchange: what it sells, locks and fires is what an exchange would.
#include "exchange.hpp"

#include <catch2/catch.hpp>
#include <random>

namespace tradeguard::fake {
namespace {

Decimal dec(const char* text) { return *Decimal::parse(text); }
const Instant noon = *parse_iso("2025-01-01T12:00:00Z");

Exchange opened() {
  Exchange exchange{1000};
  Market market;
  market.symbol = "ETH_USDT";
  market.base = "ETH";
  market.quote = "USDT";
  market.tick = dec("0.01");
  market.step = dec("0.0001");
  market.maker_fee = market.taker_fee = dec("0.001");
  exchange.list(market, Decimal{3000});
  exchange.set_balance("USDT", Decimal{10'000});
  return exchange;
}

Wanted wanted(const char* id, Side side, Kind kind, const char* quantity) {
  Wanted order;
  order.symbol = "ETH_USDT";
  order.client_id = id;
  order.side = side;
  order.kind = kind;
  order.quantity = dec(quantity);
  return order;
}
Wanted buy(const char* id, const char* quantity) { return wanted(id, Side::buy, Kind::market, quantity); }
Wanted stop(const char* id, const char* quantity, const char* trigger) {
  auto order = wanted(id, Side::sell, Kind::stop, quantity);
  order.trigger = dec(trigger);
  return order;
}
Wanted target(const char* id, const char* quantity, const char* price) {
  auto order = wanted(id, Side::sell, Kind::limit, quantity);
  order.price = dec(price);
  return order;
}
Fate part(const char* fraction) {
  Fate fate;
  fate.part = dec(fraction);
  return fate;
}

TEST_CASE("a buy pays its fee in what it buys, or in quote when it asks for that") {
  auto exchange = opened();
  exchange.place(buy("a", "1"), noon);
  CHECK(exchange.holding("ETH").total == dec("0.999"));
  CHECK(exchange.holding("USDT").total == Decimal{7000});
  auto in_quote = buy("b", "1");
  in_quote.fee_currency = "USDT";
  exchange.place(in_quote, noon);
  CHECK(exchange.holding("ETH").total == dec("1.999"));
  CHECK(exchange.holding("USDT").total == Decimal{3997});
  CHECK_FALSE(exchange.unbalanced());
}

TEST_CASE("coins that rest in one order are not there for another") {
  auto exchange = opened();
  exchange.place(buy("a", "1"), noon);
  exchange.place(stop("s", "0.9", "2900"), noon);
  CHECK(exchange.holding("ETH").free() == dec("0.099"));
  CHECK(exchange.place(stop("s2", "0.9", "2900"), noon).status == Status::rejected);
  CHECK(exchange.place(wanted("x", Side::sell, Kind::market, "0.9"), noon).status == Status::rejected);
}

TEST_CASE("a stop fires at its trigger, at the market's price, under a second id") {
  auto exchange = opened();
  exchange.place(buy("a", "1"), noon);
  const auto& order = exchange.place(stop("s", "0.9", "2910"), noon);
  exchange.trade_at("ETH_USDT", dec("2910.01"), noon + 1s);
  CHECK(order.status == Status::open);
  exchange.trade_at("ETH_USDT", Decimal{2500}, noon + 2s);
  CHECK(order.status == Status::filled);
  CHECK(order.value == Decimal{2250});
  CHECK(order.fired_id != 0);
  CHECK(exchange.order(order.fired_id) == &order);
}

TEST_CASE("a stop-limit that the price jumps over rests until the price comes back") {
  auto exchange = opened();
  exchange.place(buy("a", "1"), noon);
  auto with_limit = stop("s", "0.9", "2910");
  with_limit.kind = Kind::stop_limit;
  with_limit.price = dec("2880.9");
  const auto& order = exchange.place(with_limit, noon);
  exchange.trade_at("ETH_USDT", Decimal{2500}, noon);
  CHECK(order.fired);
  CHECK(order.status == Status::open);
  exchange.trade_at("ETH_USDT", Decimal{2890}, noon);
  CHECK(order.status == Status::filled);
  CHECK(order.value == dec("2592.81"));
}

TEST_CASE("a pair locks its coins once, and the stop is gone with the first part of the target") {
  auto exchange = opened();
  exchange.place(buy("a", "1"), noon);
  const auto list = exchange.place_pair(target("t", "0.9", "3090"), stop("s", "0.9", "2910"), noon, part("0.5"));
  CHECK(exchange.holding("ETH").locked == dec("0.9"));
  exchange.trade_at("ETH_USDT", Decimal{3095}, noon);
  const auto legs = exchange.of_list(list);
  CHECK(legs[0]->status == Status::open);
  CHECK(legs[0]->filled == dec("0.45"));
  CHECK(legs[1]->status == Status::cancelled);
  CHECK(exchange.holding("ETH").locked == dec("0.45"));
  exchange.trade_at("ETH_USDT", Decimal{2000}, noon);
  CHECK(legs[0]->filled == dec("0.45"));
  CHECK_FALSE(exchange.unbalanced());
}

TEST_CASE("an order is looked at, filled and shown as late as it was told to be") {
  auto exchange = opened();
  exchange.look_after = 100ms;
  exchange.fill_after = 200ms;
  exchange.visible_after = 500ms;
  auto& order = exchange.place(buy("a", "1"), noon);
  CHECK(order.status == Status::pending);
  exchange.advance(noon + 100ms);
  CHECK(order.status == Status::open);
  CHECK(exchange.holding("USDT").locked == Decimal{3000});
  exchange.advance(noon + 299ms);
  CHECK(order.status == Status::open);
  exchange.advance(noon + 1h);
  CHECK(order.status == Status::filled);
  CHECK(order.fills.front().at == noon + 300ms);
  CHECK_FALSE(exchange.shown(order, "view", noon + 499ms));
  CHECK(exchange.shown(order, "view", noon + 500ms));
}

TEST_CASE("an order stays out of a view for as many reads as was asked") {
  auto exchange = opened();
  Fate fate;
  fate.hidden = {{"history", 2}, {"detail", -1}};
  auto& order = exchange.place(buy("a", "1"), noon, fate);
  CHECK(exchange.shown(order, "open", noon));
  CHECK_FALSE(exchange.shown(order, "history", noon));
  CHECK_FALSE(exchange.shown(order, "history", noon));
  CHECK(exchange.shown(order, "history", noon));
  for (int i = 0; i < 5; ++i) CHECK_FALSE(exchange.shown(order, "detail", noon));
}

// Whatever is bought, sold, fired, filled in parts and cancelled: every balance is what was
// deposited and dealt, and nothing is sold twice.
TEST_CASE("money is conserved over random stories") {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    std::mt19937 dice{seed};
    const auto roll = [&](int below) { return static_cast<int>(dice() % static_cast<unsigned>(below)); };
    auto exchange = opened();
    exchange.set_balance("CRO", Decimal{2});
    exchange.look_after = Micros{roll(2) * 1000};
    exchange.fill_after = Micros{roll(2) * 1000};
    auto now = noon;
    for (int step = 0; step < 60; ++step) {
      now += Micros{roll(2000)};
      const auto price = Decimal{2500 + roll(1000)};
      const auto quantity = Decimal::divide(Decimal{1 + roll(20'000)}, Decimal{10'000}, Rounding::down);
      const auto id = "o" + std::to_string(step);
      auto order = wanted(id.c_str(), roll(3) == 0 ? Side::buy : Side::sell, static_cast<Kind>(roll(7)), "1");
      order.quantity = quantity;
      order.price = price;
      order.trigger = Decimal{2500 + roll(1000)};
      if (roll(3) == 0) order.fee_currency = "USDT";
      Fate fate;
      if (roll(4) == 0) fate.part = dec("0.3");
      if (roll(8) == 0) fate.end = Status::cancelled;
      if (roll(5) == 0) fate.fee_currency = "CRO";
      switch (roll(6)) {
        case 0:
        case 1:
          exchange.place(order, now, fate);
          break;
        case 2: {
          auto leg = stop((id + "s").c_str(), "1", "2600");
          leg.quantity = quantity;
          auto other = target((id + "t").c_str(), "1", "3300");
          other.quantity = quantity;
          exchange.place_pair(other, leg, now, fate);
          break;
        }
        case 3:
          exchange.cancel(1000 + roll(100), now);
          break;
        case 4:
          exchange.execute_part(1000 + roll(100), dec("0.4"), now);
          break;
        default:
          exchange.trade_at("ETH_USDT", price, now);
          break;
      }
      exchange.advance(now);
      INFO("step " << step);
      REQUIRE(exchange.unbalanced().value_or("") == "");
    }
  }
}

}  // namespace
}  // namespace tradeguard::fake
