// A process whose outward system calls are counted: whatever writes, sends, syncs, renames or
// removes. Before or behind the n-th of them it can be killed, or the test can do something to it.
//
// Contract test: tests/kills/tracer_test.cpp
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace tradeguard::kills {

struct SystemCall {
  std::string name;    // pwrite64
  std::string object;  // of the descriptor: bot.db-wal, socket, log; "" where there is none
  bool sends = false;  // to another process or machine
};

struct Start {
  std::vector<std::string> command;  // the program is a path
  std::vector<std::pair<std::string, std::string>> environment;
  std::string folder;
  std::string input = "/dev/null";
  std::string output = "/dev/null";
  std::string errors = "/dev/null";
};

enum class Then { go_on, kill };
enum class When { before, behind };

struct Traced {
  int code = 0;  // the exit code, or minus the signal that ended it
  std::vector<SystemCall> calls;
  std::string text() const;  // numbered, one a line
};

// Runs it to its end. `at` is asked at each counted call, which is numbered from 1; the process
// stands still meanwhile. Killed before a call, the process never makes it; killed behind one, it
// has the result and does nothing with it. Throws where tracing is not allowed, and says what to
// do.
using At = std::function<Then(int number, When when, const SystemCall& call, pid_t pid)>;
Traced trace(const Start& start, const At& at = {});

// Kills at this call; a process that never makes it ends by itself.
At kill_at(int number, When when);

}  // namespace tradeguard::kills
