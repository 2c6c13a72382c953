#include "tradeguard/trade_result.hpp"

#include <algorithm>

namespace tradeguard {

namespace {

Money fee_at_most(const Order& order, Decimal rate) {
  return Money{Decimal::multiply(order.filled_value.value, rate, Rounding::up)};
}

bool is_valued(const Order& order) { return !order.filled.is_positive() || order.filled_value.is_positive(); }

}  // namespace

TradeResult result_of(const Trade& trade) {
  TradeResult result;
  const auto& rules = trade.record.rules;
  result.fees_known = rules.has_value();
  const Decimal rate = rules ? rules->highest_fee_rate : Decimal{};
  for (const Order& entry : trade.entries) {
    result.bought += entry.filled_value;
    result.values_known = result.values_known && is_valued(entry);
    const bool taken_from_the_coins = entry.fees_known && entry.fee_base.is_positive();
    if (!taken_from_the_coins) result.fees += fee_at_most(entry, rate);
  }
  for (const Order& leg : trade.legs) {
    result.sold += leg.filled_value;
    result.values_known = result.values_known && is_valued(leg);
    result.fees += fee_at_most(leg, rate);
  }
  return result;
}

std::string way_out(const Trade& trade) {
  std::string ways;
  std::vector<std::string> seen;
  for (const Order& leg : trade.legs) {
    if (!leg.filled.is_positive()) continue;
    std::string way = leg.leg == Leg::exit && !leg.because.empty() ? leg.because.str() : std::string{text(leg.leg)};
    if (std::find(seen.begin(), seen.end(), way) != seen.end()) continue;
    ways += (ways.empty() ? "" : "+") + way;
    seen.push_back(std::move(way));
  }
  return ways;
}

}  // namespace tradeguard
