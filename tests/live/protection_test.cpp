// The stop on a real wire: refused, lost, fired while the bot sleeps.
#include <catch2/catch.hpp>
#include <csignal>

#include "live_bot.hpp"

using namespace tradeguard;
using namespace tradeguard::live;

namespace {

FakeVenueProcess::Effects refusal(const LiveBot& bot, const char* code_of_cryptocom, bool for_good) {
  FakeVenueProcess::Effects effects;
  if (bot.cryptocom())
    effects = {{"code", code_of_cryptocom}};
  else
    effects = {{"code", "-2010"}, {"message", "Order would trigger immediately."}};
  if (for_good) effects["times"] = "0";
  return effects;
}

}  // namespace

TEST_CASE("a pair that is refused is followed by a stop alone, or it is told and the exit code says so") {
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
    CHECK(count_of(bot.venue.messages(), "UNPROTECTED") + count_of(bot.venue.messages(), "nprotected") >= 1);
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

TEST_CASE("in a market with a narrow price band a stop beyond it is denied and a target beyond it clamped") {
  const std::string store = GENERATE(as<std::string>{}, "sqlite", "postgres");
  LiveBot bot{{"binance", store}, "[cooldown]\nseconds = 1\n"};
  bot.venue.post("/market", {{"symbol", "ETH_USDT"}, {"ask_down", "0.9"}, {"ask_up", "1.2"}});
  const auto with = [](std::string_view more) {
    std::string line = buy_eth();
    return line.insert(line.rfind('}'), std::string{","} + std::string{more});
  };
  const Ran deep = bot.cycle(with(R"("stop_loss_percent":"15")"));
  INFO(deep.err);
  CHECK(mentions(deep, "stop_outside_band"));
  CHECK(bot.entries().empty());

  const Ran high = bot.cycle(with(R"("take_profit_percent":"25","id":"another")"));
  INFO(high.err);
  CHECK(high.code == 0);
  CHECK(mentions(high, "LEVEL_MOVED symbol=ETH_USDT"));
  CHECK_FALSE(mentions(high, "SLTP_FAILED"));
  CHECK(bot.covered());
  REQUIRE(bot.open_targets().size() == 1);
  CHECK(bot.open_targets().front().text_of("price") == "3585");
  CHECK(count_of(bot.venue.messages(), "3750 USDT, outside the price band") == 1);
}

TEST_CASE("an exchange that lists no zeros: no money is no entry, and coins sold by hand are a drift") {
  LiveBot bot{any_kind()};
  bot.venue.set("zero_balances", "0");
  REQUIRE(bot.cycle(buy_eth()).code == 0);
  REQUIRE(bot.covered());
  bot.venue.post("/balance", {{"currency", "USDT"}, {"amount", "0"}});
  const Ran poor = bot.cycle(buy_of("BTC_USDT", "50000"));
  INFO(poor.err);
  CHECK(mentions(poor, "reason=balance"));
  CHECK(bot.entries().size() == 1);

  for (const Json& order : bot.open_stops())
    bot.venue.change_order(order.text_of("client_id"), {{"end_now", "cancelled"}});
  for (const Json& order : bot.open_targets())
    bot.venue.change_order(order.text_of("client_id"), {{"end_now", "cancelled"}});
  bot.venue.post("/balance", {{"currency", "ETH"}, {"amount", "0"}});
  const Ran sold = bot.cycle();
  INFO(sold.err);
  CHECK(sold.code == 1);
  CHECK(mentions(sold, "DRIFT symbol=ETH_USDT"));
  CHECK(bot.open_stops().empty());
}

TEST_CASE("an order that both books of the exchange list is one order, resting and not fired") {
  LiveBot bot{{"cryptocom", "sqlite"}};
  bot.venue.set("both_books", "1");
  REQUIRE(bot.cycle(buy_eth()).code == 0);
  for (int i = 0; i < 2; ++i) {
    const Ran again = bot.cycle();
    INFO(again.err);
    CHECK(again.code == 0);
    CHECK_FALSE(mentions(again, "TWIN"));
  }
  CHECK(bot.covered());
  CHECK(bot.orders().size() == 3);
}

TEST_CASE("a stop whose trigger the exchange does not show is not cancelled for it") {
  LiveBot bot{{"cryptocom", "sqlite"}};
  for (const char* view : {"private/advanced/get-open-orders", "private/advanced/get-order-detail"})
    bot.venue.fault(view, {{"omit", "ref_price,ref_price_type"}, {"times", "0"}});
  REQUIRE(bot.cycle(buy_eth()).code == 0);
  CHECK(bot.cycle().code == 0);
  CHECK(bot.covered());
  CHECK(bot.orders().size() == 3);
}

TEST_CASE("a fill of which the exchange says no value or no quantity is completed from its trades") {
  const char* const left_out = GENERATE("avg_price,cumulative_value", "avg_price,cumulative_value,cumulative_quantity",
                                        "quantity,cumulative_quantity");
  INFO(left_out);
  LiveBot bot{{"cryptocom", "sqlite"}};
  bot.venue.fault("private/get-order-detail", {{"omit", left_out}, {"times", "0"}});
  const Ran ran = bot.cycle(buy_eth());
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK(bot.covered());
  CHECK(count_of(bot.venue.messages(), "not known") == 0);
  bot.venue.set_price("ETH_USDT", Decimal{2900});
  const Ran closed = bot.cycle();
  INFO(closed.err);
  CHECK(mentions(closed, "TRADE_CLOSED"));
  CHECK_FALSE(mentions(closed, "bought=-"));
}

TEST_CASE("a stop that is taken, shown, and rejected a moment later is not left for the next run") {
  LiveBot bot{{"cryptocom", "sqlite"}};
  bot.venue.set("look_after_ms", "120");
  bot.venue.fault(bot.endpoint(At::pair), {{"reject_async", "INSUFFICIENT_ACC_BALANCE"}});
  const Ran ran = bot.cycle(buy_eth());
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK(mentions(ran, "SLTP_FAILED"));
  CHECK(bot.covered());
  CHECK(bot.open_stops().size() == 1);
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
