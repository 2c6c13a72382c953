// Telegram on a bad day: what happened waits, and is told in order.
#include <catch2/catch.hpp>
#include <csignal>

#include "live_bot.hpp"

using namespace tradeguard;
using namespace tradeguard::live;
using cli::test::lines_with;

namespace {

// A notice that failed rests for seconds or more, which no test has.
void rest_is_over(const LiveBot& bot) {
  bot.trading.sql("UPDATE notices SET next_try = 1 WHERE next_try IS NOT NULL");
  bot.trading.sql("UPDATE accounts SET notify_quiet_until = NULL");
}

}  // namespace

TEST_CASE("while Telegram is down notices wait, and the next run tells them in order") {
  LiveBot bot{any_kind()};
  bot.venue.fault("sendMessage", {{"status", "502"}, {"body", "html"}, {"times", "0"}});
  const Ran mute = bot.cycle(buy_eth());
  INFO(mute.err);
  CHECK(bot.covered());
  const auto failed = lines_with(mute.lines(), "TG_FAILED ");
  REQUIRE_FALSE(failed.empty());
  CHECK(failed.front().starts_with("TG_FAILED type=ORDER_CREATED symbol=ETH_USDT order_id="));
  CHECK(failed.front().find(FakeVenueProcess::bot_token) == std::string::npos);
  CHECK(bot.venue.messages().empty());

  bot.venue.clear_faults();
  rest_is_over(bot);
  const Ran told = bot.cycle();
  INFO(told.err);
  std::string all;
  for (const std::string& message : bot.venue.messages()) all += message;
  const auto created = all.find("ORDER_CREATED");
  const auto protected_ = all.find("SLTP_CREATED");
  CHECK(created != std::string::npos);
  CHECK(protected_ != std::string::npos);
  CHECK(created < protected_);
  const auto messages = bot.venue.messages();
  CHECK(bot.cycle().code == 0);
  CHECK(bot.venue.messages() == messages);
}

TEST_CASE("a CRITICAL that cannot be told stands on standard error, and the exit code says so") {
  LiveBot bot{any_kind(), "[run]\nlog_file = bot.log\n"};
  bot.venue.fault("sendMessage", {{"status", "502"}, {"body", "html"}, {"times", "0"}});
  bot.venue.fault(bot.endpoint(At::pair), {{"code", bot.cryptocom() ? "140001" : "-2010"}, {"times", "0"}});
  bot.venue.fault(bot.endpoint(At::stop),
                  {{"code", bot.cryptocom() ? "140001" : "-2010"}, {"client", "tg1-s"}, {"times", "0"}});
  Started run = bot.start_cycle(buy_eth());
  run.wait_for("UNPROTECTED");
  run.send(SIGTERM);
  const Ran naked = run.finish();
  INFO(naked.err);
  CHECK(naked.code == 1);
  CHECK(mentions(naked, "UNPROTECTED symbol=ETH_USDT"));
  CHECK(bot.venue.messages().empty());
  CHECK(bot.trading.folder().read("bot.log").find("TG_FAILED") != std::string::npos);
}

TEST_CASE("Telegram asks to wait: nothing is lost and nothing told twice") {
  LiveBot bot{any_kind()};
  bot.venue.fault(
      "sendMessage",
      {{"status", "429"},
       {"body",
        R"({"ok":false,"error_code":429,"description":"Too Many Requests: retry after 1","parameters":{"retry_after":1}})"},
       {"retry_after", "1"}});
  const Ran first = bot.cycle(buy_eth());
  INFO(first.err);
  CHECK(mentions(first, "TG_FAILED"));
  rest_is_over(bot);
  CHECK(bot.cycle().code == 0);
  rest_is_over(bot);
  CHECK(bot.cycle().code == 0);
  CHECK(count_of(bot.venue.messages(), "SLTP_CREATED") == 1);
}

TEST_CASE("a token that Telegram refused for one run loses nothing: the next run tells it all") {
  LiveBot bot{any_kind()};
  bot.venue.fault("sendMessage", {{"code", "401"}, {"message", "Unauthorized"}, {"times", "0"}});
  const Ran refused = bot.cycle(buy_eth());
  INFO(refused.err);
  CHECK(refused.code == 1);
  CHECK(mentions(refused, "TG_FAILED"));
  CHECK(mentions(refused, "Unauthorized"));
  CHECK(bot.venue.messages().empty());

  bot.venue.clear_faults();
  rest_is_over(bot);
  const Ran told = bot.cycle();
  INFO(told.err);
  CHECK(told.code == 0);
  CHECK(count_of(bot.venue.messages(), "ORDER_CREATED") == 1);
  CHECK(count_of(bot.venue.messages(), "SLTP_CREATED") == 1);
}

TEST_CASE("Telegram asks the chat to be quiet for ten minutes: the next run sends nothing to it") {
  LiveBot bot{any_kind()};
  bot.venue.fault("sendMessage", {{"code", "429"}, {"retry_after", "600"}, {"times", "0"}});
  bot.cycle(buy_eth());
  const auto asked = bot.requests("sendMessage");
  CHECK(asked == 1);
  bot.venue.clear_faults();
  bot.trading.sql("UPDATE notices SET next_try = 1 WHERE next_try IS NOT NULL");
  const Ran quiet = bot.cycle();
  INFO(quiet.err);
  CHECK(bot.requests("sendMessage") == asked);
  CHECK(bot.venue.messages().empty());
  rest_is_over(bot);
  CHECK(bot.cycle().code == 0);
  CHECK(count_of(bot.venue.messages(), "SLTP_CREATED") == 1);
}
