// Malformed, hostile and absurd input: said with its place, and everything else carried out.
#include <sys/stat.h>
#include <catch2/catch.hpp>

#include "stores.hpp"

using namespace tradeguard::cli::test;

TEST_CASE("bad signal lines are said with their number and reason, the good ones among them are traded") {
  const Trading bot{GENERATE(from_range(store_kinds()))};
  const std::string now = time_text();
  std::string text = "not json\n";                                                         // 1
  text += buy("ETH_USDT", now);                                                            // 2
  text += std::string("{\"a\0b\":1}\n", 10);                                               // 3
  text += std::string(1'000'000, 'x') + "\n";                                              // 4
  text += std::string(10'000, '[') + "\n";                                                 // 5
  text += "{\"symbol\":\"ETH_USDT\",\"symbol\":\"BTC_USDT\",\"side\":\"BUY\"}\n";          // 6
  text += "{\"symbol\":\"\xff\xfe\",\"side\":\"BUY\"}\n";                                  // 7
  text += buy("BTC_USDT", now, "1e400");                                                   // 8
  text += "\r\n\n";                                                                        // 9, 10
  text += buy("BTC_USDT", now, "0.000000000000000000001");                                 // 11
  text += buy("ADA_USDT", "2025-13-45T99:00:00Z");                                         // 12
  text += buy("DOT_USDT", time_text(120));                                                 // 13
  text += R"({"symbol":"XRP_USDT","side":"BUY","type":"LIMIT","time":")" + now + "\"}\n";  // 14
  text += buy("SOL_USDT", now);                                                            // 15
  text.pop_back();
  const Ran ran = bot.cycle(text);
  INFO(ran.err);
  CHECK(ran.code == 65);
  for (const int line : {1, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14})
    CHECK(lines_with(ran.lines(), "SIGNAL_REJECTED line=" + std::to_string(line) + " reason=").size() == 1);
  CHECK(lines_with(ran.lines(), "SIGNAL_REJECTED").size() == 11);
  CHECK(lines_with(ran.lines(), "ORDER_PLACED side=BUY symbol=ETH_USDT").size() == 1);
  CHECK(lines_with(ran.lines(), "ORDER_PLACED side=BUY symbol=SOL_USDT").size() == 1);
  CHECK(lines_with(ran.lines(), "ORDER_PLACED").size() == 2);
}

TEST_CASE("standard input needs time or id, with an id a signal is taken now, and once") {
  const Trading bot{"sqlite"};
  const std::vector<std::string> run{"run", "--config", "bot.ini", "--signals", "-", "--log-format", "bare"};
  const std::string with_id = R"({"symbol":"ETH_USDT","side":"BUY","id":"a-1","notional":"50","price":"100"})"
                              "\n";
  const std::string without = R"({"symbol":"BTC_USDT","side":"BUY","notional":"50","price":"100"})"
                              "\n";
  const Ran first = bot.place().run(run, {}, with_id + without);
  INFO(first.err);
  CHECK(first.code == 65);
  CHECK(lines_with(first.lines(), "GUARD idempotency_passed signal_key=\"ETH_USDT:BUY:id=a-1\"").size() == 1);
  CHECK(lines_with(first.lines(), "SIGNAL_REJECTED line=2 reason=\"time or id is missing").size() == 1);
  const Ran again = bot.place().run(run, {}, with_id);
  CHECK(
      lines_with(again.lines(), "GUARD idempotency_blocked signal_key=\"ETH_USDT:BUY:id=a-1\" existing_order_id=100001")
          .size() == 1);
}

TEST_CASE("what only appends to its signal file buys no old line again, and an unreadable SELL is told") {
  const Trading bot{"sqlite"};
  const std::string nameless = R"({"symbol":"ETH_USDT","side":"BUY","notional":"50","price":"100"})"
                               "\n";
  const Ran refused = bot.cycle(nameless);
  CHECK(refused.code == 65);
  CHECK(lines_with(refused.lines(), "SIGNAL_REJECTED line=1 reason=\"time or id is missing").size() == 1);
  CHECK(lines_with(refused.lines(), "ORDER_PLACED").empty());
  CHECK(refused.out.find("SIGNALS REJECTED") != std::string::npos);

  const std::string named = R"({"symbol":"ETH_USDT","side":"BUY","id":"a","notional":"50","price":"100"})"
                            "\n";
  CHECK(lines_with(bot.cycle(named).lines(), "ORDER_PLACED").size() == 1);
  const Ran again = bot.cycle(named + "\n" + R"({"symbol":"ETH_USDT","side":"sell"})" + "\n");
  CHECK(lines_with(again.lines(), "GUARD idempotency_blocked").size() == 1);
  CHECK(lines_beginning(again.lines(), "EXIT_REJECTED symbol=ETH_USDT").size() == 1);
  CHECK(again.out.find("EXIT REJECTED ETH_USDT") != std::string::npos);
}

TEST_CASE(
    "bad configuration files are refused with file, line, key, what is wrong and what is "
    "expected") {
  const Place place{{{"DRY_RUN", "1"}}};
  place.folder().write("bad.ini",
                       "[store]\nurl = sqlite:a.db\n\n[run]\ndeadline = soon # or later\nlock_id = 1.5\n"
                       "[markt.ETH_USDT]\nnotional = 5\n[market.ETHUSDT]\nnotional = 5\nrubbish\n");
  const Ran ran = place.run({"config", "--config", "bad.ini"});
  CHECK(ran.code == 78);
  CHECK(ran.out.empty());
  check_golden("bad-configuration.txt", ran.err);
}

TEST_CASE("what the environment misspells stops the run") {
  const Place place{{{"DRY_RUN", "1"}, {"TRADEGUARD_LIMITS_MAX_OPEN_POSITION", "1"}}};
  const Ran ran = place.run({"config"});
  CHECK(ran.code == 78);
  CHECK(ran.err ==
        "environment TRADEGUARD_LIMITS_MAX_OPEN_POSITION: unknown, did you mean "
        "TRADEGUARD_LIMITS_MAX_OPEN_POSITIONS?\n");
}

TEST_CASE("DRY_RUN that is not plainly yes or no stops the run, and so does one that is contradicted") {
  const Place place;
  CHECK(place.run({"config"}, {{"DRY_RUN", "true"}}).code == 78);
  CHECK(place.run({"config"}, {{"DRY_RUN", ""}}).code == 78);
  CHECK(place.run({"config", "--venue.kind", "binance"}, {{"DRY_RUN", "1"}}).code == 78);
  CHECK(place.run({"config"}, {{"DRY_RUN", "1"}, {"TRADEGUARD_VENUE_KIND", "binance"}}).code == 78);
}

TEST_CASE("price files that are none are refused with file and line, before anything is traded") {
  const Trading bot{"sqlite"};
  bot.folder().write("prices.csv", "time,symbol,open,high,low,close\n2025-01-01T00:00:00Z,ETH_USDT,1,2,3,4\n");
  const Ran ran = bot.cycle(buy("ETH_USDT", time_text()), {"--paper.prices", "prices.csv"});
  CHECK(ran.code == 78);
  REQUIRE(ran.lines().size() == 1);
  CHECK(ran.lines()[0].find("prices.csv:2: ") != std::string::npos);
  CHECK(bot.cycle("", {"--paper.prices", "none.csv"}).code == 78);
  CHECK(bot.cycle("", {"--paper.faults", "none"}).code == 78);
  bot.folder().write("faults", "place no_such_thing\n");
  CHECK(bot.cycle("", {"--paper.faults", "faults"}).code == 78);
}

TEST_CASE("a store that is no database, or may not be written, is refused before anything is sent") {
  const Trading bot{"sqlite"};
  bot.folder().write("rubbish.db", std::string(10'000, 'x'));
  CHECK(bot.cycle(buy("ETH_USDT", time_text()), {"--store.url", "sqlite:rubbish.db"}).code == 78);
  CHECK(bot.cycle("", {"--store.url", "sqlite:/nonexistent/bot.db"}).code == 78);
  CHECK(bot.cycle("", {"--store.url", "sqlite:."}).code == 78);
}

TEST_CASE(
    "a paper fill takes the signal's price, else the bars, else paper_price, else 100 with a "
    "warning") {
  const Trading bot{"sqlite"};
  const auto placed_at = [&](const std::string& signal, const std::vector<std::string>& more) {
    const Ran ran = bot.cycle(signal, more);
    INFO(ran.err);
    const auto status = bot.command({"status"}).out;
    return std::pair{status.substr(status.rfind(" at ")), lines_with(ran.lines(), "PAPER_PRICE_INVENTED").size()};
  };
  const std::string now = time_text();
  const auto signal = [&](const std::string& symbol, const std::string& price) {
    return "{\"symbol\":\"" + symbol + "\",\"side\":\"BUY\",\"time\":\"" + now + "\",\"notional\":\"50\"" + price +
           "}\n";
  };
  bot.folder().write("prices.csv",
                     "time,symbol,open,high,low,close\n" + now.substr(0, 17) + "00Z,BTC_USDT,40,40,40,40\n");
  const std::vector<std::string> prices{
      "--paper.prices", "prices.csv", "--market.BTC_USDT.paper_price", "30", "--market.SOL_USDT.paper_price", "20"};
  CHECK(placed_at(signal("ETH_USDT", ",\"price\":\"50\""), prices).first.starts_with(" at 50,"));
  CHECK(placed_at(signal("BTC_USDT", ""), prices).first.starts_with(" at 40,"));
  CHECK(placed_at(signal("SOL_USDT", ""), prices).first.starts_with(" at 20,"));
  const auto invented = placed_at(signal("ADA_USDT", ""), prices);
  CHECK(invented.first.starts_with(" at 100,"));
  CHECK(invented.second == 1);
  // The very same price is no invention where the signal gives it.
  const auto given = placed_at(signal("XRP_USDT", ",\"price\":\"100\""), prices);
  CHECK(given.first.starts_with(" at 100,"));
  CHECK(given.second == 0);
}

TEST_CASE("DRY_RUN that was left set keeps an emergency command from acting on paper instead of the exchange") {
  const Place place{{{"DRY_RUN", "1"}}};
  place.folder().write("live.ini", "[run]\nlive = true\n[venue]\nkind = binance\n[notify]\nkind = none\n");
  REQUIRE(place.run({"init", "--config", "live.ini"}).code == 0);
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"halt", "--reason", "news"}, {"resume"}, {"flatten", "--all"}}) {
    std::vector<std::string> whole = command;
    whole.insert(whole.end(), {"--config", "live.ini"});
    const Ran ran = place.run(whole);
    INFO(command.front() << "\n" << ran.out << ran.err);
    CHECK(ran.code == 78);
    CHECK(ran.err.find(
              "DRY_RUN=1 is set, so this would act on paper, and the configuration names binance: nothing was done") !=
          std::string::npos);
  }
  // Of a configuration of paper it is the same as without.
  place.folder().write("paper.ini", "[venue]\nkind = paper\n");
  CHECK(place.run({"halt", "--reason", "news", "--config", "paper.ini"}).code == 0);
}
