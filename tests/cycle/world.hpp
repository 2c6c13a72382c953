// A whole world on one clock: a store, a paper venue, a price path, and runs that come and go.
// Each run is a process of its own: new session, new venue object, the same store and the same book.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../contract/backends.hpp"
#include "tradeguard/memory_notifier.hpp"
#include "tradeguard/memory_signals.hpp"
#include "tradeguard/monitor_cycle.hpp"
#include "tradeguard/paper_venue.hpp"

namespace tradeguard::cycle_test {

inline constexpr Instant noon{std::chrono::sys_days{std::chrono::year{2025} / 1 / 1} + 12h};

Symbol symbol(std::string_view text);
Price price(std::string_view text);
Decimal decimal(std::string_view text);

struct World {
  World();
  // Several worlds may share a store, each with an account of its own.
  explicit World(std::shared_ptr<contract::StoreUnderTest> store, const AccountKey& account = contract::the_account);

  ManualClock clock{noon};
  StepPrices prices;
  MemoryPaperBook book;
  FaultScript faults;
  PaperSettings paper;
  AccountKey account;
  CycleSettings settings;
  MemoryNotifier told;
  std::shared_ptr<contract::StoreUnderTest> store;
  std::vector<std::string> log;       // bare lines of all runs
  std::vector<std::string> last_log;  // of the last run
  bool twins = false;
  std::atomic<bool> stop{false};
  std::function<int()> unattended;
  std::function<std::vector<LiveAccount>()> live_accounts;

  // Lets a test put something between the cycle and its ports.
  struct Wrapped {
    RunLock* lock;
    OrderJournal* journal;
    IdempotencyGuard* guard;
    OrderPlacer* placer;
    SltpPlacer* protector;
    Notifier* notifier;
    SignalSource* signals;
  };
  std::function<void(Wrapped&)> wrap;

  RunReport run(std::vector<Signal> signals = {});

  Signal buy(std::string_view symbol, std::string_view price) const;  // now, 50 of quote
  Signal sell(std::string_view symbol) const;
  void set_price(std::string_view symbol, std::string_view price) {
    prices.set(cycle_test::symbol(symbol), cycle_test::price(price), clock.now());
  }

  // What the exchange has.
  std::vector<PaperOrder> venue_orders(std::string_view symbol);
  std::vector<PaperOrder> open_orders(std::string_view symbol);
  Decimal balance(std::string_view currency);
  int entries_of(std::string_view symbol);
  bool said(std::string_view part) const;       // in the last run
  int times_said(std::string_view part) const;  // in all runs
  bool was_told(NoticeType type) const;
  int times_told(NoticeType type) const;  // in messages of their own, and in those that hold several
  // In the order a reader saw them; empty: of every symbol.
  std::vector<NoticeType> types_told(std::string_view symbol) const;

  // Every quantity held is under stops that rest, and nothing rests for what is not held.
  std::string what_is_wrong(std::string_view symbol);
};

}  // namespace tradeguard::cycle_test
