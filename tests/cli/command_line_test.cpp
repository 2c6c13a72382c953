#include <catch2/catch.hpp>

#include "command_line.hpp"

using namespace tradeguard::cli;

TEST_CASE("command, options, settings and arguments are told apart, in any order behind the command") {
  const auto line = read_command_line({"why", "--config", "bot.ini", "KEY", "--json", "--run.deadline=40s",
                                       "--market.ETH_USDT.notional", "50", "--log-format", "bare"});
  REQUIRE(line);
  CHECK(line->command == "why");
  CHECK(line->arguments == std::vector<std::string>{"KEY"});
  CHECK(line->config == "bot.ini");
  CHECK(line->json);
  CHECK(line->bare);
  CHECK(line->settings == Pairs{{"run.deadline", "40s"}, {"market.ETH_USDT.notional", "50"}});
}

TEST_CASE("a lone - is a value, a number below zero is a value, and what follows -- is an argument") {
  CHECK(*read_command_line({"run", "--signals", "-"})->option("signals") == "-");
  CHECK(read_command_line({"run", "--signals", "x", "--limits.max_open_positions", "-1"})->settings[0].second == "-1");
  CHECK(read_command_line({"why", "--", "--KEY"})->arguments == std::vector<std::string>{"--KEY"});
}

TEST_CASE("an option that does nothing is a trap, so it is an error") {
  for (const auto& wrong : std::vector<std::vector<std::string>>{
           {"status", "--signals", "x"},
           {"run", "--sig", "x"},
           {"run", "--signals", "x", "--run.nothing", "1"},
           {"run", "--signals", "x", "--market.ETH_USDT", "1"},
           {"run", "-s", "x"},
           {"flatten", "--all", "--all"},
           {"run", "--signals", "x", "--run.deadline", "40s", "--run.deadline", "41s"}}) {
    INFO(wrong.back());
    CHECK_FALSE(read_command_line(wrong));
  }
}

TEST_CASE("help and version need nothing else to be right") {
  CHECK(read_command_line({"--help"})->help);
  CHECK(read_command_line({"why", "--help"})->help);
  CHECK(read_command_line({"--version"})->version);
}

TEST_CASE("the command is found behind options too, and -h is help") {
  const auto line = read_command_line({"--config", "status", "--log-format=bare", "--json", "why", "KEY"});
  REQUIRE(line);
  CHECK(line->command == "why");
  CHECK(line->config == "status");
  CHECK(line->arguments == std::vector<std::string>{"KEY"});
  CHECK(read_command_line({"--signals", "x", "--limits.max_open_positions", "1", "run"})->command == "run");
  CHECK(read_command_line({"--all", "flatten"})->command == "flatten");
  CHECK(read_command_line({"-h"})->help);
  CHECK(read_command_line({"flatten", "-h"})->help);
  // As a value it is one.
  CHECK(*read_command_line({"halt", "--reason", "-h"})->option("reason") == "-h");
  CHECK_FALSE(read_command_line({"halt", "--reason", "-h"})->help);
}
