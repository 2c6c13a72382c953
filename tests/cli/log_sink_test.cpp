#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "log_sink.hpp"
#include "scratch.hpp"

using namespace tradeguard;
using namespace tradeguard::cli;
using test::Scratch;

namespace {

// A named pipe with a reader who is there and does not read, so full that it takes nothing more.
class SleepingReader {
 public:
  explicit SleepingReader(const Scratch& folder) : path_{folder.file("pipe")} {
    REQUIRE(::mkfifo(path_.c_str(), 0600) == 0);
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(descriptor_ >= 0);
  }
  SleepingReader(const SleepingReader&) = delete;
  SleepingReader& operator=(const SleepingReader&) = delete;
  ~SleepingReader() { ::close(descriptor_); }
  const std::string& path() const { return path_; }
  void fill() {
    const std::string page(4096, '.');
    while (::write(descriptor_, page.data(), page.size()) > 0) filled_ += page.size();
  }
  // Wakes up and reads what was written behind the filling.
  std::string read() {
    std::string all;
    char bytes[4096];
    for (ssize_t n = 0; (n = ::read(descriptor_, bytes, sizeof bytes)) > 0;)
      all.append(bytes, static_cast<std::size_t>(n));
    const std::size_t filling = std::min(filled_, all.size());
    filled_ -= filling;
    return all.substr(filling);
  }

 private:
  std::string path_;
  int descriptor_ = -1;
  std::size_t filled_ = 0;
};

}  // namespace

TEST_CASE("the log file gets every line, with time and level, behind what is there already") {
  const Scratch folder;
  folder.write("bot.log", "before\n");
  const auto log = open_log({folder.file("bot.log"), false});
  REQUIRE(log);
  log->sink(Level::info, *parse_iso("2025-01-01T12:00:00.123456Z"), "RUN_START run_id=1_2");
  CHECK(folder.read("bot.log") == "before\n2025-01-01T12:00:00.123456Z INFO RUN_START run_id=1_2\n");
}

TEST_CASE("bare lines carry no prefix") {
  const Scratch folder;
  const auto log = open_log({folder.file("bot.log"), true});
  REQUIRE(log);
  log->sink(Level::info, Instant{}, "RUN_END result=ok");
  CHECK(folder.read("bot.log") == "RUN_END result=ok\n");
}

TEST_CASE("a log file that cannot be opened is a configuration error with its name") {
  const auto sink = open_log({"/nonexistent/bot.log", false});
  REQUIRE_FALSE(sink);
  CHECK(sink.error().fault == Fault::configuration);
  CHECK(sink.error().what.find("/nonexistent/bot.log") != std::string::npos);
}

TEST_CASE("lines of many processes never mix in one log file") {
  const Scratch folder;
  constexpr int processes = 4;
  constexpr int lines_each = 200;
  const std::string text(300, 'x');
  for (int p = 0; p < processes; ++p) {
    if (::fork() == 0) {
      const auto log = open_log({folder.file("bot.log"), true});
      for (int i = 0; i < lines_each; ++i) log->sink(Level::info, Instant{}, text);
      ::_exit(0);
    }
  }
  for (int p = 0; p < processes; ++p) ::wait(nullptr);
  std::istringstream lines{folder.read("bot.log")};
  int whole = 0;
  for (std::string line; std::getline(lines, line);) whole += line == text ? 1 : 0;
  CHECK(whole == processes * lines_each);
}

TEST_CASE("a reader who sleeps holds up no line, and gets each in its order when he wakes up") {
  const Scratch folder;
  SleepingReader reader{folder};
  const auto log = open_log({.file = reader.path(), .bare = true, .file_only = true});
  REQUIRE(log);
  log->sink(Level::info, Instant{}, "before");
  CHECK(reader.read() == "before\n");
  reader.fill();
  std::string written;
  for (int i = 0; i < 1000; ++i) {
    log->sink(Level::info, Instant{}, "line " + std::to_string(i));
    written += "line " + std::to_string(i) + "\n";
  }
  CHECK(reader.read() == "");
  log->sink(Level::info, Instant{}, "the last");
  CHECK(reader.read() == written + "the last\n");
  CHECK(log->flush() == 0);
}

TEST_CASE("what a reader never takes is given up at the end and counted, line by line") {
  const Scratch folder;
  SleepingReader reader{folder};
  const auto log = open_log({.file = reader.path(), .bare = true, .file_only = true});
  REQUIRE(log);
  reader.fill();
  for (int i = 0; i < 3; ++i) log->sink(Level::info, Instant{}, "lost");
  CHECK(log->flush() == 3);
  CHECK(log->flush() == 0);
  reader.read();
  log->sink(Level::info, Instant{}, "heard again");
  CHECK(reader.read() == "heard again\n");
}

TEST_CASE("the log counts what its sink threw and what its flush gave up") {
  ManualClock clock{Instant{}};
  int waiting = 2;
  Log log{[](Level level, Instant, std::string_view) {
            if (level == Level::warn) throw std::runtime_error{"no room"};
          },
          clock, false, [&] { return std::exchange(waiting, 0); }};
  log.write(Line{Level::info, "TAKEN"});
  log.write(Line{Level::warn, "THROWN"});
  CHECK(log.lost_lines() == 3);
  CHECK(log.lost_lines() == 3);
}

TEST_CASE("a log pipe that nobody reads is refused by name and does not wait for a reader") {
  const Scratch folder;
  REQUIRE(::mkfifo(folder.file("pipe").c_str(), 0600) == 0);
  const auto log = open_log({.file = folder.file("pipe")});
  REQUIRE_FALSE(log);
  CHECK(log.error().what.find("a pipe that nobody reads") != std::string::npos);
}
