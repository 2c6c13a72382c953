// What never leaves the process, and when nobody is asked at all.
#include <catch2/catch.hpp>

#include "live_bot.hpp"

using namespace tradeguard;
using namespace tradeguard::live;

namespace {

void check_shows_no_secret(std::string_view where, const std::string& text) {
  for (const std::string_view secret :
       {FakeVenueProcess::api_key, FakeVenueProcess::api_secret, FakeVenueProcess::bot_token}) {
    INFO(where);
    CHECK(text.find(secret) == std::string::npos);
  }
}

void check_shows_no_secret(std::string_view where, const Ran& ran) { check_shows_no_secret(where, ran.out + ran.err); }

}  // namespace

TEST_CASE("without run.live nothing is contacted: exit 78 names it") {
  LiveBot bot{any_kind(), "", false};
  const Ran ran = bot.cycle(buy_eth());
  CHECK(ran.code == 78);
  CHECK(ran.err.find("run.live") != std::string::npos);
  CHECK(bot.all_requests() == 0);
}

TEST_CASE("DRY_RUN=1 over a live configuration trades on paper, contacts nobody, reads no secret") {
  LiveBot bot{any_kind(), "", false};
  bot.trading.folder().write("bot.ini", [&] {
    std::string ini = bot.trading.folder().read("bot.ini");
    return ini.replace(ini.find("live = false"), 12, "live = true");
  }());
  bot.set("DRY_RUN", "1");
  for (const char* name : {"TRADEGUARD_API_KEY", "TRADEGUARD_API_SECRET", "TRADEGUARD_TELEGRAM_TOKEN"})
    bot.set(std::string{name} + "_FILE", "/nonexistent");  // beside the other it would be an error
  const Ran ran = bot.cycle(buy_eth());
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK(mentions(ran, "SLTP_PLACED"));
  CHECK(bot.venue.stats().text_of("connections") == "0");
  CHECK(bot.all_requests() == 0);
}

TEST_CASE(
    "no secret stands in a log line, the store, a message or any command's output, on good days "
    "and bad") {
  LiveBot bot{any_kind(), "[protection]\nunverified_after = 1s\n"};
  bot.set("DEBUG_TRADING", "1");
  const std::string key{FakeVenueProcess::api_key};
  // The exchange repeats the request it refuses, and so does Telegram.
  bot.venue.fault(bot.endpoint(At::entry),
                  {{"code", bot.cryptocom() ? "220" : "-1102"}, {"message", "bad request of " + key}});
  bot.venue.fault(
      "sendMessage",
      {{"status", "502"}, {"body", "<html>/bot" + std::string{FakeVenueProcess::bot_token} + "/sendMessage</html>"}});
  const std::string signal = buy_eth();
  const Ran refused = bot.cycle(signal);
  INFO(refused.err);
  CHECK(mentions(refused, "ORDER_REFUSED"));
  CHECK(mentions(refused, "TG_FAILED"));
  check_shows_no_secret("refused run", refused);
  const Ran well = bot.cycle(buy_of("BTC_USDT", "50000"));
  check_shows_no_secret("run", well);
  bot.venue.fault(bot.endpoint(At::balances), {{"status", "500"}, {"body", "key=" + key}, {"times", "0"}});
  check_shows_no_secret("blind run", bot.cycle());
  bot.venue.listen(false);
  check_shows_no_secret("lonely run", bot.cycle());
  bot.venue.listen(true);
  bot.venue.clear_faults();
  const std::string time = signal.substr(signal.find("\"time\":\"") + 8, 20);
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"why", cli::test::key_of("ETH_USDT", "BUY", time)},
        {"config"},
        {"status"},
        {"status", "--json"},
        {"doctor"},
        {"doctor", "--json", "--send"}})
    check_shows_no_secret(command.front(), bot.command(command));
  check_shows_no_secret("store", bot.store_text());
  for (const std::string& message : bot.venue.messages()) check_shows_no_secret("message", message);
}

TEST_CASE("a key that is not known sends nothing a second time, and leaves no trade open") {
  LiveBot bot{any_kind()};
  bot.set("TRADEGUARD_API_KEY", "a-key-of-nobody");
  const Ran ran = bot.cycle(buy_eth());
  INFO(ran.err);
  CHECK(ran.code != 0);
  CHECK(bot.requests(At::entry) <= 1);
  CHECK(bot.entries().empty());
  check_shows_no_secret("run", ran);
  CHECK(ran.err.find("a-key-of-nobody") == std::string::npos);
}
