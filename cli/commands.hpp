// The commands: one table behind the dispatch, --help and what the command line accepts.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "command_line.hpp"
#include "options.hpp"

namespace tradeguard::cli {

struct CommandOption {
  std::string_view name;
  std::string_view value;  // "FILE"; empty: a flag
  std::string_view meaning;
  bool needed = false;  // a command without it is wrong usage
};

struct Command {
  std::string_view group;
  std::string_view name;
  std::string_view arguments;  // "SIGNAL_KEY"; as the usage line has it
  std::size_t least;           // how many
  std::size_t most;
  std::string_view summary;
  std::string_view text;     // what a user has to know before using it
  std::string_view example;  // one line to copy
  bool json;                 // prints facts, so it takes --json
  std::vector<CommandOption> options;
  int (*carry_out)(const CommandLine& line, const Pairs& environment);
};
std::span<const Command> commands();
const Command* find_command(std::string_view name);

// Each returns its exit code and has said why.
int run_command(const CommandLine& line, const Pairs& environment);
int init_command(const CommandLine& line, const Pairs& environment);
int status_command(const CommandLine& line, const Pairs& environment);
int trades_command(const CommandLine& line, const Pairs& environment);
int why_command(const CommandLine& line, const Pairs& environment);
int config_command(const CommandLine& line, const Pairs& environment);
int doctor_command(const CommandLine& line, const Pairs& environment);
int halt_command(const CommandLine& line, const Pairs& environment);
int resume_command(const CommandLine& line, const Pairs& environment);
int release_command(const CommandLine& line, const Pairs& environment);
int resolve_command(const CommandLine& line, const Pairs& environment);
int flatten_command(const CommandLine& line, const Pairs& environment);
int guard_command(const CommandLine& line, const Pairs& environment);
int claim_command(const CommandLine& line, const Pairs& environment);
int settle_command(const CommandLine& line, const Pairs& environment);
int prune_command(const CommandLine& line, const Pairs& environment);
int replay_command(const CommandLine& line, const Pairs& environment);
int help_command(const CommandLine& line, const Pairs& environment);
int version_command(const CommandLine& line, const Pairs& environment);

}  // namespace tradeguard::cli
