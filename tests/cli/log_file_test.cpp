// The log file, standard error beside it, and text that would like to be a log line.
#include <catch2/catch.hpp>

#include <regex>

#include "stores.hpp"
#include "tradeguard/log.hpp"

using namespace tradeguard::cli::test;

TEST_CASE("with a log file standard error carries warnings and worse: cron mails what matters") {
  const Trading bot{"sqlite", "[run]\nlog_file = bot.log\n"};
  const std::string now = time_text();
  const Ran quiet = bot.cycle(buy("ETH_USDT", now));
  CHECK(quiet.err.empty());
  CHECK(bot.folder().read("bot.log").find("ORDER_PLACED side=BUY symbol=ETH_USDT") != std::string::npos);
  const Ran loud = bot.cycle("nonsense\n");
  CHECK(loud.lines().size() == 1);
  CHECK(loud.lines().at(0).starts_with("SIGNAL_REJECTED line=1 "));
  CHECK(bot.folder().read("bot.log").find("SIGNAL_REJECTED line=1 ") != std::string::npos);
}

TEST_CASE("the default form carries time and level, the bare one does not") {
  const Trading bot{"sqlite"};
  const Ran ran = bot.place().run({"run", "--config", "bot.ini", "--signals", "/dev/null"});
  const std::regex form{
      R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z INFO RUN_(START|END) run_id=\d+_\d+ pid=\d+ host=\S+ cycle=\d+( [a-z_]+=\S+)*)"};
  REQUIRE(ran.lines().size() == 2);
  for (const std::string& line : ran.lines()) {
    INFO(line);
    CHECK(std::regex_match(line, form));
  }
}

TEST_CASE("RUN_START says version, schema, mode and the hash of the configuration") {
  const Trading bot{"sqlite"};
  const std::string start = bot.cycle("").lines().front();
  CHECK(std::regex_search(start, std::regex{R"( version=\d+\.\d+\.\d+ mode=paper config=[0-9a-f]{16} schema=\d+ )"}));
  CHECK(bot.cycle("", {"--cooldown.seconds", "1"}).lines().front().find(start.substr(start.find("config="), 23)) ==
        std::string::npos);
}

TEST_CASE("text from outside cannot forge a line: not by strategy, id, field name, symbol or reason") {
  const Trading bot{"sqlite", "[run]\nlog_file = bot.log\n"};
  const std::string now = time_text();
  const std::string forged = R"(x\nORDER_PLACED side=BUY symbol=FORGED_USD order_id=1)";
  const std::string direct = R"(x\" order_id=7 symbol=FORGED_USD)";
  const Ran ran = bot.cycle(buy("ETH_USDT", now, "250", ",\"strategy\":\"" + direct + "\"") +
                                buy("BTC_USDT", now, "250", ",\"strategy\":\"" + forged + "\"") +
                                buy("SOL_USDT", now, "250", ",\"id\":\"" + forged + "\"") +
                                buy("ADA_USDT", now, "250", ",\"" + forged + "\":\"1\"") +
                                buy(R"(X\nFORGED_USD)", now) + "{\"symbol\":\"\\u001b[31mRED\",\"side\":\"BUY\"}\n",
                            {}, {{"DEBUG_TRADING", "1"}});
  CHECK(ran.code == 65);
  bot.command({"halt", "--reason", "so\nRESUMED symbol=FORGED_USD"});
  std::istringstream lines{bot.folder().read("bot.log")};
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    CHECK_FALSE(line.starts_with("ORDER_PLACED side=BUY symbol=FORGED"));
    CHECK_FALSE(line.starts_with("RESUMED"));
    CHECK(line.find('\x1b') == std::string::npos);
    // Every line is one by the grammar; only what the contract words itself has a colon instead.
    CHECK((tradeguard::parse_line(line) || line.starts_with("RUN_LOCKED:")));
  }
  CHECK(lines_with(ran.lines(), "SIGNAL_REJECTED").size() == 5);
  CHECK(bot.command({"status"}).out.find("HALTED: \"so\\nRESUMED") != std::string::npos);
}

