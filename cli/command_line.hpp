// What was typed: the command, its options, its arguments, and settings said on the spot.
// Tests: tests/cli/command_line_test.cpp
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "options.hpp"

namespace tradeguard::cli {

struct CommandLine {
  std::string command;                         // empty: nothing but options was typed
  std::vector<std::string> arguments;          // "ETH_USDT:BUY:2025-01-01T12:00:00"
  std::map<std::string, std::string> options;  // the command's own; a flag's value is empty
  std::optional<std::string> config;
  bool json = false;
  bool bare = false;  // --log-format bare
  bool help = false;
  bool version = false;
  Pairs settings;  // --section.key value

  const std::string* option(const std::string& name) const {
    const auto found = options.find(name);
    return found == options.end() ? nullptr : &found->second;
  }
  bool has(const std::string& name) const { return option(name) != nullptr; }
};

struct UsageError {
  std::string what;
};
// An unknown option, also one of another command, is an error: an option that does nothing is a
// trap. What the values mean is not judged here.
tl::expected<CommandLine, UsageError> read_command_line(const std::vector<std::string>& arguments);

// The configuration as far as a command line names it that read_command_line refuses: for telling
// somebody, and nothing else.
Given what_is_given(const std::vector<std::string>& arguments, const Pairs& environment);

}  // namespace tradeguard::cli
