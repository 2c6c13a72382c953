// A market as a person types it in a hurry. Tests: tests/cli/market_word_test.cpp
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "tl/expected.hpp"
#include "tradeguard/signal.hpp"

namespace tradeguard::cli {

// One market, or every market of a base currency.
struct MarketWord {
  std::optional<Symbol> symbol;
  std::string base;

  bool covers(const Symbol& market) const { return symbol ? market == *symbol : market.base() == base; }
  std::string text() const { return symbol ? symbol->text() : base; }
};

// ETH_USDT, eth/usdt and ETH-USDT are one market, known or not. ETHUSDT is one if exactly one known
// market is spelled so, and ETH is every market of that base if a known market or one of `bases` has
// it. Everything else is an error, a sentence that says what is known.
tl::expected<MarketWord, std::string> read_market_word(std::string_view word, const std::set<Symbol>& known,
                                                       const std::set<std::string>& bases = {});

}  // namespace tradeguard::cli
