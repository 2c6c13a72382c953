// Every exit code of the contract, on the real binary.
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <csignal>

#include "process.hpp"
#include "stores.hpp"

using namespace tradeguard;
using namespace tradeguard::cli::test;

namespace {

std::string any_store() { return GENERATE(from_range(store_kinds())); }

}  // namespace

TEST_CASE("exit 0: the cycle ran, blocked and denied signals are a success") {
  const Trading bot{any_store()};
  CHECK(bot.cycle("").code == 0);
  CHECK(bot.cycle(buy("ETH_USDT", time_text())).code == 0);
  const Ran denied = bot.cycle(buy("BTC_USDT", time_text()), {"--limits.max_order_notional", "10"});
  CHECK(denied.code == 0);
  CHECK(lines_with(denied.lines(), "ENTRY_DENIED symbol=BTC_USDT signal_key=").size() == 1);
  CHECK(lines_with(denied.lines(), " reason=max_order_notional").size() == 1);
}

TEST_CASE("exit 1: something is unprotected") {
  const Trading bot{any_store()};
  bot.folder().write("faults", "protect refused_unsupported times=0\n");
  const Ran ran = bot.cycle(buy("ETH_USDT", time_text()), {"--paper.faults", "faults"});
  INFO(ran.err);
  CHECK(ran.code == 1);
  CHECK_FALSE(lines_with(ran.lines(), "UNPROTECTED symbol=ETH_USDT order_id=100001 seconds=").empty());
  CHECK(ran.lines().back().find("result=critical") != std::string::npos);
  // It stands until it is over: the next run finds a venue that takes the stop.
  const Ran next = bot.cycle("");
  INFO(next.err);
  CHECK(next.code == 0);
  CHECK(lines_with(next.lines(), "SLTP_PLACED symbol=ETH_USDT").size() == 1);
}

TEST_CASE("exit 1: the holder of the lock is stuck, and the run it locks out says so") {
  const Trading bot{any_store()};
  HeldSignals held{bot.place()};
  Started holder = bot.start_cycle(held.path());
  held.wait_for_reader();
  holder.send(SIGSTOP);
  Ran ran{};
  // A second has to pass before a run may be called stuck after one.
  for (int i = 0; i < 400 && ran.code != 1; ++i) ran = bot.cycle("", {"--run.stuck_after", "1s"});
  INFO(ran.err);
  CHECK(ran.code == 1);
  REQUIRE(ran.lines().size() >= 2);
  CHECK(ran.lines()[0].starts_with("RUN_LOCKED: "));
  CHECK(ran.lines()[1].starts_with("RUN_STUCK "));
  CHECK(ran.out.find("CRITICAL RUN STUCK") != std::string::npos);
  // Told once in a quarter of an hour.
  CHECK(bot.cycle("", {"--run.stuck_after", "1s"}).out.empty());
  holder.send(SIGCONT);
}

TEST_CASE("exit 1: a dry run says that live trades of the same store have nobody") {
  const Trading bot{any_store()};
  CHECK(bot.cycle(buy("ETH_USDT", time_text())).code == 0);
  CHECK(lines_with(bot.cycle("").lines(), "LIVE_POSITIONS_UNATTENDED").empty());
  for (const char* table : {"accounts", "exchange_orders", "trades", "signal_claims"})
    bot.sql("UPDATE " + std::string{table} + " SET venue = 'binance' WHERE venue = 'paper'");
  const Ran ran = bot.cycle("");
  INFO(ran.err);
  CHECK(ran.code == 1);
  CHECK(lines_with(ran.lines(), "LIVE_POSITIONS_UNATTENDED trades=1").size() == 1);
  const Ran status = bot.command({"status"});
  INFO(status.out);
  CHECK(status.out.find("paper/main (DRY_RUN=1 is set)") != std::string::npos);
  CHECK(
      status.out.find("ATTENTION: 1 trade open at binance/main, which this is not while DRY_RUN=1 is set: unset it") !=
      std::string::npos);
}

