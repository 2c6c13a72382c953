// monitor_cycle: one run, from the lock to the last notice. Start reading here.
// Tests: tests/cycle, tests/crash
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tradeguard/clock.hpp"
#include "tradeguard/guards.hpp"
#include "tradeguard/journal.hpp"
#include "tradeguard/log.hpp"
#include "tradeguard/notice.hpp"
#include "tradeguard/signal.hpp"
#include "tradeguard/store.hpp"
#include "tradeguard/venue.hpp"

namespace tradeguard {

// What one market asks for, over the defaults.
struct MarketSettings {
  std::optional<Money> notional;
  std::optional<Decimal> stop_loss_percent;
  std::optional<Decimal> take_profit_percent;
};

struct CycleSettings {
  std::string run_id;  // {pid}_{unix seconds}
  std::string pid;
  std::string host;
  std::string version;
  std::string mode;  // "paper", "live"
  std::string config_hash;
  std::vector<std::pair<std::string, std::string>> start_facts;  // more fields of RUN_START

  EntryPolicy policy;   // cooldown, caps, ages; the cycle adds what it reads
  ProtectionPlan plan;  // defaults of new trades
  std::map<Symbol, MarketSettings> markets;
  Decimal max_slippage_percent{1};  // zero: off
  Stranding stranding{Decimal{2}};  // denied where fees and steps would keep more of an entry
  bool check_slippage = true;       // false on paper, where the fill takes the signal's price
  Micros max_clock_offset = 1s;
  Micros rules_max_age = 24h;

  Micros deadline = 50s;        // of the run; no entry later than deadline - 20 s
  Micros hard_deadline = 150s;  // protection goes on until here
  Micros stuck_after = 180s;
  Micros unverified_after = 180s;
  Micros in_doubt_after = 180s;  // an entry in doubt longer than this is a CRITICAL
  Micros notify_budget = 10s;    // of the delivery at the end
  Micros prune_keep = 24h * 90;  // what is over for longer is removed, a little at the end of each run
  Micros fast_patience = 250ms;  // first wait between two rounds, doubling to 4 s
};

struct RunReport;

// What the cycle works with. All outlive the call; none is used from two threads.
struct CyclePorts {
  Account& account;
  OrderPlacer& placer;
  SltpPlacer& protector;
  Notifier& notifier;
  SignalSource& signals;
  Clock& clock;
  Log& log;
  const std::atomic<bool>* stop_asked = nullptr;  // SIGTERM, SIGINT: no new entries, finish protecting
  // In a dry run: how many live trades of the same store nobody attends to meanwhile.
  std::function<int()> unattended_live_trades = nullptr;
  // Asked once, at RUN_START: the accounts of the store at real venues that have open trades, this one
  // among them or not. Trades of another account that nobody runs are alarmed by whoever runs.
  std::function<std::vector<LiveAccount>()> live_accounts = nullptr;
  // Called once by a run that started, when everything is told and the lock is free, before RUN_END:
  // for what is remembered or told without the store. Throws nothing.
  std::function<void(const RunReport&)> before_the_end = nullptr;
};

// In the order of the contract: the first that applies is the exit code.
enum class RunVerdict { locked, stuck, internal_error, critical_stands, unreachable, some_rejected, ok, configuration };
int exit_code(RunVerdict verdict);

struct RunReport {
  RunVerdict verdict = RunVerdict::ok;
  std::int64_t cycle = 0;
  int signals = 0;
  int entries = 0;  // placed or in doubt
  int blocked_cooldown = 0;
  int blocked_idempotency = 0;
  int denied = 0;
  int refused = 0;
  int rejected = 0;
  int exits = 0;
  int protected_trades = 0;  // stops newly sighted
  int open_trades = 0;
  int critical_standing = 0;
  int notices_sent = 0;
  int notices_waiting = 0;
  std::vector<Micros> unprotected;  // of each trade protected in this run: fill to sighted stop
  std::string error;                // of RUN_FAILED
};

// One cycle. Never throws for what the world does.
RunReport monitor_cycle(CyclePorts& ports, const CycleSettings& settings);

}  // namespace tradeguard
