// SIGTERM and SIGINT: no new entries, what was bought is protected first, the lock is let go.
#include <catch2/catch.hpp>
#include <csignal>

#include "witness.hpp"

namespace tradeguard::processes {
namespace {

std::string any_store() { return GENERATE(from_range(store_kinds())); }

TEST_CASE("asked to end while it waits for its signals: no entry, RUN_END, and the lock is free") {
  const Trading bot{any_store()};
  const int asked_by = GENERATE(SIGTERM, SIGINT);
  const std::string signal = signal_for("ETH_USDT");
  HeldRun run{bot};
  run.write(signal);
  run.process().send(asked_by);
  const Ran ran = run.ended();
  INFO(ran.err);
  // The signals were cut off, which is said: nobody may take them for carried out.
  CHECK(ran.code == 65);
  CHECK(ran.lines().back().starts_with("RUN_END "));
  CHECK(entries(bot) == 0);
  // The key was not used up, and the run does not count as one that did not end.
  const Ran next = bot.cycle(signal);
  INFO(next.err);
  CHECK(next.code == 0);
  CHECK(lines_with(next.lines(), "RUN_MISSED").empty());
  check_entered_once_and_protected(bot, "ETH_USDT");
}

TEST_CASE("asked to end when it has bought and nothing is protected yet: it protects, and then it ends") {
  const Trading bot{any_store()};
  bot.folder().write("signals.jsonl", signal_for("ETH_USDT"));
  bot.folder().write("faults", "protect throttled times=3\n");
  Started run = bot.start_cycle("signals.jsonl", {"--paper.faults", "faults"});
  run.wait_for("ORDER_FILLED ");
  run.send(SIGTERM);
  const Ran ran = run.finish();
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK(lines_with(ran.lines(), "SLTP_PLACED symbol=ETH_USDT").size() == 1);
  CHECK(ran.lines().back().starts_with("RUN_END "));
  check_entered_once_and_protected(bot, "ETH_USDT");
  CHECK(bot.cycle("").code == 0);
}

}  // namespace
}  // namespace tradeguard::processes
