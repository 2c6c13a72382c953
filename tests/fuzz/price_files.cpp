// Price files: bars in order and without contradiction, or a fault that names the line.
#include <sstream>

#include "fuzz.hpp"
#include "tradeguard/price_feed.hpp"

using namespace tradeguard;
using namespace tradeguard::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::istringstream in{std::string{text_of(data, size)}};
  auto prices = read_prices(in, "prices.csv");
  if (!prices) {
    require(prices.error().what.starts_with("prices.csv"), "a fault names its file");
    return 0;
  }
  for (const auto& [symbol, bars] : prices->all()) {
    const PriceBar* before = nullptr;
    for (const PriceBar& bar : bars) {
      require(bar.low.value.is_positive(), "prices are positive");
      require(bar.low <= bar.open && bar.open <= bar.high, "the open lies between low and high");
      require(bar.low <= bar.close && bar.close <= bar.high, "so does the close");
      require(before == nullptr || before->ends <= bar.begins, "bars do not overlap");
      require(prices->latest(symbol, bar.begins) == bar, "a bar is found by its time");
      before = &bar;
    }
  }
  return 0;
}
