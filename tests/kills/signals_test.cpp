// A run that is asked to end, or stopped and woken up again, at some moment of its way.
#include <signal.h>

#include <catch2/catch.hpp>
#include <iostream>

#include "bot.hpp"

namespace tradeguard::kills {
namespace {

using cli::test::lines_with;

const std::vector<std::string> symbols{"ETH_USDT", "BTC_USDT"};

TEST_CASE("asked to end before any call: it protects what it bought, buys nothing new, and ends") {
  fake::FakeVenueProcess venue;
  Bot bot{venue, {"cryptocom", "sqlite"}};
  constexpr int step = 6;
  int moments = 0;
  bool asked = true;
  for (int number = 1; asked; number += step) {
    asked = false;
    bot.begin_anew();
    const std::string signals = buy_signals(symbols);
    bool early = false;
    const auto run = bot.follow(signals, [&](int now, When when, const SystemCall&, pid_t pid) {
      if (!asked && when == When::before && now >= number) {
        // It decides on entries with the exchange's prices in hand, which it has not asked for yet.
        early = bot.venue().stats().at("requests").members.empty();
        REQUIRE(::kill(pid, SIGTERM) == 0);
        asked = true;
      }
      return Then::go_on;
    });
    INFO("asked before call " << number << ": exit code " << run.ran.code << "\n" << run.ran.err);
    if (!asked) {
      CHECK(run.ran.code == 0);
      break;
    }
    ++moments;
    // 65: signals that were not read are said to be rejected.  -15: it had nothing to finish yet.
    CHECK((run.ran.code == 0 || run.ran.code == 1 || run.ran.code == 65 || (early && run.ran.code == -SIGTERM)));
    check_never_twice(bot, symbols);
    for (const std::string& symbol : symbols) {
      CHECK_FALSE(position(bot, symbol).naked());
      if (early) CHECK(position(bot, symbol).entries == 0);
    }
    run_until_quiet(bot, symbols, signals);
    for (const std::string& symbol : symbols) CHECK(position(bot, symbol).entries == 1);
  }
  std::cout << "asked to end at " << moments << " moments of a run\n";
}

TEST_CASE(
    "stopped before any call while another run comes: that one is locked out, and the first one "
    "finishes") {
  fake::FakeVenueProcess venue;
  Bot bot{venue, {"binance", "sqlite"}};
  constexpr int step = 15;
  int locked_out = 0;
  bool stopped = true;
  for (int number = 1; stopped; number += step) {
    stopped = false;
    bot.begin_anew();
    const std::string signals = buy_signals(symbols);
    Ran second{};
    // The process stands still while this is looked at: that is what a stop does.
    const auto run = bot.follow(signals, [&](int now, When when, const SystemCall&, pid_t) {
      if (!stopped && when == When::before && now >= number) {
        stopped = true;
        second = bot.cycle(signals);
      }
      return Then::go_on;
    });
    if (!stopped) break;
    INFO("stopped before call " << number << ": exit code " << run.ran.code << "\n"
                                << run.ran.err << "the other one: exit code " << second.code << "\n"
                                << second.err);
    if (second.code == 75) {
      ++locked_out;
      CHECK(second.lines().size() == 1);
      CHECK(run.ran.code == 0);
    } else {
      // The first one had no lock yet, or had let it go, or it is just opening or closing the file.
      // What cannot open the store says so with the exit code 1 where live trades are open.
      const bool told = second.code == 1 && second.err.find("LIVE_POSITIONS_UNATTENDED") != std::string::npos &&
                        second.err.find("because=run_failed") != std::string::npos;
      CHECK((second.code == 0 || second.code == 69 || told));
      CHECK((run.ran.code == 0 || run.ran.code == 75));
    }
    check_never_twice(bot, symbols);
    run_until_quiet(bot, symbols, signals);
    for (const std::string& symbol : symbols) CHECK(position(bot, symbol).entries == 1);
  }
  CHECK(locked_out > 5);
}

}  // namespace
}  // namespace tradeguard::kills
