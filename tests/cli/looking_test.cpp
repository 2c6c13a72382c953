// status, why, config, doctor, help: what they say, to people and to programs.
#include <unistd.h>
#include <catch2/catch.hpp>
#include <csignal>

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

TEST_CASE("status says why a position has no target, to people and to programs") {
  const Trading bot{any_store(), "[paper]\noco = false\n"};
  bot.cycle(buy("ETH_USDT", time_text(), "3350.5"));
  CHECK(bot.command({"status"}).out.find(", stop 3249.985 (100002), target none (this market takes no pairs)\n") !=
        std::string::npos);
  const auto status = json_of(bot.command({"status", "--json"}));
  CHECK(said(status["trades"][0]["target_none"]) == "this market takes no pairs");
  // Where one rests there is nothing to say.
  const Trading other{any_store()};
  other.cycle(buy("ETH_USDT", time_text(), "3350.5"));
  CHECK(other.command({"status"}).out.find("target none") == std::string::npos);
  CHECK(said(json_of(other.command({"status", "--json"}))["trades"][0]["target_none"]).empty());
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
  for (const char* word : {"cooldown_passed", "idempotency_passed", "cooldown_blocked", "idempotency_blocked",
                           "entry BUY", "stop SELL", "target SELL"}) {
    INFO(word << "\n" << why.out);
    CHECK(why.out.find(word) != std::string::npos);
  }
  const auto json = json_of(bot.command({"why", key, "--json"}));
  CHECK(said(json["known"]) == "true");
  CHECK(json["decisions"].Size() == 4);
  CHECK(json["orders"].Size() == 3);
  CHECK(said(json_of(bot.command({"why", "ETH_USDT:BUY:2020-01-01T00:00:00", "--json"}))["known"]) == "false");
}

TEST_CASE("config shows every value with its source, and can be used as a file again") {
  const Place place{{{"TRADEGUARD_COOLDOWN_SECONDS", "60s"}}};
  place.folder().write("bot.ini", "[limits]\nmax_open_positions = 3\n[market.ETH_USDT]\nnotional = 50\n");
  const std::vector<std::string> arguments{"config", "--config", "bot.ini", "--run.deadline", "40s"};
  const Ran shown = place.run(arguments);
  CHECK(shown.code == 0);
  check_golden("config.txt", normalised(shown.out));
  place.folder().write("again.ini", shown.out);
  const auto before = json_of(place.run({"config", "--config", "bot.ini", "--run.deadline", "40s", "--json"}));
  const auto after =
      json_of(place.run({"config", "--config", "again.ini", "--json"}, {{"TRADEGUARD_COOLDOWN_SECONDS", "60s"}}));
  CHECK(said(before["hash"]) == said(after["hash"]));
}

TEST_CASE("config masks secrets, and a dry run does not look for them") {
  const Place place;
  const std::string open_to_all = place.folder().write("key", "s3cr3t-key\n", 0644);
  const Environment secrets{{"TRADEGUARD_STORE_URL", "postgresql://bot:s3cr3t-word@h/db"},
                            {"TRADEGUARD_API_KEY", "s3cr3t-value"},
                            {"TRADEGUARD_API_SECRET_FILE", open_to_all}};
  const Ran shown = place.run({"config"}, secrets);
  CHECK(shown.code == 0);
  CHECK(shown.out.find("s3cr3t") == std::string::npos);
  CHECK(shown.out.find("TRADEGUARD_API_KEY: environment") != std::string::npos);
  CHECK(shown.out.find("its mode has to be 0600") != std::string::npos);
  Environment dry = secrets;
  dry.emplace_back("DRY_RUN", "1");
  const Ran unread = place.run({"config"}, dry);
  CHECK(unread.out.find("TRADEGUARD_API_SECRET: not read (DRY_RUN=1)") != std::string::npos);
  CHECK(unread.out.find("its mode has to be") == std::string::npos);
}

