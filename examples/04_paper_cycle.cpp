// 04: a whole cycle inside a bot. Teaches monitor_cycle: lock, recovery, guards, orders, stop and
// target, notices, in one call a minute.
//
// The store is a file, the exchange is paper. Doing it again does nothing twice; a later minute
// sees what happened meanwhile. Against a real venue the two arguments that are paper here are its
// adapter, and nothing else changes.
#include <iostream>
#include <stdexcept>

#include "tradeguard/memory_signals.hpp"
#include "tradeguard/monitor_cycle.hpp"
#include "tradeguard/paper_sql_book.hpp"
#include "tradeguard/paper_venue.hpp"
#include "tradeguard/printing_notifier.hpp"
#include "tradeguard/sql_schema.hpp"
#include "tradeguard/sqlite_store.hpp"

using namespace tradeguard;

namespace {

void must(const Result<void>& done) {
  if (!done) throw std::runtime_error{done.error().what};
}

// [readme]
// Once a minute, with what the strategy decided since. Everything a run needs to know of the runs
// before it is in the store, so the process may end in between, and may be killed at any point.
RunVerdict every_minute(Store& store, PaperVenue& venue, std::vector<Signal> decided, Clock& clock,
                        Log& log) {
  const auto account = store.open({"paper", "main"});
  PrintingNotifier notifier{stdout};
  MemorySignals signals{{std::move(decided), {}}};
  CyclePorts ports{*account, venue, venue, notifier, signals, clock, log};

  CycleSettings settings{.run_id = "4711_1735732807", .pid = "4711", .host = "bot-1"};
  settings.version = "1.0";
  settings.mode = "paper";
  settings.policy.max_order_notional = Money{100};
  settings.plan.stop_percent = 2;
  settings.check_slippage = false;  // paper fills at the price the signal saw
  return monitor_cycle(ports, settings).verdict;
}
// [/readme]

Signal buy(std::string_view symbol, std::string_view price, Instant at) {
  Signal signal{.symbol = Symbol::parse(symbol).value(), .side = Side::buy, .time = at};
  signal.notional = Money{50};
  signal.price = Price::parse(price);
  return signal;
}

std::unique_ptr<SqliteSession> open_store() {
  SqliteOptions options;
  options.mode = SqliteOptions::Mode::create;
  auto session = SqliteSession::open("paper_cycle.db", options).value();
  must(init_schema(*session));
  must(init_paper_book(*session));
  return session;
}

}  // namespace

int main() {
  SqliteStore store{open_store()};
  const auto exchange = open_store();  // the exchange has a connection of its own
  ManualClock clock{parse_iso("2025-01-01T12:00:07Z").value()};
  StepPrices prices;
  SqlPaperBook book{*exchange, {"paper", "main"}};
  PaperVenue venue{clock, book, {.prices = &prices}};
  Log log{[](Level, Instant, std::string_view line) { std::cout << "  " << line << std::endl; },
          clock};

  const Signal eth = buy("ETH_USDT", "3350.5", clock.now());
  prices.set(eth.symbol, *eth.price, clock.now());
  std::cout << "12:00 the strategy says BUY\n";
  every_minute(store, venue, {eth}, clock, log);

  clock.advance(60s);
  std::cout << "12:01 the same signal again\n";
  every_minute(store, venue, {eth}, clock, log);

  clock.advance(60s);
  prices.set(eth.symbol, Price::parse("3280").value(), clock.now());
  std::cout << "12:02 the price has fallen through the stop\n";
  return exit_code(every_minute(store, venue, {}, clock, log));
}
