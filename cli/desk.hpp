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

struct Desk {
  Configuration configuration;
  Pairs environment;
  bool json;
  bool bare;
  SystemClock clock;
  std::unique_ptr<Log> log;

  const Settings& settings() const { return configuration.settings; }
};
// The exit code instead, when the configuration is wrong; every fault was said on standard error.
tl::expected<std::unique_ptr<Desk>, int> set_up(const CommandLine& line, const Pairs& environment);

int exit_code_of(const Error& error);
// For a person, on standard error; the exit code for it.
int say_failure(const Error& error);
// For the log, as the contract has it; the exit code for it.
int say_run_failed(Log& log, const Error& error);
int say_locked(const std::string& what);
int say_usage(const std::string& command, const std::string& what);

void print(std::string_view text);  // to standard output

}  // namespace tradeguard::cli