TEST_CASE("text from outside breaks no statement, in either store") {
  const Trading bot{GENERATE(from_range(store_kinds()))};
  const std::string evil = R"('; DROP TABLE exchange_orders; -- ?1 $1 \\ %s)";
  const Ran ran = bot.cycle(buy("ETH_USDT", time_text(), "250", ",\"strategy\":\"" + evil + "\""));
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK(bot.sql("SELECT strategy FROM trades") == "'; DROP TABLE exchange_orders; -- ?1 $1 \\ %s\n");
  CHECK(bot.command({"why", "'; DROP TABLE decisions; --"}).code == 0);
  CHECK(bot.command({"halt", "--reason", evil}).code == 0);
  CHECK(bot.command({"status"}).code == 0);
}

TEST_CASE("a run without standard streams writes its lines nowhere, least of all into the store") {
  const Trading bot{GENERATE(from_range(store_kinds()))};
  bot.folder().write("signals.jsonl", buy("ETH_USDT", time_text()));
  const std::string command = std::string{"exec env DRY_RUN=1 "} + TRADEGUARD_BINARY +
                              " run --config bot.ini --signals signals.jsonl <&- >&- 2>&-";
  CHECK(run_program({"sh", "-c", command}, bot.folder().path()).code == 0);
  CHECK(bot.sql("SELECT count(*) FROM exchange_orders") == "3\n");
  CHECK(bot.cycle("").code == 0);
}

TEST_CASE("the log file is made by run alone, and what only looks or operates goes on without it") {
  const Trading bot{GENERATE(from_range(store_kinds())), "[run]\nlog_file = bot.log\n"};
  const auto there = [&] { return std::filesystem::exists(bot.folder().file("bot.log")); };
  const auto cycle_of = [&] { return bot.sql("SELECT coalesce(max(cycle), 0) FROM accounts"); };
  const std::string before = cycle_of();
  for (const auto& command : std::vector<std::vector<std::string>>{
           {"status"}, {"why", "ETH_USDT:BUY:2025-01-01T12:00:00"}, {"config"}, {"halt", "--reason", "r"}}) {
    CHECK(bot.command(command).code == 0);
    CHECK_FALSE(there());
  }
  CHECK(bot.command({"resume"}).code == 0);
  CHECK_FALSE(there());
  CHECK(bot.cycle("").code == 0);
  CHECK(there());
  const std::string counted = cycle_of();
  for (const auto& command :
       std::vector<std::vector<std::string>>{{"status"}, {"why", "ETH_USDT:BUY:2025-01-01T12:00:00"}, {"config"}})
    CHECK(bot.command(command).code == 0);
  CHECK(cycle_of() == counted);
  // What is there is written to, as ever.
  bot.command({"halt", "--reason", "r"});
  CHECK(bot.folder().read("bot.log").find("HALTED reason=r") != std::string::npos);
}

TEST_CASE("a log file that cannot be opened stops neither a run nor a look") {
  const Trading bot{"sqlite"};
  std::filesystem::create_directory(bot.folder().file("folder.log"));
  for (const char* path : {"/nonexistent/bot.log", "folder.log"}) {
    const std::vector<std::string> broken{"--run.log_file", path};
    const Ran ran = bot.cycle(buy("ETH_USDT", time_text()), broken);
    INFO(ran.err);
    CHECK(ran.code == 0);
    CHECK(lines_with(ran.lines(), "LOG_FILE_UNUSABLE file=").size() == 1);
    CHECK(ran.lines().back().starts_with("RUN_END "));
    CHECK(ran.out.find("LOG UNUSABLE") != std::string::npos);
    CHECK(bot.cycle("", broken).out.find("LOG UNUSABLE") == std::string::npos);
    CHECK(bot.command({"status", "--run.log_file", path}).code == 0);
    CHECK(bot.cycle("").code == 0);
  }
}
