// The binary killed before and behind every system call that writes, sends or syncs, and run until
// it is quiet: no promise is broken, wherever that was.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "bot.hpp"

namespace tradeguard::kills {
namespace {

const std::vector<std::string> symbols{"ETH_USDT", "BTC_USDT"};

bool all_asked_for() {
  const char* asked = std::getenv("TRADEGUARD_TEST_KILLS");
  return asked != nullptr && std::string_view{asked} == "all";
}

// `step`: kill at every step-th call, unless all are asked for (make kills).
void kill_everywhere(const Kind& kind, int step) {
  // What a killed process wrote is the kernel's, on a disk or not; memory is faster.
  if (::access("/dev/shm", W_OK) == 0) ::setenv("TMPDIR", "/dev/shm", 1);
  fake::FakeVenueProcess venue;
  Bot bot{venue, kind};
  bot.begin_anew();
  const auto began = std::chrono::steady_clock::now();
  const Bot::Followed whole = bot.follow(buy_signals(symbols));
  {
    INFO(whole.ran.err);
    REQUIRE(whole.ran.code == 0);
    check_at_rest(bot, symbols);
    for (const std::string& symbol : symbols) REQUIRE(position(bot, symbol).entries == 1);
  }

  if (all_asked_for()) step = 1;
  int points = 0;
  int killed = 0;
  int number = 1;
  for (bool over = false; !over; number += step) {
    for (const When when : {When::before, When::behind}) {
      // Behind a call is before the next one, but for what has just left this machine.
      const auto known = static_cast<std::size_t>(number) <= whole.traced.calls.size()
                             ? whole.traced.calls[static_cast<std::size_t>(number) - 1]
                             : SystemCall{};
      if (when == When::behind && !known.sends && !all_asked_for()) continue;
      bot.begin_anew();
      const std::string signals = buy_signals(symbols);
      const Bot::Followed followed = bot.follow(signals, kill_at(number, when));
      INFO("killed " << (when == When::before ? "before" : "behind") << " call " << number << ", " << known.name << " "
                     << known.object << "\n"
                     << followed.ran.err);
      ++points;
      if (followed.ran.code != -9) {
        CHECK(followed.ran.code == 0);
        over = true;
        break;
      }
      ++killed;
      run_until_quiet(bot, symbols, signals);
    }
  }
  const auto took = std::chrono::steady_clock::now() - began;
  std::cout << "kill search, " << kind.text() << ": " << whole.traced.calls.size()
            << " calls that write, send or sync; " << killed << " kills in "
            << std::chrono::duration_cast<std::chrono::seconds>(took).count() << " s\n";
  CHECK(killed > static_cast<int>(whole.traced.calls.size()) / step / 2);
}

TEST_CASE("killed at any call, on SQLite at Crypto.com") { kill_everywhere({"cryptocom", "sqlite"}, 6); }
TEST_CASE("killed at any call, on SQLite at Binance") { kill_everywhere({"binance", "sqlite"}, 8); }
TEST_CASE("killed at any call, on PostgreSQL at Crypto.com") { kill_everywhere({"cryptocom", "postgres"}, 5); }
TEST_CASE("killed at any call, on PostgreSQL at Binance") { kill_everywhere({"binance", "postgres"}, 6); }

}  // namespace
}  // namespace tradeguard::kills
