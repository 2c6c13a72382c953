// One BUY on a real wire: entered once, whatever becomes of its answer.
#include <catch2/catch.hpp>
#include <csignal>

#include "live_bot.hpp"

using namespace tradeguard;
using namespace tradeguard::live;
using cli::test::lines_beginning;
using cli::test::lines_with;

TEST_CASE(
    "one BUY is entered, filled, protected by a pair and told, and a repeat run does nothing "
    "twice") {
  LiveBot bot{any_kind()};
  const std::string signal = buy_eth();
  const Ran first = bot.cycle(signal);
  INFO(first.err);
  CHECK(first.code == 0);
  CHECK(cli::test::is_subsequence({"GUARD cooldown_passed symbol=ETH_USDT", "ORDER_PLACED side=BUY symbol=ETH_USDT",
                                   "ORDER_FILLED side=BUY symbol=ETH_USDT", "SLTP_PLACED symbol=ETH_USDT"},
                                  first.lines()));
  CHECK(bot.entries().size() == 1);
  CHECK(bot.open_stops().size() == 1);
  CHECK(bot.open_targets().size() == 1);
  CHECK(bot.covered());
  const auto told = bot.venue.messages();
  CHECK(count_of(told, "ETH_USDT") == 1);  // what waits of one trade is one message

  const Ran again = bot.cycle(signal);
  INFO(again.err);
  CHECK(again.code == 0);
  CHECK(mentions(again, "GUARD idempotency_blocked"));
  CHECK(bot.orders().size() == 3);
  CHECK(bot.venue.messages() == told);

  const Ran other = bot.cycle(buy_of("ETH_USD", "3000"));
  CHECK(other.code == 0);
  CHECK(mentions(other, "GUARD cooldown_blocked symbol=ETH_USD seconds_remaining="));
  CHECK(bot.orders().size() == 3);
  CHECK(bot.venue.conserved());
}

TEST_CASE("several signals of one run are each entered, protected and told, as one burst") {
  LiveBot bot{any_kind()};
  const Ran ran = bot.cycle(buy_eth() + buy_of("BTC_USDT", "50000") + buy_of("SOL_USDT", "100"));
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK(bot.entries().size() == 3);
  CHECK(bot.open_stops().size() == 3);
  CHECK(bot.open_targets().size() == 3);
  for (const char* symbol : {"ETH_USDT", "BTC_USDT", "SOL_USDT"}) CHECK(count_of(bot.venue.messages(), symbol) >= 1);
}

TEST_CASE("an entry whose answer is lost is looked up: one order, protected in the same run") {
  const auto kinds = any_kind();
  const auto fault =
      GENERATE(values<FakeVenueProcess::Effects>({{{"drop", "after"}},
                                                  {{"status", "502"}, {"body", "html"}, {"executed", "1"}},
                                                  {{"status", "503"}, {"body", "empty"}, {"executed", "1"}},
                                                  {{"truncate", "5"}}}));
  LiveBot bot{kinds};
  bot.venue.fault(bot.endpoint(At::entry), fault);
  const std::string signal = buy_eth();
  const Ran ran = bot.cycle(signal);
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK(bot.entries().size() == 1);
  CHECK(bot.covered());
  CHECK(bot.open_stops().size() == 1);
  CHECK(bot.cycle(signal).code == 0);
  CHECK(bot.entries().size() == 1);
}

TEST_CASE("an entry that was lost on its way is never sent twice: in doubt and frozen, then lapsed") {
  const auto kinds = any_kind();
  const auto fault =
      GENERATE(values<FakeVenueProcess::Effects>({{{"drop", "before"}}, {{"status", "502"}, {"body", "html"}}}));
  LiveBot bot{kinds};
  bot.venue.fault(bot.endpoint(At::entry), fault);
  const std::string signal = buy_eth();
  Started run = bot.start_cycle(signal);
  run.wait_for("ORDER_IN_DOUBT");
  run.send(SIGKILL);  // it would wait for the order until its deadline
  const Ran lost = run.finish();
  INFO(lost.err);
  CHECK(bot.requests(At::entry) == 1);
  CHECK(bot.entries().empty());

  // Within its window it may still arrive, so nothing more is bought there.
  Started second = bot.start_cycle(signal + buy_of("ETH_USD", "3000"));
  second.wait_for("GUARD cooldown_blocked symbol=ETH_USD");
  second.send(SIGKILL);
  const Ran doubtful = second.finish();
  INFO(doubtful.err);
  CHECK(bot.requests(At::entry) == 1);
  CHECK(mentions(doubtful, "GUARD idempotency_blocked"));

  // Beyond it the exchange itself would refuse it, and every view shows nothing.
  bot.venue.set_clock_offset(bot.cryptocom() ? 100s : 40s);
  const Ran lapsed = bot.cycle(signal);
  INFO(lapsed.err);
  CHECK(mentions(lapsed, "ORDER_LAPSED"));
  CHECK(bot.requests(At::entry) == 1);
  CHECK(bot.entries().empty());
}

