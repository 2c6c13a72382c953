// The network between a run and what it speaks with, cut or gone silent at some moment of the run.
#include <catch2/catch.hpp>
#include <chrono>
#include <iostream>

#include "bot.hpp"
#include "forwarder.hpp"

namespace tradeguard::kills {
namespace {

using Clock = std::chrono::steady_clock;
using Wire = Forwarder::Wire;

const std::vector<std::string> symbols{"ETH_USDT", "BTC_USDT"};
// Of the configuration: 25 s, and two more for the watchdog that ends what is stuck.
constexpr std::chrono::seconds hard_deadline{27};

// One run in which the wire changes before this call; false: there is no such call. The wire is
// whole again when it returns.
bool run_with(Bot& bot, Forwarder& wire, Wire to, int number, std::chrono::milliseconds most,
              const std::vector<std::string>& more = {}) {
  bot.begin_anew();
  const std::string signals = buy_signals(symbols);
  bool changed = false;
  const auto began = Clock::now();
  const auto run = bot.follow(
      signals,
      [&](int now, When when, const SystemCall&, pid_t) {
        if (!changed && when == When::before && now >= number) {
          wire.set(to);
          changed = true;
        }
        return Then::go_on;
      },
      more);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
  wire.set(Wire::whole);
  INFO("before call " << number << ", after " << took.count() << " ms: exit code " << run.ran.code << "\n"
                      << run.ran.err);
  CHECK(took < most);
  check_never_twice(bot, symbols);
  check_truthful(bot, symbols, run.ran);
  if (run.ran.code == 69)
    for (const std::string& symbol : symbols) CHECK(position(bot, symbol).entries == 0);
  run_until_quiet(bot, symbols, signals);
  return changed;
}

int try_everywhere(Bot& bot, Forwarder& wire, Wire to, int step, const std::vector<std::string>& more = {}) {
  int moments = 0;
  for (int number = 1; run_with(bot, wire, to, number, hard_deadline, more); number += step) ++moments;
  CHECK(moments > 3);
  return moments;
}

// A run that gives a doubtful entry two seconds and ends.
const std::vector<std::string> in_a_hurry{"--run.deadline", "21s",  "--run.hard_deadline", "21s",
                                          "--net.patience", "200ms"};

TEST_CASE("the network to the exchange is cut in the middle: nothing twice, and what is naked is said") {
  fake::FakeVenueProcess venue;
  Forwarder wire{venue.port()};
  Bot bot{venue, {"cryptocom", "sqlite"}, {.venue = wire.port()}};
  std::cout << "cut from the exchange at " << try_everywhere(bot, wire, Wire::cut, 40, in_a_hurry) << " moments\n";
}

TEST_CASE("the exchange goes silent in the middle: the run ends in time, nothing twice") {
  fake::FakeVenueProcess venue;
  Forwarder wire{venue.port()};
  Bot bot{venue, {"binance", "sqlite"}, {.venue = wire.port()}};
  // Behind the claims, where the entries are on their way.
  CHECK(run_with(bot, wire, Wire::silent, 70, hard_deadline, in_a_hurry));
}

TEST_CASE("the network to the database is cut in the middle: what was bought is protected by the run") {
  const int server = std::stoi(support::test_server().substr(support::test_server().rfind(':') + 1));
  fake::FakeVenueProcess venue;
  Forwarder wire{server};
  Bot bot{venue, {"cryptocom", "postgres"}, {.store = wire.port()}};
  std::cout << "cut from the database at " << try_everywhere(bot, wire, Wire::cut, 7) << " moments\n";
}

TEST_CASE("the database goes silent in the middle: the run ends in time, nothing twice") {
  const int server = std::stoi(support::test_server().substr(support::test_server().rfind(':') + 1));
  fake::FakeVenueProcess venue;
  Forwarder wire{server};
  Bot bot{venue, {"cryptocom", "postgres"}, {.store = wire.port()}};
  CHECK(run_with(bot, wire, Wire::silent, 40, hard_deadline));
}

}  // namespace
}  // namespace tradeguard::kills
