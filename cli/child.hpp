// A program of somebody else's, run once to its end: what it said on descriptor 3, and whether anything of it is left.
// Tests: tests/cli/guard_test.cpp
#pragma once

#include <string>
#include <vector>

#include "options.hpp"
#include "tradeguard/error.hpp"
#include "tradeguard/time.hpp"

namespace tradeguard::cli {

struct ChildEnd {
  enum class How { exited, signalled, timed_out, left_something_running };
  How how;
  int code = 0;        // exited: the exit code; signalled: the signal
  std::string result;  // what was written to descriptor 3, 64 KiB at most
  std::string text() const;
};
// Looked for in PATH, in a process group of its own, with descriptors 0 to 3 and no other. What is left of the group at
// its end, or when `timeout` is over, is killed. Fault::configuration: it could not be started, and nothing of it ran.
Result<ChildEnd> run_child(const std::vector<std::string>& command, const Pairs& environment, Micros timeout);

}  // namespace tradeguard::cli
