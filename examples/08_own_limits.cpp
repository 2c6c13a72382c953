// 08: the bot's own brakes. Teaches EntryPolicy: no_entries and frozen_bases, which the cycle adds to.
//
// A bot that watches its drawdown, or a market it does not trust for an hour, says so in the policy of
// a run. What it said stands whatever the run itself finds; exits and protection go on.
#include <iostream>

#include "tradeguard/memory_notifier.hpp"
#include "tradeguard/memory_signals.hpp"
#include "tradeguard/memory_store.hpp"
#include "tradeguard/monitor_cycle.hpp"
#include "tradeguard/paper_venue.hpp"

using namespace tradeguard;

int main() {
  MemoryStore store;
  ManualClock clock{parse_iso("2025-01-01T12:00:07Z").value()};
  MemoryPaperBook book;
  PaperVenue venue{clock, book, {}};
  MemoryNotifier notifier;
  MemorySignals signals;
  Log log{[](Level, Instant, std::string_view line) {
            for (const char* shown : {"ORDER_PLACED", "ENTRY_DENIED", "TRADE_CLOSED"})
              if (line.starts_with(shown)) std::cout << "  " << line << std::endl;
          },
          clock};
  const auto run = [&](std::string_view title, const EntryPolicy& policy) {
    std::cout << title << '\n';
    const auto account = store.open({"paper", "main"});
    CyclePorts ports{*account, venue, venue, notifier, signals, clock, log};
    CycleSettings settings;
    settings.check_slippage = false;
    settings.policy = policy;
    monitor_cycle(ports, settings);
    clock.advance(60s);
  };
  const auto give = [&](const char* symbol, Side side, const char* price) {
    Signal signal{.symbol = Symbol::parse(symbol).value(), .side = side, .time = clock.now()};
    if (side == Side::buy) signal.notional = Money{50};
    signal.price = Price::parse(price);
    signals.give(signal);
  };

  EntryPolicy policy;
  policy.frozen_bases = {"DOGE"};
  give("ETH_USDT", Side::buy, "3350.5");
  give("DOGE_USDT", Side::buy, "0.31");
  run("12:00 the bot does not trust DOGE", policy);

  policy.no_entries = own_reason("drawdown");
  give("BTC_USDT", Side::buy, "95000");
  give("ETH_USDT", Side::sell, "3300");
  run("12:01 the bot has lost enough for today: nothing is bought, and what is open can be sold",
      policy);
}