TEST_CASE("exit 64: wrong usage, with a word on how") {
  const Place place{{{"DRY_RUN", "1"}}};
  const std::vector<std::vector<std::string>> wrong{
      {},
      {"rnu"},
      {"run"},
      {"run", "--nonsense"},
      {"run", "--signals"},
      {"run", "--signals", "a", "--signals", "b"},
      {"run", "--signals", "a", "extra"},
      {"run", "--signals", "a", "--json"},
      {"run", "--signals", "a", "--log-format", "pretty"},
      {"run", "--signals", "a", "--reason", "of another command"},
      {"why"},
      {"why", "a", "b"},
      {"halt"},
      {"flatten"},
      {"flatten", "--all", "ETH_USDT"},
      {"flatten", "ethusdt"},
      {"resume", "ethusdt"},
      {"resolve", "tg1-e1-x", "--reason", "r"},
      {"resolve", "tg1-e1-x", "--as", "absent"},
      {"prune", "--keep", "1h"},
      {"replay", "--signals", "a"},
      {"help", "nonsense"},
      {"--limits.max_open_positions", "3"},
  };
  for (const auto& arguments : wrong) {
    const Ran ran = place.run(arguments);
    INFO(Catch::StringMaker<std::vector<std::string>>::convert(arguments) << "\n" << ran.err);
    CHECK(ran.code == 64);
    CHECK(ran.err.find("tradeguard") != std::string::npos);
  }
  CHECK(place.run({"rnu"}).err.find("did you mean 'run'?") != std::string::npos);
}

TEST_CASE("exit 65: some signal lines were rejected, the rest was carried out") {
  const Trading bot{any_store()};
  const std::string now = time_text();
  const Ran ran = bot.cycle("{\"symbol\":\"ETH_USDT\"}\n" + buy("BTC_USDT", now) + buy("SOL_USDT", time_text(-400)));
  INFO(ran.err);
  CHECK(ran.code == 65);
  CHECK(lines_with(ran.lines(), "SIGNAL_REJECTED line=1 reason=\"side is missing\"").size() == 1);
  CHECK(lines_with(ran.lines(), "SIGNAL_REJECTED line=3 reason=stale").size() == 1);
  CHECK(lines_with(ran.lines(), "ORDER_PLACED side=BUY symbol=BTC_USDT").size() == 1);
}

TEST_CASE("exit 65: signals that are not there are said, and protection was seen to first") {
  const Trading bot{any_store()};
  CHECK(bot.cycle(buy("ETH_USDT", time_text())).code == 0);
  const Ran ran = bot.start_cycle("not-there.jsonl").finish();
  CHECK(ran.code == 65);
  CHECK(lines_with(ran.lines(), "SIGNALS_UNREADABLE").size() == 1);
  CHECK(lines_with(ran.lines(), "SLTP_SKIPPED_ALREADY_EXISTS symbol=ETH_USDT").size() == 1);
}

TEST_CASE("exit 69: the store cannot be reached") {
  const Place place{{{"DRY_RUN", "1"}}};
  const Ran ran = place.run({"run", "--signals", "/dev/null", "--log-format", "bare"},
                            {{"TRADEGUARD_STORE_URL", "postgresql://bot:s3cr3tpass@127.0.0.1:1/db"}});
  INFO(ran.err);
  CHECK(ran.code == 69);
  REQUIRE(ran.lines().size() == 1);
  CHECK(ran.lines()[0].starts_with("RUN_FAILED reason="));
  CHECK(ran.err.find("s3cr3tpass") == std::string::npos);
  CHECK(place.run({"status", "--store.url", "postgresql://bot@127.0.0.1:1/db"}).code == 69);
}

TEST_CASE("exit 70: a run that lost the account to another one records nothing more and says so") {
  const Trading bot{any_store()};
  HeldSignals held{bot.place()};
  Started run = bot.start_cycle(held.path());
  held.wait_for_reader();
  bot.sql("UPDATE accounts SET fence = fence + 1 WHERE venue = 'paper'");
  held.write(buy("ETH_USDT", time_text()));
  held.close();
  const Ran ran = run.finish();
  INFO(ran.err);
  CHECK(ran.code == 70);
  CHECK(lines_with(ran.lines(), "ORDER_PLACED").empty());
  CHECK(bot.sql("SELECT count(*) FROM exchange_orders") == "0\n");
}

TEST_CASE("exit 70: the watchdog ends a process whose time is up, with one last line") {
  const Scratch folder;
  folder.write("bot.log", "");
  const std::string err = folder.file("err");
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    static_cast<void>(std::freopen(err.c_str(), "w", stderr));
    const cli::Watchdog watchdog{50ms, "RUN_FAILED reason=hard_deadline", folder.file("bot.log"), true};
    for (;;) ::pause();
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 70);
  CHECK(folder.read("err") == "RUN_FAILED reason=hard_deadline\n");
  CHECK(folder.read("bot.log") == "RUN_FAILED reason=hard_deadline\n");
}

