#include "tradeguard/journal.hpp"

#include <algorithm>

namespace tradeguard {

std::vector<ClientOrderId> trades_of(const ExitClaim& claim) {
  std::vector<ClientOrderId> trades = claim.touches;
  for (const TradeRecord& trade : claim.advance)
    if (std::find(trades.begin(), trades.end(), trade.id) == trades.end()) trades.push_back(trade.id);
  return trades;
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
