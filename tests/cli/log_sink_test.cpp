#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <sstream>

#include "log_sink.hpp"
#include "scratch.hpp"

using namespace tradeguard;
using namespace tradeguard::cli;
using test::Scratch;

TEST_CASE("the log file gets every line, with time and level, behind what is there already") {
  const Scratch folder;
  folder.write("bot.log", "before\n");
  const auto sink = open_log({folder.file("bot.log"), false});
  REQUIRE(sink);
  (*sink)(Level::info, *parse_iso("2025-01-01T12:00:00.123456Z"), "RUN_START run_id=1_2");
  CHECK(folder.read("bot.log") ==
        "before\n2025-01-01T12:00:00.123456Z INFO RUN_START run_id=1_2\n");
}

TEST_CASE("bare lines carry no prefix") {
  const Scratch folder;
  const auto sink = open_log({folder.file("bot.log"), true});
  REQUIRE(sink);
  (*sink)(Level::info, Instant{}, "RUN_END result=ok");
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
      const auto sink = open_log({folder.file("bot.log"), true});
      for (int i = 0; i < lines_each; ++i) (*sink)(Level::info, Instant{}, text);
      ::_exit(0);
    }
  }
  for (int p = 0; p < processes; ++p) ::wait(nullptr);
  std::istringstream lines{folder.read("bot.log")};
  int whole = 0;
  for (std::string line; std::getline(lines, line);) whole += line == text ? 1 : 0;
  CHECK(whole == processes * lines_each);
}
