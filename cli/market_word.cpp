#include "market_word.hpp"

#include <algorithm>
#include <vector>

#include "tradeguard/foreign_text.hpp"

namespace tradeguard::cli {

namespace {

std::string in_capitals(std::string_view word) {
  std::string text{word};
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c == '/' || c == '-') c = '_';
  }
  return text;
}

std::string listed(const std::set<Symbol>& markets) {
  constexpr std::size_t enough = 10;
  std::string all;
  std::size_t count = 0;
  for (const Symbol& market : markets) {
    if (++count > enough) return all + ", ...";
    all += (all.empty() ? "" : ", ") + market.text();
  }
  return all;
}

}  // namespace

tl::expected<MarketWord, std::string> read_market_word(std::string_view word, const std::set<Symbol>& known,
                                                       const std::set<std::string>& bases) {
  const std::string text = in_capitals(word);
  if (const auto symbol = Symbol::parse(text)) return MarketWord{symbol, symbol->base()};
  const bool is_base =
      bases.contains(text) || std::ranges::any_of(known, [&](const Symbol& market) { return market.base() == text; });
  if (is_base) return MarketWord{std::nullopt, text};
  std::set<Symbol> spelled_so;
  for (const Symbol& market : known)
    if (market.base() + market.quote() == text) spelled_so.insert(market);
  if (spelled_so.size() == 1) return MarketWord{*spelled_so.begin(), spelled_so.begin()->base()};
  const std::string complaint = "'" + printable(word) + "' is no market";
  if (spelled_so.size() > 1) return tl::unexpected{complaint + " of its own: write one of " + listed(spelled_so)};
  return tl::unexpected{complaint + ", expected BASE_QUOTE like ETH_USDT" +
                        (known.empty() ? "" : "; known are " + listed(known))};
}

}  // namespace tradeguard::cli
