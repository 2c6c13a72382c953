// tradeguard: reads what was typed, hands it to the command, returns its exit code.
#include <unistd.h>

#include <exception>

#include "commands.hpp"
#include "desk.hpp"
#include "help.hpp"
#include "log_sink.hpp"
#include "process.hpp"

namespace {

using namespace tradeguard::cli;

int dispatch(const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    write_whole(STDERR_FILENO, overview());
    return exit_usage;
  }
  const auto line = read_command_line(arguments);
  if (!line) {
    const bool known = find_command(arguments.front()) != nullptr;
    return say_usage(known ? arguments.front() : "", line.error().what);
  }
  if (line->version) {
    print("tradeguard " TRADEGUARD_VERSION "\n");
    return exit_ok;
  }
  const Command* command = find_command(line->command);
  if (line->help) {
    print(command == nullptr ? overview() : help_for(*command));
    return exit_ok;
  }
  return command->carry_out(*line, process_environment());
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_streams();
  try {
    return dispatch({argv + 1, argv + argc});
  } catch (const std::exception& broken) {
    write_whole(STDERR_FILENO, std::string{"tradeguard: internal error: "} + broken.what() + "\n");
    return exit_internal;
  }
}
