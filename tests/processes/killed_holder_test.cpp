// The holder of the lock killed: whenever that was, the next run starts at once and brings the same
// signal to its one end.
#include <catch2/catch.hpp>
#include <csignal>
#include <ctime>
#include <random>

#include "witness.hpp"

namespace tradeguard::processes {
namespace {

constexpr int kills = 24;

// After one of the lines a run says on its way, and up to 10 ms more.
void let_it_come_to(std::minstd_rand& dice, const Started& run) {
  static const std::vector<std::string> lines{"",
                                              "RUN_START ",
                                              "GUARD cooldown_passed ",
                                              "GUARD idempotency_passed ",
                                              "ORDER_PLACED ",
                                              "ORDER_FILLED ",
                                              "SLTP_PLACED "};
  run.wait_for(lines[dice() % lines.size()]);
  // Nothing is waited for here: the moment itself is what the test tries out.
  timespec moment{};
  moment.tv_nsec = static_cast<long>(dice() % 10'000'000);
  ::nanosleep(&moment, nullptr);
}

void kill_at_random_moments(const std::string& kind) {
  // Without a cooldown: it would hide a signal that is carried out twice.
  const Trading bot{kind, "[cooldown]\nseconds = 0s\n"};
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::minstd_rand dice{seed};
  struct Life {
    std::string account;
    bool killed;
    Started next;
  };
  std::vector<Life> lives;
  bot.folder().write("signals.jsonl", signal_for("ETH_USDT"));
  for (int i = 0; i < kills; ++i) {
    const std::string account = "r" + std::to_string(i);
    Started run = bot.start_cycle("signals.jsonl", {"--venue.account", account});
    let_it_come_to(dice, run);
    run.send(SIGKILL);
    const bool killed = run.finish().code == -SIGKILL;
    // At once, and not waited for: what is in doubt takes its time, and all of them at a time.
    lives.push_back({account, killed, bot.start_cycle("signals.jsonl", {"--venue.account", account})});
  }
  int killed = 0;
  int entered = 0;
  for (Life& life : lives) {
    Ran next = life.next.finish();
    // A server sees a moment later than the kernel that its client is gone; a run that came in that moment
    // was rightly locked out, and the one behind it is not.
    if (kind == "postgres" && next.code == 75)
      next = bot.start_cycle("signals.jsonl", {"--venue.account", life.account}).finish();
    INFO(life.account << ", exit code " << next.code << "\n" << next.err);
    killed += life.killed;
    CHECK(next.code == 0);
    REQUIRE_FALSE(next.lines().empty());
    CHECK(next.lines().front().starts_with("RUN_START "));
    CHECK(next.lines().back().starts_with("RUN_END "));
    if (entries(bot, "ETH_USDT", life.account) > 0) {
      ++entered;
      check_entered_once_and_protected(bot, "ETH_USDT", life.account);
    } else {
      // Killed between claim and exchange: proven absent, and an entry is not sent a second time.
      CHECK(bot.sql("SELECT state FROM exchange_orders WHERE account = '" + life.account + "'") == "lapsed\n");
    }
  }
  // A quick run is over before its moment comes; enough were not.
  CHECK(killed > kills / 4);
  CHECK(entered > kills / 2);
}

TEST_CASE("a run killed at a random moment is finished by the next one, on SQLite") {
  kill_at_random_moments("sqlite");
}
TEST_CASE("a run killed at a random moment is finished by the next one, on PostgreSQL") {
  kill_at_random_moments("postgres");
}

TEST_CASE("a child that outlives the killed holder does not hold the lock") {
  const std::string kind = GENERATE(from_range(store_kinds()));
  const bool becomes_program = GENERATE(true, false);
  CAPTURE(kind, becomes_program);
  const Trading bot{kind};
  const HeldSignals lifeline{bot.place()};
  const HeldSignals signals{bot.place()};
  Environment environment{{"LD_PRELOAD", FORKS_WHEN_TOLD}, {"CHILD_READS", lifeline.path()}};
  if (becomes_program) environment.emplace_back("CHILD_IS", "program");
  Started holder = bot.place().start(
      {"run", "--config", "bot.ini", "--signals", signals.path(), "--log-format", "bare"}, environment);
  holder.wait_for("RUN_START ");
  // Where it waits. A fork in the middle of malloc() would wait for a lock of its own.
  wait_until("its signals", [&] { return has_open(holder, signals.path()); });
  holder.send(SIGUSR1);
  // Either `cat`, or a fork that still goes by the name of its parent.
  const std::string name = becomes_program ? "cat" : "tradeguard";
  std::string child;
  wait_until("the child", [&] {
    child = run_program({"pgrep", "-x", "-P", std::to_string(holder.pid()), name}, bot.folder().path()).out;
    return !child.empty();
  });
  child.pop_back();

  CHECK(bot.cycle("").code == 75);
  holder.send(SIGKILL);
  CHECK(holder.finish().code == -SIGKILL);
  const Ran next =
      kind == "sqlite" ? bot.cycle(signal_for("ETH_USDT")) : cycle_behind_the_dead(bot, signal_for("ETH_USDT"));
  INFO(next.err);
  CHECK(next.code == 0);
  check_entered_once_and_protected(bot, "ETH_USDT");
  CHECK(::kill(std::stoi(child), 0) == 0);
}

}  // namespace
}  // namespace tradeguard::processes
