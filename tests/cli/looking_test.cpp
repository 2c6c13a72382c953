// status, why, config, doctor, help: what they say, to people and to programs.
#include <catch2/catch.hpp>
#include "json_read.hpp"
#include "stores.hpp"

using namespace tradeguard::cli::test;

namespace {

std::string any_store() { return GENERATE(from_range(store_kinds())); }

}  // namespace

TEST_CASE("status of an account that never ran, and of one with an open trade") {
  const Trading bot{any_store()};
  const Ran fresh = bot.command({"status"});
  CHECK(fresh.code == 0);
  CHECK(fresh.out.find("completed  never") != std::string::npos);
  const std::string now = time_text();
  bot.cycle(buy("ETH_USDT", now, "3350.5"));
  const Ran open = bot.command({"status"});
  CHECK(open.out.find("ETH_USDT 0.01490508 at 3350.5, order 100001, stop 3249.985 (100002), target "
                      "3451.015 (100003)") != std::string::npos);
  const auto status = json_of(bot.command({"status", "--json"}));
  CHECK(said(status["venue"]) == "paper");
  CHECK(said(status["cycle"]) == "1");
  CHECK(status["halted"].IsNull());
  CHECK(said(status["notices_waiting"]) == "0");
  CHECK(status["alarms"].Empty());
  const auto& trade = status["trades"][0];
  CHECK(trade["signal_key"].GetString() == key_of("ETH_USDT", "BUY", now));
  CHECK(said(trade["protected"]) == "true");
  CHECK(said(trade["seconds_unprotected"]) == "0");
  CHECK(trade["orders"].Size() == 3);
}

TEST_CASE("status can be asked while a run is going") {
  const Trading bot{any_store()};
  HeldSignals held{bot.place()};
  Started run = bot.start_cycle(held.path());
  held.wait_for_reader();
  CHECK(bot.command({"status"}).code == 0);
  CHECK(bot.command({"why", "ETH_USDT:BUY:2025-01-01T12:00:00"}).code == 0);
}

TEST_CASE("why tells every verdict on a signal and every order of it") {
  const Trading bot{any_store()};
  const std::string now = time_text();
  const std::string key = key_of("ETH_USDT", "BUY", now);
  bot.cycle(buy("ETH_USDT", now));
  bot.cycle(buy("ETH_USDT", now));
  const Ran why = bot.command({"why", key});
  CHECK(why.code == 0);
  for (const char* word : {"cooldown_passed", "idempotency_passed", "cooldown_blocked",
                           "idempotency_blocked", "entry BUY", "stop SELL", "target SELL"}) {
    INFO(word << "\n" << why.out);
    CHECK(why.out.find(word) != std::string::npos);
  }
  const auto json = json_of(bot.command({"why", key, "--json"}));
  CHECK(said(json["known"]) == "true");
  CHECK(json["decisions"].Size() == 4);
  CHECK(json["orders"].Size() == 3);
  CHECK(said(json_of(bot.command(
            {"why", "ETH_USDT:BUY:2020-01-01T00:00:00", "--json"}))["known"]) == "false");
}

TEST_CASE("config shows every value with its source, and can be used as a file again") {
  const Place place{{{"TRADEGUARD_COOLDOWN_SECONDS", "60s"}}};
  place.folder().write("bot.ini",
                       "[limits]\nmax_open_positions = 3\n[market.ETH_USDT]\nnotional = 50\n");
  const std::vector<std::string> arguments{"config", "--config", "bot.ini", "--run.deadline",
                                           "40s"};
  const Ran shown = place.run(arguments);
  CHECK(shown.code == 0);
  check_golden("config.txt", normalised(shown.out));
  place.folder().write("again.ini", shown.out);
  const auto before =
      json_of(place.run({"config", "--config", "bot.ini", "--run.deadline", "40s", "--json"}));
  const auto after = json_of(place.run({"config", "--config", "again.ini", "--json"},
                                       {{"TRADEGUARD_COOLDOWN_SECONDS", "60s"}}));
  CHECK(said(before["hash"]) == said(after["hash"]));
}

