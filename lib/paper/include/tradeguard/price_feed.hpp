// PriceFeed: what a market's price was, and when. Real bars from a file, or prices set by hand.
// Contract test: tests/venue/price_feed_test.cpp
#pragma once

#include <istream>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tradeguard/signal.hpp"

namespace tradeguard {

// The prices of one span of time, its end excluded. A single trade is a bar without duration.
struct PriceBar {
  Instant begins;
  Instant ends;
  Price open;
  Price high;
  Price low;
  Price close;
  friend bool operator==(const PriceBar&, const PriceBar&) = default;
};
// What of a bar is known at `at`, which is not before it begins: while it runs nothing but its
// open, at its end its close. High, low and close of a running bar lie in the future.
Price known_price(const PriceBar& bar, Instant at);

class PriceFeed {
 public:
  virtual ~PriceFeed() = default;
  // The bars of one symbol that end after `after` and begin not later than `until`, in time order
  // and without overlap. The span stays valid until the feed is changed.
  virtual std::span<const PriceBar> bars(const Symbol& symbol, Instant after, Instant until) = 0;
  // The last bar that begins not later than `at`; nullopt: the feed knows no price yet.
  virtual std::optional<PriceBar> latest(const Symbol& symbol, Instant at) = 0;
};

// Bars of any number of symbols, held in memory.
class BarPrices final : public PriceFeed {
 public:
  // Precondition: each symbol's bars are in time order and do not overlap.
  explicit BarPrices(std::map<Symbol, std::vector<PriceBar>> bars) : bars_{std::move(bars)} {}
  std::span<const PriceBar> bars(const Symbol& symbol, Instant after, Instant until) override;
  std::optional<PriceBar> latest(const Symbol& symbol, Instant at) override;

  const std::map<Symbol, std::vector<PriceBar>>& all() const { return bars_; }

 private:
  std::map<Symbol, std::vector<PriceBar>> bars_;
};

// Reads `time,symbol,open,high,low,close`: a header of exactly these words, then one bar a line,
// sorted by time, at most one a symbol and `span`. Times are RFC 3339 with zone, prices positive
// and exact, and low and high enclose open and close. Symbols nobody asks for are as welcome as
// others. A byte order mark, blank lines at the end, and a high or low that misses by the last digit
// of a double are no fault; bars of an hour, taken for minutes, are one. The first line that is not so ends the reading: Fault::configuration, "NAME:LINE: what is
// wrong with it".
Result<BarPrices> read_prices(std::istream& in, const std::string& name, Micros span = 60s);
Result<BarPrices> read_price_file(const std::string& path, Micros span = 60s);

// Prices set by hand, in the order of time: a price path for tests and simulations.
class StepPrices final : public PriceFeed {
 public:
  // From `at` on the price is this. Not before an earlier step of the symbol; at the same instant
  // the later word replaces the earlier.
  void set(const Symbol& symbol, Price price, Instant at);
  std::span<const PriceBar> bars(const Symbol& symbol, Instant after, Instant until) override;
  std::optional<PriceBar> latest(const Symbol& symbol, Instant at) override;

 private:
  std::map<Symbol, std::vector<PriceBar>> steps_;
};

}  // namespace tradeguard
