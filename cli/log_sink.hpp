// Where log lines go: standard error, and the log file if there is one.
// Tests: tests/cli/log_sink_test.cpp
#pragma once

#include <string>

#include "tradeguard/error.hpp"
#include "tradeguard/log.hpp"

namespace tradeguard::cli {

struct LogTarget {
  std::string file;   // empty: standard error only
  bool bare = false;  // without time and level
  bool file_only = false;
};

// Each line is one write, so lines of many processes never mix. With a file, standard error carries
// WARN and above unless it is a terminal: cron mails what matters. A line the file does not take
// goes to standard error instead. Fault::configuration: the file cannot be opened for appending.
Result<LogSink> open_log(const LogTarget& target);

// One write to one descriptor, the newline included; whether all of it went.
bool write_whole(int descriptor, std::string_view text);

}  // namespace tradeguard::cli
