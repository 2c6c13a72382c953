// A holder that is stopped: neither dead nor alive. Others say so, and it goes on only with what is
// still its own.
#include <catch2/catch.hpp>
#include <filesystem>

#include "witness.hpp"

namespace tradeguard::processes {
namespace {

const std::vector<std::string> stuck_after_a_second{"--run.stuck_after", "1s"};

TEST_CASE("a stopped holder: RUN_LOCKED, then RUN_STUCK and one CRITICAL in 15 minutes, and woken up it goes on") {
  const Trading bot{GENERATE(from_range(store_kinds()))};
  HeldRun holder{bot};
  holder.pause();

  const Ran locked = bot.cycle("");
  CHECK(locked.code == 75);
  CHECK(locked.lines().size() == 1);
  Ran stuck{};
  wait_until("a holder of more than a second", [&] {
    stuck = bot.cycle(signal_for("BTC_USDT"), stuck_after_a_second);
    return stuck.code != 75;
  });
  INFO(stuck.err);
  CHECK(stuck.code == 1);
  REQUIRE(stuck.lines().size() >= 2);
  CHECK(stuck.lines()[0].starts_with("RUN_LOCKED: "));
  CHECK(stuck.lines()[1].starts_with("RUN_STUCK cycle=1 seconds="));
  CHECK(stuck.out.find("CRITICAL RUN STUCK") != std::string::npos);

  // Told, but not again and again. Nobody waits 15 minutes: the store is made to believe they passed.
  for (int i = 0; i < 2; ++i) {
    const Ran again = bot.cycle("", stuck_after_a_second);
    CHECK(again.code == 1);
    CHECK(lines_with(again.lines(), "RUN_STUCK ").size() == 1);
    CHECK(again.out.empty());
  }
  bot.sql("UPDATE accounts SET stuck_told_at = stuck_told_at - 600000000");
  CHECK(bot.cycle("", stuck_after_a_second).out.empty());
  bot.sql("UPDATE accounts SET stuck_told_at = stuck_told_at - 300000000");
  CHECK(bot.cycle("", stuck_after_a_second).out.find("CRITICAL RUN STUCK") != std::string::npos);

  holder.write(signal_for("ETH_USDT"));
  const Ran woken = holder.finish();
  INFO(woken.err);
  CHECK(woken.code == 0);
  check_entered_once_and_protected(bot, "ETH_USDT");
  CHECK(entries(bot) == 1);
}

TEST_CASE("a stopped holder that lost the lock meanwhile does nothing more when it wakes up") {
  const std::string kind = GENERATE(from_range(store_kinds()));
  const Trading bot{kind};
  HeldRun holder{bot};
  holder.pause();
  if (kind == "sqlite") {
    // Another file by that name, with all that the first one said.
    const std::string lock = bot.folder().file("bot.db.paper.main.lock");
    std::filesystem::copy_file(lock, lock + ".new");
    std::filesystem::rename(lock + ".new", lock);
  } else {
    REQUIRE(number(bot,
                   "SELECT count(*) FROM (SELECT pg_terminate_backend(pid, 5000) AS ended FROM pg_locks "
                   "WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database "
                   "WHERE datname = current_database())) t WHERE ended") == 1);
  }
  const std::string signal = signal_for("ETH_USDT");
  CHECK(bot.cycle(signal).code == 0);
  check_entered_once_and_protected(bot, "ETH_USDT");
  const auto before = everything_in(bot);

  // The signal that was carried out already, and another one.
  holder.write(signal + signal_for("BTC_USDT"));
  check_cut_off(holder.finish());
  check_nothing_written_since(before, bot);
}

}  // namespace
}  // namespace tradeguard::processes
