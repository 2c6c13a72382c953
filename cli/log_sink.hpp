// Where log lines go: standard error, and the log file if there is one.
// Tests: tests/cli/log_sink_test.cpp
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "tradeguard/error.hpp"
#include "tradeguard/log.hpp"

namespace tradeguard::cli {

struct LogTarget {
  std::string file;   // empty: standard error only
  bool bare = false;  // without time and level
  bool file_only = false;
  bool create = true;               // false: a file that is not there is an error
  std::vector<uid_t> besides = {};  // whose file is taken, besides root's and the own
};

struct OpenedLog {
  LogSink sink;
  LogFlush flush;
  std::string path = "";  // of the log file, every link followed; empty: there is none
};

// Each line is one write, so lines of many processes never mix. With a file, standard error carries
// WARN and above unless it is a terminal: cron mails what matters. A line the file does not take
// goes to standard error instead. Nothing waits for a reader: what a pipe, socket or terminal has no
// room for is kept, a few megabytes at most, and written when it has; flush waits a second for that,
// and the end of the log does too unless flush has waited already.
// Fault::configuration: the file cannot be opened for appending, or others can change it, its folders or the
// links to it. Folders of root that a group can write, such as /var/log, are no fault.
Result<OpenedLog> open_log(const LogTarget& target);

// One write to one descriptor, the newline included; whether all of it went.
bool write_whole(int descriptor, std::string_view text);

}  // namespace tradeguard::cli
