// doctor: what it finds at an exchange and at Telegram, and that it places nothing unless told to.
#include <catch2/catch.hpp>
#include <filesystem>
#include <sstream>

#include "live_bot.hpp"

using namespace tradeguard;
using namespace tradeguard::live;

namespace {

std::string line_of(const Ran& ran, std::string_view what) {
  std::string found;
  std::istringstream in{ran.out};
  for (std::string line; std::getline(in, line);)
    if (line.size() > 8 && line.substr(8).starts_with(what)) found += line + "\n";
  return found;
}

}  // namespace

TEST_CASE("doctor finds an exchange that is well, and places nothing and tells nobody") {
  LiveBot bot{any_kind()};
  const Ran well = bot.command({"doctor"});
  INFO(well.out);
  CHECK(well.code == 0);
  CHECK(well.out.find("problem") == std::string::npos);
  for (const char* what : {"exchange", "clock", "balances", "ETH_USD ", "BTC_USDT", "orders", "telegram"})
    CHECK(line_of(well, what).starts_with("ok "));
  CHECK(line_of(well, "lock").find("a second session is kept out") != std::string::npos);
  CHECK(bot.orders().empty());
  CHECK(bot.venue.messages().empty());
  // Binance tells of withdrawal and has a test call for stops, Crypto.com has neither.
  CHECK(line_of(well, "withdrawal").starts_with(bot.cryptocom() ? "warning" : "ok"));
  CHECK(line_of(well, "stops").starts_with(bot.cryptocom() ? "warning" : "ok"));
  CHECK(bot.command({"doctor", "--send"}).code == 0);
  CHECK(count_of(bot.venue.messages(), "nothing happened") == 1);
}

TEST_CASE("doctor says what is wrong with key, clock, market, stops and token, and what to do") {
  LiveBot bot{any_kind()};
  bot.venue.set_clock_offset(-5s);
  bot.venue.post("/market", {{"symbol", "SOL_USDT"}, {"open", "0"}});
  bot.venue.fault("getMe",
                  {{"status", "401"}, {"body", R"({"ok":false,"error_code":401,"description":"Unauthorized"})"}});
  if (!bot.cryptocom())
    bot.venue.fault("POST /api/v3/order/test",
                    {{"code", "-1013"}, {"message", "Filter failure: NOTIONAL"}, {"times", "0"}});
  const Ran ill = bot.command({"doctor"});
  INFO(ill.out);
  CHECK(ill.code == 78);
  CHECK(line_of(ill, "clock").starts_with("problem"));
  CHECK(line_of(ill, "clock").find("chrony") != std::string::npos);
  CHECK(line_of(ill, "SOL_USDT").starts_with("problem"));
  CHECK(line_of(ill, "telegram").starts_with("problem"));
  CHECK(line_of(ill, "telegram").find(FakeVenueProcess::bot_token) == std::string::npos);
  if (!bot.cryptocom()) CHECK(line_of(ill, "stops ETH_USDT").starts_with("problem"));
  bot.set("TRADEGUARD_API_KEY", "not-a-key");
  const Ran stranger = bot.command({"doctor"});
  CHECK(line_of(stranger, "balances").starts_with("problem"));
  bot.venue.listen(false);
  const Ran alone = bot.command({"doctor"});
  CHECK(line_of(alone, "exchange").starts_with("problem"));
  CHECK(line_of(alone, "store").starts_with("ok"));
}

TEST_CASE("doctor with --place-far-order shows that a stop rests, and leaves nothing behind") {
  LiveBot bot{{"cryptocom", "sqlite"}, "", true};
  const std::vector<std::string> ask{"doctor", "--place-far-order", "--venue.min_notional", "5"};
  const Ran poor = bot.command(ask);
  CHECK(line_of(poor, "stops").find("no free") != std::string::npos);
  bot.venue.set_balance("ETH", Decimal{1});
  const Ran tried = bot.command(ask);
  INFO(tried.out);
  CHECK(tried.code == 0);
  CHECK(line_of(tried, "stops").starts_with("ok"));
  REQUIRE(bot.orders().size() == 1);
  CHECK(bot.orders().front().text_of("status") == "cancelled");
  // A stop that is taken and dies, and one that cannot be cancelled.
  bot.venue.fault(bot.endpoint(At::stop), {{"reject_async", "NO_POSITION"}});
  CHECK(line_of(bot.command(ask), "stops").find("and then rejected") != std::string::npos);
  bot.venue.fault("private/advanced/cancel-order", {{"ignore", "1"}});
  const Ran stays = bot.command(ask);
  CHECK(line_of(stays, "stops").find("cancel it") != std::string::npos);
  // Nothing of this is an order that lost its row.
  CHECK_FALSE(mentions(bot.cycle(), "ORPHAN"));
}

TEST_CASE("doctor tries the stop and the target that are configured, not others") {
  LiveBot bot{{"binance", "sqlite"}};
  bot.venue.post("/market", {{"symbol", "SOL_USDT"}, {"ask_down", "0.9"}, {"ask_up", "1.2"}});
  const Ran well = bot.command({"doctor"});
  INFO(well.out);
  CHECK(well.code == 0);
  CHECK(line_of(well, "stops SOL_USDT").starts_with("ok"));
  CHECK(line_of(well, "targets SOL_USDT").starts_with("ok"));
  CHECK(line_of(well, "SOL_USDT").find("sells from 0.9 times the price up to 1.2") != std::string::npos);

  const Ran deep = bot.command({"doctor", "--protection.stop_loss_percent", "15"});
  INFO(deep.out);
  CHECK(deep.code == 78);
  CHECK(line_of(deep, "SOL_USDT").find("stop_outside_band") != std::string::npos);
  CHECK(line_of(deep, "stops SOL_USDT").find("lower stop_loss_percent") != std::string::npos);
  CHECK(line_of(deep, "stops ETH_USDT").starts_with("ok"));

  const Ran high = bot.command({"doctor", "--protection.take_profit_percent", "25"});
  INFO(high.out);
  CHECK(high.code == 0);
  CHECK(line_of(high, "SOL_USDT").find("outside the exchange's price band") != std::string::npos);
  CHECK(bot.orders().empty());
}