TEST_CASE("exit 75: the lock is held, by a run or by whoever has it on the server") {
  const Trading bot{any_store()};
  HeldSignals held{bot.place()};
  Started holder = bot.start_cycle(held.path());
  held.wait_for_reader();
  CHECK(bot.cycle("").code == 75);
  CHECK(bot.command({"resume", "--wait", "0"}).code == 75);
  CHECK(bot.command({"doctor"}).code == 75);
  // The holder killed: the next run starts at once, and says what it found.
  holder.send(SIGKILL);
  CHECK(holder.finish().code == -SIGKILL);
  const Ran next = bot.cycle("");
  INFO(next.err);
  CHECK(next.code == 0);
  CHECK(lines_with(next.lines(), "RUN_MISSED reason=previous_run_did_not_end").size() == 1);
}

TEST_CASE("exit 78: wrong configuration, for every command alike, and nothing is traded") {
  const Place place{{{"DRY_RUN", "1"}}};
  place.folder().write("bad.ini", "[store]\nurl = sqlite:bot.db\n[limits]\nmax_open_positions = lots\n");
  for (const char* command : {"status", "init", "doctor", "config", "resume", "prune"})
    CHECK(place.run({command, "--config", "bad.ini"}).code == 78);
  const Ran ran = place.run({"run", "--config", "bad.ini", "--signals", "/dev/null", "--log-format", "bare"});
  CHECK(ran.code == 78);
  CHECK(ran.lines() == std::vector<std::string>{"bad.ini:4: limits.max_open_positions: lots is "
                                                "refused, expected a whole number, 0 for off",
                                                "RUN_FAILED reason=configuration"});
  CHECK_FALSE(std::filesystem::exists(place.folder().file("bot.db")));
}

TEST_CASE(
    "exit 78: a store that was not made, or was made by another version, is refused with what to "
    "do") {
  const Place place{{{"DRY_RUN", "1"}}};
  const std::vector<std::string> run{"run", "--signals", "/dev/null", "--log-format", "bare"};
  const Ran missing = place.run(run);
  CHECK(missing.code == 78);
  CHECK(missing.err.find("tradeguard init") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(place.folder().file("tradeguard.db")));

  const Trading bot{any_store()};
  bot.sql("UPDATE tradeguard_meta SET value = '999' WHERE key = 'schema_version'");
  const Ran newer = bot.cycle("");
  CHECK(newer.code == 78);
  CHECK(newer.err.find("999") != std::string::npos);
  CHECK(bot.command({"init"}).code == 78);
}

TEST_CASE("exit 78: a real venue without run.live, without its secrets or without a choice of notifier") {
  const Trading bot{any_store()};
  const Environment keys{{"TRADEGUARD_API_KEY", "some-key"}, {"TRADEGUARD_API_SECRET", "some-secret"}};
  struct {
    std::string_view missing;
    std::vector<std::string> settings;
    bool with_keys;
  } const cases[]{{"run.live", {}, true},
                  {"TRADEGUARD_API_KEY is not set", {"--run.live", "true"}, false},
                  {"notify.kind", {"--run.live", "true"}, true}};
  for (const std::string kind : {"cryptocom", "binance"})
    for (const auto& [missing, settings, with_keys] : cases) {
      std::vector<std::string> arguments{"--venue.kind", kind};
      arguments.insert(arguments.end(), settings.begin(), settings.end());
      Environment live{{"DRY_RUN", "0"}};
      if (with_keys) live.insert(live.end(), keys.begin(), keys.end());
      const Ran ran = bot.cycle("", arguments, live);
      INFO(ran.err);
      CHECK(ran.code == 78);
      CHECK(ran.err.find(missing) != std::string::npos);
      CHECK(ran.lines().size() == 1);
    }
  // The same file with DRY_RUN=1 is paper.
  bot.folder().write("live.ini", "[store]\nurl = " + bot.url() + "\n[venue]\nkind = binance\n");
  CHECK(bot.place().run({"run", "--config", "live.ini", "--signals", "/dev/null"}).code == 0);
}

TEST_CASE("SIGTERM: no new entries, protection is finished, the run ends by itself") {
  const Trading bot{any_store()};
  HeldSignals held{bot.place()};
  Started run = bot.start_cycle(held.path());
  held.wait_for_reader();
  held.write(buy("ETH_USDT", time_text()));
  run.send(SIGTERM);
  const Ran ran = run.finish();
  INFO(ran.err);
  CHECK(ran.code == 65);
  CHECK(lines_with(ran.lines(), "ORDER_PLACED").empty());
  CHECK(ran.lines().back().starts_with("RUN_END "));
}
