// The server ends the session that lock and pen live in: nothing more is recorded, and nothing that
// enlarges a position is sent.
#include <catch2/catch.hpp>

#include "witness.hpp"

namespace tradeguard::processes {
namespace {

// The session with the lock; the paper exchange has one of its own, which lives on as a venue would.
void end_session_of_holder(const Trading& bot) {
  REQUIRE(number(bot,
                 "SELECT count(*) FROM (SELECT pg_terminate_backend(l.pid, 5000) AS ended FROM pg_locks l "
                 "JOIN pg_database d ON d.oid = l.database WHERE l.locktype = 'advisory' AND l.granted "
                 "AND d.datname = current_database()) t WHERE ended") == 1);
}

TEST_CASE("a run whose session was ended buys nothing, and the next run does") {
  const Trading bot{"postgres"};
  const std::string signal = signal_for("ETH_USDT");
  HeldRun holder{bot};
  end_session_of_holder(bot);
  const auto before = everything_in(bot);
  holder.write(signal);
  check_cut_off(holder.finish());
  check_nothing_written_since(before, bot);

  const Ran next = bot.cycle(signal);
  INFO(next.err);
  CHECK(next.code == 0);
  check_entered_once_and_protected(bot, "ETH_USDT");
}

TEST_CASE("a run whose session was ended does nothing beside the one that has the lock now") {
  const Trading bot{"postgres"};
  const std::string signal = signal_for("ETH_USDT");
  HeldRun first{bot};
  first.pause();
  end_session_of_holder(bot);
  HeldRun second{bot};
  const auto before = everything_in(bot);
  first.write(signal);
  check_cut_off(first.finish());
  check_nothing_written_since(before, bot);

  second.write(signal);
  const Ran ran = second.finish();
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK(lines_with(ran.lines(), "ORDER_PLACED").size() == 1);
  check_entered_once_and_protected(bot, "ETH_USDT");
}

TEST_CASE("a run whose session is ended after it bought protects what it bought, and the next run takes it over") {
  const Trading bot{"postgres"};
  const std::string signal = signal_for("ETH_USDT");
  bot.folder().write("signals.jsonl", signal);
  // The answer to the entry is lost and two looks at the exchange show nothing: time to lose a session.
  bot.folder().write("faults", "place accepted_dropped\nfind view_truncated times=2\n");
  Started run = bot.start_cycle("signals.jsonl", {"--paper.faults", "faults"});
  run.wait_for("ORDER_IN_DOUBT ");
  end_session_of_holder(bot);
  const std::string store_rows = bot.sql("SELECT * FROM exchange_orders") + bot.sql("SELECT * FROM notices");
  const Ran lost = run.finish();
  INFO(lost.err);
  CHECK(lost.code == 1);
  CHECK(lines_with(lost.lines(), "STORE_LOST error=").size() == 1);
  CHECK(bot.sql("SELECT * FROM exchange_orders") + bot.sql("SELECT * FROM notices") == store_rows);
  check_entered_once_and_protected(bot, "ETH_USDT");

  const Ran next = bot.cycle(signal);
  INFO(next.err);
  CHECK(next.code == 0);
  check_entered_once_and_protected(bot, "ETH_USDT");
  CHECK(bot.sql("SELECT leg, state FROM exchange_orders ORDER BY leg") == "entry|closed\nstop|placed\ntarget|placed\n");
}

}  // namespace
}  // namespace tradeguard::processes
