// What a run stands on taken away: room on the disk, the right to write, memory, descriptors,
// somebody who reads what it says. It buys nothing that it could not write down first, it ends by
// itself with a code that is true, and what it left the next runs bring to its end.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>

#include "bot.hpp"

namespace tradeguard::kills {
namespace {

const std::vector<std::string> symbols{"ETH_USDT", "BTC_USDT"};
constexpr int not_restricted = 98;
constexpr unsigned far_too_long_in_seconds = 60;

// The binary as a child that is restricted before it becomes the binary. One that hangs is ended,
// and says -14.
Ran restricted(const Bot& bot, const std::string& signals, const std::function<bool()>& take_away,
               const std::vector<std::string>& more = {}) {
  std::vector<std::string> texts = bot.command_line(signals, more);
  texts.insert(texts.begin(), TRADEGUARD_BINARY);
  std::vector<std::string> variables;
  for (const auto& [name, value] : bot.environment()) variables.push_back(name + "=" + value);
  const auto pointers = [](const std::vector<std::string>& all) {
    std::vector<char*> raw;
    for (const std::string& text : all) raw.push_back(const_cast<char*>(text.c_str()));
    raw.push_back(nullptr);
    return raw;
  };
  const auto arguments = pointers(texts);
  const auto environment = pointers(variables);
  const std::string errors = bot.folder().write(".restricted.err", "");
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    const int error = ::open(errors.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    const bool ready = ::dup2(nothing, 0) == 0 && ::dup2(nothing, 1) == 1 && ::dup2(error, 2) == 2 &&
                       ::chdir(bot.folder().path().c_str()) == 0;
    ::alarm(far_too_long_in_seconds);  // outlives exec
    if (ready && take_away()) ::execve(arguments[0], arguments.data(), environment.data());
    ::_exit(not_restricted);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), "", bot.folder().read(".restricted.err")};
}

// Standard output and error go where there is a reader, and he sleeps: nothing more goes in.
bool nobody_empties(const int (&ends)[2]) {
  const std::string bytes(4096, '.');
  const int flags = ::fcntl(ends[1], F_GETFL);
  ::fcntl(ends[1], F_SETFL, flags | O_NONBLOCK);
  while (::write(ends[1], bytes.data(), bytes.size()) > 0) {
  }
  // The other end stays open in the process itself, which will not read it.
  return errno == EAGAIN && ::fcntl(ends[1], F_SETFL, flags) == 0 && ::dup2(ends[1], 1) == 1 && ::dup2(ends[1], 2) == 2;
}

bool limit(__rlimit_resource_t what, rlim_t to) {
  const rlimit both{to, to};
  return ::setrlimit(what, &both) == 0;
}

int bought(const Bot& bot) {
  int entries = 0;
  for (const std::string& symbol : symbols) entries += position(bot, symbol).entries;
  return entries;
}

// What holds behind any run, however little it was given.
void check_nothing_unwritten(const Bot& bot, const Ran& ran) {
  INFO("exit code " << ran.code << "\n" << ran.err);
  check_never_twice(bot, symbols);
  const auto rows = bot.listed("client_id", "exchange_orders WHERE leg = 'entry'");
  for (const fake::Json& order : bot.venue().orders()) {
    if (order.text_of("side") != "buy") continue;
    INFO("bought and not written down: " << order.text_of("client_id"));
    CHECK(std::ranges::count(rows, order.text_of("client_id")) == 1);
  }
  const bool nothing = bought(bot) == 0;
  // 69 says that nothing was sent; 0 that all is well.
  if (ran.code == 69 || ran.code == 78) CHECK(nothing);
  if (ran.code < 0) CHECK(nothing);
  if (ran.code == 0)
    for (const std::string& symbol : symbols) CHECK_FALSE(position(bot, symbol).naked());
}

// From nothing upwards until a run gets through; each is then finished without the restriction. A
// run that did not get through names what was missing, or what it was missed by: one of `names`.
void from_nothing_upwards(__rlimit_resource_t what, rlim_t from, rlim_t step, rlim_t most,
                          const std::vector<int>& allowed, const std::vector<std::string>& names) {
  fake::FakeVenueProcess venue;
  Bot bot{venue, {"cryptocom", "sqlite"}};
  std::map<int, int> outcomes;
  rlim_t enough = 0;
  for (rlim_t to = from; enough == 0; to += step) {
    REQUIRE(to <= most);
    INFO("limited to " << to);
    bot.begin_anew();
    const std::string signals = buy_signals(symbols);
    const Ran ran = restricted(bot, signals, [&] {
      ::signal(SIGXFSZ, SIG_IGN);
      return limit(what, to);
    });
    ++outcomes[ran.code];
    {
      INFO("exit code " << ran.code << "\n" << ran.err);
      CHECK(std::ranges::count(allowed, ran.code) == 1);
      if (ran.code != 0)
        CHECK(std::ranges::any_of(names,
                                  [&](const std::string& name) { return ran.err.find(name) != std::string::npos; }));
    }
    check_nothing_unwritten(bot, ran);
    if (ran.code == 0 && bought(bot) == 2) enough = to;
    INFO("limited it ended with exit code " << ran.code << "\n" << ran.err);
    run_until_quiet(bot, symbols, signals);
  }
  std::string summary;
  for (const auto& [code, count] : outcomes) summary += " " + std::to_string(code) + " x" + std::to_string(count);
  std::cout << "limit " << what << ": enough is " << enough << "; exit codes on the way:" << summary << "\n";
}

TEST_CASE("no room on the disk: nothing is bought that is not written down, however early it ends") {
  constexpr rlim_t page = 4096;
  from_nothing_upwards(RLIMIT_FSIZE, page, 2 * page, 1024 * page, {0, 1, 69}, {"bot.db"});
}

TEST_CASE("no memory: a run ends, says so, and what it did is on record") {
  constexpr rlim_t megabyte = 1024 * 1024;
  // 127 is the loader's, before there is a program; an abort the language's own, where there is no
  // memory to throw with.
  // 65: the signals could not be read into what was left. SQLite calls a map it cannot have a disk
  // error.
  from_nothing_upwards(RLIMIT_AS, 16 * megabyte, megabyte / 2, 512 * megabyte, {0, 1, 65, 69, 70, 127, -SIGABRT},
                       {"memory", "bad_alloc", "disk I/O error", "failed to map segment", "cannot create",
                        "cannot allocate", "terminate"});
}

TEST_CASE("no descriptors: a run ends, says so, and what it did is on record") {
  from_nothing_upwards(RLIMIT_NOFILE, 3, 1, 64, {0, 1, 65, 69, 70, 78, 127},
                       {"open files", "open file", "cannot open", "bot.db", "unreachable"});
}

TEST_CASE("a store that cannot be written: nothing is bought, and why is said") {
  fake::FakeVenueProcess venue;
  Bot bot{venue, {"cryptocom", "sqlite"}};
  bot.begin_anew();
  const std::string signals = buy_signals(symbols);
  const std::string folder = bot.folder().path();
  // A view of the folder of its own, in which it is read-only; this works for root and, where the
  // kernel lets users have namespaces, for everybody.
  const Ran ran = restricted(bot, signals, [&] {
    const int spaces = CLONE_NEWNS | (::geteuid() == 0 ? 0 : CLONE_NEWUSER);
    return ::unshare(spaces) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           ::mount(folder.c_str(), folder.c_str(), nullptr, MS_BIND, nullptr) == 0 &&
           ::mount(nullptr, folder.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) == 0 &&
           ::chdir(folder.c_str()) == 0;
  });
  if (ran.code == not_restricted) {
    std::cout << "SKIPPED: a read-only disk: this kernel gives no mount namespaces to this user\n";
    WARN("a read-only disk was not tried: this kernel gives no mount namespaces to this user");
    return;
  }
  INFO(ran.err);
  CHECK((ran.code == 69 || ran.code == 78));
  CHECK(ran.err.starts_with("RUN_FAILED reason="));
  CHECK(ran.err.find("read") != std::string::npos);
  CHECK(bought(bot) == 0);
  run_until_quiet(bot, symbols, signals);
  CHECK(bought(bot) == 2);
}

TEST_CASE("lines that standard error could not take are counted in RUN_END") {
  fake::FakeVenueProcess venue;
  Bot bot{venue, {"cryptocom", "sqlite"}};
  bot.begin_anew();
  const Ran ran = restricted(bot, buy_signals(symbols) + "this is no signal\n",
                             [] {
                               int ends[2];
                               return ::pipe(ends) == 0 && nobody_empties(ends);
                             },
                             {"--run.log_file", "counted.log"});
  CHECK(ran.code == 65);
  std::istringstream log{bot.folder().read("counted.log")};
  std::string last;
  for (std::string line; std::getline(log, line);) last = line;
  INFO(last);
  CHECK(last.starts_with("RUN_END "));
  // The one WARN of this run: the line that is no signal.
  CHECK(last.ends_with(" lost_lines=1"));
}

TEST_CASE("nobody reads what a run says: it buys, protects, and ends as ever") {
  fake::FakeVenueProcess venue;
  Bot bot{venue, {"cryptocom", "sqlite"}};
  struct Way {
    const char* name;
    std::function<bool()> take_away;
    std::vector<std::string> more;
  };
  const std::vector<Way> ways{
      {"standard output and error are closed", [] { return ::close(1) == 0 && ::close(2) == 0; }, {}},
      {"all three are closed", [] { return ::close(0) == 0 && ::close(1) == 0 && ::close(2) == 0; }, {}},
      {"a pipe whose reader is gone",
       [] {
         int ends[2];
         return ::pipe(ends) == 0 && ::close(ends[0]) == 0 && ::dup2(ends[1], 1) == 1 && ::dup2(ends[1], 2) == 2;
       },
       {}},
      {"a full pipe whose reader sleeps",
       [] {
         int ends[2];
         return ::pipe(ends) == 0 && nobody_empties(ends);
       },
       {}},
      {"a full socket whose reader sleeps",
       [] {
         int ends[2];
         return ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && nobody_empties(ends);
       },
       {}},
      {"a terminal that is not read",
       [] {
         const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
         int ends[2] = {master, -1};
         if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) return false;
         ends[1] = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
         return ends[1] >= 0 && nobody_empties(ends);
       },
       {}},
      {"both are a full disk",
       [] {
         const int full = ::open("/dev/full", O_WRONLY);
         return ::dup2(full, 1) == 1 && ::dup2(full, 2) == 2;
       },
       {}},
      {"the log is a full disk", [] { return true; }, {"--run.log_file", "/dev/full"}}};
  for (const Way& way : ways) {
    INFO(way.name);
    bot.begin_anew();
    const std::string signals = buy_signals(symbols);
    const Ran ran = restricted(bot, signals, way.take_away, way.more);
    INFO(ran.err);
    CHECK(ran.code == 0);
    CHECK(bought(bot) == 2);
    // What the log could not take goes to standard error.
    if (!way.more.empty()) CHECK(ran.err.find("RUN_END ") != std::string::npos);
    check_at_rest(bot, symbols);
  }
}

}  // namespace
}  // namespace tradeguard::kills
