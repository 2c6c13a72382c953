// What is left of the secrets in a process that ends, and who may look into one that runs.
#include <fcntl.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): POSIX's signals
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <functional>
#include <sstream>

#include "bot.hpp"

using namespace tradeguard::kills;
using tradeguard::cli::test::Environment;
using Fake = tradeguard::fake::FakeVenueProcess;

namespace {

struct Program {
  std::vector<std::string> arguments;  // behind the program's name
  Environment environment;
  std::string folder = "/";
  uid_t uid = ::geteuid();
};

// Runs it and calls `look` when it has ended and its memory is still there. Its exit code.
int at_its_end(const Program& program, const std::function<void(pid_t)>& look) {
  std::vector<std::string> texts = program.arguments;
  texts.insert(texts.begin(), TRADEGUARD_BINARY);
  std::vector<std::string> variables;
  for (const auto& [name, value] : program.environment) variables.push_back(name + "=" + value);
  const auto pointers = [](std::vector<std::string>& all) {
    std::vector<char*> raw;
    for (std::string& text : all) raw.push_back(text.data());
    raw.push_back(nullptr);
    return raw;
  };
  const auto arguments = pointers(texts);
  const auto environment = pointers(variables);
  // Opened here: somebody else need not have a way to the folder it lies in.
  const int binary = ::open(TRADEGUARD_BINARY, O_RDONLY | O_CLOEXEC);
  REQUIRE(binary >= 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const int nothing = ::open("/dev/null", O_RDWR);
    for (const int stream : {0, 1, 2}) ::dup2(nothing, stream);
    if (::chdir(program.folder.c_str()) == 0 && (program.uid == ::geteuid() || ::setuid(program.uid) == 0) &&
        ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0)
      ::fexecve(binary, arguments.data(), environment.data());
    ::_exit(126);
  }
  ::close(binary);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSTOPPED(status));  // the new program, before its first instruction
  REQUIRE(::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL) == 0);
  int signal = 0;
  for (;;) {
    REQUIRE(::ptrace(PTRACE_CONT, child, nullptr, signal) == 0);
    REQUIRE(::waitpid(child, &status, 0) == child);
    if (!WIFSTOPPED(status)) return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    signal = WSTOPSIG(status);
    if (status >> 8 != (SIGTRAP | (PTRACE_EVENT_EXIT << 8))) continue;
    signal = 0;
    look(child);
  }
}

// "api key in [heap]", a line for each place where one of them lies in its memory.
std::vector<std::string> found_in(pid_t pid, const Environment& secrets) {
  std::vector<std::string> found;
  const std::string of_process = "/proc/" + std::to_string(pid);
  std::ifstream maps{of_process + "/maps"};
  const int memory = ::open((of_process + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(memory >= 0);
  std::size_t looked_at = 0;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words{line};
    std::uintptr_t from = 0;
    std::uintptr_t to = 0;
    char dash = 0;
    std::string rights;
    std::string offset;
    std::string device;
    std::string inode;
    std::string name;
    words >> std::hex >> from >> dash >> to >> rights >> offset >> device >> inode >> name;
    if (rights[0] != 'r' || name == "[vvar]" || name == "[vsyscall]") continue;
    std::string bytes(to - from, '\0');
    const ssize_t size = ::pread(memory, bytes.data(), bytes.size(), static_cast<off_t>(from));
    if (size <= 0) continue;
    bytes.resize(static_cast<std::size_t>(size));
    looked_at += bytes.size();
    for (const auto& [what, secret] : secrets)
      for (auto at = bytes.find(secret); at != std::string::npos; at = bytes.find(secret, at + 1))
        found.push_back(what + " in " + (name.empty() ? "memory without a name" : name));
  }
  ::close(memory);
  REQUIRE(looked_at > 1U << 20);
  return found;
}

}  // namespace

TEST_CASE("a run that has ended left no copy of a secret in its memory or its environment") {
  Fake venue;
  for (const char* kind : {"cryptocom", "binance"}) {
    Bot bot{venue, {kind, "sqlite"}};
    const Environment secrets{{"key", std::string{Fake::api_key}},
                              {"secret", std::string{Fake::api_secret}},
                              {"token", std::string{Fake::bot_token}}};
    // What the environment has is in its memory from the first instruction.
    std::vector<std::string> at_start;
    const Program version{{"version"}, {{"SOMETHING", std::string{Fake::api_key}}}};
    at_its_end(version, [&](pid_t pid) { at_start = found_in(pid, secrets); });
    CHECK(at_start == std::vector<std::string>{"key in [stack]"});

    std::vector<std::string> left;
    const Program run{bot.command_line(buy_signals({"ETH_USDT"})), bot.environment(), bot.folder().path()};
    CHECK(at_its_end(run, [&](pid_t pid) { left = found_in(pid, secrets); }) == 0);
    CHECK(position(bot, "ETH_USDT").entries == 1);
    CHECK(left == std::vector<std::string>{});
  }
}

TEST_CASE("of a process that may hold secrets no core is made, and only root looks into it") {
  if (::geteuid() != 0) {
    WARN("not tried: only root can start a program as somebody else and look into it");
    return;
  }
  constexpr uid_t somebody = 65533;
  // What a process may not dump belongs to root in /proc (ptrace(2), PTRACE_MODE_READ).
  uid_t owner = somebody;
  const Program version{{"version"}, {}, "/", somebody};
  CHECK(at_its_end(version, [&](pid_t pid) {
          struct stat status {};
          REQUIRE(::stat(("/proc/" + std::to_string(pid) + "/environ").c_str(), &status) == 0);
          owner = status.st_uid;
        }) == 0);
  CHECK(owner == 0);
}
