// A hundred starts at once: one runs, and ninety-nine leave at once, without waiting for it.
#include <sys/wait.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <iostream>
#include <thread>

#include "bot.hpp"

namespace tradeguard::kills {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t starts = 100;
const std::vector<std::string> symbols{"ETH_USDT", "BTC_USDT"};

bool has_ended(pid_t pid) {
  siginfo_t ended{};
  ::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOHANG | WNOWAIT);
  return ended.si_pid == pid;
}

// How long the last of a hundred looks at the same store takes, in ms: what this machine needs, as
// busy as it is now, for as many processes that open the store and wait for nobody.
double a_hundred_looks(const Bot& bot) {
  const auto began = Clock::now();
  std::vector<Started> looks;
  for (std::size_t i = 0; i < starts; ++i) looks.push_back(bot.place().start({"status", "--config", "bot.ini"}));
  for (Started& look : looks) look.finish();
  return std::chrono::duration<double, std::milli>(Clock::now() - began).count();
}

void start_a_hundred(const Kind& kind) {
  fake::FakeVenueProcess venue;
  Bot bot{venue, kind};
  bot.begin_anew();
  const double looks = a_hundred_looks(bot);
  // Whoever has the lock reads its signals from a pipe, and so keeps it until all others have left.
  cli::test::HeldSignals signals{bot.place()};
  std::vector<std::string> arguments = bot.command_line("");
  *std::ranges::find(arguments, "signals.jsonl") = signals.path();

  std::vector<Started> runs;
  std::vector<Clock::time_point> began;
  for (std::size_t i = 0; i < starts; ++i) {
    began.push_back(Clock::now());
    runs.push_back(bot.place().start(arguments));
  }
  std::vector<double> took(starts, 0);
  std::size_t left = 0;
  const auto patience = Clock::now() + std::chrono::seconds{9};  // a pipe is waited for 10 s
  while (left + 1 < starts && Clock::now() < patience) {
    for (std::size_t i = 0; i < starts; ++i) {
      if (took[i] > 0 || !has_ended(runs[i].pid())) continue;
      took[i] = std::chrono::duration<double, std::milli>(Clock::now() - began[i]).count();
      ++left;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  CHECK(left == starts - 1);
  signals.write(buy_signals(symbols));
  signals.close();

  int ran = 0;
  for (std::size_t i = 0; i < starts; ++i) {
    const Ran one = runs[i].finish();
    INFO("exit code " << one.code << "\n" << one.err);
    if (took[i] > 0) {
      CHECK(one.code == 75);
      CHECK(one.lines().size() == 1);
      CHECK(one.err.starts_with("RUN_LOCKED: Signal monitor lock held by another process. Skipping cycle #"));
    } else {
      ++ran;
      CHECK(one.code == 0);
    }
  }
  CHECK(ran == 1);
  for (const std::string& symbol : symbols) CHECK(position(bot, symbol).entries == 1);
  check_at_rest(bot, symbols);

  std::erase(took, 0.0);
  std::ranges::sort(took);
  REQUIRE_FALSE(took.empty());
  std::cout << "a hundred starts on " << kind.store << ": the others left after " << took.front() << " ms, "
            << took[took.size() / 2] << " ms, " << took.back() << " ms (first, median, last), and a hundred looks took "
            << looks << " ms, on " << std::thread::hardware_concurrency() << " cores\n";
  // A second, on a machine on which a hundred processes cost nothing.
  constexpr double a_second = 1000;
  CHECK(took.back() < a_second + 2 * looks);
}

TEST_CASE("a hundred starts at once on SQLite: one runs and the others leave at once") {
  start_a_hundred({"cryptocom", "sqlite"});
}
TEST_CASE("a hundred starts at once on PostgreSQL: one runs and the others leave at once") {
  start_a_hundred({"cryptocom", "postgres"});
}

}  // namespace
}  // namespace tradeguard::kills
