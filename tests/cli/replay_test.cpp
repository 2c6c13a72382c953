// `tradeguard replay` on forty made-up minutes: a stop, a target, a sale by signal, and every
// guard.
#include <catch2/catch.hpp>
#include "json_read.hpp"
#include "stores.hpp"

using namespace tradeguard::cli::test;

namespace {

const std::vector<std::string> small{"replay", "--signals", TRADEGUARD_FIXTURES "/replay-signals.jsonl", "--prices",
                                     TRADEGUARD_FIXTURES "/replay-prices.csv"};

std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace

TEST_CASE("a replay ends with a table of what the guards did and what came of it") {
  const Place place;
  const Ran ran = place.run(small);
  INFO(ran.err);
  CHECK(ran.code == 65);  // the last signal has no time
  CHECK(ran.err == "SIGNAL_REJECTED line=9 reason=\"time is missing\"\n");
  check_golden("replay.txt", ran.out);
}

TEST_CASE("a replay says the same to a program") {
  const Place place;
  const Ran ran = place.run(with(small, {"--json"}));
  const auto json = json_of(ran);
  CHECK(said(json["cycles"]) == "1440");
  CHECK(said(json["signals"]) == "8");
  CHECK(said(json["entries"]) == "4");
  CHECK(said(json["exits"]["stop"]) == "1");
  CHECK(said(json["exits"]["target"]) == "1");
  CHECK(said(json["exits"]["signal"]) == "1");
  CHECK(said(json["denied"]["max_order_notional"]) == "1");
  CHECK(said(json["open"]) == "1");
}

TEST_CASE("a replay is the same every time, on a store in a file too, which can be asked afterwards") {
  const Place place;
  const auto hour = with(small, {"--from", "2025-03-03T00:00:00Z", "--until", "2025-03-03T00:45:00Z"});
  const Ran in_memory = place.run(hour);
  CHECK(place.run(hour).out == in_memory.out);
  const Ran in_file = place.run(with(hour, {"--store", "sqlite:day.db"}));
  INFO(in_file.err);
  CHECK(in_file.out == in_memory.out);
  CHECK(in_file.out.starts_with("replayed     46 cycles, 2025-03-03T00:00:00 to 2025-03-03T00:45:00 UTC\n"));
  const Ran why = place.run({"why", "--store.url", "sqlite:day.db", "AAA_USD:BUY:2025-03-03T00:08:00"});
  CHECK(why.out.find("cooldown_blocked") != std::string::npos);
  // A store that is there already may be somebody's.
  CHECK(place.run(with(small, {"--store", "sqlite:day.db"})).code == 78);
  CHECK(place.run(with(small, {"--store", "postgresql://h/db"})).code == 78);
}

TEST_CASE("a replay writes the log of all its cycles, and none of it to standard error") {
  const Place place;
  const Ran ran = place.run(with(small, {"--log", "day.log", "--log-format", "bare"}));
  CHECK(ran.lines().size() == 1);
  const Ran counted = run_program({"grep", "-c", "^RUN_END ", "day.log"}, place.folder().path());
  CHECK(counted.out == "1440\n");
}

TEST_CASE("a replay that cannot be is refused with the reason") {
  const Place place;
  place.folder().write("empty.csv", "time,symbol,open,high,low,close\n");
  place.folder().write("far.jsonl", buy("AAA_USD", "2031-01-01T00:00:00Z"));
  place.folder().write("none.jsonl", "");
  const auto replay = [&](const std::string& signals, const std::string& prices) {
    return place.run({"replay", "--signals", signals, "--prices", prices});
  };
  CHECK(replay("none.jsonl", "empty.csv").code == 78);
  CHECK(replay("none.jsonl", "missing.csv").code == 78);
  CHECK(replay("missing.jsonl", TRADEGUARD_FIXTURES "/replay-prices.csv").code == 78);
  CHECK(replay("far.jsonl", TRADEGUARD_FIXTURES "/replay-prices.csv").code == 78);
  CHECK(replay("none.jsonl", TRADEGUARD_FIXTURES "/replay-prices.csv").code == 0);
  CHECK(place.run(with(small, {"--from", "yesterday"})).code == 64);
  CHECK(place.run(with(small, {"--from", "2025-03-04T00:00:00Z"})).code == 78);
}
