// flatten at a real exchange: a command that looks failed has changed nothing, or says what it did.
#include <catch2/catch.hpp>

#include "json_read.hpp"
#include "live_bot.hpp"

using namespace tradeguard;
using namespace tradeguard::live;
using cli::test::json_of;
using cli::test::said;

namespace {

std::string wish_of(const LiveBot& bot) {
  return said(json_of(bot.command({"status", "--json"}))["trades"][0]["exit_reason"]);
}

}  // namespace

TEST_CASE("flatten without the secrets in the environment stores nothing, and says so") {
  LiveBot bot{any_kind()};
  REQUIRE(bot.cycle(buy_eth()).code == 0);
  const Environment keyless{{"DRY_RUN", "0"}};
  const Ran failed = bot.trading.command({"flatten", "--all"}, keyless);
  INFO(failed.err);
  CHECK(failed.code == 78);
  CHECK(failed.err.find("TRADEGUARD_API_KEY is not set") != std::string::npos);
  CHECK(failed.err.find("nothing was stored") != std::string::npos);
  CHECK(wish_of(bot).empty());
  CHECK(bot.cycle().code == 0);
  CHECK(bot.covered());
}

TEST_CASE("flatten whose exchange does not answer says that its wish is stored, and takes it back when told to") {
  LiveBot bot{any_kind()};
  REQUIRE(bot.cycle(buy_eth()).code == 0);
  bot.venue.listen(false);
  const Ran away = bot.command({"flatten", "ETH_USDT"});
  INFO(away.err);
  CHECK(away.code != 0);
  CHECK(away.err.find("is stored") != std::string::npos);
  CHECK(away.err.find("flatten ETH_USDT --withdraw") != std::string::npos);
  CHECK(wish_of(bot) == "operator");
  bot.venue.listen(true);
  const Ran back = bot.command({"flatten", "ETH_USDT", "--withdraw"});
  INFO(back.err);
  CHECK(back.code == 0);
  const Ran next = bot.cycle();
  INFO(next.err);
  CHECK(mentions(next, "TRADE_CLOSED") == false);
  CHECK(bot.covered());
}

TEST_CASE("the files of the secrets stand in the configuration, so that every command finds them") {
  const Kinds kinds = any_kind();
  LiveBot bot{kinds};
  REQUIRE(bot.cycle(buy_eth()).code == 0);
  const auto& folder = bot.trading.folder();
  folder.write("key", std::string{FakeVenueProcess::api_key} + "\n", 0600);
  folder.write("secret", std::string{FakeVenueProcess::api_secret} + "\n", 0600);
  folder.write("token", std::string{FakeVenueProcess::bot_token} + "\n", 0600);
  std::string ini = folder.read("bot.ini");
  const auto put = [&](const std::string& section, const std::string& keys) {
    ini.insert(ini.find(section) + section.size(), "\n" + keys);
  };
  put("[venue]", "api_key_file = key\napi_secret_file = secret");
  put("[telegram]", "token_file = token");
  folder.write("bot.ini", ini);
  const Ran sold = bot.trading.command({"flatten", "--all"}, {{"DRY_RUN", "0"}});
  INFO(sold.err);
  CHECK(sold.code == 0);
  CHECK(mentions(sold, "TRADE_CLOSED symbol=ETH_USDT"));
  CHECK(count_of(bot.venue.messages(), "TRADE") >= 1);
}