TEST_CASE("doctor without run.live looks and places nothing, and with DRY_RUN asks nobody at all") {
  const auto kinds = any_kind();
  LiveBot bot{kinds, "", false};
  bot.venue.set_balance("ETH", Decimal{1});
  const Ran looked = bot.command({"doctor", "--place-far-order"});
  INFO(looked.out);
  CHECK(looked.code == 78);
  CHECK(line_of(looked, "venue").find("run.live") != std::string::npos);
  CHECK(line_of(looked, "orders").starts_with("ok"));
  CHECK(line_of(looked, "far order").starts_with("warning"));
  CHECK(bot.orders().empty());
  const auto before = bot.all_requests();
  bot.set("DRY_RUN", "1");
  bot.set("TRADEGUARD_API_KEY_FILE", "/nonexistent");
  const Ran dry = bot.command({"doctor"});
  INFO(dry.out);
  CHECK(dry.code == 0);
  CHECK(bot.all_requests() == before);
}

TEST_CASE("a key that the exchange does not take is one finding, and wrong configuration") {
  LiveBot bot{any_kind()};
  bot.set("TRADEGUARD_API_KEY", "not-a-key");
  const Ran stranger = bot.command({"doctor"});
  INFO(stranger.out);
  CHECK(stranger.code == 78);
  std::size_t problems = 0;
  for (std::size_t at = 0; (at = stranger.out.find("\nproblem", at)) != std::string::npos; ++at) ++problems;
  CHECK(problems == 1);
  CHECK(line_of(stranger, "balances").starts_with("problem"));
}

TEST_CASE("doctor asks Telegram whether the bot knows the chat") {
  LiveBot bot{{"binance", "sqlite"}};
  CHECK(line_of(bot.command({"doctor"}), "chat").starts_with("ok"));
  const Ran stranger = bot.command({"doctor", "--telegram.chat_id", "999"});
  INFO(stranger.out);
  CHECK(stranger.code == 78);
  CHECK(line_of(stranger, "chat").starts_with("problem"));
  CHECK(line_of(stranger, "chat").find("999") != std::string::npos);
  CHECK(bot.venue.messages().empty());
}

TEST_CASE("doctor sizes an entry as a claim would: too small for the market, or more than is free") {
  LiveBot bot{any_kind()};
  const Ran small = bot.command({"doctor", "--market.ETH_USDT.notional", "1"});
  INFO(small.out);
  CHECK(small.code == 78);
  CHECK(line_of(small, "ETH_USDT").find("would be denied: below_min_") != std::string::npos);
  bot.venue.set_balance("USD", *Decimal::parse("50"));
  const Ran poor = bot.command({"doctor"});
  INFO(poor.out);
  CHECK(poor.code == 0);
  CHECK(line_of(poor, "ETH_USD ").find("needs 50.5 USD, and 50 are free") != std::string::npos);
}

TEST_CASE("doctor takes no cycle") {
  LiveBot bot{{"binance", "sqlite"}};
  const auto cycle = [&] {
    const auto lines = bot.cycle().lines();
    const auto at = lines.front().find(" cycle=");
    return std::stol(lines.front().substr(at + 7));
  };
  const long before = cycle();
  CHECK(bot.command({"doctor"}).code == 0);
  CHECK(cycle() == before + 1);
}

TEST_CASE("doctor finds files that others could write or read a password in") {
  LiveBot bot{{"binance", "sqlite"}};
  namespace fs = std::filesystem;
  const fs::path db = bot.trading.folder().file("bot.db");
  fs::permissions(db, fs::perms::others_write, fs::perm_options::add);
  CHECK(line_of(bot.command({"doctor"}), "files").starts_with("problem"));
  fs::permissions(db, fs::perms::others_write, fs::perm_options::remove);
  CHECK(line_of(bot.command({"doctor"}), "files").starts_with("ok"));
  fs::permissions(bot.trading.folder().path(), fs::perms::others_write, fs::perm_options::add);
  CHECK(bot.command({"doctor"}).code == 78);
  fs::permissions(bot.trading.folder().path(), fs::perms::others_write, fs::perm_options::remove);
  bot.trading.folder().write("bot.ini", "[store]\nurl = postgresql://bot:hunter2@127.0.0.1:1/none\n");
  const Ran open = bot.trading.command({"doctor"});
  CHECK(line_of(open, "files").find("chmod 600") != std::string::npos);
  CHECK(open.out.find("hunter2") == std::string::npos);
}

TEST_CASE("doctor leaves an exchange alone that asked for silence, and status says until when") {
  LiveBot bot{any_kind()};
  bot.venue.fault(bot.endpoint(At::entry), {{"status", "418"}, {"body", "html"}, {"retry_after", "7200"}});
  bot.cycle(buy_eth());
  const auto asked = bot.all_requests();
  const Ran status = bot.command({"status"});
  INFO(status.out);
  CHECK(status.out.find("exchange   answered HTTP 418 and asked for silence until ") != std::string::npos);
  const Ran doctor = bot.command({"doctor"});
  INFO(doctor.out);
  CHECK(doctor.out.find("answered HTTP 418 and asked for silence until ") != std::string::npos);
  CHECK(doctor.code == 69);
  // Telegram is asked whether it knows the bot and the chat, the exchange nothing.
  CHECK(bot.all_requests() - asked <= 2);
}