TEST_CASE(
    "too many requests: the entry is unsent and its key free, nothing more is sent, the next run "
    "enters") {
  LiveBot bot{any_kind()};
  if (bot.cryptocom())
    bot.venue.fault(bot.endpoint(At::entry), {{"code", "42901"}});
  else
    bot.venue.fault(bot.endpoint(At::entry),
                    {{"status", "429"}, {"code", "-1015"}, {"message", "Too many new orders."}});
  const std::string signal = buy_eth();
  const Ran throttled = bot.cycle(signal);
  INFO(throttled.err);
  CHECK(mentions(throttled, "ORDER_UNSENT"));
  CHECK_FALSE(mentions(throttled, "ORDER_REFUSED"));
  CHECK(bot.entries().empty());
  const Ran next = bot.cycle(signal);
  INFO(next.err);
  CHECK(next.code == 0);
  CHECK(bot.entries().size() == 1);
  CHECK(bot.covered());
}

namespace {

void silence_is_over(const LiveBot& bot) { bot.trading.sql("UPDATE accounts SET quiet_until = NULL"); }

}  // namespace

TEST_CASE("a firewall's page spends no signal and starts no cooldown, and the exchange is left alone for a while") {
  LiveBot bot{any_kind()};
  bot.venue.fault(bot.endpoint(At::entry), {{"status", "403"}, {"body", "html"}});
  const std::string signal = buy_eth();
  const Ran stopped = bot.cycle(signal);
  INFO(stopped.err);
  CHECK(mentions(stopped, "ORDER_UNSENT"));
  CHECK(mentions(stopped, "VENUE_QUIET until="));
  CHECK_FALSE(mentions(stopped, "ORDER_REFUSED"));
  silence_is_over(bot);
  const Ran next = bot.cycle(signal);
  INFO(next.err);
  CHECK(next.code == 0);
  CHECK(bot.entries().size() == 1);
  CHECK(bot.covered());
}

TEST_CASE("a ban of two hours is kept by the runs after it, and they say so") {
  LiveBot bot{any_kind()};
  bot.venue.fault(bot.endpoint(At::entry), {{"status", "418"}, {"body", "html"}, {"retry_after", "7200"}});
  const std::string signal = buy_eth();
  const Ran banned = bot.cycle(signal);
  INFO(banned.err);
  CHECK(mentions(banned, "VENUE_QUIET until="));
  const auto asked = bot.all_requests();
  const Ran quiet = bot.cycle(signal);
  INFO(quiet.err);
  CHECK(mentions(quiet, "VENUE_QUIET until="));
  CHECK(mentions(quiet, "status=418"));
  CHECK(bot.all_requests() == asked);
  silence_is_over(bot);
  CHECK(bot.cycle(signal).code == 0);
  CHECK(bot.entries().size() == 1);
}

TEST_CASE("a country that is not served is a wrong configuration and no outage") {
  LiveBot bot{any_kind()};
  bot.venue.fault(bot.cryptocom() ? "public/*" : "GET /api/v3/*",
                  {{"status", "451"},
                   {"body", R"({"code":0,"msg":"Service unavailable from a restricted location."})"},
                   {"times", "0"}});
  const Ran refused = bot.cycle(buy_eth());
  INFO(refused.err);
  CHECK(refused.code == 78);
  CHECK(mentions(refused, "not served from this country or address"));
  CHECK(bot.requests(At::entry) == 0);
}

TEST_CASE("a clock that is off enters nothing, and protection goes on") {
  LiveBot bot{any_kind(), "[cooldown]\nseconds = 0\nafter_stop = 0\n"};
  REQUIRE(bot.cycle(buy_eth()).code == 0);
  REQUIRE(bot.open_stops().size() == 1);
  // Somebody takes the stop away while the bot sleeps.
  const std::string stop = bot.open_stops().front().text_of("client_id");
  bot.venue.change_order(stop, {{"end_now", "cancelled"}});
  REQUIRE(bot.open_stops().empty());
  bot.venue.set_clock_offset(4s);
  const Ran ran = bot.cycle(buy_of("BTC_USDT", "50000"));
  INFO(ran.err);
  CHECK(mentions(ran, "ENTRY_DENIED symbol=BTC_USDT"));
  CHECK(bot.entries().size() == 1);
  CHECK(bot.open_stops().size() == 1);
  CHECK(bot.covered());
}

TEST_CASE("an order that the exchange refuses is refused once, told, and not tried again") {
  LiveBot bot{any_kind()};
  bot.venue.set_balance("USDT", Decimal{60});
  bot.venue.fault(bot.endpoint(At::entry),
                  bot.cryptocom()
                      ? FakeVenueProcess::Effects{{"code", "220"}}
                      : FakeVenueProcess::Effects{
                            {"code", "-2010"}, {"message", "Account has insufficient balance for requested action."}});
  const std::string signal = buy_eth();
  const Ran refused = bot.cycle(signal);
  INFO(refused.err);
  CHECK(mentions(refused, "ORDER_REFUSED"));
  CHECK(count_of(bot.venue.messages(), "refused") + count_of(bot.venue.messages(), "REFUSED") >= 1);
  const Ran again = bot.cycle(signal);
  CHECK(mentions(again, "GUARD idempotency_blocked"));
  CHECK(bot.requests(At::entry) == 1);
}
