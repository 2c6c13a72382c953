#include "program.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <regex>
#include <sstream>
#include <thread>

#include "../unit/listed.hpp"
#include "tradeguard/time.hpp"

namespace tradeguard::cli::test {

namespace {

pid_t spawn(const std::vector<std::string>& command, const Environment& environment, const std::string& folder,
            const std::array<std::string, 3>& streams) {
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  const auto pointers = [](const std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
  };
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  posix_spawn_file_actions_addopen(&actions, 0, streams[0].c_str(), O_RDONLY, 0);
  constexpr int fresh = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND;
  posix_spawn_file_actions_addopen(&actions, 1, streams[1].c_str(), fresh, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, streams[2].c_str(), fresh, 0600);
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, command.front().c_str(), &actions, nullptr, pointers(command).data(),
                                    pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  INFO(command.front());
  REQUIRE(failed == 0);
  return pid;
}

std::string content(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

// Waiting for another process is the one thing in these tests that takes real time.
template <class Done>
bool within(std::chrono::seconds limit, Done done) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return true;
}

std::string path_of_tests() {
  const char* path = std::getenv("PATH");
  return path == nullptr ? "/usr/bin:/bin" : path;
}

}  // namespace

std::vector<std::string> Ran::lines() const {
  std::vector<std::string> result;
  std::istringstream in{err};
  for (std::string line; std::getline(in, line);) result.push_back(line);
  return result;
}

Started::Started(Started&& other) noexcept
    : pid_{std::exchange(other.pid_, 0)}, out_{std::move(other.out_)}, err_{std::move(other.err_)} {}

Started::~Started() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Started::send(int signal) const { REQUIRE(::kill(pid_, signal) == 0); }

void Started::wait_for(std::string_view text) const {
  const bool seen = within(std::chrono::seconds{20}, [&] { return content(err_).find(text) != std::string::npos; });
  INFO("waited for: " << text << "\n" << content(err_));
  REQUIRE(seen);
}

namespace {

// Each line that a log writes is of an event, and has its fields: all rooms are covered, whatever test runs them.
void check_lines(const std::string& err) {
  std::istringstream in{err};
  for (std::string line; std::getline(in, line);) {
    const std::size_t level = line.find("Z ") == 26 ? 28 : std::string::npos;
    const std::size_t name = level == std::string::npos ? level : line.find(' ', level);
    if (name == std::string::npos || !line.starts_with("20")) continue;  // not a line of the log
    INFO(line);
    CHECK(unlisted_in(std::string_view{line}.substr(name + 1)).empty());
  }
}

}  // namespace

Ran Started::finish() {
  int status = 0;
  const bool over = within(std::chrono::seconds{60}, [&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; });
  INFO(content(err_));
  REQUIRE(over);
  pid_ = 0;
  check_lines(content(err_));
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), content(out_), content(err_)};
}

Started Place::start(std::vector<std::string> arguments, const Environment& more, std::string_view input) const {
  const std::string stem = ".stream" + std::to_string(++count_);
  const std::string in = folder_.write(stem + ".in", input);
  Environment environment = more;  // what is said for one run wins over what the place says
  for (const auto& variable : environment_) {
    const bool said = std::ranges::any_of(more, [&](const auto& other) { return other.first == variable.first; });
    if (!said) environment.push_back(variable);
  }
  environment.emplace_back("PATH", path_of_tests());
  arguments.insert(arguments.begin(), TRADEGUARD_BINARY);
  const std::string out = folder_.file(stem + ".out");
  const std::string err = folder_.file(stem + ".err");
  return {spawn(arguments, environment, folder_.path(), {in, out, err}), out, err};
}

Ran Place::run(std::vector<std::string> arguments, const Environment& more, std::string_view input) const {
  return start(std::move(arguments), more, input).finish();
}

Ran run_program(const std::vector<std::string>& command, const std::string& folder) {
  static std::atomic<int> count{0};
  const std::string stem = folder + "/.program" + std::to_string(++count);
  return Started{spawn(command, {{"PATH", path_of_tests()}}, folder, {"/dev/null", stem + ".out", stem + ".err"}),
                 stem + ".out", stem + ".err"}
      .finish();
}

