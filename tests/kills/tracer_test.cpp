// The tracer itself: what it counts, and that a process killed before a call never made it.
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "scratch.hpp"
#include "tracer.hpp"

namespace tradeguard::kills {
namespace {

// Three lines to a file, each with a system call of its own.
Start three_lines(const cli::test::Scratch& folder) {
  Start start;
  start.command = {"/bin/sh", "-c", "for word in one two three; do echo $word >>written; done"};
  start.folder = folder.path();
  return start;
}

TEST_CASE("each write is counted with what is written to") {
  const cli::test::Scratch folder;
  const Traced traced = trace(three_lines(folder));
  INFO(traced.text());
  CHECK(traced.code == 0);
  REQUIRE(traced.calls.size() == 3);
  CHECK(traced.calls[2].name == "write");
  CHECK(traced.calls[2].object == "written");
  CHECK_FALSE(traced.calls[2].sends);
}

TEST_CASE("killed before a call it is not made, killed behind it it is") {
  const cli::test::Scratch folder;
  CHECK(trace(three_lines(folder), kill_at(2, When::before)).code == -9);
  CHECK(folder.read("written") == "one\n");
  CHECK(trace(three_lines(folder), kill_at(2, When::behind)).code == -9);
  CHECK(folder.read("written") == "one\none\ntwo\n");
  CHECK(trace(three_lines(folder), kill_at(4, When::before)).code == 0);
}

TEST_CASE("the exit code of a process that was followed is its own") {
  const cli::test::Scratch folder;
  Start start = three_lines(folder);
  start.command = {"/bin/sh", "-c", "exit 7"};
  CHECK(trace(start).code == 7);
}

}  // namespace
}  // namespace tradeguard::kills
