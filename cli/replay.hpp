// A recorded day through the real cycle: a simulated clock, the paper venue, one cycle a minute of
// every UTC day that has a bar or a signal. Tests: tests/cli/replay_test.cpp
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "options.hpp"
#include "tradeguard/clock.hpp"
#include "tradeguard/price_feed.hpp"
#include "wiring.hpp"

namespace tradeguard::cli {

struct ReplayDay {
  std::vector<Signal> signals;
  BarPrices prices;
  // The first and the last cycle; else the beginning of the first UTC day and the end of the last.
  std::optional<Instant> from = std::nullopt;
  std::optional<Instant> until = std::nullopt;
};

struct ReplayResult {
  int cycles = 0;
  Instant first;
  Instant last;
  int buys = 0;
  int sells = 0;
  int rejected = 0;  // by a cycle, for their age; lines that could not be read are not in here
  int entries = 0;
  int refused = 0;
  int blocked_cooldown = 0;
  int blocked_idempotency = 0;
  std::map<std::string, int> denied;  // by reason, without the cooldown's
  std::map<std::string, int> exits;   // trades left by "stop", "target", "signal", "breached", ...
  int open = 0;
  Micros longest_unprotected{0};
  int critical_cycles = 0;  // cycles at whose end a CRITICAL stood
  bool critical_at_end = false;
  std::map<std::string, Decimal> result;  // by quote currency, after fees; open trades at the last price
  std::map<std::string, Decimal> fees;    // by currency
};

// Called after every cycle with how many are done and how many there are.
using ReplayProgress = std::function<void(int done, int all)>;

// Where the cycles run: a store that has not seen the account, and a clock that nobody else moves.
struct ReplayStage {
  ManualClock& clock;
  Store& store;
  LogSink log;  // all lines of all cycles; may be empty
  const std::atomic<bool>* stop_asked = nullptr;
};
// Where the clock has to stand.
Instant beginning_of(const ReplayDay& day);

// Fault::configuration: a day without bars, that ends before it begins, or is longer than a year. A
// cycle that fails ends the replay with what it said.
Result<ReplayResult> replay(const ReplayDay& day, const Configuration& configuration, ReplayStage stage,
                            const ReplayProgress& progress);

std::string table_of(const ReplayResult& result);
std::string json_of(const ReplayResult& result);

}  // namespace tradeguard::cli