HeldSignals::HeldSignals(const Place& place) {
  static std::atomic<int> count{0};
  path_ = place.folder().file("held" + std::to_string(++count));
  REQUIRE(::mkfifo(path_.c_str(), 0600) == 0);
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(descriptor_ >= 0);
}

void HeldSignals::write(std::string_view text) const {
  REQUIRE(::write(descriptor_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

void HeldSignals::wait_for_reader() const {
  write("\n");
  // An empty line is no signal; when it is gone, the run reads, and does nothing else.
  const bool taken = within(std::chrono::seconds{20}, [&] {
    int waiting = 1;
    return ::ioctl(descriptor_, FIONREAD, &waiting) == 0 && waiting == 0;
  });
  REQUIRE(taken);
}

void HeldSignals::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

std::string time_text(long seconds_from_now) {
  const auto now = std::chrono::floor<Micros>(std::chrono::system_clock::now());
  return iso_seconds(now + std::chrono::seconds{seconds_from_now}) + "Z";
}

std::string key_of(std::string_view symbol, std::string_view side, const std::string& time) {
  return std::string{symbol} + ":" + std::string{side} + ":" + time.substr(0, 17) + "00";
}

std::string buy(std::string_view symbol, const std::string& time, std::string_view price, std::string_view more) {
  return "{\"symbol\":\"" + std::string{symbol} + "\",\"side\":\"BUY\",\"time\":\"" + time +
         "\",\"notional\":\"50\",\"price\":\"" + std::string{price} + "\"" + std::string{more} + "}\n";
}

std::string sell(std::string_view symbol, const std::string& time) {
  return "{\"symbol\":\"" + std::string{symbol} + "\",\"side\":\"SELL\",\"time\":\"" + time + "\"}\n";
}

std::string normalised(std::string text) {
  static const std::vector<std::pair<std::regex, std::string>> rules{
      {std::regex{R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?)"}, "TIME"},
      {std::regex{R"(run_id=\d+_\d+)"}, "run_id=RUN"},
      {std::regex{R"(pid=\d+)"}, "pid=PID"},
      {std::regex{R"(host=\S+)"}, "host=HOST"},
      {std::regex{R"(host: \S+)"}, "host: HOST"},
      {std::regex{R"((where: .*, host) \S+)"}, "$1 HOST"},
      {std::regex{R"(config=[0-9a-f]{16})"}, "config=HASH"},
      {std::regex{R"(hash [0-9a-f]{16})"}, "hash HASH"},
      {std::regex{R"(_ms=\d+)"}, "_ms=MS"},
      {std::regex{R"(seconds_remaining=\d+)"}, "seconds_remaining=SECONDS"},
      {std::regex{R"(tg1-[a-z]\d+-[a-z0-9]+)"}, "CLIENT_ID"},
      {std::regex{R"(seconds unprotected: [0-9.]+)"}, "seconds unprotected: SECONDS"},
  };
  for (const auto& [pattern, replacement] : rules) text = std::regex_replace(text, pattern, replacement);
  return text;
}

bool is_subsequence(const std::vector<std::string>& expected_beginnings, const std::vector<std::string>& lines) {
  auto next = expected_beginnings.begin();
  for (const std::string& line : lines) {
    if (next == expected_beginnings.end()) return true;
    // Fields may follow at the end, never in between.
    if (line == *next || line.starts_with(*next + " ")) ++next;
  }
  if (next != expected_beginnings.end()) UNSCOPED_INFO("missing from here on: " << *next);
  return next == expected_beginnings.end();
}

std::vector<std::string> lines_with(const std::vector<std::string>& lines, std::string_view text) {
  std::vector<std::string> found;
  std::ranges::copy_if(lines, std::back_inserter(found),
                       [&](const std::string& line) { return line.find(text) != std::string::npos; });
  return found;
}

std::vector<std::string> lines_beginning(const std::vector<std::string>& lines, std::string_view text) {
  std::vector<std::string> found;
  std::ranges::copy_if(lines, std::back_inserter(found),
                       [&](const std::string& line) { return line.starts_with(text); });
  return found;
}

void check_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string{TRADEGUARD_FIXTURES} + "/golden/" + name;
  if (std::getenv("TRADEGUARD_TEST_WRITE_GOLDEN") != nullptr) std::ofstream{path, std::ios::binary} << text;
  INFO("golden file " << path);
  CHECK(content(path) == text);
}

}  // namespace tradeguard::cli::test
