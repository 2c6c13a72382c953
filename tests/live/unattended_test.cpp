// Open live trades that nobody runs any more: whoever runs on the same store says so.
#include <catch2/catch.hpp>

#include "live_bot.hpp"

using namespace tradeguard;
using namespace tradeguard::live;

namespace {

const std::string of_the_bot(const LiveBot& bot) { return bot.cryptocom() ? "cryptocom/main" : "binance/main"; }

std::string unattended(const LiveBot& bot) { return "LIVE_POSITIONS_UNATTENDED trades=1 account=" + of_the_bot(bot); }

}  // namespace

TEST_CASE("a file that says paper over open live trades says that nobody looks after them") {
  LiveBot bot{any_kind()};
  REQUIRE(bot.cycle(buy_eth()).code == 0);
  const Ran paper = bot.cycle("", {"--venue.kind", "paper"});
  INFO(paper.err);
  CHECK(paper.code == 1);
  CHECK(mentions(paper, unattended(bot)));
  CHECK(count_of(bot.venue.messages(), "LIVE_POSITIONS_UNATTENDED") == 1);
  CHECK(bot.cycle("", {"--venue.kind", "paper"}).code == 1);
  CHECK(count_of(bot.venue.messages(), "LIVE_POSITIONS_UNATTENDED") == 1);
  // The live job is back: its own run says nothing of it, and the paper one takes it back.
  const Ran live = bot.cycle();
  INFO(live.err);
  CHECK(live.code == 0);
  CHECK_FALSE(mentions(live, "UNATTENDED"));
  const Ran after = bot.cycle("", {"--venue.kind", "paper"});
  INFO(after.err);
  CHECK(after.code == 0);
}

TEST_CASE("an account that was renamed says that the old one has open trades") {
  LiveBot bot{any_kind()};
  REQUIRE(bot.cycle(buy_eth()).code == 0);
  const Ran renamed = bot.cycle("", {"--venue.account", "second"});
  INFO(renamed.err);
  CHECK(renamed.code == 1);
  CHECK(mentions(renamed, unattended(bot)));
  const Ran status = bot.command({"status", "--venue.account", "second"});
  CHECK(status.out.find("LIVE_POSITIONS_UNATTENDED - " + of_the_bot(bot)) != std::string::npos);
}

TEST_CASE("a dry run over open live trades says so as long as they are open, whoever ran a moment ago") {
  LiveBot bot{any_kind()};
  const Environment dry{{"DRY_RUN", "1"}};
  CHECK(bot.trading.cycle("", {"--run.live", "false"}, dry).code != 1);
  REQUIRE(bot.cycle(buy_eth()).code == 0);
  for (int i = 0; i < 2; ++i) {
    bot.trading.folder().write("signals.jsonl", "");
    const Ran ran = bot.trading.cycle("", {}, dry);
    INFO(ran.err);
    CHECK(ran.code == 1);
    CHECK(mentions(ran, unattended(bot)));
  }
}
