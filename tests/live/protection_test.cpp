// The stop on a real wire: refused, lost, fired while the bot sleeps.
#include <catch2/catch.hpp>
#include <csignal>

#include "live_bot.hpp"

using namespace tradeguard;
using namespace tradeguard::live;

namespace {

FakeVenueProcess::Effects refusal(const LiveBot& bot, const char* code_of_cryptocom,
                                  bool for_good) {
  FakeVenueProcess::Effects effects;
  if (bot.cryptocom())
    effects = {{"code", code_of_cryptocom}};
  else
    effects = {{"code", "-2010"}, {"message", "Order would trigger immediately."}};
  if (for_good) effects["times"] = "0";
  return effects;
}

}  // namespace

TEST_CASE(
    "a pair that is refused is followed by a stop alone, or it is told and the exit code says so") {
  const auto kinds = any_kind();
  const char* code = GENERATE("50007", "140001");
  LiveBot bot{kinds};
  bot.venue.fault(bot.endpoint(At::pair), refusal(bot, code, true));
  const Ran ran = bot.cycle(buy_eth());
  INFO(ran.err);
  CHECK(bot.entries().size() == 1);
  if (bot.open_stops().empty()) {
    CHECK(ran.code == 1);
    CHECK(mentions(ran, "UNPROTECTED"));
    CHECK(count_of(bot.venue.messages(), "UNPROTECTED") +
              count_of(bot.venue.messages(), "nprotected") >=
          1);
  } else {
    CHECK(bot.covered());
    CHECK(bot.open_targets().empty());
  }
}

TEST_CASE(
    "where no stop of any kind is taken it is CRITICAL, on Telegram, on standard error, in the "
    "exit code, and heals") {
  LiveBot bot{any_kind()};
  bot.venue.fault(bot.endpoint(At::pair), refusal(bot, "140001", true));
  auto stops = refusal(bot, "140001", true);
  stops["client"] = "tg1-s";
  bot.venue.fault(bot.endpoint(At::stop), stops);
  Started run = bot.start_cycle(buy_eth());
  run.wait_for("UNPROTECTED");
  run.send(SIGTERM);
  const Ran naked = run.finish();
  INFO(naked.err);
  CHECK(naked.code == 1);
  CHECK(mentions(naked, "SLTP_FAILED"));
  CHECK(bot.open_stops().empty());
  CHECK(bot.entries().size() == 1);
  const auto told = bot.venue.messages();
  REQUIRE_FALSE(told.empty());
  CHECK(count_of(told, "ETH_USDT") >= 1);

  // Nothing more is bought while something is naked.
  bot.venue.clear_faults();
  const Ran healed = bot.cycle();
  INFO(healed.err);
  CHECK(bot.open_stops().size() == 1);
  CHECK(bot.covered());
  CHECK(bot.cycle().code == 0);
}

TEST_CASE(
    "a stop that fires while the bot sleeps is told, its target is gone, and the base cools after "
    "it") {
  LiveBot bot{any_kind(), "[cooldown]\nseconds = 1\nafter_stop = 300\n"};
  REQUIRE(bot.cycle(buy_eth()).code == 0);
  REQUIRE(bot.open_stops().size() == 1);
  bot.venue.set_price("ETH_USDT", Decimal{2900});
  const Ran next = bot.cycle();
  INFO(next.err);
  CHECK(next.code == 0);
  CHECK(mentions(next, "STOP_FILLED"));
  CHECK(mentions(next, "TRADE_CLOSED"));
  CHECK(bot.open_targets().empty());
  CHECK(bot.open_stops().empty());
  CHECK(count_of(bot.venue.messages(), "ETH_USDT") >= 2);
  const Ran cooled = bot.cycle(buy_of("ETH_USD", "3000"));
  INFO(cooled.err);
  CHECK(mentions(cooled, "GUARD cooldown_blocked symbol=ETH_USD"));
  CHECK(bot.entries().size() == 1);
  CHECK(bot.venue.conserved());
}

TEST_CASE("an entry that fills in parts is protected as it grows") {
  LiveBot bot{any_kind()};
  bot.venue.fault(bot.endpoint(At::entry), {{"fill", "0.5"}});
  Started run = bot.start_cycle(buy_eth());
  run.wait_for("SLTP_PLACED");
  run.send(SIGKILL);
  const Ran half = run.finish();
  INFO(half.err);
  REQUIRE(bot.entries().size() == 1);
  CHECK(bot.covered());
  bot.venue.change_order(bot.entries().front().text_of("client_id"), {{"fill_now", "1"}});
  const Ran whole = bot.cycle();
  INFO(whole.err);
  CHECK(bot.covered());
  CHECK(bot.entries().size() == 1);
}