TEST_CASE("a dry run with secrets in sight, wrong ones too, goes its way without them") {
  const Trading bot{any_store()};
  const Environment secrets{{"TRADEGUARD_API_KEY", "s3cr3t-value"},
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

TEST_CASE("a message says which account it is of, paper or live, on which host, and in which currency") {
  const Trading bot{"sqlite", "[notify]\nkind = file\nfile = told\n[venue]\naccount = second\n"};
  const Ran dry = bot.cycle(buy("ETH_USDT", time_text(), "3350.5"));
  char host[256] = {};
  REQUIRE(::gethostname(host, sizeof host - 1) == 0);
  const std::string where = "\nwhere: paper/second, paper (DRY_RUN=1), host " + std::string{host} + "\n";
  INFO(dry.out);
  CHECK(dry.out.find("ORDER CREATED ETH_USDT BUY" + where) != std::string::npos);
  CHECK(dry.out.find("average price: 3350.5 USDT\n") != std::string::npos);
  CHECK(dry.out.find(" ETH\n") != std::string::npos);
  bot.cycle(buy("BTC_USDT", time_text()), {}, {{"DRY_RUN", "0"}});
  CHECK(bot.folder().read("told").find("\nwhere: paper/second, paper, host ") != std::string::npos);
  const Ran halted = bot.command({"halt", "--reason", "news"});
  CHECK(halted.out.find("HALTED" + where + "reason: news\nto do: `tradeguard resume` takes entries again\n") !=
        std::string::npos);
}

TEST_CASE("doctor finds a store that is ready, one that is missing, and a fault in the configuration") {
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
  const Ran shown = place.run({"config", "--config", TRADEGUARD_FIXTURES "/contract.ini", "--json"});
  INFO(shown.err);
  REQUIRE(shown.code == 0);
  const auto json = json_of(shown);
  int of_the_file = 0;
  for (const auto& value : json["values"].GetArray())
    of_the_file +=
        std::string_view{value["source"].GetString()}.find("contract.ini:") != std::string_view::npos ? 1 : 0;
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
  for (const char* command : {"run", "status", "why", "config", "doctor", "halt", "resume", "release", "resolve",
                              "flatten", "prune", "init", "replay"}) {
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

TEST_CASE("-h is help, version is a command, and options may come before the command") {
  const Trading bot{"sqlite"};
  const Place& place = bot.place();
  CHECK(place.run({"-h"}).out == place.run({"--help"}).out);
  CHECK(place.run({"run", "-h"}).out == place.run({"help", "run"}).out);
  CHECK(place.run({"version"}).out == place.run({"--version"}).out);
  const Ran status = place.run({"--config", "bot.ini", "--json", "status"});
  CHECK(status.code == 0);
  CHECK(said(json_of(status)["venue"]) == "paper");
}

TEST_CASE("an answer that standard output does not take is no success") {
  const Trading bot{"sqlite"};
  const auto into_full_disk = [&](const std::string& command) {
    return run_program({"sh", "-c", std::string{"env DRY_RUN=1 "} + TRADEGUARD_BINARY + " " + command + " >/dev/full"},
                       bot.folder().path());
  };
  for (const char* command :
       {"status --config bot.ini", "status --json --config bot.ini", "config", "why --config bot.ini KEY", "--help",
        "help run", "help signals", "version", "doctor --config bot.ini"}) {
    const Ran ran = into_full_disk(command);
    INFO(command << "\n" << ran.err);
    CHECK(ran.code == 70);
    CHECK(ran.err.find("standard output cannot be written") != std::string::npos);
  }
  // What took effect is said where it can be said.
  const Ran halted = into_full_disk("halt --config bot.ini --reason r");
  CHECK(halted.code == 70);
  CHECK(halted.err.find("halted: no further entry") != std::string::npos);
}

TEST_CASE("status says at once that a run is going, and at once that it was killed") {
  const Trading bot{any_store()};
  CHECK(said(json_of(bot.command({"status", "--json"}))["run"]) == "never");
  CHECK(bot.cycle("").code == 0);
  CHECK(said(json_of(bot.command({"status", "--json"}))["run"]) == "ended");
  HeldSignals held{bot.place()};
  Started run = bot.start_cycle(held.path());
  held.wait_for_reader();
  CHECK(bot.command({"status"}).out.find("cycle      2, running\n") != std::string::npos);
  // Who looks keeps nobody out and counts nothing.
  CHECK(said(json_of(bot.command({"status", "--json"}))["run"]) == "running");
  run.send(SIGKILL);
  run.finish();
  const Ran killed = bot.command({"status"});
  INFO(killed.out);
  CHECK(killed.out.find("cycle      2, KILLED") != std::string::npos);
  CHECK(killed.out.find("the last run was killed or failed") != std::string::npos);
  CHECK(said(json_of(bot.command({"status", "--json"}))["run"]) == "killed");
  CHECK(bot.command({"status", "--max-age", "3m"}).code == 1);
  CHECK(bot.cycle("").code == 0);
  CHECK(said(json_of(bot.command({"status", "--json"}))["run"]) == "ended");
  CHECK(bot.command({"status", "--max-age", "3m"}).code == 0);
}

TEST_CASE("status --max-age is a check for a monitor: 0 when a run ended lately, 1 when somebody has to look") {
  const Trading bot{any_store()};
  CHECK(bot.command({"status"}).code == 0);
  CHECK(bot.command({"status", "--max-age", "180"}).code == 1);
  for (const char* wrong : {"", "0", "-1", "soon", "3 minutes"}) {
    INFO(wrong);
    CHECK(bot.command({"status", "--max-age", wrong}).code == 64);
  }
  CHECK(bot.cycle(buy("ETH_USDT", time_text())).code == 0);
  for (const char* fine : {"180", "180s", "3m", "1h"}) CHECK(bot.command({"status", "--max-age", fine}).code == 0);
  CHECK(bot.command({"status"}).out.find("verdict    ok\n") != std::string::npos);

  // Half an hour without a run, and a trade open.
  bot.sql("UPDATE accounts SET started_at = started_at - 1800000000, completed_at = completed_at - 1800000000");
  const Ran late = bot.command({"status", "--max-age", "180"});
  INFO(late.out);
  CHECK(late.code == 1);
  CHECK(late.out.find("no run has completed for 18") != std::string::npos);
  CHECK(late.out.find("1 trade open and unattended") != std::string::npos);
  CHECK(bot.command({"status", "--max-age", "1h"}).code == 0);
  // Judged without being asked, too, and still no failure of the command.
  const Ran plain = bot.command({"status"});
  CHECK(plain.code == 0);
  CHECK(plain.out.find("ATTENTION: no run has completed for 18") != std::string::npos);

  // A clock that was ahead.
  bot.sql("UPDATE accounts SET completed_at = completed_at + 864000000000");
  const Ran ahead = bot.command({"status", "--max-age", "180"});
  CHECK(ahead.code == 1);
  CHECK(ahead.out.find("in the future") != std::string::npos);
}

TEST_CASE("status shows each alarm with its cause and the next command, and help has a page for it") {
  const Trading bot{any_store()};
  CHECK(bot.cycle(buy("ETH_USDT", time_text())).code == 0);
  const std::string trade = said(json_of(bot.command({"status", "--json"}))["trades"][0]["trade"]);
  bot.sql(
      "INSERT INTO alarms (venue, account, kind, subject, freezes, breaks, detail, symbol, order_id, raised_at, "
      "told) VALUES ('paper', 'main', 'UNPROTECTED', '" +
      trade + "', '', 1, '', 'ETH_USDT', '100001', " + "1700000000000000, 1)");
  const Ran status = bot.command({"status", "--max-age", "3m"});
  INFO(status.out);
  CHECK(status.code == 1);
  CHECK(status.out.find("  UNPROTECTED ETH_USDT " + trade) != std::string::npos);
  CHECK(status.out.find("    cause: Coins of a trade are held") != std::string::npos);
  CHECK(status.out.find("tradeguard flatten ETH_USDT") != std::string::npos);
  CHECK(status.out.find("tradeguard release " + trade) != std::string::npos);
  CHECK(status.out.find("    more: tradeguard help UNPROTECTED\n") != std::string::npos);
  const auto json = json_of(bot.command({"status", "--json"}));
  CHECK(said(json["well"]) == "false");
  CHECK(said(json["alarms"][0]["next"]).find("tradeguard release " + trade) != std::string::npos);
  const Ran help = bot.place().run({"help", "unprotected"});
  CHECK(help.code == 0);
  CHECK(help.out.starts_with("UNPROTECTED\n\n  cause "));
  CHECK(bot.place().run({"help", "alarms"}).out.find("  IN_DOUBT_TOO_LONG ") != std::string::npos);
}

TEST_CASE("an entry whose answer was lost is not shown as an order that bought nothing") {
  const Trading bot{any_store()};
  bot.folder().write("faults", "place accepted_dropped\nfind view_truncated times=0\n");
  bot.folder().write("signals.jsonl", buy("ETH_USDT", time_text()));
  Started run = bot.start_cycle("signals.jsonl", {"--paper.faults", "faults"});
  run.wait_for("ORDER_IN_DOUBT");
  run.send(SIGKILL);
  run.finish();
  const Ran status = bot.command({"status"});
  INFO(status.out);
  CHECK(status.out.find("entry IN DOUBT: sent ") != std::string::npos);
  CHECK(status.out.find("no new entries in ETH") != std::string::npos);
  CHECK(status.out.find("nothing held") == std::string::npos);
}
