// Prices from a file are real or refused with their place, and nothing of the future is ever told.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "orders.hpp"
#include "tradeguard/price_feed.hpp"

namespace tradeguard {
namespace {

using namespace std::string_literals;

constexpr const char* header = "time,symbol,open,high,low,close\n";

Result<BarPrices> read(const std::string& text) {
  std::istringstream in{text};
  return read_prices(in, "prices.csv");
}

TEST_CASE("a price file gives each symbol its bars") {
  auto feed = read(std::string{header} +
                   "2018-04-04T00:00:00Z,ETH_USD,416.29,416.29,416.15,416.15\n"
                   "2018-04-04T00:00:00Z,BTC_USD,7424.91,7424.91,7422,7422\r\n"
                   "2018-04-04T00:05:00Z,ETH_USD,416,417.5,415.00000001,417");
  REQUIRE(feed);
  const auto midnight = at("2018-04-04T00:00:00Z");
  const auto bars = feed->bars(symbol("ETH_USD"), midnight - 1h, midnight + 1h);
  REQUIRE(bars.size() == 2);
  CHECK(bars[0] ==
        PriceBar{midnight, midnight + 60s, price("416.29"), price("416.29"), price("416.15"), price("416.15")});
  CHECK(bars[1].begins == midnight + 5min);
  CHECK(bars[1].low == price("415.00000001"));
  CHECK(feed->bars(symbol("LTC_USD"), midnight - 1h, midnight + 1h).empty());
  CHECK_FALSE(feed->latest(symbol("LTC_USD"), midnight + 1h));
}

TEST_CASE("a price file with a header and nothing else knows no price") {
  auto feed = read(header);
  REQUIRE(feed);
  CHECK(feed->all().empty());
}

TEST_CASE("a price file that is not one is refused with the line and the reason") {
  struct Bad {
    std::string text;
    std::string error;
  };
  const std::string good = "2018-04-04T00:01:00Z,ETH_USD,10,12,9,11\n";
  const std::vector<Bad> files{
      {"", "prices.csv:1: the first line is not time,symbol,open,high,low,close"},
      {"time;symbol;open\n", "prices.csv:1: the first line"},
      {good, "prices.csv:1: the first line"},
      {header + std::string{"\n"} + good, "prices.csv:2: not six fields"},
      {header + good + "\n\n" + good, "prices.csv:3: not six fields"},
      {header + std::string{"2018-04-04T00:01:00Z,ETH_USD,10,12,9\n"}, "2: not six fields"},
      {header + std::string{"2018-04-04T00:01:00Z,ETH_USD,10,12,9,11,5\n"}, "2: not six fields"},
      {header + std::string{"2018-04-04T00:01:00,ETH_USD,10,12,9,11\n"}, "2: the time"},
      {header + std::string{"1522800000,ETH_USD,10,12,9,11\n"}, "2: the time"},
      {header + std::string{"2018-04-04T00:01:00Z,ETH-USD,10,12,9,11\n"}, "2: the symbol"},
      {header + std::string{"2018-04-04T00:01:00Z,,10,12,9,11\n"}, "2: the symbol"},
      {header + std::string{"2018-04-04T00:01:00Z,ETH_USD,0,12,9,11\n"}, "2: open is not a price"},
      {header + std::string{"2018-04-04T00:01:00Z,ETH_USD,10,-12,9,11\n"}, "2: high is not a price"},
      {header + std::string{"2018-04-04T00:01:00Z,ETH_USD,10,12,nan,11\n"}, "2: low is not a price"},
      {header + std::string{"2018-04-04T00:01:00Z,ETH_USD,10,12,9,\n"}, "2: close is not a price"},
      {header + std::string{"2018-04-04T00:01:00Z,ETH_USD,10,12,9, 11\n"}, "2: close is not a price"},
      {header + std::string{"2018-04-04T00:01:00Z,ETH_USD,1e30,12,9,11\n"}, "2: open is not a price"},
      {header + std::string{"2018-04-04T00:01:00Z,ETH_USD,10,9,12,11\n"}, "2: high is below low"},
      {header + std::string{"2018-04-04T00:01:00Z,ETH_USD,13,12,9,11\n"}, "2: open or close is outside"},
      {header + std::string{"2018-04-04T00:01:00Z,ETH_USD,10,12,9,8\n"}, "2: open or close is outside"},
      {header + good + "2018-04-04T00:00:00Z,BTC_USD,10,12,9,11\n", "3: earlier than the line before"},
      {header + good + good, "3: a second bar of ETH_USD at this time"},
      {header + good + "2018-04-04T00:01:30Z,ETH_USD,10,12,9,11\n", "3: begins before the last bar of ETH_USD is over"},
      {header + std::string(100'000, 'x') + "\n", "2: not six fields"},
      {header + "2018-04-04T00:01:00Z,ETH_USD\0X,10,12,9,11\n"s, "2: the symbol"},
  };
  for (const auto& file : files) {
    INFO(file.text.substr(0, 120));
    const auto feed = read(file.text);
    REQUIRE_FALSE(feed);
    CHECK(feed.error().fault == Fault::configuration);
    CHECK_THAT(feed.error().what, Catch::Contains(file.error));
    CHECK_THAT(feed.error().what, Catch::StartsWith("prices.csv:"));
  }
}

TEST_CASE("what spreadsheets and data frames leave in a price file is no fault") {
  const std::string good = "2018-04-04T00:01:00Z,ETH_USD,10,12,9,11\n";
  CHECK(read("\xEF\xBB\xBF" + std::string{header} + good));
  CHECK(read(header + good + "\n"));
  CHECK(read(header + good + "\r\n  \n\n"));
  CHECK(read(header + std::string{"2018-04-04 00:01:00+0000,ETH_USD,10,12,9,11\n"}));
  // 101.00000000000001 is what a double makes of 101 computed.
  auto feed = read(header + std::string{"2018-04-04T00:01:00Z,ETH_USD,100,101,100.00000000000001,"
                                        "101.00000000000001\n"});
  REQUIRE(feed);
  const auto bar = feed->latest(symbol("ETH_USD"), at("2018-04-04T00:01:00Z"));
  CHECK(bar->high == price("101.00000000000001"));
  CHECK(bar->low == price("100"));
  CHECK_FALSE(read(header + std::string{"2018-04-04T00:01:00Z,ETH_USD,100,101,99,101.01\n"}));
}

TEST_CASE("bars of another span than a minute are refused: their close is not known that early") {
  const auto file = [](std::initializer_list<const char*> times) {
    std::string text = header;
    for (const char* time : times) text += "2018-04-0" + std::string{time} + "Z,ETH_USD,10,12,9,11\n";
    return read(text);
  };
  const auto hourly = file({"4T00:00:00", "4T01:00:00"});
  REQUIRE_FALSE(hourly);
  CHECK(hourly.error().fault == Fault::configuration);
  CHECK_THAT(hourly.error().what, Catch::Contains("ETH_USD are 3600s apart"));
  CHECK_FALSE(file({"4T00:00:00", "5T00:00:00"}));
  CHECK_FALSE(file({"4T00:00:00", "4T00:05:00", "4T00:15:00"}));
  CHECK_FALSE(file({"4T00:00:00", "4T00:03:00", "4T00:06:00", "4T00:09:00", "4T00:12:00", "4T00:15:00"}));
  // Minutes in which nobody traded are left out, and these are still bars of a minute.
  CHECK(file({"4T00:00:00", "4T01:00:00", "4T01:01:00"}));
  CHECK(file({"4T00:00:00", "4T00:07:00", "4T00:21:00"}));
  CHECK(file({"4T00:00:00"}));
}

TEST_CASE("a price file that cannot be read is named") {
  const auto folder = std::filesystem::temp_directory_path();
  for (const auto& path : {std::string{"/nowhere/prices.csv"}, folder.string()}) {
    const auto feed = read_price_file(path);
    REQUIRE_FALSE(feed);
    CHECK(feed.error().fault == Fault::configuration);
    CHECK_THAT(feed.error().what, Catch::StartsWith(path));
  }
}

TEST_CASE("of a running bar nothing but its open is known") {
  auto feed = read(std::string{header} +
                   "2018-04-04T00:01:00Z,ETH_USD,10,12,9,11\n"
                   "2018-04-04T00:03:00Z,ETH_USD,20,22,19,21\n");
  REQUIRE(feed);
  const auto eth_usd = symbol("ETH_USD");
  const auto known = [&](const char* when) -> std::optional<Price> {
    const auto bar = feed->latest(eth_usd, at(when));
    return bar ? std::optional{known_price(*bar, at(when))} : std::nullopt;
  };
  CHECK_FALSE(known("2018-04-04T00:00:59.999999Z"));
  CHECK(known("2018-04-04T00:01:00Z") == price("10"));
  CHECK(known("2018-04-04T00:01:59.999999Z") == price("10"));
  CHECK(known("2018-04-04T00:02:00Z") == price("11"));
  CHECK(known("2018-04-04T00:02:59Z") == price("11"));
  CHECK(known("2018-04-04T00:03:00Z") == price("20"));
  CHECK(known("2018-04-05T00:00:00Z") == price("21"));

  const auto between = [&](const char* after, const char* until) {
    return feed->bars(eth_usd, at(after), at(until)).size();
  };
  CHECK(between("2018-04-04T00:00:00Z", "2018-04-04T00:00:59Z") == 0);
  CHECK(between("2018-04-04T00:00:00Z", "2018-04-04T00:01:00Z") == 1);
  CHECK(between("2018-04-04T00:01:30Z", "2018-04-04T00:03:00Z") == 2);
  CHECK(between("2018-04-04T00:02:00Z", "2018-04-04T00:03:00Z") == 1);
}

TEST_CASE("a day of three symbols is read whole") {
  std::string text{header};
  for (int minute = 0; minute < 1008; ++minute) {
    const auto time = iso_seconds(at("2018-04-04T00:00:00Z") + minute * 60s) + "Z";
    for (const char* name : {"BTC_USD", "ETH_USD", "LTC_USD"}) {
      text += time + "," + name + ",7424.91,7424.91,7422,7422\n";
    }
  }
  auto feed = read(text);
  REQUIRE(feed);
  for (const auto& [name, bars] : feed->all()) CHECK(bars.size() == 1008);
}

TEST_CASE("prices set by hand hold from their instant on") {
  StepPrices prices;
  const auto noon = at("2025-01-01T12:00:00Z");
  prices.set(eth(), price("3000"), noon);
  prices.set(eth(), price("3100"), noon + 10s);
  prices.set(eth(), price("3200"), noon + 10s);
  CHECK_FALSE(prices.latest(eth(), noon - 1us));
  CHECK(known_price(*prices.latest(eth(), noon + 9s), noon + 9s) == price("3000"));
  CHECK(known_price(*prices.latest(eth(), noon + 10s), noon + 10s) == price("3200"));
  CHECK(prices.bars(eth(), noon, noon + 1h).size() == 1);
}

}  // namespace
}  // namespace tradeguard
