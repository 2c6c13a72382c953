// What keeps a run from starting is told without the store, as long as live trades may be open: nobody
// looks after them until it is mended. Tests: tests/live/no_start_test.cpp
#pragma once

#include <cstdio>
#include <string>

#include "options.hpp"
#include "tradeguard/clock.hpp"
#include "tradeguard/error.hpp"
#include "tradeguard/log.hpp"

namespace tradeguard::cli {

// Everything there is to tell with, the store excepted.
struct Station {
  const Settings& settings;
  const std::string& config_file;
  const Pairs& environment;
  Clock& clock;
  Log& log;
  std::FILE* messages;
  bool store_is_ours = true;  // false: others can change it, so it is not opened
};

// What ends by itself concerns nobody while no trade is open; a stranger on the run lock does not end by itself.
enum class Reported { with_open_trades, always };

// A run did not start, and its log says so. With open live trades this logs how many, notifies directly (once an
// hour for one cause) and returns 1; else it returns `code`. Where nobody can say whether trades are open it
// notifies too, and returns `code`.
int report_no_start(const Station& station, const Error& error, int code,
                    Reported reported = Reported::with_open_trades);

// The same for a configuration or a command line that cannot be taken: told with what of it can be read. What
// others can change says which chat is told and no more: no store or address it names is asked, no file written.
int report_misread(const Given& given, const std::string& cause, bool bare, int code);

// Entries may be sent from now on: before one can be open, the marker says that one may be.
void note_entries_ahead(const Station& station);

// A run has started and ended with this many open live trades: remembered for the runs that cannot
// start. Whoever was told that none starts is told that it is over.
// `heard`: the exchange answered. Else nobody knows what is open there: a store that was lost and made
// anew knows of no trade, so what is remembered is only raised, and nothing is called over.
void report_started(const Station& station, int open_trades, bool heard);

// The log file cannot be written: the run went on, and its lines went to standard error.
void report_log_file(const Station& station, const std::string& fault);

}  // namespace tradeguard::cli
