#include "tradeguard/trade.hpp"

#include <algorithm>

namespace tradeguard {

int Trade::next_attempt(Leg leg) const {
  int highest = 0;
  for (const Order& order : legs)
    if (order.leg == leg) highest = std::max(highest, order.attempt);
  return highest + 1;
}

TradeRecord opened_by(const Order& entry) { return TradeRecord{.id = entry.trade, .symbol = entry.symbol}; }

bool freezes_its_base(const Order& order, const TradeRecord& trade) {
  if (!order.in_doubt() || (order.leg != Leg::entry && order.leg != Leg::exit) || is_identity_only(order)) return false;
  return order.leg != Leg::entry || !order.acknowledged || trade.plan;
}

Instant spoken_at(const Trade& trade) {
  if (trade.record.signal_at) return *trade.record.signal_at;
  // {symbol}:{side}:{minute}; what has an id instead has no time in it.
  const Order& entry = trade.entry();
  const auto minute = entry.signal_key.find(':', entry.signal_key.find(':') + 1);
  if (minute != std::string::npos)
    if (const auto time = parse_iso(entry.signal_key.substr(minute + 1) + "Z")) return *time;
  return entry.stamp;
}

}  // namespace tradeguard
