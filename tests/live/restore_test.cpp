// A backup of the store, put back after the bot has bought.
#include <catch2/catch.hpp>
#include <filesystem>

#include "live_bot.hpp"

using namespace tradeguard;
using namespace tradeguard::live;

TEST_CASE("a store that is copied, bought over and copied back buys the same signal once") {
  const std::string venue = GENERATE(as<std::string>{}, "cryptocom", "binance");
  LiveBot bot{{venue, "sqlite"}};
  const std::string file = bot.trading.url().substr(std::string{"sqlite:"}.size());
  const std::filesystem::path store = std::filesystem::path{bot.trading.folder().path()} / file;
  const std::filesystem::path backup = store.string() + ".backup";
  std::filesystem::copy_file(store, backup);
  const std::string signal = buy_eth();
  const Ran bought = bot.cycle(signal);
  INFO(bought.err);
  CHECK(bought.code == 0);
  REQUIRE(bot.entries().size() == 1);
  const auto orders = bot.orders().size();

  for (const char* log : {"-wal", "-shm"}) std::filesystem::remove(store.string() + log);
  std::filesystem::copy_file(backup, store, std::filesystem::copy_options::overwrite_existing);
  const Ran again = bot.cycle(signal);
  INFO(again.err);
  CHECK(again.code == 1);
  CHECK(mentions(again, "NEW_EPOCH"));
  CHECK(mentions(again, "ORPHAN symbol=ETH_USDT"));
  CHECK(bot.orders().size() == orders);
  CHECK(bot.covered());

  // What is said later is not entered either: whose coins these are a person has to say.
  const Ran later = bot.cycle(buy_of("ETH_USD", "3000"));
  INFO(later.err);
  CHECK(later.code == 1);
  CHECK(bot.orders().size() == orders);
}
