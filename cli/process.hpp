// The process itself: being asked to stop, ending when time is up, its names.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "options.hpp"
#include "tradeguard/time.hpp"

namespace tradeguard::cli {

// Opens what of standard input, output and error is closed: else the store or the lock would get
// their numbers, and a line for standard error would be written into them.
void open_standard_streams();

// Takes the stack a run needs while memory can still be refused with a word: a stack that cannot grow
// later, because the process may have no more, ends it with SIGSEGV between two orders. False: there is
// not that much.
bool reserve_stack();

// From now on SIGTERM and SIGINT set the flag and wake a waiting clock; a closed pipe is no signal.
const std::atomic<bool>& catch_stop_signals();

// Ends the process with exit code 70 and one last line when `limit` is over. It shares nothing with
// the run it watches, so that a run stuck anywhere, in a write to the log too, is ended.
class Watchdog {
 public:
  // The line goes to standard error and, unless empty, to the log file: its own path, and no link to it.
  Watchdog(Micros limit, std::string line, std::string log_file, bool bare);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;
};

// The variables of this process. The values of secrets are overwritten where the kernel put them, and
// where /proc/PID/environ shows them: called a second time, they are empty.
Pairs take_environment();
std::string process_id();
std::string host_name();

}  // namespace tradeguard::cli
