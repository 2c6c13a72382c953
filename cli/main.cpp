// tradeguard: reads what was typed, hands it to the command, returns its exit code.
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <exception>

#include "commands.hpp"
#include "help.hpp"
#include "log_sink.hpp"
#include "no_start.hpp"
#include "process.hpp"
#include "setup.hpp"

namespace {

using namespace tradeguard::cli;

int dispatch(const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    write_whole(STDERR_FILENO, overview());
    return exit_usage;
  }
  const auto line = read_command_line(arguments);
  if (!line) {
    const auto named =
        std::ranges::find_if(arguments, [](const std::string& argument) { return find_command(argument) != nullptr; });
    const int code = say_usage(named == arguments.end() ? "" : *named, line.error().what);
    if (named == arguments.end() || *named != "run") return code;
    return report_misread(what_is_given(arguments, take_environment()), line.error().what, false, code);
  }
  if (line->version) return version_command(*line, {});
  const Command* command = find_command(line->command);
  if (line->help) {
    print(command == nullptr ? overview() : help_for(*command));
    return exit_ok;
  }
  return command->carry_out(*line, take_environment());
}

}  // namespace

int main(int argc, char** argv) {
  // Before anything is read that is secret: no core file, also where the kernel hands it to a
  // program, and nobody but root looks into this process.
  ::prctl(PR_SET_DUMPABLE, 0);
  open_standard_streams();
  if (!reserve_stack()) {
    write_whole(STDERR_FILENO, "tradeguard: out of memory before it began; nothing was done\n");
    return exit_internal;
  }
  try {
    return exit_code_of_output(dispatch({argv + 1, argv + argc}));
  } catch (const std::exception& broken) {
    write_whole(STDERR_FILENO, std::string{"tradeguard: internal error: "} + broken.what() + "\n");
    return exit_internal;
  }
}
