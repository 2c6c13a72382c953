// What the exchange and the store have to say about a run, whatever the run said itself.
#pragma once

#include <functional>
#include <string>

#include "stores.hpp"

namespace tradeguard::processes {

using namespace cli::test;

// The single number a statement asks for.
double number(const Trading& bot, const std::string& statement);

// Entries the exchange ever took, of one symbol or of all.
int entries(const Trading& bot, const std::string& symbol = "", const std::string& account = "main");
// The exchange took one entry of this symbol, and all that came of it lies under one open stop.
void check_entered_once_and_protected(const Trading& bot, const std::string& symbol,
                                      const std::string& account = "main");

// Every row of every table, the exchange's too, one a line.
std::vector<std::string> everything_in(const Trading& bot);
// Nobody wrote anything since then; shows what was written.
void check_nothing_written_since(const std::vector<std::string>& before, const Trading& bot);

// The run ended because its lease or its store was gone, whichever it noticed first; all it did before
// was to read.
void check_cut_off(const Ran& ran);

// Waits for something in another process, and fails the test when it takes half a minute.
void wait_until(const std::string& what, const std::function<bool()>& holds);

// The first cycle that is not locked out. A server sees a moment later than the kernel that a client is
// gone; a holder that is not gone fails the test.
Ran cycle_behind_the_dead(const Trading& bot, const std::string& signals);

// An entry that is protected at once, with a key of its own for each symbol.
inline std::string signal_for(const std::string& symbol) { return buy(symbol, time_text()); }

// The process has this file open.
bool has_open(const Started& process, const std::string& path);

// A run that has the lock and waits for its signals; they decide what it does next.
class HeldRun {
 public:
  // Returns when it is waiting.
  explicit HeldRun(const Trading& bot, const std::vector<std::string>& more = {});
  const Started& process() const { return run_; }
  void write(const std::string& signals) const { signals_.write(signals); }
  // A run does not wait for its signals for ever, and a busy machine takes its time; a run that is
  // stopped does not notice. finish() wakes it up.
  void pause();
  // The signals have come to their end, and so does the run.
  Ran finish();
  // The run ends by itself, though its signals are still open.
  Ran ended() { return run_.finish(); }

 private:
  HeldSignals signals_;
  Started run_;
  bool paused_ = false;
};

}  // namespace tradeguard::processes