TEST_CASE("config masks secrets, and a dry run does not look for them") {
  const Place place;
  const std::string open_to_all = place.folder().write("key", "s3cr3t-key\n", 0644);
  const Environment secrets{{"TRADEGUARD_API_KEY", "s3cr3t-value"},
                            {"TRADEGUARD_API_SECRET_FILE", open_to_all}};
  const Ran shown =
      place.run({"config", "--store.url", "postgresql://bot:s3cr3t-word@h/db"}, secrets);
  CHECK(shown.code == 0);
  CHECK(shown.out.find("s3cr3t") == std::string::npos);
  CHECK(shown.out.find("TRADEGUARD_API_KEY: environment") != std::string::npos);
  CHECK(shown.out.find("its mode has to be 0600") != std::string::npos);
  Environment dry = secrets;
  dry.emplace_back("DRY_RUN", "1");
  const Ran unread = place.run({"config"}, dry);
  CHECK(unread.out.find("TRADEGUARD_API_SECRET: not read (DRY_RUN=1)") != std::string::npos);
  CHECK(unread.out.find("0600") == std::string::npos);
}

TEST_CASE("a dry run with secrets in sight, wrong ones too, goes its way without them") {
  const Trading bot{any_store()};
  const Environment secrets{
      {"TRADEGUARD_API_KEY", "s3cr3t-value"},
      {"TRADEGUARD_API_SECRET_FILE", "/nonexistent/secret"},
      {"TRADEGUARD_TELEGRAM_TOKEN_FILE", bot.folder().write("t", "s3cr3t-token", 0644)}};
  const Ran ran = bot.cycle(buy("ETH_USDT", time_text()), {}, secrets);
  CHECK(ran.code == 0);
  CHECK((ran.out + ran.err).find("s3cr3t") == std::string::npos);
}

TEST_CASE("a dry run prints its messages, whatever the file says about who is told") {
  const Trading bot{"sqlite", "[notify]\nkind = file\nfile = told\n"};
  const Ran dry = bot.cycle(buy("ETH_USDT", time_text()));
  CHECK(dry.out.find("ORDER CREATED ETH_USDT BUY") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(bot.folder().file("told")));
  const Ran told = bot.cycle(buy("BTC_USDT", time_text()), {}, {{"DRY_RUN", "0"}});
  CHECK(told.out.empty());
  CHECK(bot.folder().read("told").find("ORDER CREATED BTC_USDT BUY") != std::string::npos);
}

TEST_CASE(
    "doctor finds a store that is ready, one that is missing, and a fault in the configuration") {
  const Trading bot{any_store()};
  const Ran well = bot.command({"doctor"});
  CHECK(well.code == 0);
  CHECK(well.out.find("problem") == std::string::npos);
  CHECK(said(json_of(bot.command({"doctor", "--json"}))["ready"]) == "true");
  const Place empty{{{"DRY_RUN", "1"}}};
  const Ran missing = empty.run({"doctor"});
  CHECK(missing.code == 78);
  CHECK(missing.out.find("problem store") != std::string::npos);
  CHECK(missing.out.find("tradeguard init") != std::string::npos);
}

TEST_CASE("the sample configuration of the contract is accepted as it stands") {
  const Place place;
  const Ran shown =
      place.run({"config", "--config", TRADEGUARD_FIXTURES "/contract.ini", "--json"});
  INFO(shown.err);
  REQUIRE(shown.code == 0);
  const auto json = json_of(shown);
  int of_the_file = 0;
  for (const auto& value : json["values"].GetArray())
    of_the_file += std::string_view{value["source"].GetString()}.find("contract.ini:") !=
                           std::string_view::npos
                       ? 1
                       : 0;
  CHECK(of_the_file == 27);
}

TEST_CASE("help is grouped, has an example for every command, and is what it was") {
  const Place place;
  const Ran overview = place.run({"--help"});
  CHECK(overview.code == 0);
  check_golden("help.txt", overview.out);
  check_golden("help-run.txt", place.run({"help", "run"}).out);
  check_golden("help-resolve.txt", place.run({"resolve", "--help"}).out);
  check_golden("help-configuration.txt", place.run({"help", "configuration"}).out);
  for (const char* command : {"run", "status", "why", "config", "doctor", "halt", "resume",
                              "release", "resolve", "flatten", "prune", "init", "replay"}) {
    const Ran help = place.run({"help", command});
    CHECK(help.code == 0);
    CHECK(help.out == place.run({command, "--help"}).out);
    CHECK(help.out.find("Example\n  $ ") != std::string::npos);
    CHECK(overview.out.find(std::string{"\n  "} + command) != std::string::npos);
  }
  for (const char* topic : {"configuration", "signals", "environment", "exit-codes"})
    CHECK(place.run({"help", topic}).code == 0);
  CHECK(place.run({"--version"}).out.starts_with("tradeguard "));
}
