#include "tradeguard/journal.hpp"

#include <algorithm>
#include <iterator>

namespace tradeguard {

std::vector<ClientOrderId> trades_of(const ExitClaim& claim) {
  std::vector<ClientOrderId> trades = claim.touches;
  for (const TradeRecord& trade : claim.advance)
    if (std::find(trades.begin(), trades.end(), trade.id) == trades.end()) trades.push_back(trade.id);
  return trades;
}

std::vector<TradeRecord> wishes_beyond(const ExitClaim& claim, const std::set<ClientOrderId>& written) {
  std::vector<TradeRecord> wishes;
  std::copy_if(claim.advance.begin(), claim.advance.end(), std::back_inserter(wishes),
               [&](const TradeRecord& wish) { return !written.contains(wish.id); });
  return wishes;
}

Written judge_change(const Change& item, const VersionOf& order_version, const VersionOf& trade_version) {
  std::set<std::string_view> orders;
  for (const Order& order : item.append)
    if (order_version(order.client_id) || !orders.insert(order.client_id).second) return Written::exists;
  for (const Order& order : item.advance)
    if (order_version(order.client_id) != order.version || !orders.insert(order.client_id).second)
      return Written::stale;
  std::set<std::string_view> trades;
  for (const TradeRecord& trade : item.trades) {
    const auto standing = trade_version(trade.id);
    if (standing && trade.version == 0) return Written::exists;
    if (standing.value_or(0) != trade.version || !trades.insert(trade.id).second) return Written::stale;
  }
  return Written::yes;
}

Result<std::size_t> OrderJournal::prune(Instant before, Instant now, const std::function<bool()>& enough) {
  std::size_t gone = 0;
  for (;;) {
    const auto piece = prune_piece(before, now, prune_at_once);
    if (!piece) return piece;
    gone += *piece;
    if (*piece == 0 || (enough && enough())) return gone;
  }
}

}  // namespace tradeguard
