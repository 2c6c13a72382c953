#include <catch2/catch.hpp>

#include "tradeguard/trade_result.hpp"

using namespace tradeguard;

namespace {

Money money(std::string_view text) { return *Money::parse(text); }

Order filled(Leg leg, std::string_view quantity, std::string_view value) {
  Order order{.symbol = *Symbol::parse("ETH_USDT")};
  order.leg = leg;
  order.side = leg == Leg::entry ? Side::buy : Side::sell;
  order.filled = *Quantity::parse(quantity);
  order.filled_value = money(value);
  return order;
}

InstrumentRules rules() {
  InstrumentRules rules{.symbol = *Symbol::parse("ETH_USDT")};
  rules.highest_fee_rate = *Decimal::parse("0.001");
  return rules;
}

Trade sold_at_a_gain() {
  const Order entry = filled(Leg::entry, "0.1", "300");
  Trade trade{opened_by(entry), {entry}, {filled(Leg::target, "0.0999", "310")}};
  trade.record.rules = rules();
  trade.entries.front().fees_known = true;
  trade.entries.front().fee_base = *Quantity::parse("0.0001");
  return trade;
}

}  // namespace

TEST_CASE("a result is what was received less what was paid, less the fee of the sale") {
  const TradeResult result = result_of(sold_at_a_gain());
  CHECK(result.bought == money("300"));
  CHECK(result.sold == money("310"));
  CHECK(result.before_fees() == money("10"));
  CHECK(result.fees == money("0.31"));  // the purchase's fee was taken from the coins
  CHECK(result.after_fees() == money("9.69"));
}

TEST_CASE("a purchase's fee counts where it was not taken from the coins, or is not known yet") {
  Trade trade = sold_at_a_gain();
  trade.entries.front().fee_base = Quantity{};  // paid in quote or in a third currency
  CHECK(result_of(trade).fees == money("0.61"));
  trade.entries.front().fees_known = false;
  CHECK(result_of(trade).fees == money("0.61"));
}

TEST_CASE("fees are reckoned up, never down") {
  Trade trade = sold_at_a_gain();
  trade.legs.front().filled_value = money("0.0000000000000001");
  CHECK(result_of(trade).fees.is_positive());
}

TEST_CASE("every fill of a trade counts: twins, and exits in several parts") {
  Trade trade = sold_at_a_gain();
  trade.entries.push_back(filled(Leg::entry, "0.1", "301"));
  trade.legs.push_back(filled(Leg::stop, "0.05", "140"));
  CHECK(result_of(trade).bought == money("601"));
  CHECK(result_of(trade).sold == money("450"));
  CHECK(result_of(trade).before_fees() == money("-151"));
}

TEST_CASE("a trade without rules says that its fees are not known") {
  Trade trade = sold_at_a_gain();
  trade.record.rules.reset();
  CHECK_FALSE(result_of(trade).fees_known);
  CHECK(result_of(trade).after_fees() == result_of(trade).before_fees());
}

TEST_CASE("a fill whose worth the venue never said makes no result") {
  CHECK(result_of(sold_at_a_gain()).values_known);
  Trade trade = sold_at_a_gain();
  trade.legs.front().filled_value = Money{};
  CHECK_FALSE(result_of(trade).values_known);
}

TEST_CASE("the way out is named once each, in order, and unfilled legs are none") {
  Trade trade = sold_at_a_gain();
  trade.legs.push_back(filled(Leg::stop, "0", "0"));
  Order exit = filled(Leg::exit, "0.01", "30");
  exit.because = ExitReason::operator_;
  trade.legs.push_back(exit);
  trade.legs.push_back(exit);
  CHECK(way_out(trade) == "target+operator");
  trade.legs.clear();
  CHECK(way_out(trade).empty());
}
