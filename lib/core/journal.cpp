#include "tradeguard/journal.hpp"

#include <algorithm>

namespace tradeguard {

std::vector<ClientOrderId> trades_of(const ExitClaim& claim) {
  std::vector<ClientOrderId> trades = claim.touches;
  for (const Order& entry : claim.advance)
    if (std::find(trades.begin(), trades.end(), entry.trade) == trades.end())
      trades.push_back(entry.trade);
  return trades;
}

}  // namespace tradeguard
