// process_costs RUNS CPU_LIMIT_MS WALL_LIMIT_MS RSS_LIMIT_MIB COMMAND...   ("-" for no limit)
//
// Starts COMMAND RUNS times after one that is not counted, one after the other, and prints what the
// kernel charged each for (wait4): CPU, time on the wall, resident memory at its highest. A command
// that does not end with 0, or with 65 for signals that were rejected, ends the measuring.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>

#include "figures.hpp"

namespace {

using tradeguard::bench::Limit;

struct Cost {
  double cpu_ms;
  double wall_ms;
  double resident_mib;
};

double milliseconds(const timeval& span) {
  return static_cast<double>(span.tv_sec) * 1000 + static_cast<double>(span.tv_usec) / 1000;
}

// The kernel counts this process's own memory into the child's until the exec: it is kept small,
// and is the least that could be measured.
std::optional<Cost> run_once(char** command) {
  const auto begun = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  if (child < 0) return std::nullopt;
  if (child == 0) {
    const int nowhere = ::open("/dev/null", O_RDWR);
    ::dup2(nowhere, STDIN_FILENO);
    ::dup2(nowhere, STDOUT_FILENO);
    ::dup2(nowhere, STDERR_FILENO);
    ::execvp(command[0], command);
    ::_exit(127);
  }
  int status = 0;
  rusage used{};
  if (::wait4(child, &status, 0, &used) != child) return std::nullopt;
  const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - begun;
  if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 65)) {
    std::fprintf(stderr, "process_costs: %s ended with status %d\n", command[0], status);
    return std::nullopt;
  }
  return Cost{milliseconds(used.ru_utime) + milliseconds(used.ru_stime), wall.count(),
              static_cast<double>(used.ru_maxrss) / 1024};
}

std::optional<Limit> limit(const std::string& text, const std::string& unit) {
  if (text == "-") return std::nullopt;
  return Limit{std::stod(text), text + " " + unit};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fprintf(stderr, "process_costs RUNS CPU_LIMIT_MS WALL_LIMIT_MS RSS_LIMIT_MIB COMMAND...\n");
    return 64;
  }
  std::vector<double> cpu;
  std::vector<double> wall;
  std::vector<double> resident;
  const int runs = std::atoi(argv[1]);
  for (int i = 0; i <= runs; ++i) {
    const auto cost = run_once(argv + 5);
    if (!cost) return 1;
    if (i == 0) continue;
    cpu.push_back(cost->cpu_ms);
    wall.push_back(cost->wall_ms);
    resident.push_back(cost->resident_mib);
  }
  using tradeguard::bench::print_figure;
  print_figure("  CPU of the process, user and system", cpu, "ms", 1, limit(argv[2], "ms"));
  print_figure("  wall", wall, "ms", 1, limit(argv[3], "ms"));
  print_figure("  resident at most", resident, "MiB", 1, limit(argv[4], "MiB"));
  return 0;
}
