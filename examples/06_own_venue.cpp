// 06: an own venue. Teaches OrderPlacer and SltpPlacer: what an adapter declares and how it
// answers.
//
// own_venue.hpp has the exchange and the adapter. The plan of a trade follows what the adapter
// declares: this venue has no OCO, so only the stop rests, and the cycle watches the target. The
// adapter keeps the contract every venue has to keep; tests/docs/own_venue_contract.cpp runs it.
#include "own_venue.hpp"

#include <iostream>

#include "tradeguard/memory_notifier.hpp"
#include "tradeguard/memory_signals.hpp"
#include "tradeguard/memory_store.hpp"
#include "tradeguard/monitor_cycle.hpp"

using namespace tradeguard;

int main() {
  ManualClock clock{parse_iso("2025-01-01T12:00:07Z").value()};
  const Symbol eth = Symbol::parse("ETH_USDT").value();
  const auto price = [](std::string_view text) { return Price::parse(text).value(); };
  const auto quantity = [](std::string_view text) { return Quantity::parse(text).value(); };
  own_venue::Exchange exchange{clock,
                               {.symbol = eth,
                                .tick = price("0.01"),
                                .step = quantity("0.0001"),
                                .min_quantity = quantity("0.001"),
                                .max_quantity = quantity("1000"),
                                .min_notional = Money{5},
                                .highest_fee_rate = Decimal::parse("0.001").value()},
                               price("3350.5"),
                               Decimal{1000}};
  own_venue::OwnVenue venue{exchange};

  MemoryStore store;
  MemoryNotifier notifier;
  MemorySignals signals;
  Log log{[](Level, Instant, std::string_view line) {
            for (const auto* name : {"ORDER_", "SLTP_", "TRADE_"})
              if (line.starts_with(name)) std::cout << "  " << line << '\n';
          },
          clock};
  const auto run = [&](std::string_view title) {
    std::cout << title << '\n';
    const auto account = store.open({"my-exchange", "main"});
    CyclePorts ports{*account, venue, venue, notifier, signals, clock, log};
    const auto verdict = monitor_cycle(ports, {}).verdict;
    clock.advance(60s);
    return verdict;
  };

  Signal buy{.symbol = eth, .side = Side::buy, .time = clock.now()};
  buy.notional = Money{50};
  buy.price = price("3350.5");
  signals.give(buy);
  run("12:00 the strategy says BUY");
  exchange.trade_at(price("3452"));
  return exit_code(run("12:01 the price is beyond the target"));
}
