#include "tradeguard/price_feed.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <numeric>

namespace tradeguard {
namespace {

std::span<const PriceBar> bars_between(const std::vector<PriceBar>& bars, Instant after, Instant until) {
  const auto first =
      std::upper_bound(bars.begin(), bars.end(), after, [](Instant at, const PriceBar& bar) { return at < bar.ends; });
  const auto last =
      std::upper_bound(first, bars.end(), until, [](Instant at, const PriceBar& bar) { return at < bar.begins; });
  return {first, last};
}

std::optional<PriceBar> last_begun(const std::vector<PriceBar>& bars, Instant at) {
  const auto next =
      std::upper_bound(bars.begin(), bars.end(), at, [](Instant t, const PriceBar& bar) { return t < bar.begins; });
  return next == bars.begin() ? std::nullopt : std::optional{*std::prev(next)};
}

constexpr std::string_view header = "time,symbol,open,high,low,close";

std::optional<std::array<std::string_view, 6>> six_fields(std::string_view line) {
  std::array<std::string_view, 6> fields;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto comma = line.find(',');
    const bool last = i + 1 == fields.size();
    if (last != (comma == std::string_view::npos)) return std::nullopt;
    fields[i] = line.substr(0, comma);
    if (!last) line.remove_prefix(comma + 1);
  }
  return fields;
}

tl::expected<PriceBar, std::string> read_bar(const std::array<std::string_view, 6>& fields, Micros span) {
  const auto begins = parse_iso(fields[0]);
  if (!begins) return tl::unexpected<std::string>{"the time is not like 2025-01-01T12:00:00Z"};
  std::array<Price, 4> prices;
  constexpr std::array<std::string_view, 4> names{"open", "high", "low", "close"};
  for (std::size_t i = 0; i < prices.size(); ++i) {
    const auto price = Price::parse(fields[i + 2]);
    if (!price || !price->is_positive()) {
      return tl::unexpected<std::string>{std::string{names[i]} + " is not a price above zero"};
    }
    prices[i] = *price;
  }
  auto [open, high, low, close] = prices;
  // What other programs computed with doubles may miss by their last digit.
  const Price slack{Decimal::divide(high.value, Decimal{1'000'000'000}, Rounding::up)};
  const Price top = std::max({high, open, close});
  const Price bottom = std::min({low, open, close});
  if (top.value - high.value <= slack.value) high = top;
  if (low.value - bottom.value <= slack.value) low = bottom;
  if (high < low) return tl::unexpected<std::string>{"high is below low"};
  if (open < low || close < low || open > high || close > high) {
    return tl::unexpected<std::string>{"open or close is outside of low and high"};
  }
  return PriceBar{*begins, *begins + span, open, high, low, close};
}

// Bars further apart than they are long are bars of another span. Taken for minutes, an hour's close
// would be known fifty-nine minutes early. Gaps in which nobody traded are no such thing: their
// lengths have little in common.
std::optional<Micros> other_span(const std::vector<PriceBar>& bars, Micros span) {
  if (bars.size() < 2) return std::nullopt;
  Micros common{0};
  for (std::size_t i = 1; i < bars.size(); ++i)
    common = Micros{std::gcd(common.count(), (bars[i].begins - bars[i - 1].begins).count())};
  const auto gaps = bars.size() - 1;
  const bool certain =
      common > span && (common % 1h == Micros{0} || (common % 5min == Micros{0} && gaps >= 2) || gaps >= 5);
  return certain ? std::optional{common} : std::nullopt;
}

}  // namespace

Price known_price(const PriceBar& bar, Instant at) { return at < bar.ends ? bar.open : bar.close; }

std::span<const PriceBar> BarPrices::bars(const Symbol& symbol, Instant after, Instant until) {
  const auto found = bars_.find(symbol);
  if (found == bars_.end()) return {};
  return bars_between(found->second, after, until);
}

std::optional<PriceBar> BarPrices::latest(const Symbol& symbol, Instant at) {
  const auto found = bars_.find(symbol);
  return found == bars_.end() ? std::nullopt : last_begun(found->second, at);
}

Result<BarPrices> read_prices(std::istream& in, const std::string& name, Micros span) {
  int number = 0;
  const auto wrong = [&](const std::string& what) {
    return failed(Fault::configuration, name + ":" + std::to_string(number) + ": " + what);
  };
  std::map<Symbol, std::vector<PriceBar>> bars;
  std::optional<Instant> previous;
  std::string line;
  int blank = 0;
  while (std::getline(in, line)) {
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    // Blank lines may end a file and may not stand in it.
    if (number > 1 && line.find_first_not_of(" \t") == std::string::npos) {
      blank = blank == 0 ? number : blank;
      continue;
    }
    if (blank > 0) {
      number = blank;
      return wrong("not six fields between commas");
    }
    if (number == 1) {
      constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
      if (line.starts_with(byte_order_mark)) line.erase(0, byte_order_mark.size());
      if (line != header) return wrong("the first line is not " + std::string{header});
      continue;
    }
    const auto fields = six_fields(line);
    if (!fields) return wrong("not six fields between commas");
    const auto symbol = Symbol::parse((*fields)[1]);
    if (!symbol) return wrong("the symbol is not like ETH_USDT");
    const auto bar = read_bar(*fields, span);
    if (!bar) return wrong(bar.error());
    if (previous && bar->begins < *previous) return wrong("earlier than the line before it");
    auto& own = bars[*symbol];
    if (!own.empty() && bar->begins == own.back().begins) {
      return wrong("a second bar of " + symbol->text() + " at this time");
    }
    if (!own.empty() && bar->begins < own.back().ends) {
      return wrong("begins before the last bar of " + symbol->text() + " is over");
    }
    previous = bar->begins;
    own.push_back(*bar);
  }
  if (in.bad()) return wrong("the file could not be read further");
  if (number == 0) {
    ++number;
    return wrong("the first line is not " + std::string{header});
  }
  for (const auto& [symbol, own] : bars)
    if (const auto spacing = other_span(own, span))
      return failed(Fault::configuration, name + ": the bars of " + symbol.text() + " are " + duration_text(*spacing) +
                                              " apart, expected bars of " + duration_text(span) +
                                              ": of longer ones the close would be known before its time");
  return BarPrices{std::move(bars)};
}

Result<BarPrices> read_price_file(const std::string& path, Micros span) {
  std::ifstream file{path};
  if (!file || file.peek() == std::ifstream::traits_type::eof()) {
    return failed(Fault::configuration, path + ": cannot be read, or is empty");
  }
  return read_prices(file, path, span);
}

void StepPrices::set(const Symbol& symbol, Price price, Instant at) {
  auto& steps = steps_[symbol];
  if (!steps.empty() && steps.back().begins == at) steps.pop_back();
  steps.push_back({at, at, price, price, price, price});
}

std::span<const PriceBar> StepPrices::bars(const Symbol& symbol, Instant after, Instant until) {
  const auto found = steps_.find(symbol);
  if (found == steps_.end()) return {};
  return bars_between(found->second, after, until);
}

std::optional<PriceBar> StepPrices::latest(const Symbol& symbol, Instant at) {
  const auto found = steps_.find(symbol);
  return found == steps_.end() ? std::nullopt : last_begun(found->second, at);
}

}  // namespace tradeguard
