// What a trade has brought: money out, money in, and what the venue kept.
// Contract test: tests/unit/trade_result_test.cpp
#pragma once

#include "tradeguard/exposure.hpp"

namespace tradeguard {

// In the quote currency of the trade's symbol.
struct TradeResult {
  Money bought;  // paid for every fill of the entries
  Money sold;    // received for every fill of stops, targets and exits
  // Fees that do not show in the coins: those of sales, and of purchases whose fee was not taken from what
  // was bought. Nobody stores them, so each is the highest rate of the trade's rules, rounded up.
  Money fees;
  bool values_known = true;  // false: of some fill the venue never said what it was worth, so the sums are too small
  bool fees_known = true;    // false: the trade has no rules, so `fees` is zero and means nothing
  // A fee taken from the coins is in both: fewer coins were left to sell.
  Money before_fees() const { return sold - bought; }
  Money after_fees() const { return sold - bought - fees; }
};
// Coins that are still held, or that stay behind as dust, are worth nothing here.
TradeResult result_of(const Trade& trade);

// How the trade was left: "stop", "target", or what asked for the exit ("signal", "operator", ...), several
// joined by "+"; empty: nothing of it was sold.
std::string way_out(const Trade& trade);

}  // namespace tradeguard
