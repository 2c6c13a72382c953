// What every command begins with: the configuration, a clock, a log, and how it says that it
// failed.
#pragma once

#include <memory>
#include <string>

#include "command_line.hpp"
#include "exit_codes.hpp"
#include "options.hpp"
#include "tradeguard/clock.hpp"
#include "tradeguard/error.hpp"
#include "tradeguard/log.hpp"

namespace tradeguard::cli {

struct Setup {
  Configuration configuration;
  Pairs environment;
  std::string config_file;  // as it was given; empty: none was
  bool json;
  bool bare;
  SystemClock clock;
  std::unique_ptr<Log> log;
  std::string log_path;   // of the log file that is open, no link in it; empty: none is
  std::string log_fault;  // why the log file is not written to; empty: it is, or there is none

  const Settings& settings() const { return configuration.settings; }
};
// The exit code instead, when the configuration is wrong; every fault was said on standard error. To `run` it
// is wrong too if others can change its file; who looks or operates is not kept from it.
// The log file is made by `run` alone: one that another user's command left behind could not be
// written by the runs that come after it. Where it cannot be opened the log goes to standard error.
tl::expected<std::unique_ptr<Setup>, int> set_up(const CommandLine& line, const Pairs& environment);

int exit_code_of(const Error& error);
// For a person, on standard error; the exit code for it.
int say_failure(const Error& error);
// For the log, as the contract has it; the exit code for it.
int say_run_failed(Log& log, const Error& error);
int say_locked(const std::string& what);
int say_usage(const std::string& command, const std::string& what);

// To standard output. What it does not take goes to standard error: an answer that was cut short
// must not look like a whole one, and a command that took effect says so somewhere. What a terminal
// would act upon is written as \x1B and the like.
void print(std::string_view text);
// `code`, or exit_internal if the command succeeded and standard output did not take what it said.
int exit_code_of_output(int code);

}  // namespace tradeguard::cli
