// A server that crashes and comes back under a run. It is restarted here, so nobody else may use it.
#include <catch2/catch.hpp>
#include <csignal>

#include "scratch_database.hpp"
#include "witness.hpp"

namespace tradeguard::processes {
namespace {

void crash_and_restart_server() {
  const Scratch folder;
  const Ran ran = run_program({"env", "TRADEGUARD_TEST_PGDATA=" + std::string{std::getenv("TRADEGUARD_TEST_PGDATA")},
                               "TRADEGUARD_TEST_PGBIN=" + std::string{std::getenv("TRADEGUARD_TEST_PGBIN")},
                               "TRADEGUARD_TEST_PGUSER_OS=" + std::string{std::getenv("TRADEGUARD_TEST_PGUSER_OS")},
                               RESTART_SERVER, "immediate"},
                              folder.path());
  INFO(ran.err);
  REQUIRE(ran.code == 0);
}

TEST_CASE("the server restarted under a run: it buys and records nothing more, and the next run does") {
  const Trading bot{"postgres"};
  const std::string signal = signal_for("ETH_USDT");
  HeldRun run{bot};
  run.pause();
  crash_and_restart_server();
  const auto before = everything_in(bot);
  run.write(signal);
  check_cut_off(run.finish());
  check_nothing_written_since(before, bot);

  const Ran next = bot.cycle(signal);
  INFO(next.err);
  CHECK(next.code == 0);
  check_entered_once_and_protected(bot, "ETH_USDT");
}

TEST_CASE("the server restarted when a run has bought and was not answered: the next run finds it and protects it") {
  const Trading bot{"postgres"};
  const std::string signal = signal_for("ETH_USDT");
  bot.folder().write("signals.jsonl", signal);
  bot.folder().write("faults", "place accepted_dropped\nfind view_truncated times=0\n");
  Started run = bot.start_cycle("signals.jsonl",
                                {"--paper.faults", "faults", "--run.deadline", "30s", "--run.hard_deadline", "30s"});
  run.wait_for("ORDER_IN_DOUBT ");
  crash_and_restart_server();
  // It cannot know yet that all is lost; the lock is free all the same.
  const Ran next = bot.cycle(signal);
  INFO(next.err);
  CHECK(next.code == 0);
  CHECK(lines_with(next.lines(), "GUARD idempotency_blocked ").size() == 1);
  check_entered_once_and_protected(bot, "ETH_USDT");
  const auto before = everything_in(bot);
  const Ran lost = run.finish();
  INFO(lost.err);
  CHECK(lost.code == 1);
  check_nothing_written_since(before, bot);
}

// A commit that does not wait for the log is written by the server's log writer a moment later. The
// writer is stopped here, so that the moment does not come.
TEST_CASE("a role that does not wait for its commits: what a run recorded survives the crash behind its last line") {
  const Trading bot{"postgres"};
  support::PlainConnection server{support::test_server()};
  server.ask("CREATE ROLE careless LOGIN IN ROLE " + std::string{support::store_role});
  server.ask("ALTER ROLE careless SET synchronous_commit = off");
  const int log_writer = std::stoi(server.ask("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'"));
  REQUIRE(::kill(log_writer, SIGSTOP) == 0);
  const std::string database = bot.url().substr(bot.url().rfind('/') + 1);
  const std::string url = support::test_server({.database = database, .user = "careless"});
  const Ran ran = bot.cycle(signal_for("ETH_USDT"), {"--store.url", url});
  CHECK(ran.code == 0);
  {
    support::PlainConnection ordinary{url};
    ordinary.ask("CREATE TABLE not_waited_for (number INTEGER)");
  }
  crash_and_restart_server();
  CHECK(bot.sql("SELECT to_regclass('public.not_waited_for') IS NULL") == "t\n");
  CHECK(bot.sql("SELECT run_ended, run_result FROM accounts") == "1|ok\n");
  check_entered_once_and_protected(bot, "ETH_USDT");
  const Ran next = bot.cycle("");
  CHECK(next.code == 0);
  CHECK(lines_with(next.lines(), "RUN_MISSED").empty());
}

}  // namespace
}  // namespace tradeguard::processes
